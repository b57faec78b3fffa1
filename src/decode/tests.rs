use super::*;
use crate::event::{FieldSlot, FieldValue};

mod fields;
mod nested;
mod oracle;
mod outside;

const FIELDS: [&str; 3] = ["a", "type", "名"];

/// The row of `payload`, NULLs left out, or the fault.
fn decoded(payload: &[u8]) -> String {
    let fields = FIELDS.map(Field::named);
    let mut row = Row::new(0);
    let text = match Decoder::new(&fields).decode(payload, &mut row) {
        Ok(text) => text,
        Err(malformed) => {
            assert!((0..3).all(|slot| row.value("", FieldSlot(slot)) == FieldValue::Null), "nothing is left behind");
            return format!("{} at {}", malformed.reason.as_str(), malformed.at_byte);
        }
    };
    let value = |slot| match row.value(text, FieldSlot(slot)) {
        FieldValue::Null => None,
        value => Some(format!("{} {value:?}", FIELDS[usize::from(slot)])),
    };
    (0..3).filter_map(value).collect::<Vec<_>>().join(", ")
}

fn check(payload: &str, expected: &str) {
    assert_eq!(decoded(payload.as_bytes()), expected, "{payload}");
}

#[test]
fn named_fields_are_kept_and_the_rest_is_passed() {
    for (payload, expected) in [
        ("{}", ""),
        (" { } \r\n\t", ""),
        (r#"{"a":1}"#, r#"a Number("1")"#),
        (r#"{"b":2,"a":-1.50e+3}"#, r#"a Number("-1.50e+3")"#),
        (r#"{"a":1e999999999}"#, r#"a Number("1e999999999")"#),
        (r#"{"a":-0}"#, r#"a Number("-0")"#),
        (r#"{"a":"x","type":""}"#, r#"a Text("x"), type Text("")"#),
        (r#"{"a":true,"type":false,"名":null}"#, "a Bool(true), type Bool(false)"),
        (r#"{ "名" : "仓库" }"#, r#"名 Text("仓库")"#),
        (r#"{"a":[1,{"type":"inner"}],"type":{}}"#, "a Composite, type Composite"),
        (r#"{"A":1,"aa":1,"typ":1,"types":1,"tape":1,"":1}"#, ""),
        (r#"{"x":{"a":1,"b":[[],{},[{"a":2}]]},"a":3}"#, r#"a Number("3")"#),
        // The last of two equal keys wins, whatever it is and however the key is written.
        (r#"{"a":1,"a":2}"#, r#"a Number("2")"#),
        (r#"{"a":1,"a":null}"#, ""),
        (r#"{"a":null,"a":1}"#, r#"a Number("1")"#),
        (r#"{"a":"\n","\u0061":"x"}"#, r#"a Text("x")"#),
        (r#"{"a":1,"\u0061":2}"#, r#"a Number("2")"#),
        (r#"{"\u0061":1,"a":[]}"#, "a Composite"),
        // Keys and texts are compared and kept unescaped.
        (r#"{"\u0074ype":"x"}"#, r#"type Text("x")"#),
        (r#"{"\u540d":"x"}"#, r#"名 Text("x")"#),
        (r#"{"a":"\"\\\/\b\f\n\r\t"}"#, r#"a Text("\"\\/\u{8}\u{c}\n\r\t")"#),
        (r#"{"a":"one\ttwo","type":"\u4ed3库"}"#, r#"a Text("one\ttwo"), type Text("仓库")"#),
        (r#"{"a":"\ud83d\ude00 \uD83D\uDE00"}"#, r#"a Text("😀 😀")"#),
        (r#"{"a":"\u0000"}"#, r#"a Text("\0")"#),
        ("{\"a\":\"\u{7f}\u{2028}\"}", r#"a Text("\u{7f}\u{2028}")"#),
    ] {
        check(payload, expected);
    }
}

#[test]
fn what_is_no_json_object_is_malformed_and_says_why_and_where() {
    for (payload, expected) in [
        ("", "empty at 0"),
        (" \n", "empty at 0"),
        ("\u{feff}{}", "not_json at 0"),
        ("hello", "not_json at 0"),
        ("[]", "not_an_object at 0"),
        (" null ", "not_an_object at 1"),
        ("-1.5", "not_an_object at 0"),
        ("\"text\"", "not_an_object at 0"),
        ("[1", "truncated at 2"),
        ("null null", "not_json at 5"),
        ("{", "truncated at 1"),
        (r#"{"a"#, "truncated at 3"),
        (r#"{"a""#, "truncated at 4"),
        (r#"{"a":"#, "truncated at 5"),
        (r#"{"a":1"#, "truncated at 6"),
        (r#"{"a":1,"#, "truncated at 7"),
        (r#"{"a":1,}"#, "not_json at 7"),
        (r#"{,"a":1}"#, "not_json at 1"),
        (r#"{"a" 1}"#, "not_json at 5"),
        (r#"{"a":}"#, "not_json at 5"),
        (r#"{"a":1 "b":2}"#, "not_json at 7"),
        (r#"{a:1}"#, "not_json at 1"),
        (r#"{'a':1}"#, "not_json at 1"),
        (r#"{"a":1}x"#, "not_json at 7"),
        (r#"{"a":1}{}"#, "not_json at 7"),
        ("{}\0", "not_json at 2"),
        ("{}\u{a0}", "not_json at 2"),
        ("{\u{b}}", "not_json at 1"),
        // numbers and words
        (r#"{"a":01}"#, "not_json at 6"),
        (r#"{"a":+1}"#, "not_json at 5"),
        (r#"{"a":.5}"#, "not_json at 5"),
        (r#"{"a":5.}"#, "not_json at 7"),
        (r#"{"a":1e}"#, "not_json at 7"),
        (r#"{"a":-}"#, "not_json at 6"),
        (r#"{"a":0x1}"#, "not_json at 6"),
        (r#"{"a":NaN}"#, "not_json at 5"),
        (r#"{"a":-Infinity}"#, "not_json at 6"),
        (r#"{"a":True}"#, "not_json at 5"),
        (r#"{"a":nul}"#, "not_json at 8"),
        (r#"{"a":nulll}"#, "not_json at 9"),
        (r#"{"a":tru"#, "truncated at 8"),
        // strings
        ("{\"a\":\"line\nbreak\"}", "not_json at 10"),
        ("{\"a\":\"0123456789abc\u{1}\"}", "not_json at 19"),
        (r#"{"a":"\x"}"#, "invalid_escape at 6"),
        (r#"{"a":"\u12g4"}"#, "invalid_escape at 6"),
        (r#"{"a":"\u+123"}"#, "invalid_escape at 6"),
        (r#"{"a":"\ud83d"}"#, "invalid_escape at 6"),
        (r#"{"a":"\ude00\ud83d"}"#, "invalid_escape at 6"),
        (r#"{"a":"\ud83d\ud83d"}"#, "invalid_escape at 6"),
        (r#"{"a":"\ud83dx\ude00"}"#, "invalid_escape at 6"),
        (r#"{"a":"\"#, "truncated at 7"),
        // brackets
        (r#"{"a":[1,2}"#, "not_json at 9"),
        (r#"{"a":{"b":1]}"#, "not_json at 11"),
        (r#"{"a":[1,]}"#, "not_json at 8"),
        (r#"{"a":[,1]}"#, "not_json at 6"),
        (r#"{"a":{"b"}}"#, "not_json at 9"),
        (r#"{"a":{1:2}}"#, "not_json at 6"),
        (r#"{"a":[[]}"#, "not_json at 8"),
        (r#"{"a":]}"#, "not_json at 5"),
    ] {
        check(payload, expected);
    }
}

#[test]
fn what_ends_a_string_is_found_at_every_place() {
    for length in 0..48 {
        for place in 0..length {
            let with = |inserted: &str| {
                let text = "é".repeat(place) + inserted + &"x".repeat(length - place);
                (format!("{{\"a\":\"{text}\"}}"), 6 + 2 * place)
            };
            let (control, at) = with("\u{1f}");
            check(&control, &format!("not_json at {at}"));
            let (escape, at) = with("\\q");
            check(&escape, &format!("invalid_escape at {at}"));
            let (quote, at) = with("\"");
            check(&quote, &format!("not_json at {}", at + 1));
            let (plain, _) = with(" !#[]~\u{7f}\u{80}");
            assert!(decoded(plain.as_bytes()).starts_with("a Text"), "{plain}");
        }
    }
}

#[test]
fn case_27_a_field_that_nobody_reads_is_checked_as_well() {
    for payload in [
        r#"{"a":1,"unread":tru}"#,
        r#"{"a":1,"unread":"\q"}"#,
        r#"{"a":1,"unread":[1,[2,{"x":"\ud800"}]]}"#,
        r#"{"a":1,"unread":00}"#,
        r#"{"unread":{"x":1,}}"#,
        "{\"a\":1,\"unread\":\"\t\"}",
    ] {
        let mut row = Row::new(0);
        let with_field = Decoder::new(&[Field::named("a")]).decode(payload.as_bytes(), &mut row).map(str::len);
        let without = Decoder::new(&[]).decode(payload.as_bytes(), &mut row).map(str::len);
        assert!(with_field.is_err(), "{payload}");
        assert_eq!(with_field, without, "{payload}: the same fault for every book");
    }
}

#[test]
fn invalid_utf_8_is_found_anywhere() {
    assert_eq!(decoded(b"{\"a\":\"\xff\"}"), "invalid_utf8 at 6");
    assert_eq!(decoded(b"\xff\xfe{\0}\0"), "invalid_utf8 at 0");
    assert_eq!(decoded(b"{\"unread\":[\"\xed\xa0\x80\"]}"), "invalid_utf8 at 12");
    assert_eq!(decoded(b"{\"a\":\"\xc0\xaf\"}"), "invalid_utf8 at 6");
    assert_eq!(decoded(b"{\"a\":\"\xe4\xbb\"}"), "invalid_utf8 at 6");
}

#[test]
fn nesting_and_length_are_bounded() {
    let nested = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    check(&nested(128), "");
    check(&nested(129), "too_deep at 132");
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    check(&objects(128), "a Composite");
    check(&objects(129), "too_deep at 640");
    check(&"[".repeat(129), "too_deep at 128");
    check(&"[".repeat(128), "truncated at 128");
    check(&format!("{}{}", "[".repeat(128), "]".repeat(128)), "not_an_object at 0");
    // Siblings do not add up.
    check(&format!("{{\"x\":[{}0]}}", "[[]],{\"y\":[]},".repeat(300)), "");

    let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert!(decoded(long(PAYLOAD_BYTES_MAX).as_bytes()).starts_with("a Text(\"xxx"));
    check(&long(PAYLOAD_BYTES_MAX + 1), "too_long at 1048588");
}

#[test]
fn a_row_is_reused_without_a_trace_of_the_last_record() {
    let mut decoder = Decoder::new(&["a", "b"].map(Field::named));
    let mut row = Row::new(0);
    let value = |row: &Row, text: &str, slot| format!("{:?}", row.value(text, FieldSlot(slot)));
    let text = decoder.decode(br#"{"a":"x\ny","b":"\t"}"#, &mut row).unwrap();
    assert_eq!((value(&row, text, 0), value(&row, text, 1)), (r#"Text("x\ny")"#.into(), r#"Text("\t")"#.into()));
    let text = decoder.decode(br#"{"b":"\r"}"#, &mut row).unwrap();
    assert_eq!((value(&row, text, 0), value(&row, text, 1)), ("Null".into(), r#"Text("\r")"#.into()));
    assert!(decoder.decode(br#"{"a":1,"b":2"#, &mut row).is_err());
    assert_eq!((value(&row, "", 0), value(&row, "", 1)), ("Null".into(), "Null".into()));
}

#[test]
fn every_name_finds_its_slot_however_many_there_are() {
    // Alike in length, first, middle and last byte, so that all of them collide.
    let alike = (0..300).map(|number| format!("x{number:03}y{number:03}z"));
    let names: Vec<String> = alike.chain(["".into(), "x".into(), "y".repeat(256), "y".repeat(512)]).collect();
    let mut decoder = Decoder::new(&names.iter().map(|name| Field::named(name)).collect::<Vec<_>>());
    let mut row = Row::new(0);
    for (slot, name) in names.iter().enumerate() {
        let payload = format!("{{{name:?}:{slot},\"x999y999z\":0}}");
        let text = decoder.decode(payload.as_bytes(), &mut row).unwrap();
        for other in 0..names.len() {
            let expected = slot.to_string();
            let expected = if other == slot { FieldValue::Number(&expected) } else { FieldValue::Null };
            assert_eq!(row.value(text, FieldSlot(other as u16)), expected, "{name}");
        }
    }
}

#[test]
fn every_reason_has_a_label_of_its_own() {
    let labels: std::collections::BTreeSet<_> = MalformedReason::ALL.map(MalformedReason::as_str).into();
    assert_eq!(labels.len(), MalformedReason::ALL.len());
}
