//! What is not in the record's value, and the identity of rows.

use super::*;
use crate::event::{Header, Record, RowView};
use crate::time::Timestamp;

fn header<'a>(name: &'a str, value: Option<&'a [u8]>) -> Header<'a> {
    Header { name, value }
}

#[test]
fn key_headers_and_timestamp_are_fields() {
    let fields = [Field::Key, Field::Header("source".to_owned()), Field::Timestamp, Field::named("a")];
    let mut decoder = Decoder::new(&fields);
    let mut row = Row::new(0);
    let mut show = |key: Option<&[u8]>, headers: &[Header<'_>], timestamp: Option<i64>| {
        let timestamp = timestamp.map(Timestamp);
        let record = Record { offset: 0, timestamp, key, payload: Some(br#"{"a":"\n"}"#), headers };
        let text = decoder.decode(record.payload.unwrap(), &mut row).unwrap();
        decoder.fill(&record, &mut row);
        assert_eq!(row.value(text, FieldSlot(3)), FieldValue::Text("\n"));
        (0..3).map(|slot| format!("{:?}", row.value(text, FieldSlot(slot)))).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(show(None, &[], None), "Null Null Null");
    assert_eq!(show(Some(b"k-1"), &[header("source", Some(b"app"))], Some(1_796_083_200_123_000)), {
        r#"Text("k-1") Text("app") Number("1796083200123")"#
    });
    assert_eq!(show(Some("订单".as_bytes()), &[header("Source", Some(b"x"))], Some(0)), {
        r#"Text("订单") Null Number("0")"#
    });
    // The last of several headers of a name wins, one without a value too.
    let twice = [header("source", Some(b"a")), header("source", Some(b"b")), header("other", Some(b"c"))];
    assert_eq!(show(Some(b""), &twice, Some(-1_000)), r#"Text("") Text("b") Number("-1")"#);
    assert_eq!(show(None, &[header("source", Some(b"a")), header("source", None)], None), "Null Null Null");
    assert_eq!(show(Some(b"\xff"), &[header("source", Some(b"\xc0\xaf"))], None), "NotText NotText Null");
}

/// These texts are fingerprinted into stored chunks: they never change.
#[test]
fn identities_are_unambiguous_and_as_they_were_first_stored() {
    let (mut part, mut out) = (String::new(), String::new());
    let mut of = |payload: &str, fields: &[FieldSlot], element| {
        let mut decoder = Decoder::new(&["a", "b"].map(Field::named));
        let mut row = Row::new(0);
        let payload = decoder.decode(payload.as_bytes(), &mut row).unwrap();
        match identity(fields, element, RowView { row: &row, payload }, &mut part, &mut out) {
            Ok(()) => out.clone(),
            Err(fault) => format!("{fault:?}"),
        }
    };
    let (a, both) = ([FieldSlot(0)], [FieldSlot(0), FieldSlot(1)]);
    for (payload, fields, element, expected) in [
        (r#"{"a":"A-1"}"#, &a[..], None, "A-1"),
        (r#"{"a":42.0}"#, &a, None, "42"),
        (r#"{"a":"A-1"}"#, &a, Some(4), "A-1#4"),
        (r#"{"a":"A-1","b":7}"#, &both, None, "3:A-1,1:7,"),
        (r#"{"a":"A-1","b":"7"}"#, &both, Some(0), "3:A-1,1:7,#0"),
        (r#"{"a":"1","b":"2:3"}"#, &both, None, "1:1,3:2:3,"),
        (r#"{"a":"1,3:2","b":"3"}"#, &both, None, "5:1,3:2,1:3,"),
        (r#"{"a":"订","b":""}"#, &both, None, "3:订,0:,"),
        (r#"{"a":"x"}"#, &both, None, "Missing(FieldSlot(1))"),
        (r#"{"b":"x"}"#, &a, Some(1), "Missing(FieldSlot(0))"),
        (r#"{"a":[],"b":1}"#, &both, None, "Unreadable(FieldSlot(0), Composite)"),
    ] {
        assert_eq!(of(payload, fields, element), expected, "{payload}");
    }
}
