//! What is missing: which aggregates of an edited book were not evaluated over offsets that can still be read. Pure.
//!
//! | in a partition, `start` is where it can be read from, `live` where live stands; A was evaluated over | A is filled over |
//! |---|---|
//! | all of `[start, live)`, or more, and live goes on evaluating it | nothing |
//! | all of `[start, live)`, and the book before the edit did not have it | nothing yet; `[live, …)` if the partition is read for another one's sake |
//! | nothing | `[start, …)` |
//! | `[start, 5)`, then the book did not have it | `[5, …)` |
//! | `[start, 5)` and, after a gap, `[9, live)`, which live goes on with | `[5, 9)` |
//! | `[0, 5)`, but the log now begins at 7 | `[7, …)`: what is gone is gone, and `data_from` tells |
//! | `[3, live)`, but the floor has moved down to 0 | `[0, 3)` |
//! | nothing, and nothing of the log can be read before `live` | nothing |
//!
//! A partition that live does not read (the edit brings its topic) is read up to the log's end instead of `live`. Where a lane begins: at
//! the first hole, or at the first offset of a stored chunk that lies across that offset, for its ids cannot be told apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::aggregate::plan::{AggregateId, Plan};
use crate::book::Book;
use crate::chunk::EvaluatedRange;
use crate::event::{Offset, Partition};
use crate::pipeline::message::LogStart;

/// What is known of a partition that the edited book reads, numbered by that book.
#[derive(Clone, Debug)]
pub struct PartitionView {
    /// The partition.
    pub partition: Partition,
    /// From where it can be read: the floor's offset, or the first one that the log still has.
    pub start: LogStart,
    /// Where live stands; `None` where it never committed.
    pub live: Option<Offset>,
    /// The log's end, where live does not read the partition; `None` where it does.
    pub unread_to: Option<Offset>,
    /// The offsets of its stored chunks.
    pub chunks: Vec<(Offset, Offset)>,
    /// The offsets over which each aggregate was evaluated; disjoint and rising.
    pub ranges: BTreeMap<AggregateId, Vec<EvaluatedRange>>,
}

/// Offsets over which the same aggregates are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First offset.
    pub from: Offset,
    /// The offset after the last; [`Offset::MAX`] for all that follow.
    pub to: Offset,
    /// What is to be evaluated; where that is nothing, ids are registered only.
    pub missing: BTreeSet<AggregateId>,
    /// Whether live counts these records nowhere, so that the lane does.
    pub counted: bool,
}

/// What a lane has to do in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The partition.
    pub partition: Partition,
    /// Where the lane begins to read.
    pub begin: Offset,
    /// Since when the log is known to be complete, if the lane begins where the log is read from.
    pub complete_since: Option<crate::time::Timestamp>,
    /// Where it stops for now: where live stands, or the log's end where live does not read.
    pub target: Offset,
    /// Side by side from `begin` on.
    pub segments: Vec<Segment>,
}

/// What has to be filled before `book` can take effect; empty if nothing. `active` are the aggregates that live evaluates.
pub fn needs(book: &Book, plan: &Plan, active: &BTreeSet<AggregateId>, views: &[PartitionView]) -> Vec<Need> {
    views.iter().filter_map(|view| need(book, plan, active, view)).collect()
}

/// The aggregates that the needs fill, each once.
pub fn missing(needs: &[Need]) -> BTreeSet<AggregateId> {
    needs.iter().flat_map(|need| &need.segments).flat_map(|segment| segment.missing.iter().copied()).collect()
}

fn need(book: &Book, plan: &Plan, active: &BTreeSet<AggregateId>, view: &PartitionView) -> Option<Need> {
    let reads = |event: &crate::event::EventIndex| book.events[usize::from(event.0)].topic == view.partition.topic;
    let fed = plan.aggregates.iter().filter(|aggregate| aggregate.events.iter().any(reads));
    let holes: Vec<(AggregateId, Vec<(Offset, Offset)>)> = fed
        .map(|aggregate| (aggregate.id, holes(view, aggregate.id, active.contains(&aggregate.id))))
        .filter(|(_, holes)| !holes.is_empty())
        .collect();
    let target = view.unread_to.max(view.live).unwrap_or(view.start.offset);
    let all = || holes.iter().flat_map(|(_, holes)| holes);
    if !all().any(|(from, _)| *from < target) {
        return None;
    }
    let first = all().map(|(from, _)| *from).min().unwrap_or(target);
    let begin = clear_of_chunks(first, &view.chunks).max(view.start.offset);
    let counted_from = view.unread_to.map_or(Offset::MAX, |_| view.live.unwrap_or(view.start.offset));
    let mut edges: BTreeSet<Offset> = all().flat_map(|(from, to)| [*from, *to]).collect();
    edges.extend([begin, counted_from, Offset::MAX]);
    let edges: Vec<Offset> = edges.into_iter().filter(|edge| *edge >= begin).collect();
    let segment = |pair: &[Offset]| {
        let (from, to) = (pair[0], pair[1]);
        let has = |holes: &[(Offset, Offset)]| holes.iter().any(|hole| hole.0 <= from && to <= hole.1);
        let missing = holes.iter().filter(|(_, holes)| has(holes)).map(|(id, _)| *id).collect();
        Segment { from, to, missing, counted: from >= counted_from }
    };
    let complete_since = view.start.complete_since.filter(|_| begin == view.start.offset);
    let segments = edges.windows(2).map(segment).collect();
    Some(Need { partition: view.partition, begin, complete_since, target, segments })
}

/// The offsets from `start` on over which an aggregate was not evaluated, and will not be by live.
fn holes(view: &PartitionView, id: AggregateId, is_active: bool) -> Vec<(Offset, Offset)> {
    let mut holes = Vec::new();
    let mut next = view.start.offset;
    for range in view.ranges.get(&id).map_or(&[][..], Vec::as_slice) {
        if next < range.from {
            holes.push((next, range.from));
        }
        next = next.max(range.to);
    }
    // Live evaluates what it has from where it stands, or will begin.
    let end = if is_active && view.unread_to.is_none() { view.live.unwrap_or(view.start.offset) } else { Offset::MAX };
    if next < end {
        holes.push((next, end));
    }
    holes
}

/// The greatest offset up to `offset` that no chunk lies across.
fn clear_of_chunks(mut offset: Offset, chunks: &[(Offset, Offset)]) -> Offset {
    while let Some(from) =
        chunks.iter().filter(|(from, to)| *from < offset && offset < *to).map(|(from, _)| *from).min()
    {
        offset = from;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::plan::{Aggregate, Facet, TallyIndex};
    use crate::book::{SourceFile, load};
    use crate::event::{EventIndex, TopicIndex};

    fn book() -> Book {
        let text = "
apiVersion: krscore/v1
cycles: [{ id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }]
events: { e: { topic: t, time: at } }
metrics: { m: { type: count, event: e } }
objectives: [{ id: o, title: t, owner: o, key_results: [{ id: k, title: t, metric: m, baseline: 0, target: 1 }] }]
";
        load(&[SourceFile { name: "b".to_owned(), text: text.to_owned() }]).expect("a book").book
    }

    /// Aggregates A, B, … with `ranges` as `A:0-5,9-12 B:0-12`; `active` by letter; chunks as `0-5 5-12`; live and the log's end may be missing (−1).
    fn check(ranges: &str, active: &str, (start, live, end): (Offset, Offset, Offset), chunks: &str, expected: &str) {
        let id = |letter: char| AggregateId(letter as u64);
        let pair = |text: &str| {
            let (from, to) = text.split_once('-').expect("a-b");
            (from.parse::<Offset>().expect("a number"), to.parse::<Offset>().expect("a number"))
        };
        let range = |text: &str| EvaluatedRange { from: pair(text).0, to: pair(text).1, since: None };
        let known: BTreeMap<AggregateId, Vec<EvaluatedRange>> = ranges
            .split_whitespace()
            .map(|text| {
                (
                    id(text.chars().next().expect("a letter")),
                    text[2..].split(',').filter(|t| !t.is_empty()).map(range).collect(),
                )
            })
            .collect();
        let aggregate = |id: &AggregateId| Aggregate {
            id: *id,
            definition: String::new(),
            metric: String::new(),
            events: vec![EventIndex(0)],
            facet: Facet::Tally(TallyIndex(0)),
        };
        let plan = Plan { aggregates: known.keys().map(aggregate).collect(), ..Plan::default() };
        let view = PartitionView {
            partition: Partition { topic: TopicIndex(0), number: 0 },
            start: LogStart { offset: start, complete_since: None },
            live: Some(live).filter(|live| *live >= 0),
            unread_to: Some(end).filter(|end| *end >= 0),
            chunks: chunks.split_whitespace().map(pair).collect(),
            ranges: known,
        };
        let found = needs(&book(), &plan, &active.chars().map(id).collect(), &[view]);
        let segment = |segment: &Segment| {
            let to = if segment.to == Offset::MAX { String::new() } else { segment.to.to_string() };
            let letters: String = segment.missing.iter().map(|id| id.0 as u8 as char).collect();
            format!("{}-{to}:{letters}{}", segment.from, if segment.counted { "+" } else { "" })
        };
        let text = |need: &Need| need.segments.iter().map(segment).collect::<Vec<_>>().join(" ");
        assert_eq!(
            found.iter().map(text).collect::<Vec<_>>().join("; "),
            expected,
            "{ranges} active {active} at {live}"
        );
    }

    #[test]
    fn what_was_evaluated_is_not_filled_again_and_what_is_gone_cannot_be() {
        check("A:0-12", "A", (0, 12, -1), "0-12", "");
        check("A:0-12", "", (0, 12, -1), "0-12", "");
        check("A:", "", (0, 12, -1), "0-12", "0-:A");
        check("A:0-5", "", (0, 12, -1), "0-5 5-12", "5-:A");
        // A chunk lies across 5: its ids before 5 cannot be told from those after.
        check("A:0-5", "", (0, 12, -1), "0-3 3-12", "3-5: 5-:A");
        check("A:0-5", "", (0, 12, -1), "0-3 3-7 2-4 7-12", "0-5: 5-:A");
        check("A:0-5,9-12", "A", (0, 12, -1), "0-5 5-9 9-12", "5-9:A 9-:");
        check("A:0-5,9-12", "", (0, 12, -1), "0-5 5-9 9-12", "5-9:A 9-12: 12-:A");
        check("A:0-5", "", (7, 12, -1), "0-5 5-12", "7-:A");
        check("A:0-5", "", (5, 5, -1), "0-5", "");
        check("A:3-12", "A", (0, 12, -1), "3-12", "0-3:A 3-:");
        check("A:3-12", "A", (3, 12, -1), "3-12", "");
        check("A:", "", (12, 12, -1), "0-12", "");
        check("A:", "", (0, -1, -1), "", "");
        check("A:", "A", (0, -1, -1), "", "");
        // The active book has it, and live has not cut since.
        check("A:0-5", "A", (0, 9, -1), "0-5 5-9", "5-9:A 9-:");
        // Two aggregates: the one that is whole so far goes on where live will leave it behind.
        check("A: B:0-12", "", (0, 12, -1), "0-12", "0-12:A 12-:AB");
        check("A: B:0-12", "B", (0, 12, -1), "0-12", "0-:A");
        check("A:0-5 B:0-9", "", (0, 12, -1), "0-5 5-9 9-12", "5-9:A 9-:AB");
        // A topic that live does not read: up to the log's end, and counted from where live once stood.
        check("A:", "", (0, -1, 9), "", "0-:A+");
        check("A:", "", (4, -1, 4), "", "");
        check("A: B:0-5", "", (0, 5, 9), "0-5", "0-5:A 5-:AB+");
    }
}
