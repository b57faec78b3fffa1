//! Bytes of memory for each open pair, id, distinct value and level, as the process has them resident, and how fast they come in:
//! `cargo bench --bench state [MILLIONS]`. Each line is measured in a process of its own; table slack is in it, so several sizes are shown.

use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;

use krscore::aggregate::dedup::Ids;
use krscore::aggregate::distinct::Distincts;
use krscore::aggregate::level::{Levels, Observation};
use krscore::aggregate::member::{MemberId, Members};
use krscore::aggregate::packed::Sharded;
use krscore::aggregate::pair::{Half, Tuples};
use krscore::event::EventIndex;
use krscore::fixed::Fixed;
use krscore::time::{Grain, Span, Timestamp};

const KINDS: [&str; 6] = ["pair", "pair in a std HashMap", "id", "id of one day", "distinct value", "level"];

/// Sizes as shares of the whole: a table that grows by doubling is fullest and emptiest somewhere among them.
const SHARES: [f64; 4] = [0.6, 0.75, 0.9, 1.0];

/// A fingerprint: splitmix64 of a number.
fn fingerprint(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("linux");
    status.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}

/// Seconds that this process has computed, whatever else the machine does.
fn busy() -> f64 {
    let status = std::fs::read_to_string("/proc/self/schedstat").expect("linux");
    status.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

/// Takes `count` of a kind; they are spread over 60 days.
fn take(kind: &str, count: u64) -> Box<dyn std::any::Any> {
    let (members, mut tuples) = (Members::default(), Tuples::default());
    let tuple = tuples.intern(&[MemberId::NONE]);
    let at = |n: u64| Timestamp((i128::from(n) * i128::from(60 * Span::DAY.0) / i128::from(count)) as i64);
    let start = |n: u64| Half::start(at(n), None, tuple);
    match kind {
        "pair" => {
            let mut pairs: Sharded<Half> = Sharded::default();
            for n in 0..count {
                let (key, mut guess) = (fingerprint(n), [0]);
                pairs.guess(|_| key, &mut guess);
                pairs.entry(key, guess[0]).join(&start(n), &tuples, &members);
            }
            Box::new(pairs)
        }
        "pair in a std HashMap" => {
            let mut pairs: HashMap<u64, Half> = HashMap::new();
            (0..count).for_each(|n| pairs.entry(fingerprint(n)).or_default().join(&start(n), &tuples, &members));
            Box::new(pairs)
        }
        "id" | "id of one day" => {
            let mut ids = Ids::new(usize::MAX);
            for n in 0..count {
                let day = if kind == "id" { (at(n).0 / Span::DAY.0) as i32 } else { 0 };
                black_box(ids.insert(EventIndex(0), day, fingerprint(n)));
            }
            Box::new(ids)
        }
        "distinct value" => {
            let mut values = Distincts::default();
            (0..count).for_each(|n| values.insert(MemberId::NONE, Grain::HOUR.bucket(at(n)), fingerprint(n)));
            Box::new(values)
        }
        _ => {
            let mut levels = Levels::default();
            for n in 0..count {
                let told = Observation { at: at(n), value: Some(Fixed::ONE), tuple };
                levels.join(fingerprint(n), Grain::HOUR.bucket(at(n)), told, (&tuples, &members), |_, _, _| {});
            }
            Box::new(levels)
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [kind, count] = arguments.as_slice() {
        let count: u64 = count.parse().expect("a count");
        let (before, begun) = (resident(), busy());
        let held = take(kind, count);
        let nanos = (busy() - begun) * 1e9 / count as f64;
        let bytes = resident().saturating_sub(before) as f64 / count as f64;
        println!("{count:>10} × {kind:<22} {bytes:>6.1} bytes each {nanos:>6.0} ns each");
        black_box(held);
        return;
    }
    let millions: f64 = arguments.first().and_then(|argument| argument.parse().ok()).unwrap_or(4.0);
    for kind in KINDS {
        for share in SHARES {
            let count = (millions * 1e6 * share) as u64;
            let myself = std::env::current_exe().expect("a path");
            let done = Command::new(myself).args([kind, &count.to_string()]).status().expect("it runs");
            assert!(done.success(), "{kind}");
        }
    }
}
