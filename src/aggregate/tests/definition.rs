//! Definitions are stored by their hash: these texts and numbers must never change, or history is lost.

use super::book;
use crate::aggregate::plan::Plan;

const EVENTS: &str = r#"ordered:   { topic: oms.orders, id: event_id, time: at, where: "type = 'order.created' AND amount > 1.50", dimensions: { warehouse: wh_code, channel: channel } }
    delivered: { topic: oms.moves, time: { field: at_ms, unit: ms } }
    cancelled: { topic: oms.moves, time: { field: at_ms, unit: ms }, where: "kind = 'cancel'" }"#;

const METRICS: &str = r#"orders:     { type: count, event: ordered, where: "channel IN ('web', 'app')" }
    amount:     { type: value, event: ordered, value: amount * quantity }
    fulfilment: { type: duration, from: ordered, to: delivered, key: { from: order_id, to: so_no, void: so_no }, deadline: promised_at, void: cancelled }
    plain:      { type: duration, from: ordered, to: delivered, key: order_id }"#;

const KEY_RESULTS: &str = r#"- { id: orders, title: t, metric: orders, baseline: 0, target: 1, by: [warehouse] }
    - { id: p90, title: t, metric: amount, stat: p90, baseline: 0, target: 1 }
    - { id: mean, title: t, metric: fulfilment, stat: mean, baseline: 5d, target: 1d }
    - { id: p50, title: t, metric: fulfilment, stat: p50, baseline: 5d, target: 1d, by: [channel] }
    - { id: plain, title: t, metric: plain, stat: { within: 1d }, baseline: 0%, target: 99% }"#;

/// Names and definitions of a plan, one a line.
fn stored(plan: &Plan) -> String {
    let events = plan.events.iter().map(|event| format!("{:016x} {}\n", event.id.0, event.definition));
    let aggregates =
        plan.aggregates.iter().map(|aggregate| format!("{:016x} {}\n", aggregate.id.0, aggregate.definition));
    events.chain(aggregates).collect()
}

#[test]
fn definitions_are_as_they_were_first_stored() {
    let text = stored(&Plan::of(&book(EVENTS, METRICS, KEY_RESULTS)));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/aggregate/tests/definitions.txt");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(path, &text).expect("the file can be written");
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap_or_default());
}

#[test]
fn titles_names_and_the_order_of_the_book_name_nothing() {
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let sorted = |plan: &Plan| {
        let mut lines = lines(&stored(plan));
        lines.sort();
        lines
    };
    let reversed = |text: &str| lines(text).into_iter().rev().collect::<Vec<_>>().join("\n");
    let known = sorted(&Plan::of(&book(EVENTS, METRICS, KEY_RESULTS)));
    let events = reversed(EVENTS)
        .replace("{ warehouse: wh_code, channel: channel }", "{ channel: channel, warehouse: wh_code }");
    let key_results = reversed(KEY_RESULTS).replace("title: t", "title: other");
    assert_eq!(sorted(&Plan::of(&book(&events, &reversed(METRICS), &key_results))), known);
    let renamed =
        |text: &str| text.replace("ordered", "bought").replace("warehouse", "site").replace("fulfilment", "lead");
    assert_eq!(sorted(&Plan::of(&book(&renamed(EVENTS), &renamed(METRICS), &renamed(KEY_RESULTS)))), known);
}

#[test]
fn what_differs_in_meaning_differs_in_name() {
    let known = stored(&Plan::of(&book(EVENTS, METRICS, KEY_RESULTS)));
    for (what, from, to) in [
        ("where", "1.50", "1.51"),
        ("id", "id: event_id, ", ""),
        ("unit", "unit: ms", "unit: us"),
        ("field", "wh_code", "wh"),
        ("topic", "oms.orders", "oms.order"),
    ] {
        let changed = stored(&Plan::of(&book(&EVENTS.replace(from, to), METRICS, KEY_RESULTS)));
        assert_ne!(known, changed, "{what}");
    }
    // An equal number written otherwise is the same filter.
    assert_eq!(stored(&Plan::of(&book(&EVENTS.replace("1.50", "1.5"), METRICS, KEY_RESULTS))), known);
}

#[test]
fn each_facet_stands_once_however_many_read_it() {
    let twice = KEY_RESULTS.to_owned() + "\n" + &KEY_RESULTS.replace("id: ", "id: again-");
    let (one, two) = (Plan::of(&book(EVENTS, METRICS, KEY_RESULTS)), Plan::of(&book(EVENTS, METRICS, &twice)));
    assert_eq!((one.aggregates.len(), one.tallies, one.sketches, one.tables.len(), one.pairs.len()), (6, 6, 3, 2, 2));
    assert_eq!((two.aggregates.len(), two.tallies, two.sketches), (one.aggregates.len(), one.tallies, one.sketches));
    assert_eq!(stored(&one), stored(&two));
    let inputs: Vec<usize> = one.events.iter().map(|event| event.inputs.len()).collect();
    assert_eq!(inputs, [2, 0, 0], "a filter and value are evaluated once a row");
}
