//! The floor: the instant below which nothing can matter any more. A function of (book, at), never of arrival.
//!
//! The **reach** is the earliest instant that any window, baseline or cohort of the book can read:
//!
//! | of a key result | is read back to |
//! |---|---|
//! | window cycle, to_date | the cycle's start: they are clipped to it |
//! | window trailing D | the cycle's start − D − 7 d: the window of its first day, and `change_7d`'s, which looks a week further back |
//! | the same of `within: H` | H earlier: windows are laid from as_of − H |
//! | a day of maintain, a recorded day | as its window: days begin with the cycle |
//! | `during`, `per`, `stat: { max: day }` | as its window: they cut, divide and choose within it |
//! | a measured baseline | the beginning of its range |
//!
//! Before a cycle has begun its trailing windows are shown already: `at` stands for the start then. A cycle that ended (with `settle`) more
//! than [`CLOSED_CYCLE_REACH`] ago no longer counts, unless all did.
//!
//! The **floor** lies the longest `give_up` below the reach. Both are the beginning of a UTC day, so that they move once a day at most
//! and every bucket and day of ids lies on one side. What follows:
//!
//! | what | below the floor |
//! |---|---|
//! | a pair whose least start lies below reach − its `give_up` | is out of every score, at once: see `Ledger::raise_floor` |
//! | an event | is counted and left out |
//! | cells, bins, distinct values, ids of days | are let go |
//! | what was told of a level's key | is let go but for the last: it holds until something else is told |
//! | a half-pair whose every instant lies below | is kept [`KEY_WATCH`] longer for nothing but to see its key come again, then let go |
//!
//! Facts that were let go cannot be had back, so a floor never sinks while a process runs; one that a book edit puts lower shows in
//! `data_from`, since chunks name the floor under which something was left out.

use std::collections::BTreeMap;

use crate::aggregate::dedup::{UtcDay, utc_day};
use crate::aggregate::plan::{Facet, Grains, Plan};
use crate::book::{Book, Cycle, CycleIndex, KeyResult, MetricKind, Source, Stat, Window};
use crate::chunk::Below;
use crate::event::TopicIndex;
use crate::time::{Bucket, Grain, Span, Timestamp};

/// How long a closed cycle holds the floor.
pub const CLOSED_CYCLE_REACH: Span = Span(400 * Span::DAY.0);

/// How long before the reach a pair's start is waited for where its metric does not say: also where consumption begins.
pub const GIVE_UP_DEFAULT: Span = Span(60 * Span::DAY.0);

/// How far below the floor half-pairs are kept, so that a key that is used again is counted: after it nobody can know.
pub const KEY_WATCH: Span = Span(30 * Span::DAY.0);

/// How far before as_of `change_7d` lays its window.
const CHANGE_SPAN: Span = Span::WEEK;

/// Where scoring masks, and where facts are let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// The earliest instant that a window can read.
    pub reach: Timestamp,
    /// Below it nothing counts.
    pub at: Timestamp,
}

impl Floor {
    /// No floor at all.
    pub const NONE: Floor = Floor { reach: Timestamp(i64::MIN), at: Timestamp(i64::MIN) };

    /// The floor of `book` at `at`.
    pub fn of(book: &Book, at: Timestamp) -> Floor {
        Floor { reach: reach(book, at), at: floor(book, at) }
    }

    /// The higher of both, part by part.
    pub fn max(self, other: Floor) -> Floor {
        Floor { reach: self.reach.max(other.reach), at: self.at.max(other.at) }
    }

    /// The first bucket that does not lie below.
    pub fn bucket(self, grain: Grain) -> Bucket {
        // A floor that was never set is lower than any bucket.
        Bucket(i32::try_from(self.at.0.div_euclid(grain.0.0)).unwrap_or(i32::MIN))
    }

    /// The first day of ids that does not lie below.
    pub fn day(self) -> UtcDay {
        if self == Floor::NONE { UtcDay::MIN } else { utc_day(self.at) }
    }

    /// The same for stored chunks.
    pub fn below(self, plan: &Plan) -> Below {
        let Grains { tallies, sketches, sets } = plan.grains();
        let mut grains = BTreeMap::new();
        for aggregate in &plan.aggregates {
            let grain = match aggregate.facet {
                Facet::Tally(index) => tallies[index.0 as usize],
                Facet::Sketch(index) => sketches[index.0 as usize],
                Facet::Set(index) => sets[index.0 as usize],
                Facet::Levels(index) => plan.levels[index.0 as usize].grain,
                Facet::Pairs(_) => continue,
            };
            grains.insert(aggregate.id, grain);
        }
        Below { floor: self.at, halves: self.halves(), grains }
    }

    /// Half-pairs whose every instant lies below it are let go.
    pub fn halves(self) -> Timestamp {
        Timestamp(self.at.0.saturating_sub(KEY_WATCH.0))
    }
}

/// The earliest instant that a window of `book` can read at `at`.
pub fn reach(book: &Book, at: Timestamp) -> Timestamp {
    let open = |cycle: CycleIndex| {
        let cycle = &book.cycles[usize::from(cycle.0)];
        cycle.end.0.saturating_add(cycle.settle.0).saturating_add(CLOSED_CYCLE_REACH.0) >= at.0
    };
    let of = |(cycle, key_results): &(CycleIndex, Vec<&KeyResult>)| {
        let cycle = &book.cycles[usize::from(cycle.0)];
        let reaches = key_results.iter().map(|key_result| key_result_reach(cycle, key_result, at));
        reaches.min().unwrap_or(cycle.start.min(at))
    };
    let objectives = book.objectives.iter().map(|o| (o.cycle, o.key_results.iter().collect()));
    let kpis = book.kpis.iter().map(|kpi| (kpi.cycle, vec![&kpi.shown]));
    let all: Vec<(CycleIndex, Vec<&KeyResult>)> = objectives.chain(kpis).collect();
    let reaches = all.iter().filter(|(cycle, _)| open(*cycle)).map(of).min();
    start_of_day(reaches.or(all.iter().map(of).max()).unwrap_or(Timestamp(0)))
}

/// The earliest instant that one key result can read: whatever it comes to read belongs here.
fn key_result_reach(cycle: &Cycle, key_result: &KeyResult, at: Timestamp) -> Timestamp {
    let begins = cycle.start.min(at);
    let horizon = match key_result.source {
        Source::Metric { stat: Stat::Within(horizon), .. } => horizon,
        _ => Span(0),
    };
    let window = match key_result.window {
        Window::Trailing(length) => {
            Timestamp(begins.0.saturating_sub(length.0).saturating_sub(horizon.0).saturating_sub(CHANGE_SPAN.0))
        }
        Window::Cycle | Window::ToDate(_) => begins,
    };
    key_result.goal.measured().map_or(window, |range| window.min(range.from))
}

/// The floor: below it nothing counts, and the reading of a partition begins there that was never read, so that pairs find their starts.
pub fn floor(book: &Book, at: Timestamp) -> Timestamp {
    let give_up = book.metrics.iter().map(|metric| match &metric.kind {
        MetricKind::Duration(duration) => duration.give_up,
        _ => GIVE_UP_DEFAULT,
    });
    let give_up = give_up.max().unwrap_or(GIVE_UP_DEFAULT);
    start_of_day(Timestamp(reach(book, at).0.saturating_sub(give_up.0)))
}

/// Where the reading of a partition of `topic` begins that was never read: at [`floor`], but for a topic that tells of levels at its
/// beginning, for what was told of a key long ago holds until something else is.
pub fn begin(book: &Book, topic: TopicIndex, at: Timestamp) -> Timestamp {
    let tells = book.metrics.iter().any(|metric| match &metric.kind {
        MetricKind::Level { rows, .. } => book.events[usize::from(rows.event.0)].topic == topic,
        _ => false,
    });
    if tells { Timestamp::MIN } else { floor(book, at) }
}

fn start_of_day(at: Timestamp) -> Timestamp {
    Timestamp(at.0.div_euclid(Span::DAY.0).saturating_mul(Span::DAY.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{SourceFile, load};

    fn book(cycles: &str, key_results: &[(&str, &str)]) -> Book {
        let goals: Vec<String> = (0..)
            .zip(key_results)
            .map(|(n, (cycle, key_result))| {
                format!("  - {{ id: o{n}, cycle: {cycle}, title: t, owner: o, key_results: [{{ id: k, title: t, {key_result} }}] }}\n")
            })
            .collect();
        let text = format!(
            "apiVersion: krscore/v1\ncycles:\n{cycles}events:\n  e: {{ topic: t, time: at }}\n  f: {{ topic: t, time: at }}\n\
             metrics:\n  n: {{ type: count, event: e }}\n  d: {{ type: duration, from: e, to: f, key: k, give_up: GIVE }}\nobjectives:\n{}",
            goals.concat()
        );
        let text = text.replace("GIVE", if key_results.iter().any(|(_, kr)| kr.contains("d,")) { "90d" } else { "1d" });
        let sources = [SourceFile { name: "book.yaml".to_owned(), text }];
        match load(&sources) {
            Ok(loaded) => loaded.book,
            Err(faults) => panic!("{}", crate::book::render(&faults, &sources, false)),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(&format!("{text}T12:00:00Z")).expect("a day")
    }

    fn day(at: Timestamp) -> String {
        at.to_string().split('T').next().unwrap_or_default().to_owned()
    }

    const TWO: &str = "  - { id: old, start: 2024-01-01, end: 2025-01-01, timezone: Etc/UTC }\n  - { id: new, start: 2026-01-01, end: 2027-01-01, timezone: Etc/UTC }\n";
    const COUNT: &str = "metric: n, baseline: 0, target: 9";

    #[test]
    fn the_reach_is_what_the_table_says() {
        let check = |key_result: &str, when: &str, expected: &str| {
            let book = book(TWO, &[("new", key_result)]);
            assert_eq!(day(reach(&book, at(when))), expected, "{key_result} at {when}");
        };
        check(COUNT, "2026-06-01", "2026-01-01");
        check("metric: n, baseline: 0, target: 9, window: { to_date: month }", "2026-06-01", "2026-01-01");
        check("metric: n, baseline: 0, target: 9, window: { trailing: 7d }", "2026-06-01", "2025-12-18");
        check("metric: d, stat: { within: 10d }, baseline: 0%, target: 90%", "2026-06-01", "2025-12-08");
        check("metric: d, stat: { within: 10d }, baseline: 0%, target: 90%, window: cycle", "2026-06-01", "2026-01-01");
        check("metric: n, at_least: 9, window: { trailing: 7d }", "2026-06-01", "2025-12-18");
        let measured = "metric: d, stat: mean, baseline: { from: 2025-03-02, to: 2025-04-01 }, change: -10%";
        check(measured, "2026-06-01", "2025-03-02");
        check(measured, "2025-02-01", "2025-01-18");
        // Not begun: as if it began now.
        check("metric: n, baseline: 0, target: 9, window: { trailing: 7d }", "2025-12-15", "2025-12-01");
        check(COUNT, "2025-12-15", "2025-12-15");
    }

    #[test]
    fn a_closed_cycle_holds_the_floor_for_400_days_after_it_settled_and_the_floor_never_sinks() {
        let book = book(TWO, &[("old", COUNT), ("new", COUNT)]);
        let settled = "2025-01-04";
        let last = Timestamp(at(settled).0 + CLOSED_CYCLE_REACH.0 - Span::DAY.0);
        assert_eq!(day(reach(&book, last)), "2024-01-01");
        assert_eq!(day(reach(&book, Timestamp(last.0 + Span::DAY.0))), "2026-01-01");
        // Long after all have closed the latest still holds it.
        assert_eq!(day(reach(&book, at("2040-01-01"))), "2026-01-01");
        let mut before = Floor::NONE;
        for days in 0..6_000 {
            let now = Floor::of(&book, Timestamp(at("2023-06-01").0 + days * Span::DAY.0));
            assert!(now.reach >= before.reach && now.at >= before.at, "day {days}");
            before = now;
        }
    }

    #[test]
    fn a_topic_that_tells_of_levels_is_read_from_its_beginning_and_others_from_the_floor() {
        let text = "apiVersion: krscore/v1
cycles: [ { id: c, start: 2026-10-01, end: 2027-01-01, timezone: UTC } ]
events: { picked: { topic: picks, time: at }, counted: { topic: counts, time: at } }
metrics: { picks: { type: count, event: picked }, stock: { type: level, event: counted, key: sku, value: quantity } }
objectives:
  - { id: o, title: o, key_results: [ { id: p, title: t, metric: picks, at_least: 1 }, { id: s, title: t, metric: stock, at_least: 1 } ] }
";
        let book = load(&[SourceFile { name: "book.yaml".to_owned(), text: text.to_owned() }]).expect("a book").book;
        let now = at("2026-11-01");
        let topics = book.topics.iter().zip(0..);
        let begins = topics.map(|(topic, index)| (topic.name.as_str(), begin(&book, TopicIndex(index), now)));
        assert_eq!(begins.collect::<Vec<_>>(), [("counts", Timestamp::MIN), ("picks", floor(&book, now))]);
    }

    #[test]
    fn the_floor_lies_the_longest_give_up_below_the_reach() {
        assert_eq!(day(floor(&book(TWO, &[("new", COUNT)]), at("2026-06-01"))), "2025-11-02");
        let duration = "metric: d, stat: mean, baseline: 9d, target: 1d, window: cycle";
        assert_eq!(day(floor(&book(TWO, &[("new", duration)]), at("2026-06-01"))), "2025-10-03");
    }
}
