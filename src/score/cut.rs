//! The instant that a key result is scored for: how far everything is known, whether it is closed, and what fell silent.

use crate::aggregate::facts::Facts;
use crate::aggregate::plan::KeyResultPlan;
use crate::book::{Book, Cycle, KeyResult, MetricKind, Source};
use crate::event::EventIndex;
use crate::time::{Span, Timestamp};

use super::window::OPEN;

/// The instants by which one key result is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) now: Timestamp,
    /// Everything before it is known; `None` while an event was not read at all. At most `now`.
    pub(super) known: Option<Timestamp>,
    /// The cycle's end, for a cohort with the horizon after which its last start is judged.
    pub(super) cap: Timestamp,
    /// `known`, at most `cap`.
    pub(super) as_of: Option<Timestamp>,
    /// Whether the bucket that holds as_of is in.
    pub(super) open: bool,
    /// Whether the score is final.
    pub(super) closed: bool,
}

impl Cut {
    /// Milestones and check-ins are known up to now; a metric up to the least watermark of its events. `past` leaves the open bucket
    /// out: it holds what came after that instant, too.
    pub(super) fn of(
        key_result: &KeyResult,
        plan: Option<&KeyResultPlan>,
        cycle: &Cycle,
        facts: &Facts,
        now: Timestamp,
        past: bool,
    ) -> Cut {
        let known = match (&key_result.source, plan) {
            (Source::Metric { .. }, None) => None,
            (Source::Metric { .. }, Some(plan)) => plan
                .events
                .iter()
                .try_fold(now, |known, event| facts.event(*event).watermark.map(|watermark| known.min(watermark))),
            (Source::Milestones(_) | Source::Manual, _) => Some(now),
        };
        let cap = cycle.end + plan.and_then(|plan| plan.horizon).unwrap_or_default();
        let as_of = known.map(|known| known.min(cap));
        Cut {
            now,
            known,
            cap,
            as_of,
            open: !past && as_of.is_some_and(|as_of| now - as_of <= OPEN),
            closed: known.is_some_and(|known| known >= cap) && now >= cap + cycle.settle,
        }
    }
}

/// Why a value can no longer be trusted to be today's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// A topic had no record for longer than it may; `last` is `None` where it never had any.
    Topic { topic: String, last: Option<Timestamp>, lasted: Span, allowed: Span },
    /// as_of trails now by more than that.
    Behind { lasted: Span, allowed: Span },
    /// Nobody checked in for longer than that.
    CheckIn { last: Timestamp, lasted: Span, allowed: Span },
}

/// What fell silent for too long, the worst first. `last_check_in` is the latest check-in of a manual key result.
///
/// After the cycle's end nobody need write anything any more: silence is measured up to the end, and for the events that end or void
/// a cohort's pairs up to the instant at which its last start is judged. A topic that never had a record is silent since the
/// cycle's start.
pub(super) fn silence(
    book: &Book,
    key_result: &KeyResult,
    plan: Option<&KeyResultPlan>,
    cycle: &Cycle,
    facts: &Facts,
    cut: &Cut,
    last_check_in: Option<Timestamp>,
) -> Option<Silence> {
    let allowed = key_result.silent_after?;
    if let (Source::Manual, Some(last)) = (&key_result.source, last_check_in) {
        let lasted = cut.now.min(cycle.end) - last;
        return (lasted > allowed).then_some(Silence::CheckIn { last, lasted, allowed });
    }
    let plan = plan?;
    let start = cohort_start(book, key_result);
    let topics = plan.events.iter().filter_map(|index| {
        let end = if start == Some(*index) { cycle.end } else { cut.cap };
        let last = facts.event(*index).last_record_at;
        let lasted = cut.now.min(end) - last.unwrap_or(cycle.start);
        (lasted > allowed).then_some((lasted, *index, last))
    });
    // The longest; of equal ones the first in the book.
    let longest = topics.reduce(|longest, other| if other.0 > longest.0 { other } else { longest });
    if let Some((lasted, index, last)) = longest {
        let event = &book.events[usize::from(index.0)];
        let topic = book.topics[usize::from(event.topic.0)].name.clone();
        return Some(Silence::Topic { topic, last, lasted, allowed });
    }
    let known = cut.known?;
    let lasted = cut.now - known;
    (known < cut.cap && lasted > allowed).then_some(Silence::Behind { lasted, allowed })
}

/// The event whose rows begin a cohort: after the cycle's end no more of them count.
fn cohort_start(book: &Book, key_result: &KeyResult) -> Option<EventIndex> {
    let Source::Metric { metric, .. } = key_result.source else {
        return None;
    };
    match &book.metrics[usize::from(metric.0)].kind {
        MetricKind::Duration(duration) => Some(duration.from),
        _ => None,
    }
}
