//! The reach: the earliest instant that any window, baseline or cohort of the book can read. A function of (book, at), never of arrival.
//!
//! | window | reaches back to |
//! |---|---|
//! | cycle, to_date | the cycle's start |
//! | trailing D | the cycle's start − D |
//! | any of these for `within: H` | H earlier for trailing; windows clipped to the cycle stay at its start |
//!
//! A cycle that ended (with `settle`) more than [`CLOSED_CYCLE_REACH`] ago no longer counts, unless all did.

use crate::book::{Book, Source, Stat, Window};
use crate::time::{Span, Timestamp};

/// How long a closed cycle holds the floor.
pub const CLOSED_CYCLE_REACH: Span = Span(400 * Span::DAY.0);

/// How long before the reach a pair's start is waited for where its metric does not say: also where consumption begins.
pub const GIVE_UP_DEFAULT: Span = Span(60 * Span::DAY.0);

/// The earliest instant that a window of `book` can read at `at`.
pub fn reach(book: &Book, at: Timestamp) -> Timestamp {
    let open = |o: &&crate::book::Objective| {
        let cycle = &book.cycles[usize::from(o.cycle.0)];
        cycle.end.0.saturating_add(cycle.settle.0).saturating_add(CLOSED_CYCLE_REACH.0) >= at.0
    };
    let of = |objective: &crate::book::Objective| {
        let cycle = &book.cycles[usize::from(objective.cycle.0)];
        let back = objective.key_results.iter().map(|kr| match (&kr.window, &kr.source) {
            (Window::Trailing(span), Source::Metric { stat: Stat::Within(horizon), .. }) => span.0 + horizon.0,
            (Window::Trailing(span), _) => span.0,
            _ => 0,
        });
        Timestamp(cycle.start.0 - back.max().unwrap_or(0))
    };
    let reaches = book.objectives.iter().filter(open).map(of).min();
    let all = book.objectives.iter().map(of).max();
    reaches.or(all).unwrap_or(Timestamp(0))
}

/// Where the reading of a partition begins that was never read: before the reach, so that pairs find their starts.
pub fn floor(book: &Book, at: Timestamp) -> Timestamp {
    let give_up = book.metrics.iter().filter_map(|metric| match &metric.kind {
        crate::book::MetricKind::Duration(duration) => Some(duration.give_up),
        _ => None,
    });
    let give_up = give_up.max().unwrap_or(GIVE_UP_DEFAULT);
    Timestamp(reach(book, at).0.saturating_sub(give_up.0))
}
