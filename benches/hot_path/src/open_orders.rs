//! Orders that stay open: what the ledger holds before the measured events come.

use std::fmt::Write as _;

use krscore::time::{Span, Timestamp};

use crate::events;

/// Orders number `from` to `to` that were created long before, and that nothing is ever shipped of.
pub fn open_orders(from: u64, to: u64) -> String {
    let mut text = String::new();
    for i in from..to {
        let ts = Timestamp(events::START - 20 * Span::DAY.0 + i as i64 * 100_000);
        let written = writeln!(
            text,
            r#"{{"event_id":"old-{i:012}","type":"created","ts":"{ts}","order_id":"OLD-{i:09}","warehouse":"WH-{:02}","channel":"c{}","amount":1.00}}"#,
            i % 30,
            i % 4
        );
        written.expect("text in memory");
    }
    text
}
