//! `each`: one record in, its elements out as rows; and ids of several fields.

use super::book;
use crate::aggregate::aggregator::{Aggregator, Interned};
use crate::aggregate::dedup::Ids;
use crate::aggregate::delta::{Delta, DeltaRow};
use crate::aggregate::member::Members;
use crate::aggregate::pair::Tuples;
use crate::aggregate::plan::Plan;
use crate::event::{Record, TopicIndex};
use crate::fixed::Fixed;
use crate::time::Timestamp;

const EVENTS: &str = r#"line:  { topic: t, each: order.lines, id: order.id, time: at, where: "type = 'ordered' AND order.lines.kind <> 'gift'", dimensions: { sku: order.lines.sku } }
    order: { topic: t, id: [order.id, version], time: at, where: "type = 'ordered'" }"#;

const METRICS: &str = r#"pieces: { type: sum, event: line, value: order.lines.quantity * factor }
    orders: { type: count, event: order }"#;

const KEY_RESULTS: &str = r#"- { id: pieces, title: t, metric: pieces, baseline: 0, target: 1, by: [sku] }
    - { id: orders, title: t, metric: orders, baseline: 0, target: 1 }"#;

/// Records of 2026-10-05T10:00Z in; lines by sku and orders out, then copies, faults and refusals. `#` in a record stands for what all have
/// in common.
fn check(records: &[&str], expected: &str) {
    let book = book(EVENTS, METRICS, KEY_RESULTS);
    let plan = Plan::of(&book);
    let (mut members, mut tuples, mut ids) = (Members::default(), Tuples::default(), Ids::new(100));
    let (mut delta, mut refusals) = (Delta::new(&plan), Vec::new());
    let mut aggregator = Aggregator::new(&book, None);
    for (payload, offset) in records.iter().zip(0..) {
        let timestamp = Timestamp::parse_rfc3339("2026-10-05T10:00:00Z");
        let payload = payload.replace('#', r#""type":"ordered","at":"2026-10-05T10:00:00Z","version":1,"factor":1"#);
        let record = Record { offset, timestamp, key: None, payload: Some(payload.as_bytes()), headers: &[] };
        let interned = Interned { members: &mut members, tuples: &mut tuples };
        let topic = TopicIndex(0);
        aggregator.take((&book, &plan), topic, &record, interned, &mut ids, &mut delta, &mut refusals);
    }
    let mut said: Vec<String> = Vec::new();
    for (table, table_plan) in delta.tables.iter().zip(&plan.tables) {
        let name = &book.events[usize::from(table_plan.event.0)].name;
        for DeltaRow { member, cells, .. } in table.rows() {
            let cells: Vec<String> = cells.iter().map(|cell| format!("{}/{}", cell.count, Fixed(cell.sum))).collect();
            let member = table_plan.dimension.map_or(String::new(), |_| format!(" {}", members.name(member)));
            said.push(format!("{name}{member} {}", cells.join(" ")));
        }
    }
    let name = |event: crate::event::EventIndex| &book.events[usize::from(event.0)].name;
    said.extend(delta.counts.copies.iter().map(|(event, n)| format!("copies of {}={n}", name(*event))));
    said.extend(refusals.iter().map(|refusal| {
        let event = refusal.metric.as_ref().or(refusal.event.map(name)).map_or("record", |name| name);
        let element = refusal.element.map_or(String::new(), |element| format!("[{element}]"));
        format!("{event}{element}: {}", refusal.reason)
    }));
    assert_eq!(said.join("; "), expected, "{records:?}");
}

#[test]
fn each_element_is_a_row_with_the_records_fields() {
    for (records, expected) in [
        (
            &[
                r##"{#,"order":{"id":1,"lines":[{"sku":"a","kind":"x","quantity":2},{"sku":"b","kind":"x","quantity":3}]}}"##,
            ][..],
            "line 2/5; line a 1/2; line b 1/3; order 1/0",
        ),
        // The record's own field of the same name is another; `where` is about elements.
        (
            &[
                r##"{#,"sku":"z","quantity":9,"order":{"id":1,"lines":[{"kind":"x","quantity":2},{"kind":"gift","quantity":3}]}}"##,
            ],
            "line 1/2; line (none) 1/2; order 1/0",
        ),
        // Nothing, null and an empty array are no rows, and no fault.
        (&[r##"{#,"order":{"id":1}}"##], "order 1/0"),
        (&[r##"{#,"order":{"id":1,"lines":null}}"##], "order 1/0"),
        (&[r##"{#,"order":{"id":1,"lines":[]}}"##], "order 1/0"),
        (&[r##"{#,"order":[{"lines":[{"kind":"x"}]}]}"##], "order: id_missing"),
        // What is no array is a dead letter of that event alone, unless the record is another's.
        (&[r##"{#,"order":{"id":1,"lines":{"kind":"x"}}}"##], "order 1/0; line: each_not_an_array"),
        (&[r##"{#,"order":{"id":1,"lines":"none"}}"##], "order 1/0; line: each_not_an_array"),
        (&[r##"{"type":"other","order":{"id":1,"lines":5}}"##], ""),
        // Elements that are no objects are rows, whose fields are NULL: here `where` does not take them.
        (
            &[r##"{#,"order":{"id":1,"lines":[null,7,"x",[],{"kind":"x","quantity":1}]}}"##],
            "line 1/1; line (none) 1/1; order 1/0",
        ),
        // Faults are of an element; the others count.
        (
            &[
                r##"{#,"order":{"id":1,"lines":[{"kind":"x","quantity":"y"},{"kind":1},{"kind":"x","quantity":4,"sku":{}}]}}"##,
            ],
            "line 1/4; line (none) 1/4; order 1/0; pieces[0]: wrong_type; event/line[1]: wrong_type; event/line[2]: composite",
        ),
        (
            &[r##"{#,"order":{"lines":[{"kind":"x"},{"kind":"gift"},{"kind":"x"}]}}"##],
            "line[0]: id_missing; line[2]: id_missing; order: id_missing",
        ),
        (
            &[r##"{"type":"ordered","order":{"id":1,"lines":[{"kind":"x"},{"kind":"x"}]}}"##],
            "line[0]: time_missing; line[1]: time_missing; order: time_missing",
        ),
    ] {
        check(records, expected);
    }
}

#[test]
fn an_element_is_known_by_the_id_and_its_place() {
    let one =
        r##"{#,"order":{"id":"A","lines":[{"sku":"a","kind":"x","quantity":1},{"sku":"a","kind":"x","quantity":1}]}}"##;
    check(&[one], "line 2/2; line a 2/2; order 1/0");
    check(&[one, one], "line 2/2; line a 2/2; order 1/0; copies of line=2; copies of order=1");
    let longer = one.replace("]}}", r##",{"sku":"b","kind":"x","quantity":5}]}}"##);
    check(&[one, &longer], "line 3/7; line a 2/2; line b 1/5; order 1/0; copies of line=2; copies of order=1");
}

#[test]
fn an_id_of_several_fields_is_one_text() {
    let order = |id: &str, version: &str| format!(r##"{{#,"order":{{"id":{id}}},"version":{version}}}"##);
    let all =
        |orders: &[String], expected: &str| check(&orders.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    all(&[order("1", "1"), order("1", "2"), order("2", "1")], "order 3/0");
    all(&[order("1", "12"), order("11", "2")], "order 2/0");
    all(&[order("1", "1"), order("\"1\"", "1.0")], "order 1/0; copies of order=1");
    all(&[order("1", "null"), order("1", "[]")], "order: id_missing; order: id_unreadable");
}

#[test]
fn more_elements_than_a_record_may_have_are_refused_together() {
    let lines = |count: usize| vec![r#"{"kind":"x","quantity":1}"#; count].join(",");
    let record = |count| format!(r##"{{#,"order":{{"id":1,"lines":[{}]}}}}"##, lines(count));
    check(&[&record(10_001)], "order 1/0; line: each_too_many");
}
