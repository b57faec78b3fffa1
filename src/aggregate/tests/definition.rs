//! Definitions are stored by their hash: these texts and numbers must never change, or history is lost.

use super::book;
use crate::aggregate::plan::Plan;

const EVENTS: &str = r#"ordered:   { topic: oms.orders, id: event_id, time: at, where: "type = 'order.created' AND amount > 1.50", dimensions: { warehouse: wh_code, channel: channel } }
    delivered: { topic: oms.moves, time: { field: at_ms, unit: ms } }
    cancelled: { topic: oms.moves, time: { field: at_ms, unit: ms }, where: "kind = 'cancel'" }"#;

const METRICS: &str = r#"orders:     { type: count, event: ordered, where: "channel IN ('web', 'app')" }
    amount:     { type: value, event: ordered, value: amount * quantity }
    fulfilment: { type: duration, from: ordered, to: delivered, key: { from: order_id, to: so_no, void: so_no }, deadline: promised_at, void: cancelled }
    plain:      { type: duration, from: ordered, to: delivered, key: order_id }
    customers:  { type: distinct, event: ordered, value: customer, where: "amount > 0" }
    stock:      { type: level, event: ordered, key: sku, value: stock, where: "stock >= 0" }"#;

const KEY_RESULTS: &str = r#"- { id: orders, title: t, metric: orders, baseline: 0, target: 1, by: [warehouse] }
    - { id: p90, title: t, metric: amount, stat: p90, baseline: 0, target: 1 }
    - { id: mean, title: t, metric: fulfilment, stat: mean, baseline: 5d, target: 1d }
    - { id: p50, title: t, metric: fulfilment, stat: p50, baseline: 5d, target: 1d, by: [channel] }
    - { id: plain, title: t, metric: plain, stat: { within: 1d }, baseline: 0%, target: 99% }
    - { id: customers, title: t, metric: customers, baseline: 0, target: 1, by: [channel] }
    - { id: stock, title: t, metric: stock, baseline: 0, target: 1, by: [channel] }"#;

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
    assert_eq!((one.aggregates.len(), one.tallies, one.sketches, one.tables.len(), one.pairs.len()), (9, 8, 3, 3, 2));
    assert_eq!((two.aggregates.len(), two.tallies, two.sketches), (one.aggregates.len(), one.tallies, one.sketches));
    assert_eq!(stored(&one), stored(&two));
    let inputs: Vec<usize> = one.events.iter().map(|event| event.inputs.len()).collect();
    assert_eq!(inputs, [4, 0, 0], "a filter and value are evaluated once a row");
}

/// So are these texts: parts that only a book has that uses them.
#[test]
fn paths_elements_ids_and_zones_are_printed_only_where_they_are_used() {
    let events = r#"line: { topic: t, each: order.lines, id: [order.id, $key], time: { field: at, zone: Asia/Shanghai }, where: "$header.source = 'a' AND order.lines.n > 0 AND \"order.id\" IS NULL" }
        note: { topic: t, each: order.lines, time: $timestamp }
        tag:  { topic: t, each: '"a.b"', time: at }"#;
    let metrics = r#"lines: { type: sum, event: line, value: order.lines.n - $timestamp }
        lead: { type: duration, from: line, to: note, key: { from: order.lines.id, to: $key }, deadline: due }
        tags: { type: count, event: tag }"#;
    let key_results = r#"- { id: lines, title: t, metric: lines, baseline: 0, target: 1 }
        - { id: lead, title: t, metric: lead, stat: mean, baseline: 5d, target: 1d }
        - { id: tags, title: t, metric: tags, baseline: 0, target: 1 }"#;
    let plan = Plan::of(&book(events, metrics, key_results));
    let line = r#"event(topic="t",id=["order"."id",$key],time="at":local("Asia/Shanghai"),where=((($header."source" = 'a') AND ("order"."lines"[]."n" > 0)) AND ("order.id" IS NULL)),each="order"."lines")"#;
    let note = r#"event(topic="t",id=-,time=$timestamp:ms,where=-,each="order"."lines")"#;
    let tag = r#"event(topic="t",id=-,time="at":rfc3339,where=-,each="a.b")"#;
    assert_eq!(plan.events.iter().map(|event| event.definition.as_str()).collect::<Vec<_>>(), [line, note, tag]);
    let aggregates: Vec<&str> = plan.aggregates.iter().map(|aggregate| aggregate.definition.as_str()).collect();
    assert_eq!(
        aggregates,
        [
            format!(r#"tally({line},where=-,value=("order"."lines"[]."n" - $timestamp),by=-,grain=3600s)"#),
            format!(
                r#"pairs(from={line}:"order"."lines"[]."id",to={note}:$key,void=-,deadline="due":local("Asia/Shanghai"),dimensions=[])"#
            ),
            format!("tally({tag},where=-,value=-,by=-,grain=3600s)"),
        ]
    );
}

#[test]
fn a_slice_is_part_of_a_definition_only_where_there_is_one() {
    let metrics = METRICS.to_owned()
        + r#"
    web:        { type: ratio, part: orders, total: orders, where: wh_code = 'SH1' }
    plain_web:  { type: duration, from: ordered, to: delivered, key: order_id, where: channel = 'web' }"#;
    let event = r#"event(topic="oms.orders",id="event_id",time="at":rfc3339,where=(("type" = 'order.created') AND ("amount" > 1.5)))"#;
    let orders = r#"where=("channel" IN ('web', 'app'))"#;
    let cells = |inner: &str| format!("tally({event},{inner})");
    let whole = format!("{orders},value=-,by=-,grain=3600s");
    for (key_result, expected) in [
        ("metric: orders", cells(&whole)),
        (
            "metric: orders, only: { warehouse: O'Hare, channel: web }",
            cells(&(whole.clone() + r#",only=["channel"='web',"wh_code"='O''Hare']"#)),
        ),
        (
            "metric: orders, only: { warehouse: SH1 }, by: [channel]",
            cells(&format!(r#"{orders},value=-,by="channel",grain=3600s,only=["wh_code"='SH1']"#)),
        ),
        (
            "metric: web, window: cycle",
            cells(r#"where=(("channel" IN ('web', 'app')) AND ("wh_code" = 'SH1')),value=-,by=-,grain=3600s"#),
        ),
    ] {
        let key_result = format!("- {{ id: a, title: t, baseline: 0, target: 1, {key_result} }}");
        let plan = Plan::of(&book(EVENTS, &metrics, &key_result));
        let found: Vec<&str> = plan.aggregates.iter().map(|aggregate| aggregate.definition.as_str()).collect();
        assert!(found.contains(&expected.as_str()), "{expected}\n{found:#?}");
    }
    let of = |metric: &str| {
        let key_result = format!("- {{ id: a, title: t, baseline: 2d, target: 1d, stat: mean, metric: {metric} }}");
        Plan::of(&book(EVENTS, &metrics, &key_result)).aggregates[0].definition.clone()
    };
    let (plain, web) = (of("plain"), of("plain_web"));
    let inner = plain.strip_suffix(')').expect("a definition");
    assert_eq!(web, format!(r#"{inner},where=("channel" = 'web'))"#));
    let only = "plain, only: { warehouse: SH1 }";
    assert_eq!(of(only), plain, "pairs hold the members of their starts already");
}

#[test]
fn a_measured_baseline_is_named_by_what_is_measured_over_which_range() {
    use crate::aggregate::measured;
    let text = |key_result: &str| {
        let range = "baseline: { from: 2026-07-01, to: 2026-07-03 }, change: +20%";
        let key_result = format!("- {{ id: a, title: t, {range}, {key_result} }}");
        let book = book(EVENTS, METRICS, &key_result);
        let plan = Plan::of(&book);
        let kr = plan.key_results[0][0].as_ref().expect("a plan");
        let of = &book.objectives[0].key_results[0];
        let definition = measured::definition(&plan, of, &kr.measure, &kr.windows, kr.grain).expect("a baseline");
        assert_eq!(kr.baseline.map(|id| id.0), Some(xxhash_rust::xxh3::xxh3_64(definition.as_bytes())));
        (definition.split_once(",to=").map(|(_, rest)| rest[17..].to_owned()).unwrap_or_default(), plan)
    };
    let (orders, plan) = text("metric: orders, per: day");
    assert_eq!(orders, format!("count(stored-{:016x}),per=day)", plan.aggregates[0].id.0));
    assert_eq!(text("metric: orders, per: day, by: [channel], weight: 3").0, orders, "what is beside it names nothing");
    let (best, plan) = text("metric: orders, stat: { max: day }");
    assert_eq!(best, format!("count(stored-{:016x}),max=day)", plan.aggregates[0].id.0));
    let (p90, plan) = text("metric: amount, stat: p90");
    assert_eq!(p90, format!("p9000(stored-{:016x}))", plan.aggregates[1].id.0));
    let (mean, plan) = text("metric: fulfilment, stat: mean, only: { warehouse: SH1 }");
    let pairs = plan.aggregates[0].id.0;
    assert_eq!(mean, format!("mean(pairs-{pairs:016x}:finished-at-end:first:5184000000000,1='SH1'))"));
    assert_ne!(mean, text("metric: fulfilment, stat: mean").0);
}
