//! Seeded events, the same every time: orders created 30 : shipped 25 : picks 25 : errors 15 : tickets 5, about 300 bytes each.

use std::fmt::{self, Write as _};

use krscore::time::Timestamp;

use crate::chance::Chance;

/// 2026-11-01T00:00:00Z.
pub const START: i64 = 1_793_491_200_000_000;

/// The events of each topic as NDJSON.
pub fn events(count: u64) -> [String; 4] {
    let mut chance = Chance::new(2026);
    let mut files: [String; 4] = Default::default();
    let mut orders = 0;
    for i in 0..count {
        let ts = Milliseconds(START / 1_000 + i as i64 * 20);
        let (warehouse, trace) = (chance.below(30), chance.below(u64::MAX));
        let [errors, all_orders, picks, tickets] = &mut files;
        let written = match chance.below(100) {
            0..30 => {
                orders += 1;
                let (channel, amount, cents) = (chance.below(4), 1 + chance.below(900), chance.below(100));
                writeln!(
                    all_orders,
                    r#"{{"event_id":"ev-{trace:016x}","type":"created","ts":"{ts}","order_id":"ORD-{orders:09}","warehouse":"WH-{warehouse:02}","channel":"c{channel}","customer":{{"id":"C{i:07}","tier":"gold"}},"lines":3,"amount":{amount}.{cents:02},"currency":"EUR","promised_at":"{ts}","meta":{{"trace":"{trace:016x}","v":3}}}}"#
                )
            }
            30..55 => {
                let order = 1 + chance.below(orders.max(1));
                writeln!(
                    all_orders,
                    r#"{{"event_id":"ev-{trace:016x}","type":"shipped","ts":"{ts}","order_id":"ORD-{order:09}","warehouse":"WH-{warehouse:02}","carrier":"dhl","parcels":1,"weight_g":1250,"meta":{{"trace":"{trace:016x}","host":"pack-07","v":3}}}}"#
                )
            }
            55..80 => {
                let millis = 2_000 + chance.below(60_000);
                writeln!(
                    picks,
                    r#"{{"event_id":"ev-{trace:016x}","type":"pick","ts":"{ts}","order_id":"ORD-000000001","pick_id":"PK-{i:010}","warehouse":"WH-{warehouse:02}","picker":"P0042","zone":"Z07","lines":4,"duration_ms":{millis},"ok":true,"meta":{{"trace":"{trace:016x}","host":"scan-003","v":3}}}}"#
                )
            }
            80..95 => {
                let category = ["mispick", "timeout", "damage", "stockout"][chance.below(4) as usize];
                writeln!(
                    errors,
                    r#"{{"event_id":"ev-{trace:016x}","type":"error","ts":"{ts}","order_id":"ORD-000000001","warehouse":"WH-{warehouse:02}","category":"{category}","code":"E117","severity":"high","message":"deadline exceeded while calling \"inventory\" backend","http":{{"status":503,"latency_ms":812}},"trace":"{trace:016x}"}}"#
                )
            }
            _ => {
                let csat = 1 + chance.below(5);
                writeln!(
                    tickets,
                    r#"{{"event_id":"ev-{trace:016x}","type":"closed","ts":"{ts}","ticket_id":"T-{i:08}","team":"team-04","priority":"p2","tags":["returns","delay"],"handle_s":812,"csat":{csat},"trace":"{trace:016x}"}}"#
                )
            }
        };
        written.expect("text in memory");
    }
    files
}

/// Milliseconds since 1970, as most programs write them: `2026-11-01T00:00:00.020Z`.
struct Milliseconds(i64);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = Timestamp(self.0.div_euclid(1_000) * 1_000_000).to_string();
        write!(f, "{}.{:03}Z", second.trim_end_matches('Z'), self.0.rem_euclid(1_000))
    }
}
