//! What a seed decides: chance, and the events that it produces.

use krscore::time::{Span, Timestamp};

/// splitmix64: chance that is the same everywhere.
pub struct Chance(pub u64);

impl Chance {
    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(z ^ (z >> 31)) * u128::from(bound)) >> 64) as u64
    }

    /// Happens once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// The topics of the book, as it numbers them: by name.
pub const TOPICS: [&str; 4] = ["moves", "orders", "picks", "surveys"];

/// A record of a topic, appended at `now`: ids, keys and times from small ranges, so that copies, pairs and ties are common. Most are late by
/// up to days, some lie in the future, some are broken. No two have one id if `unique` is given, which counts them.
pub fn record(chance: &mut Chance, topic: &str, now: Timestamp, unique: Option<&mut u64>) -> String {
    if chance.once_in(40) {
        return chance.of(&["{broken", "[]", "{}", r#"{"id":1,"type":"created","bad":true}"#]).to_owned();
    }
    let late = match chance.below(10) {
        0..5 => chance.below(5) as i64 * Span::MINUTE.0,
        5..8 => chance.below(40) as i64 * 20 * Span::MINUTE.0,
        8 => chance.below(7) as i64 * Span::DAY.0,
        _ => -(chance.below(48) as i64) * 30 * Span::MINUTE.0,
    };
    // Times on a grid of five minutes, so that they tie.
    let at = Timestamp((now.0 - late).div_euclid(5 * Span::MINUTE.0) * 5 * Span::MINUTE.0);
    let (id, order) = (chance.below(20), chance.below(12));
    let id = unique.map_or(id, |given| {
        *given += 1;
        *given
    });
    let id = if chance.once_in(3) { format!("\"{id}\"") } else { id.to_string() };
    let start = format!("\"id\":{id},\"at\":\"{at}\",\"order_id\":\"{order}\"");
    let amount = chance.of(&["1.5", "0.1", "1000000", "\"7\"", "null", "\"abc\"", "1e999", "-2"]);
    let warehouse = chance.of(&["\"SH1\"", "\"SH2\"", "\"a\"", "null"]);
    let channel = chance.of(&["\"web\"", "\"app\"", "7"]);
    let rest = match topic {
        "orders" => {
            let promised = Timestamp(at.0 + (24 + 24 * chance.below(3) as i64) * Span::HOUR.0);
            let deadline = if chance.once_in(4) { "null".to_owned() } else { format!("\"{promised}\"") };
            format!(
                "\"type\":\"created\",\"warehouse\":{warehouse},\"channel\":{channel},\"amount\":{amount},\"promised_at\":{deadline}"
            )
        }
        "moves" if chance.once_in(8) => "\"type\":\"cancelled\"".to_owned(),
        "moves" => "\"type\":\"delivered\"".to_owned(),
        "picks" => format!("\"warehouse\":{warehouse},\"bad\":{}", chance.of(&["true", "false", "null", "3"])),
        _ => format!("\"score\":{amount}"),
    };
    format!("{{{start},{rest}}}")
}
