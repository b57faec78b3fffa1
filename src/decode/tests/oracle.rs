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

/// A byte or two of those that matter between values, in place of as many.
fn small_damage() -> impl Strategy<Value = Damage> {
    let put = prop::collection::vec(prop::sample::select(b"1\",{}".to_vec()), 0..2);
    (any::<Index>(), 0..2_usize, put).prop_map(|(at, taken, put)| Damage { at, taken, put })
}

/// An object of few keys, within which the same ones come again.
fn few_keys() -> impl Strategy<Value = String> {
    let scalar = prop::sample::select(vec!["1", "\"x\"", "{}", "\"\\n\""]).prop_map(String::from);
    let value = scalar.prop_recursive(3, 8, 2, |inner| {
        let member =
            (prop::sample::select(vec!["c", "d"]), inner).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop::collection::vec(member, 1..3).prop_map(|members| format!("{{{}}}", members.join(",")))
    });
    value.prop_map(|value| format!("{{\"d\":{value}}}"))
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

/// Paths through the same names, so that what stands at one is often read through by another.
const PATHS: [&[&str]; 6] =
    [&["a", "b"], &["a", "b", "type"], &["a", "a", "a"], &["", ""], &["订单", "a\"b"], &["type", "订单", "b"]];

/// Paths from the elements of the array under `b` on.
const WITHIN: [&[&str]; 3] = [&[], &["a"], &["a", "type"]];

fn keys(path: &[&str]) -> Vec<String> {
    path.iter().map(|key| key.to_string()).collect()
}

fn fields() -> Vec<Field> {
    let element = |path: &&[&str]| Field::Element { array: vec!["b".to_owned()], path: keys(path) };
    let names = NAMES.iter().map(|name| Field::named(name));
    names.chain(PATHS.iter().map(|path| Field::Path(keys(path)))).chain(WITHIN.iter().map(element)).collect()
}

type Members = BTreeMap<String, Box<RawValue>>;

/// The text at a path, which leads through objects only.
fn at(raw: &str, path: &[&str]) -> Option<String> {
    let Some((first, rest)) = path.split_first() else { return Some(raw.to_owned()) };
    let members: Members = raw.starts_with('{').then(|| serde_json::from_str(raw).ok())??;
    at(members.get(*first)?.get(), rest)
}

fn show(raw: Option<String>) -> String {
    match raw.as_deref() {
        None | Some("null") => "Null".to_owned(),
        Some("true") => "Bool(true)".to_owned(),
        Some("false") => "Bool(false)".to_owned(),
        Some(raw) if raw.starts_with('"') => {
            format!("Text({:?})", serde_json::from_str::<String>(raw).unwrap())
        }
        Some(raw) if raw.starts_with(['{', '[']) => "Composite".to_owned(),
        Some(raw) => format!("Number({raw:?})"),
    }
}

/// The fields as `serde_json` reads them, then those of each element; `None` if it refuses the text or it is no object.
fn expected(payload: &[u8]) -> Option<Vec<String>> {
    serde_json::from_slice::<Value>(payload).ok().filter(Value::is_object)?;
    let raw: Box<RawValue> = serde_json::from_slice(payload).ok()?;
    let raw = raw.get();
    let mut shown: Vec<String> = NAMES.iter().map(|name| show(at(raw, &[name]))).collect();
    shown.extend(PATHS.iter().map(|path| show(at(raw, path))));
    let array = at(raw, &["b"]).filter(|raw| raw.starts_with('['));
    let elements: Vec<Box<RawValue>> = array.map_or(Vec::new(), |raw| serde_json::from_str(&raw).unwrap());
    for element in &elements {
        shown.extend(WITHIN.iter().map(|path| show(at(element.get(), path))));
    }
    Some(shown)
}

/// What is read of `payload` by a decoder that expects keys as they came in `before`; a new one says the same.
fn found(before: &[u8], payload: &[u8]) -> Option<Vec<String>> {
    let fields = fields();
    let (mut new, mut decoder) = (Decoder::new(&fields), Decoder::new(&fields));
    let mut row = Row::new(0);
    let _ = decoder.decode(before, &mut row);
    let (read, read_anew) = (decoder.decode(payload, &mut row), new.decode(payload, &mut Row::new(0)));
    assert_eq!(read, read_anew);
    let text = read.ok()?;
    let show = |row: &Row, slots: std::ops::Range<usize>| -> Vec<String> {
        slots.map(|slot| format!("{:?}", row.value(text, FieldSlot(slot as u16)))).collect()
    };
    let own = NAMES.len() + PATHS.len();
    let mut shown = show(&row, 0..own);
    if let crate::event::Elements::Count(count) = decoder.elements(0, &row) {
        for element in 0..count {
            decoder.load_element(0, element, &mut row);
            shown.extend(show(&row, own..fields.len()));
        }
    }
    Some(shown)
}

fn beyond_a_double(payload: &[u8]) -> bool {
    serde_json::from_slice::<Value>(payload).is_err_and(|fault| fault.to_string().contains("out of range"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn valid_objects_are_read_as_serde_json_reads_them(text in object(value())) {
        let found = found(text.as_bytes(), text.as_bytes());
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
        prop_assert_eq!(found(text.as_bytes(), &payload), expected(&payload), "{}", String::from_utf8_lossy(&payload));
    }

    /// Texts that are nearly alike, one after the other: whatever stood where, nothing is accepted for having been seen elsewhere.
    #[test]
    fn what_was_read_before_lets_nothing_pass(
        texts in prop::collection::vec((few_keys(), prop::collection::vec(small_damage(), 0..3)), 1..20),
    ) {
        let (fields, mut row) = ([Field::named("c")], Row::new(0));
        let mut decoder = Decoder::new(&fields);
        for (text, damages) in texts {
            let payload = damaged(&text, &damages);
            let read = decoder.decode(&payload, &mut row).map(str::to_owned);
            let anew = Decoder::new(&fields).decode(&payload, &mut Row::new(0)).map(str::to_owned);
            prop_assert_eq!(&read, &anew, "{}", text);
            prop_assert_eq!(read.is_ok(), serde_json::from_slice::<Value>(&payload).is_ok_and(|value| value.is_object()));
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read_as_serde_json_does(payload in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert_eq!(found(&payload, &payload), expected(&payload));
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
