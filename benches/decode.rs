//! What decoding one event costs: `cargo bench --bench decode`. Prints nanoseconds an event, the best of several rounds, so that
//! two versions can be compared on one machine; `serde_json` stands beside it as the measure.

use std::hint::black_box;
use std::time::Instant;

use krscore::book::Field;
use krscore::decode::field::TimeReader;
use krscore::decode::{Decoder, canonical, fingerprint};
use krscore::event::{FieldSlot, FieldValue, Row};
use krscore::fixed::Fixed;
use krscore::time::{TimeFormat, Timestamp};

/// About 300 bytes and 17 fields, as an order system writes them.
const EVENT: &str = concat!(
    r#"{"event_id":"5f0c7d2e-91a4","type":"order.created","order_id":"SO-20261111-000123","at":"2026-11-11T00:03:17.482+08:00","#,
    r#""warehouse":"SH1","channel":"tmall","customer":882731,"lines":3,"quantity":7,"amount":1289.50,"discount":0,"currency":"CNY","#,
    r#""express":true,"gift":false,"note":null,"promised_at":"2026-11-13T18:00:00+08:00","version":2}"#
);

const ALL: [&str; 17] = [
    "event_id",
    "type",
    "order_id",
    "at",
    "warehouse",
    "channel",
    "customer",
    "lines",
    "quantity",
    "amount",
    "discount",
    "currency",
    "express",
    "gift",
    "note",
    "promised_at",
    "version",
];

const SOME: [&str; 5] = ["type", "order_id", "at", "warehouse", "amount"];

/// Events of many shapes, as a topic holds them: with always the same bytes the branch predictor would know them by heart.
fn varied() -> Vec<String> {
    let one = |number: usize| {
        let channels = ["tmall", "jd", "own-shop", "wechat-mini-program", "b2b"];
        let note =
            if number.is_multiple_of(3) { "null".to_owned() } else { format!("\"{}\"", "n".repeat(number * 7 % 23)) };
        EVENT
            .replace("tmall", channels[number * 5 % 7 % 5])
            .replace("882731", &(number * number * 37).to_string())
            .replace("5f0c7d2e-91a4", &format!("{:x}-{}", number * 0x9e37_79b1, number))
            .replace("1289.50", &format!("{}.{}", number * 13 % 5000, number % 100))
            .replace("null", &note)
    };
    (0..997).map(one).collect()
}

fn main() {
    println!("event: {} bytes, {} fields", EVENT.len(), ALL.len());
    let mut row = Row::new(0);
    let mut key = String::new();
    let mut times = TimeReader::default();
    let decoder = |fields: &[&str]| Decoder::new(&fields.iter().map(|field| Field::named(field)).collect::<Vec<_>>());
    let (mut all, mut some, mut none) = (decoder(&ALL), decoder(&SOME), decoder(&[]));

    print("decode, 17 of 17 fields named", || all.decode(black_box(EVENT.as_bytes()), &mut row).is_ok());
    print("decode, 5 of 17 fields named", || some.decode(black_box(EVENT.as_bytes()), &mut row).is_ok());
    print("decode, no field named", || none.decode(black_box(EVENT.as_bytes()), &mut row).is_ok());
    let (events, mut next) = (varied(), 0);
    print("decode, 5 of 17 fields named, varied events", || {
        next = (next + 1) % events.len();
        some.decode(black_box(events[next].as_bytes()), &mut row).is_ok()
    });
    print("serde_json: IgnoredAny, varied events", || {
        next = (next + 1) % events.len();
        serde_json::from_slice::<serde::de::IgnoredAny>(black_box(events[next].as_bytes())).is_ok()
    });
    let nested = format!(r#"{{"type":"x","items":[{}{EVENT}]}}"#, format!("{EVENT},").repeat(3));
    print(&format!("decode, nested, {} bytes", nested.len()), || {
        some.decode(black_box(nested.as_bytes()), &mut row).is_ok()
    });
    let escaped = EVENT.replace("tmall", "天猫\\n\\u5929\\u732b").replace("\"type\"", "\"\\u0074ype\"");
    print("decode, with escapes", || all.decode(black_box(escaped.as_bytes()), &mut row).is_ok());
    print("decode 5, then time, number, key and fingerprint", || {
        let Ok(text) = some.decode(black_box(EVENT.as_bytes()), &mut row) else {
            return false;
        };
        let value = |slot| row.value(text, FieldSlot(slot));
        let read = (
            times.read(value(2), TimeFormat::Rfc3339),
            matches!(value(4), FieldValue::Number(text) if Fixed::parse(text).is_ok()),
            canonical(value(1), &mut key),
        );
        matches!(read, (Ok(_), true, Ok(true))) && fingerprint(&key) != 0
    });
    print("RFC 3339 time", || Timestamp::parse_rfc3339(black_box("2026-11-11T00:03:17.482+08:00")).is_some());
    print("number", || Fixed::parse(black_box("1289.50")).is_ok());
    print("std: UTF-8 check alone", || std::str::from_utf8(black_box(EVENT.as_bytes())).is_ok());
    print("serde_json: IgnoredAny", || {
        serde_json::from_slice::<serde::de::IgnoredAny>(black_box(EVENT.as_bytes())).is_ok()
    });
    print("serde_json: Value", || serde_json::from_slice::<serde_json::Value>(black_box(EVENT.as_bytes())).is_ok());
}

/// Nanoseconds a call: the best of 15 rounds of about 10 ms.
fn print(name: &str, mut work: impl FnMut() -> bool) {
    const ROUNDS: usize = 15;
    let started = Instant::now();
    let mut calls = 0_u32;
    while started.elapsed().as_millis() < 10 {
        assert!(work(), "{name}");
        calls += 1;
    }
    let round = |_| {
        let started = Instant::now();
        for _ in 0..calls {
            black_box(work());
        }
        started.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    let best = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    println!("{best:>9.1} ns  {name}");
}
