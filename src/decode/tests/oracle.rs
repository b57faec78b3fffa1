//! `serde_json` as the oracle: the same texts are accepted, and the fields hold the same values.
//!
//! Differences that are meant, and kept out of the generated texts: `serde_json` refuses numbers beyond a double's range (here they are
//! kept as text) and 128 levels of nesting (here 128 are allowed).

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

const NAMES: [&str; 6] = ["a", "b", "type", "订单", "", "a\"b"];

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r ")]
}

/// The text of one character of a string, as it is or escaped.
fn character() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z0-9 ]".prop_map(String::from),
        2 => any::<char>().prop_map(escaped),
        1 => "\\PC".prop_filter("must be escaped", |text| !text.contains(['"', '\\'])),
        1 => prop::sample::select(vec!["\\n", "\\\"", "\\\\", "\\/", "\\b", "\\f", "\\r", "\\t"]).prop_map(String::from),
    ]
}

fn escaped(character: char) -> String {
    let mut units = [0; 2];
    character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

fn string() -> impl Strategy<Value = String> {
    prop::collection::vec(character(), 0..40).prop_map(|characters| format!("\"{}\"", characters.concat()))
}

/// A known or unknown key, some of its characters escaped.
fn key() -> impl Strategy<Value = String> {
    let known = (prop::sample::select(NAMES.to_vec()), any::<u32>()).prop_map(|(name, escapes)| {
        let written = name.chars().enumerate().map(|(position, character)| {
            let escape = character == '"' || escapes >> position & 1 == 1;
            if escape { escaped(character) } else { character.to_string() }
        });
        format!("\"{}\"", written.collect::<String>())
    });
    prop_oneof![3 => known, 1 => string()]
}

fn value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        string(),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?",
        prop::sample::select(vec!["true", "false", "null"]).prop_map(String::from),
    ];
    scalar.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec((space(), inner.clone()), 0..5).prop_map(|items| {
                let items: Vec<_> = items.into_iter().map(|(space, item)| format!("{space}{item}{space}")).collect();
                format!("[{}]", items.join(","))
            }),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    let member = (space(), key(), space(), inner)
        .prop_map(|(before, key, around, value)| format!("{before}{key}{around}:{around}{value}{before}"));
    prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))).boxed()
}

/// Damage to a text: at one place some bytes are taken out and others put in.
#[derive(Clone, Debug)]
struct Damage {
    at: Index,
    taken: usize,
    put: Vec<u8>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let put = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..3),
        prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0123dD89eE+-. tfn\n\0".to_vec()), 0..4),
    ];
    (any::<Index>(), 0..4_usize, put).prop_map(|(at, taken, put)| Damage { at, taken, put })
}

fn damaged(text: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for damage in damages {
        let at = damage.at.index(bytes.len() + 1);
        let end = (at + damage.taken).min(bytes.len());
        bytes.splice(at..end, damage.put.iter().copied());
    }
    bytes
}

/// The fields as `serde_json` reads them; `None` if it refuses the text or it is no object.
fn expected(payload: &[u8]) -> Option<Vec<String>> {
    serde_json::from_slice::<Value>(payload).ok().filter(Value::is_object)?;
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(payload).ok()?;
    let show = |name: &&str| match members.get(*name).map(|raw| raw.get()) {
        None | Some("null") => "Null".to_owned(),
        Some("true") => "Bool(true)".to_owned(),
        Some("false") => "Bool(false)".to_owned(),
        Some(raw) if raw.starts_with('"') => {
            format!("Text({:?})", serde_json::from_str::<String>(raw).unwrap())
        }
        Some(raw) if raw.starts_with(['{', '[']) => "Composite".to_owned(),
        Some(raw) => format!("Number({raw:?})"),
    };
    Some(NAMES.iter().map(show).collect())
}

fn found(payload: &[u8]) -> Option<Vec<String>> {
    let fields: Vec<String> = NAMES.iter().map(|name| name.to_string()).collect();
    let mut row = Row::new(0);
    let text = Decoder::new(&fields).decode(payload, &mut row).ok()?;
    Some((0..NAMES.len() as u16).map(|slot| format!("{:?}", row.value(text, FieldSlot(slot)))).collect())
}

fn beyond_a_double(payload: &[u8]) -> bool {
    serde_json::from_slice::<Value>(payload).is_err_and(|fault| fault.to_string().contains("out of range"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn valid_objects_are_read_as_serde_json_reads_them(text in object(value())) {
        let found = found(text.as_bytes());
        prop_assert!(found.is_some(), "{}", text);
        prop_assert_eq!(found, expected(text.as_bytes()), "{}", text);
    }

    #[test]
    fn any_other_value_is_not_an_object(text in value()) {
        let text = if text.starts_with('{') { format!("[{text}]") } else { text };
        let fault = Decoder::new(&[]).decode(text.as_bytes(), &mut Row::new(0)).expect_err("no object");
        prop_assert_eq!(fault.reason, MalformedReason::NotAnObject, "{}", text);
    }

    #[test]
    fn damaged_texts_are_refused_or_read_as_serde_json_does(
        text in object(value()),
        damages in prop::collection::vec(damage(), 1..3),
    ) {
        let payload = damaged(&text, &damages);
        prop_assume!(!beyond_a_double(&payload));
        prop_assert_eq!(found(&payload), expected(&payload), "{}", String::from_utf8_lossy(&payload));
    }

    #[test]
    fn any_bytes_are_refused_or_read_as_serde_json_does(payload in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(found(&payload), expected(&payload));
    }

    #[test]
    fn a_fault_lies_within_the_text(text in object(value()), damages in prop::collection::vec(damage(), 1..3)) {
        let payload = damaged(&text, &damages);
        if let Err(malformed) = Decoder::new(&[]).decode(&payload, &mut Row::new(0)) {
            prop_assert!(malformed.at_byte <= payload.len());
            let truncated = malformed.reason == MalformedReason::Truncated;
            prop_assert!(!truncated || malformed.at_byte == payload.len(), "{:?}", malformed);
        }
    }
}
