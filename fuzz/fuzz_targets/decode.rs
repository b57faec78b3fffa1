//! Bytes → row: accepted exactly where `serde_json` reads an object, with the same fields.
//!
//! Meant differences: numbers beyond a double's range are kept as text here; exactly 128 levels of nesting are allowed, `serde_json` stops
//! at 127; payloads have a limit.
#![no_main]

use std::collections::BTreeMap;

use krscore::book::Field;
use krscore::decode::{Decoder, Malformed, MalformedReason, PAYLOAD_BYTES_MAX, canonical};
use krscore::event::{FieldSlot, FieldValue, Row};
use krscore::fixed::Fixed;
use krscore::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;

const NAMES: [&str; 7] = ["id", "type", "at", "order_id", "amount", "订单", ""];

/// Slots of a row.
const SLOTS: u16 = (NAMES.len() + PATHS.len()) as u16;

/// Paths, some of which lead through what others name.
const PATHS: [&[&str]; 3] = [&["customer", "region"], &["customer", "id", "type"], &["id", "at"]];

fuzz_target!(|payload: &[u8]| {
    let fields = fields();
    let mut row = Row::new(0);
    // The second time its keys are expected.
    let mut decoder = Decoder::new(&fields);
    let found_first = decoder.decode(payload, &mut row);
    let found = decoder.decode(payload, &mut row);
    assert_eq!(found, found_first);
    if let Err(Malformed { at_byte, .. }) = found {
        assert!(at_byte <= payload.len(), "a fault beyond the text");
    }
    if let Ok(text) = found {
        for slot in 0..SLOTS {
            read(row.value(text, FieldSlot(slot)));
        }
    }
    let expected = match serde_json::from_slice::<Value>(payload) {
        Ok(Value::Object(_)) => Some(fields_of(payload)),
        Ok(_) => None,
        Err(fault) => {
            let words = fault.to_string();
            if words.starts_with("number out of range") || words.starts_with("recursion limit exceeded") {
                return;
            }
            None
        }
    };
    if payload.len() > PAYLOAD_BYTES_MAX {
        assert_eq!(found.expect_err("too long").reason, MalformedReason::TooLong);
        return;
    }
    let found = found.ok().map(|text| {
        let show = |slot| format!("{:?}", row.value(text, FieldSlot(slot)));
        (0..SLOTS).map(show).collect::<Vec<String>>()
    });
    assert_eq!(found, expected);
});

/// Everything that is made of a value never panics, and a canonical number says the same when it is read again.
fn read(value: FieldValue<'_>) {
    let mut out = String::new();
    let _ = canonical(value, &mut out);
    if let FieldValue::Number(text) | FieldValue::Text(text) = value {
        if let Ok(number) = Fixed::parse(text) {
            assert_eq!(Fixed::parse(&number.to_string()), Ok(number), "{text}");
        }
        if let Some(at) = Timestamp::parse_rfc3339(text) {
            let _ = at.to_string();
        }
    }
}

fn fields() -> Vec<Field> {
    let keys = |path: &&[&str]| Field::Path(path.iter().map(|key| (*key).to_owned()).collect());
    NAMES.iter().map(|name| Field::named(name)).chain(PATHS.iter().map(keys)).collect()
}

/// The text at a path, which leads through objects only.
fn at(raw: &str, path: &[&str]) -> Option<String> {
    let Some((first, rest)) = path.split_first() else { return Some(raw.to_owned()) };
    let members: BTreeMap<String, Box<RawValue>> =
        raw.starts_with('{').then(|| serde_json::from_str(raw).expect("an object"))?;
    at(members.get(*first)?.get(), rest)
}

/// The fields as `serde_json` reads them.
fn fields_of(payload: &[u8]) -> Vec<String> {
    let raw: Box<RawValue> = serde_json::from_slice(payload).expect("an object");
    let show = |path: &[&str]| match at(raw.get(), path).as_deref() {
        None | Some("null") => "Null".to_owned(),
        Some("true") => "Bool(true)".to_owned(),
        Some("false") => "Bool(false)".to_owned(),
        Some(raw) if raw.starts_with('"') => {
            format!("Text({:?})", serde_json::from_str::<String>(raw).expect("a string"))
        }
        Some(raw) if raw.starts_with(['{', '[']) => "Composite".to_owned(),
        Some(raw) => format!("Number({raw:?})"),
    };
    NAMES.iter().map(|name| show(&[name])).chain(PATHS.iter().map(|path| show(path))).collect()
}
