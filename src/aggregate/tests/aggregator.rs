//! The table of [`crate::aggregate::aggregator`]: one record in, what became of it out; and the tables of dedup and delta.

use super::book;
use crate::aggregate::aggregator::{Aggregator, Interned};
use crate::aggregate::dedup::Ids;
use crate::aggregate::delta::Delta;
use crate::aggregate::member::Members;
use crate::aggregate::pair::Tuples;
use crate::aggregate::plan::Plan;
use crate::event::{Record, TopicIndex};
use crate::time::Timestamp;

const EVENTS: &str = r#"paid:  { topic: t, id: id, time: at, where: "kind = 'paid'", dimensions: [shop] }
    noted: { topic: t, time: noted_at }"#;

const METRICS: &str = r#"amount: { type: sum, event: paid, value: amount }
    large:  { type: count, event: paid, where: "amount > 10" }
    notes:  { type: count, event: noted }"#;

const KEY_RESULTS: &str = r#"- { id: amount, title: t, metric: amount, baseline: 0, target: 1, by: [shop] }
    - { id: large, title: t, metric: large, baseline: 0, target: 1 }
    - { id: notes, title: t, metric: notes, baseline: 0, target: 1 }"#;

/// Takes records at 2026-10-05T10:00Z in; cells as `table: member count sum …`, then counts and refusals.
fn check(records: &[Option<&str>], expected: &str) {
    let book = book(EVENTS, METRICS, KEY_RESULTS);
    let plan = Plan::of(&book);
    let (mut members, mut tuples, mut ids) = (Members::default(), Tuples::default(), Ids::new(100));
    let (mut delta, mut refusals) = (Delta::new(&plan), Vec::new());
    let mut aggregator = Aggregator::new(&book, None);
    for (payload, offset) in records.iter().zip(0..) {
        let timestamp = Timestamp::parse_rfc3339("2026-10-05T10:00:00Z");
        let record = Record { offset, timestamp, key: None, payload: payload.map(str::as_bytes), headers: &[] };
        let interned = Interned { members: &mut members, tuples: &mut tuples };
        let topic = TopicIndex(0);
        aggregator.take((&book, &plan), topic, &record, interned, &mut ids, &mut delta, &mut refusals);
    }
    let mut said: Vec<String> = Vec::new();
    for (table, table_plan) in delta.tables.iter().zip(&plan.tables) {
        let name = &book.events[usize::from(table_plan.event.0)].name;
        for row in table.rows() {
            let cells = row.cells.iter().map(|cell| format!("{}/{}", cell.count, crate::fixed::Fixed(cell.sum)));
            let cells: Vec<String> = cells.chain(row.sets.iter().map(|set| format!("{{{}}}", set.len()))).collect();
            let member = table_plan.dimension.map_or(String::new(), |_| format!(" {}", members.name(row.member)));
            said.push(format!("{name}{member} {}", cells.join(" ")));
        }
    }
    let counts = &delta.counts;
    let some = |name: &str, n: u64| (n > 0).then(|| format!("{name}={n}"));
    said.extend(some("tombstones", counts.tombstones));
    said.extend(some("dead", counts.dead_records));
    said.extend(
        counts.copies.iter().map(|(event, n)| format!("copies of {}={n}", book.events[usize::from(event.0)].name)),
    );
    said.extend(counts.value_faults.iter().map(|((metric, reason), n)| format!("{metric} {reason}={n}")));
    // Refused values are the faults above.
    said.extend(refusals.iter().filter(|refusal| refusal.metric.is_none()).map(|refusal| {
        let event = refusal.event.map_or("record", |event| &book.events[usize::from(event.0)].name);
        format!("{event} refused: {}", refusal.reason)
    }));
    let watermarks =
        delta.times.iter().map(|times| times.watermark.map_or("-".to_owned(), |at| at.to_string()[8..16].to_owned()));
    said.push(watermarks.collect::<Vec<_>>().join(" "));
    assert_eq!(said.join("; "), expected, "{records:?}");
}

#[test]
fn records_become_what_the_table_says() {
    const AT: &str = r#""at":"2026-10-05T09:00:00Z""#;
    let one = |json: &str, expected: &str| check(&[Some(&json.replace("AT", AT))], expected);
    check(&[None], "tombstones=1; - -");
    one("{", "dead=1; record refused: truncated; - -");
    one("{a", "dead=1; record refused: not_json; - -");
    one("[1]", "dead=1; record refused: not_an_object; - -");
    one(
        r#"{AT,"id":1,"kind":"paid","shop":"a","amount":2}"#,
        "paid 1/2 0/0; paid a 1/2; noted refused: time_missing; 05T09:00 -",
    );
    // Not accepted by `where`: it moves the watermark, and that is all.
    one(r#"{AT,"kind":"other","noted_at":"2026-10-05T08:00:00Z"}"#, "noted 1/0; 05T09:00 05T08:00");
    one(r#"{"kind":"other","noted_at":"2026-10-05T08:00:00Z"}"#, "noted 1/0; - 05T08:00");
    one(r#"{AT,"kind":3,"noted_at":"2026-10-05T08:00:00Z"}"#, "noted 1/0; event/paid wrong_type=1; 05T09:00 05T08:00");
    one(
        r#"{"at":"soon","id":1,"kind":"paid","noted_at":"2026-10-05T08:00:00Z"}"#,
        "noted 1/0; paid refused: time_unreadable; - 05T08:00",
    );
    one(
        r#"{AT,"id":null,"kind":"paid","noted_at":"2026-10-05T08:00:00Z"}"#,
        "noted 1/0; paid refused: id_missing; 05T09:00 05T08:00",
    );
    one(
        r#"{AT,"id":[1],"kind":"paid","noted_at":"2026-10-05T08:00:00Z"}"#,
        "noted 1/0; paid refused: id_unreadable; 05T09:00 05T08:00",
    );
    // A NULL value is not counted by that metric; one that cannot be read is a fault of it, and the others count.
    one(
        r#"{AT,"id":1,"kind":"paid","shop":null,"amount":null,"noted_at":"2026-10-05T08:00:00Z"}"#,
        "noted 1/0; 05T09:00 05T08:00",
    );
    one(
        r#"{AT,"id":1,"kind":"paid","amount":"x","noted_at":"2026-10-05T08:00:00Z"}"#,
        "noted 1/0; amount wrong_type=1; large wrong_type=1; 05T09:00 05T08:00",
    );
    // Later than its own record by more than 5 minutes: it counts in its own bucket and moves no watermark.
    one(r#"{"noted_at":"2026-10-05T10:05:00Z"}"#, "noted 1/0; - 05T10:05");
    one(r#"{"noted_at":"2026-10-05T10:05:01Z"}"#, "noted 1/0; event/noted future=1; - -");
}

#[test]
fn copies_are_of_the_same_id_event_and_day() {
    let paid = |id: &str, day: u32, amount: u32| {
        format!(
            r#"{{"at":"2026-10-0{day}T09:00:00Z","id":{id},"kind":"paid","shop":"a","amount":{amount},"noted_at":null}}"#
        )
    };
    let records = [paid("1", 5, 2), paid("\"1\"", 5, 3), paid("1.0", 5, 4), paid("1", 4, 5), paid("\"01\"", 5, 30)];
    let records: Vec<Option<&str>> = records.iter().map(|text| Some(text.as_str())).collect();
    let refused = "; noted refused: time_missing".repeat(5);
    check(
        &records,
        &format!("paid 2/32 1/0; paid 1/5 0/0; paid a 2/32; paid a 1/5; copies of paid=2{refused}; 05T09:00 -"),
    );
}

#[test]
fn days_are_let_go_oldest_first_and_restored_the_same_in_any_order() {
    use crate::aggregate::dedup::Seen;
    use crate::event::EventIndex;
    let event = EventIndex(0);
    let mut live = Ids::new(3);
    let mut kept = Vec::new();
    let mut say = |day: i32, id: u64| {
        let seen = live.insert(event, day, id);
        if seen == Seen::First {
            kept.push((day, id));
        }
        format!("{seen:?} {}", live.held())
    };
    for (day, id, expected) in [
        (1, 1, "First 1"),
        (1, 1, "Copy 1"),
        (2, 1, "First 2"),
        (2, 2, "First 3"),
        (3, 1, "First 3"), // day 1 is let go
        (1, 1, "Unchecked 3"),
        (2, 1, "Copy 3"),
        (0, 9, "Unchecked 3"),
        (3, 2, "First 2"), // day 2 is let go
    ] {
        assert_eq!(say(day, id), expected, "{day}/{id}");
    }
    for rotation in 0..kept.len() {
        kept.rotate_left(rotation);
        let mut restored = Ids::new(3);
        kept.iter().for_each(|(day, id)| _ = restored.insert(event, *day, *id));
        let told = [&restored, &live].map(|ids| {
            (0..5)
                .flat_map(|day| (0..3).map(move |id| (day, id)))
                .map(|(day, id)| ids.clone().insert(event, day, id))
                .collect::<Vec<_>>()
        });
        assert_eq!(told[0], told[1], "{kept:?}");
    }
    let mut gone = Ids::new(3);
    gone.insert(event, 1, 1);
    gone.forget(&[(event, 1, 1), (event, 1, 1), (event, 2, 1)]);
    gone.forget(&[(event, 1, 1)]);
    assert_eq!((gone.insert(event, 1, 1), gone.held()), (Seen::First, 1));
}

#[test]
fn ids_of_days_gone_by_are_packed_and_known_all_the_same() {
    use crate::aggregate::dedup::Seen;
    use crate::event::EventIndex;
    let event = EventIndex(0);
    let mut ids = Ids::new(100_000);
    // Days forward, then backward, so that ids come on time, late, and late again once they are packed.
    for day in (0..4).chain((0..4).rev()).chain(0..4) {
        for id in 0..3_000u64 {
            let fingerprint =
                crate::decode::fingerprint(&format!("{}", id % 2_500 + u64::from(id >= 2_500) * (10_000 + day as u64)));
            let held = ids.held();
            let seen = ids.insert(event, day, fingerprint);
            assert_eq!(seen == Seen::First, ids.held() > held, "{day}/{id}");
        }
    }
    // 2,500 ids that all days share, and 500 more.
    assert_eq!(ids.held(), 4 * 3_000);
    let all: Vec<_> = (0..4)
        .flat_map(|day| (0..2_500u64).map(move |id| (event, day, crate::decode::fingerprint(&format!("{id}")))))
        .collect();
    ids.forget(&all);
    assert_eq!(ids.held(), 4 * 500);
    assert!(all.iter().all(|(event, day, id)| ids.insert(*event, *day, *id) == Seen::First));
}
