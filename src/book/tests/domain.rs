//! What a book means once it is read.

use super::faults::BASE;
use super::{SourceFile, load, loaded};
use crate::book::expr::{canonical, canonical_formula};
use crate::book::{
    Baseline, Book, EndChoice, Goal, Judge, KeyResult, MetricIndex, MetricKind, Placed, Source, Stat, Target, Unit,
    Window,
};
use crate::event::{EventIndex, FieldSlot};
use crate::fixed::Fixed;
use crate::time::{Grain, Span};

const DAY: i64 = Span::DAY.0;

fn metric<'b>(book: &'b Book, name: &str) -> &'b crate::book::Metric {
    book.metrics.iter().find(|metric| metric.name == name).expect("the base has it")
}

fn key_result<'b>(book: &'b Book, id: &str) -> &'b KeyResult {
    let mut all = book.objectives.iter().flat_map(|objective| &objective.key_results);
    all.find(|key_result| key_result.id == id).expect("the base has it")
}

/// `BASE` with the first `from` replaced by `to`.
fn with(from: &str, to: &str) -> Book {
    loaded(&[&BASE.replacen(from, to, 1)]).book
}

#[test]
fn topics_and_fields_are_numbered_by_name() {
    let book = loaded(&[BASE]).book;
    let topics: Vec<String> = book
        .topics
        .iter()
        .map(|topic| {
            format!(
                "{}: {} {:?}",
                topic.name,
                topic.fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
                topic.events
            )
        })
        .collect();
    assert_eq!(
        topics,
        [
            "orders: amount at id order_id promised type warehouse [EventIndex(0), EventIndex(1), EventIndex(2)]",
            "ratings: ms stars [EventIndex(3)]"
        ]
    );
    let field = |slot: FieldSlot| book.topics[0].fields[usize::from(slot.0)].to_string();
    let quoted = |slot: FieldSlot| book.topics[0].fields[usize::from(slot.0)].canonical();
    let filter = book.events[1].filter.as_ref().map(|filter| canonical(filter, &quoted));
    assert_eq!(filter.as_deref(), Some(r#"("type" = 'shipped')"#));
    assert_eq!(book.events[0].id.iter().copied().map(field).collect::<Vec<_>>(), ["id"]);
    assert_eq!(field(book.events[0].time), "at");
    assert_eq!(field(book.events[0].dimensions[0].field), "warehouse");
    let MetricKind::Duration(speed) = &metric(&book, "speed").kind else { panic!("a duration") };
    assert_eq!((field(speed.from_key), field(speed.to_key)), ("order_id".to_owned(), "order_id".to_owned()));
    assert_eq!(speed.deadline.map(|(slot, _)| field(slot)).as_deref(), Some("promised"));
    assert_eq!(speed.void.map(|(event, slot)| (event, field(slot))), Some((EventIndex(2), "order_id".to_owned())));
    assert_eq!((speed.end, speed.placed, speed.give_up), (EndChoice::First, Placed::End, Span(60 * DAY)));
}

#[test]
fn metrics_stand_after_those_that_they_read() {
    let book =
        with("  orders: { type: count", "  first: { type: derived, formula: -per_order * 2 }\n  orders: { type: count");
    let names: Vec<&str> = book.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["revenue", "orders", "per_order", "first", "voids", "good", "speed", "stars"]);
    let MetricKind::Derived { formula, .. } = &metric(&book, "first").kind else { panic!("a derived metric") };
    let name = |metric: MetricIndex| names[usize::from(metric.0)];
    assert_eq!(canonical_formula(formula, &name), r#"((- "per_order") * 2)"#);
}

#[test]
fn what_is_not_written_has_its_default() {
    let book = loaded(&[BASE]).book;
    let all = ["ratio", "speed", "stars", "steps", "count", "hand", "derived"];
    let week = Window::Trailing(Span(7 * DAY));
    let days = |days: i64| Some(Span(days * DAY));
    let found = all.map(|id| {
        let kr = key_result(&book, id);
        (kr.window, kr.min_events, kr.silent_after, kr.unit.as_str())
    });
    let expected = [
        (week, Some(1), days(3), "ratio"),
        (week, Some(1), days(3), "seconds"),
        (week, Some(1), days(3), "points"),
        (Window::Cycle, None, None, "ratio"),
        (Window::Cycle, Some(0), days(3), "count"),
        (Window::Cycle, None, days(14), "ratio"),
        (week, None, days(3), ""),
    ];
    assert_eq!(found, expected);
    assert_eq!(key_result(&book, "ratio").owner.as_deref(), Some("me"));
    assert_eq!(book.cycles[0].settle, Span(3 * DAY));
    assert_eq!(book.cycles[0].grain, Grain::HOUR);
}

#[test]
fn amounts_are_in_base_units() {
    let book = loaded(&[BASE]).book;
    let goal = |id| match &key_result(&book, id).goal {
        Goal::Improve { baseline: Baseline::Written(baseline), target: Target::Amount(target), stretch, .. } => {
            format!("{baseline} {target} {}", stretch.unwrap_or_default())
        }
        other @ (Goal::Improve { .. } | Goal::Nothing) => format!("{other:?}"),
        Goal::Maintain { at_least, at_most, judge } => format!("{at_least:?} {at_most:?} {judge:?}"),
        Goal::Milestones => "milestones".to_owned(),
    };
    assert_eq!(goal("ratio"), "0.96 0.99 0.995");
    assert_eq!(goal("speed"), "432000 259200 172800");
    assert_eq!(goal("stars"), "Some(Fixed(4500000000)) None Days(Fixed(900000000))");
    assert_eq!(goal("hand"), "0 1 1.1");
    let book = with("at_least: 4.5", "between: [4.5, 5], judge: at_end");
    let Goal::Maintain { at_least, at_most, judge } = key_result(&book, "stars").goal.clone() else { panic!("a band") };
    assert_eq!((at_least, at_most), (Some(Fixed(4_500_000_000)), Some(Fixed::from_int(5))));
    assert_eq!(judge, Judge::AtEnd);
}

#[test]
fn statistics_are_read() {
    for (written, expected) in [
        ("p50", Stat::Percentile(5000)),
        ("p99.9", Stat::Percentile(9990)),
        ("p5", Stat::Percentile(500)),
        ("mean", Stat::Mean),
    ] {
        let book = with("stat: p50", &format!("stat: {written}"));
        let Source::Metric { stat, .. } = key_result(&book, "speed").source else { panic!("a metric") };
        assert_eq!(stat, expected, "{written}");
    }
    let within = "stat: { within: 1h30m }, baseline: 60%, target: 95%, stretch: 99%";
    let book = with("stat: p50, baseline: 5d, target: 3d, stretch: 2d", within);
    let speed = key_result(&book, "speed");
    assert!(matches!(speed.source, Source::Metric { stat: Stat::Within(Span(5_400_000_000)), .. }));
    assert_eq!(speed.unit, Unit::Ratio);
}

#[test]
fn days_are_local() {
    let book = with("stat: p50,", "stat: p50, due: 2026-12-31,");
    assert_eq!(key_result(&book, "speed").due, Some(book.cycles[0].end));
    let book = with("{ name: a }", "{ name: a, due: 2026-10-01, done: 2026-10-01 }");
    let Source::Milestones(milestones) = &key_result(&book, "steps").source else { panic!("milestones") };
    assert_eq!(milestones[0].done, Some(book.cycles[0].start));
    assert_eq!(milestones[0].due.map(|due| due.0), Some(book.cycles[0].start.0 + DAY));
    let book = with("Asia/Shanghai", "Asia/Kolkata");
    assert_eq!(book.cycles[0].grain, Grain::HALF_HOUR);
}

#[test]
fn titles_may_be_one_a_language() {
    let book = with("title: 一", "title: { zh: 一, en: one }");
    assert_eq!(book.objectives[0].title, "一");
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(book.objectives[0].titles, [pair("zh", "一"), pair("en", "one")]);
    assert!(book.objectives[1].titles.is_empty());
}

#[test]
fn the_hash_is_of_the_text_wherever_it_lies() {
    let hash = loaded(&[BASE]).book.hash;
    assert_eq!((hash.len(), &hash[..7]), (71, "sha256:"));
    assert_ne!(hash, with("title: 一", "title: 二").hash);
    let elsewhere = [SourceFile { name: "/etc/krscore/book.yaml".to_owned(), text: BASE.to_owned() }];
    assert_eq!(load(&elsewhere).map(|loaded| loaded.book.hash).ok(), Some(hash));
}
