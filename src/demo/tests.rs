//! The sample book is a good book, and the company is what the story says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use serde_json::Value;

use super::*;
use crate::book::{self, Book, Source, SourceFile};
use crate::time::{Span, Timestamp};

/// A Tuesday noon.
const NOW: &str = "2026-11-24T12:00:00+08:00";

fn now() -> Timestamp {
    Timestamp::parse_rfc3339(NOW).unwrap()
}

fn load(text: &str) -> Book {
    let sources = [SourceFile { name: "book.yaml".to_owned(), text: text.to_owned() }];
    let loaded = book::load(&sources).map_err(|faults| book::render(&faults, &sources, false));
    let loaded = loaded.unwrap_or_else(|rendered| panic!("{rendered}"));
    assert_eq!(book::render_advice(&loaded.advice, &sources, false), "");
    loaded.book
}

fn company(seed: u64, weeks: u32) -> Company {
    let (setting, zone) = Setting::at(now(), weeks, seed).unwrap();
    Company::new(setting, zone)
}

fn history(seed: u64, weeks: u32) -> Vec<Emission> {
    let mut company = company(seed, weeks);
    std::iter::from_fn(|| company.next_until(now())).collect()
}

#[test]
fn the_sample_book_has_every_key_result_that_was_asked_for_in_two_languages() {
    let book = load(SAMPLE_BOOK);
    let expected = [
        ("handle-time", "average handle time at most 3 minutes"),
        ("pick-accuracy", "pick accuracy 96 to 99 %"),
        ("pick-error-rate", "pick error rate at most 1 %"),
        ("daily-capacity", "daily order capacity +20 %"),
        ("training-coverage", "training coverage 100 % with certification"),
        ("automation-rate", "warehouse automation rate 70 %"),
        ("fulfilment-time", "order fulfilment 5 days to 3 days"),
        ("csat", "CSAT at least 4.5 of 5"),
        ("wms-erp", "WMS-ERP integration"),
        ("processing-time", "order processing time -40 %"),
        ("manual-operations", "share of manual operations at most 30 %"),
        ("weekend-peak", "weekend-peak orders within 24 hours"),
        ("complaint-rate", "complaint rate -35 %"),
        ("satisfaction", "customer satisfaction to 95 %"),
    ];
    let all: BTreeMap<&str, &book::KeyResult> =
        book.objectives.iter().flat_map(|o| &o.key_results).map(|kr| (kr.id.as_str(), kr)).collect();
    for (id, what) in expected {
        let key_result = all.get(id).unwrap_or_else(|| panic!("no key result {id}: {what}"));
        let languages: Vec<&str> = key_result.titles.iter().map(|(language, _)| language.as_str()).collect();
        assert_eq!(languages, ["zh", "en"], "{id}");
        let from_events = matches!(key_result.source, Source::Metric { .. });
        assert_eq!(from_events, id != "wms-erp", "{id}");
    }
    for objective in book.objectives.iter().filter(|objective| objective.id != "customer-first") {
        assert!(objective.aligns_to.is_some() && objective.owner.is_some(), "{}", objective.id);
    }
    let topics: BTreeSet<&str> = book.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(topics, BTreeSet::from(TOPICS));
}

#[test]
fn a_moved_book_is_the_same_book_at_another_time() {
    let moved = moved_book(date(2026, 10, 1), date(2026, 11, 11)).unwrap();
    let differing: Vec<(&str, &str)> = SAMPLE_BOOK.lines().zip(moved.lines()).filter(|(a, b)| a != b).collect();
    let cycle = "  - { id: 2026-Q4, start: 2026-10-01, end: 2027-01-01, timezone: Asia/Shanghai, settle: 3d }";
    assert_eq!(differing, [(cycle, cycle.replace("2026-Q4", "demo-quarter").as_str())]);
    for weeks in 1..=WEEKS_MAX {
        let (setting, zone) = Setting::at(now(), weeks, 1).unwrap();
        let peak = zone.date_of(setting.peak());
        let book = load(&moved_book(zone.date_of(setting.start), peak).unwrap());
        let dates = book.calendars.iter().find(|calendar| calendar.name == "peak").map(|calendar| &calendar.dates[..]);
        assert_eq!(dates, Some(&[(peak.yesterday().unwrap(), peak.tomorrow().unwrap())][..]));
        let cycle = &book.cycles[0];
        assert_eq!((cycle.start, cycle.end), (setting.start, setting.end));
        assert!(setting.begin() < setting.start && setting.start < setting.peak() && setting.peak() < now());
    }
    // Over a leap day, and far away.
    let book = load(&moved_book(date(2028, 2, 20), date(2028, 3, 1)).unwrap());
    assert_eq!(book.cycles[0].end_date, date(2028, 5, 22));
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_one_another_company() {
    let first: Vec<Emission> = company(7, 6).take(20_000).collect();
    assert_eq!(first, company(7, 6).take(20_000).collect::<Vec<_>>());
    assert_ne!(first, company(8, 6).take(20_000).collect::<Vec<_>>());
}

#[test]
fn records_are_in_order_of_sending_some_late_some_twice_some_broken() {
    let all = history(7, 3);
    assert!(all.is_sorted_by_key(|emission| emission.sent_at));
    assert!(all.iter().all(|emission| emission.event_time <= emission.sent_at));
    let share = |count: usize| count as f64 / all.len() as f64;
    let late = all.iter().filter(|e| e.sent_at - e.event_time > Span(250 * Span::SECOND.0)).count();
    assert!((0.015..0.035).contains(&share(late)), "{late} of {}", all.len());
    let different: BTreeSet<(&str, &[u8])> = all.iter().map(|e| (e.topic, e.value.as_slice())).collect();
    let copies = all.len() - different.len();
    assert!((0.007..0.013).contains(&share(copies)), "{copies} of {}", all.len());
    let broken = all.iter().filter(|e| serde_json::from_slice::<Value>(&e.value).is_err()).count();
    assert!((5..100).contains(&broken), "{broken}");
}

#[test]
fn the_figures_of_the_last_week_are_those_of_the_story() {
    let all = history(11, 6);
    assert!((250_000..400_000).contains(&all.len()), "{}", all.len());
    let week = Span::WEEK;
    let rows: Vec<(&str, Value)> = all
        .iter()
        .filter(|emission| emission.event_time > now() - week)
        .filter_map(|emission| Some((emission.topic, serde_json::from_slice(&emission.value).ok()?)))
        .collect();
    let count = |topic: &str, wanted: &dyn Fn(&Value) -> bool| {
        rows.iter().filter(|(of, row)| *of == topic && wanted(row)).count() as f64
    };
    let ratio = |topic: &str, part: &dyn Fn(&Value) -> bool, total: &dyn Fn(&Value) -> bool| {
        count(topic, part) / count(topic, total)
    };
    let check =
        |what: &str, value: f64, range: std::ops::Range<f64>| assert!(range.contains(&value), "{what}: {value}");
    let any = |_: &Value| true;
    let mispicks = count("wms.errors", &|row| row["category"] == "mispick");
    check("pick accuracy", 1.0 - mispicks / count("wms.picks", &any), 0.968..0.975);
    let of = |area: &'static str| move |row: &Value| row["area"] == area;
    let by = |area: &'static str, who: &'static [&'static str]| {
        move |row: &Value| row["area"] == area && who.contains(&row["done_by"].as_str().unwrap_or_default())
    };
    let automation = ratio("wms.tasks", &by("warehouse", &["robot", "conveyor", "sorter"]), &of("warehouse"));
    check("automation", automation, 0.52..0.57);
    check("manual", ratio("wms.tasks", &by("order-desk", &["clerk"]), &of("order-desk")), 0.44..0.48);
    let orders = count("oms.orders", &|row| row["type"] == "order.created");
    check("orders a day", orders / 7.0, 720.0..840.0);
    let complaints = count("crm.tickets", &|row| row["reason"] == "complaint");
    check("complaints", complaints / orders, 0.019..0.0245);
    check("satisfied", ratio("crm.surveys", &|row| row["score"].as_i64() >= Some(4), &any), 0.89..0.93);
}

#[test]
fn people_have_spoken_by_now_and_not_later() {
    let (setting, _) = Setting::at(now(), 6, 1).unwrap();
    let said = check_ins(&setting, now());
    assert_eq!(said.iter().filter(|said| said.key_result == "net-promoter").count(), 6);
    assert!(said.iter().any(|said| said.blocker.is_some()));
    assert!(said.iter().all(|said| said.at <= now()));
    let book = load(SAMPLE_BOOK);
    for said in said {
        let objective = book.objectives.iter().find(|objective| objective.id == said.objective).unwrap();
        assert!(objective.key_results.iter().any(|key_result| key_result.id == said.key_result));
    }
}
