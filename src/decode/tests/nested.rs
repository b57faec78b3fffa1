//! Dotted paths, and arrays whose elements are rows.

use super::*;
use crate::event::Elements;

fn path(keys: &str) -> Field {
    Field::Path(keys.split('.').map(str::to_owned).collect())
}

/// The fields that are not NULL, as `name=value`; the name `x[].y` is a field of the elements of `x`.
fn read(names: &[&str], payload: &str, element: Option<u32>) -> String {
    let field = |name: &&str| match name.split_once("[]") {
        None => path(name),
        Some((array, path)) => Field::Element {
            array: array.split('.').map(str::to_owned).collect(),
            path: path.split('.').skip(1).map(str::to_owned).collect(),
        },
    };
    let mut decoder = Decoder::new(&names.iter().map(field).collect::<Vec<_>>());
    let mut row = Row::new(0);
    let text = match decoder.decode(payload.as_bytes(), &mut row) {
        Ok(text) => text,
        Err(malformed) => return format!("{} at {}", malformed.reason.as_str(), malformed.at_byte),
    };
    if let Some(index) = element {
        let each = names.iter().position(|name| name.contains("[]")).expect("an array is read");
        let array = decoder.array(FieldSlot(each as u16)).expect("an array is read");
        decoder.load_element(array, index, &mut row);
    }
    let value = |(slot, name): (u16, &&str)| match row.value(text, FieldSlot(slot)) {
        FieldValue::Null => None,
        FieldValue::Number(text) => Some(format!("{name}={text}")),
        value => Some(format!("{name}={value:?}")),
    };
    (0..).zip(names).filter_map(value).collect::<Vec<_>>().join(" ")
}

#[test]
fn paths_lead_through_objects_and_the_last_of_two_equal_keys_wins_at_every_level() {
    const NAMES: [&str; 5] = ["a", "a.b", "a.b.c", "a.d", "e.b"];
    for (payload, expected) in [
        (r#"{"a":{"b":{"c":1},"d":2},"e":{"b":3}}"#, "a=Composite a.b=Composite a.b.c=1 a.d=2 e.b=3"),
        (r#"{"a":{"b":1},"a":2}"#, "a=2"),
        (r#"{"a":{"b":1},"a":null}"#, ""),
        (r#"{"a":2,"a":{"b":1}}"#, "a=Composite a.b=1"),
        (r#"{"a":{"b":1,"d":2},"a":{"d":3}}"#, "a=Composite a.d=3"),
        (r#"{"a":{"b":{"c":1},"b":{}}}"#, "a=Composite a.b=Composite"),
        (r#"{"a":{"b":{"c":1},"b":[{"c":2}]}}"#, "a=Composite a.b=Composite"),
        (r#"{"a":{"b":{"c":1},"\u0062":7}}"#, "a=Composite a.b=7"),
        (r#"{"\u0061":{"\u0062":{"c":1}}}"#, "a=Composite a.b=Composite a.b.c=1"),
        (r#"{"a":{"b":"\u0078"},"e":{"b":"y\n"}}"#, r#"a=Composite a.b=Text("x") e.b=Text("y\n")"#),
        // Through something else than an object there is nothing.
        (r#"{"a":[{"b":1}],"e":"b"}"#, "a=Composite"),
        (r#"{"a":{"a":{"b":1}},"e":{}}"#, "a=Composite"),
        // A key with a dot in it is no path.
        (r#"{"a.b":1,"e.b":2}"#, ""),
        (r#" { "a" : { "b" : { } } , "e" : { "b" : -0.5 } } "#, "a=Composite a.b=Composite e.b=-0.5"),
        // What nobody reads is checked inside as well.
        (r#"{"a":{"x":tru}}"#, "not_json at 13"),
        (r#"{"a":{"b":1,}}"#, "not_json at 12"),
        (r#"{"a":{"b":1]}"#, "not_json at 11"),
        (r#"{"a":{"b":1"#, "truncated at 11"),
        (r#"{"a":{"b" 1}}"#, "not_json at 10"),
    ] {
        assert_eq!(read(&NAMES, payload, None), expected, "{payload}");
    }
    let deep = |levels: usize| format!("{{\"a\":{{\"b\":{}{}}}}}", "[".repeat(levels - 2), "]".repeat(levels - 2));
    assert_eq!(read(&NAMES, &deep(128), None), "a=Composite a.b=Composite");
    assert_eq!(read(&NAMES, &deep(129), None), "too_deep at 136");
}

#[test]
fn each_element_is_a_row_beside_the_records_own_fields() {
    const NAMES: [&str; 6] = ["id", "o.i", "o.i[]", "o.i[].sku", "o.i[].n.m", "o.x"];
    let payload =
        r#"{"id":9,"o":{"x":1,"i":[{"sku":"a","n":{"m":1}}, {"n":2,"sku":null} ,null,"t\n",[1],{"sku":"\u0062"}]}}"#;
    for (element, expected) in [
        (0, r#"id=9 o.i=Composite o.i[]=Composite o.i[].sku=Text("a") o.i[].n.m=1 o.x=1"#),
        (1, "id=9 o.i=Composite o.i[]=Composite o.x=1"),
        (2, "id=9 o.i=Composite o.x=1"),
        (3, r#"id=9 o.i=Composite o.i[]=Text("t\n") o.x=1"#),
        (4, "id=9 o.i=Composite o.i[]=Composite o.x=1"),
        (5, r#"id=9 o.i=Composite o.i[]=Composite o.i[].sku=Text("b") o.x=1"#),
        (6, "id=9 o.i=Composite o.x=1"),
    ] {
        assert_eq!(read(&NAMES, payload, Some(element)), expected, "element {element}");
    }
}

#[test]
fn what_stands_where_an_array_is_read_is_told() {
    let fields = [
        Field::Element { array: vec!["i".to_owned()], path: Vec::new() },
        Field::Element { array: vec!["i".to_owned()], path: vec!["a".to_owned()] },
    ];
    let mut decoder = Decoder::new(&fields);
    let mut row = Row::new(0);
    let many = |count: u32| format!("{{\"i\":[{}0]}}", "0,".repeat(count as usize - 1));
    for (payload, expected) in [
        ("{}".to_owned(), "Ok(Missing)"),
        (r#"{"i":null}"#.to_owned(), "Ok(Missing)"),
        (r#"{"i":[]}"#.to_owned(), "Ok(Count(0))"),
        (r#"{"i":[{}]}"#.to_owned(), "Ok(Count(1))"),
        (r#"{"i":{"a":1}}"#.to_owned(), "Ok(NotAnArray)"),
        (r#"{"i":"[]"}"#.to_owned(), "Ok(NotAnArray)"),
        (r#"{"i":0}"#.to_owned(), "Ok(NotAnArray)"),
        (r#"{"i":[1,2],"i":[3]}"#.to_owned(), "Ok(Count(1))"),
        (r#"{"i":[1,2],"i":null}"#.to_owned(), "Ok(Missing)"),
        (r#"{"i":7,"i":[3]}"#.to_owned(), "Ok(Count(1))"),
        (many(ELEMENTS_MAX), "Ok(Count(10000))"),
        (many(ELEMENTS_MAX + 1), "Ok(TooMany)"),
        // What an equal key said before is kept in the same bounds.
        (format!("{{\"i\":[0],{}", &many(ELEMENTS_MAX)[1..]), "Ok(TooMany)"),
        (r#"{"i":[1,]}"#.to_owned(), "Err(NotJson at 8)"),
        (r#"{"i":[{"a":1]}"#.to_owned(), "Err(NotJson at 12)"),
        (r#"{"i":[1 2]}"#.to_owned(), "Err(NotJson at 8)"),
        (r#"{"i":["#.to_owned(), "Err(Truncated at 6)"),
        (r#"{"i":["a""#.to_owned(), "Err(Truncated at 9)"),
        (format!("{}]}}", many(ELEMENTS_MAX + 1).replace("0]}", "x]")), "Err(NotJson at 20006)"),
    ] {
        let found = match decoder.decode(payload.as_bytes(), &mut row) {
            Ok(_) => format!("Ok({:?})", decoder.elements(0, &row)),
            Err(malformed) => format!("Err({:?} at {})", malformed.reason, malformed.at_byte),
        };
        assert_eq!(found, expected, "{payload:.60}");
    }
    assert_eq!(decoder.elements(1, &row), Elements::Missing, "there is no second array");
}

#[test]
fn an_array_within_what_may_be_an_object_and_two_arrays_at_once() {
    let names = ["i[].p", "i.p[].q", "i.p"];
    let element = |payload, element| read(&names, payload, Some(element));
    assert_eq!(element(r#"{"i":[{"p":1},{"p":[{"q":2}]}]}"#, 0), "i[].p=1");
    assert_eq!(element(r#"{"i":[{"p":1},{"p":[{"q":2}]}]}"#, 1), "i[].p=Composite");
    assert_eq!(element(r#"{"i":{"p":[{"q":2}]}}"#, 0), "i.p=Composite");
    let reversed = ["i.p[].q", "i[].p", "i.p"];
    assert_eq!(read(&reversed, r#"{"i":{"p":[{"q":2},{"q":3}]}}"#, Some(1)), "i.p[].q=3 i.p=Composite");
    assert_eq!(read(&reversed, r#"{"i":{"p":[{"q":2}]},"i":[]}"#, Some(0)), "");
}
