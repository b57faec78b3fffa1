//! Windows: which buckets a key result's value is computed from, as of an instant.
//!
//! | window | from | to |
//! |---|---|---|
//! | cycle | the cycle's start | as_of, at most the cycle's end |
//! | trailing D | ceil_to_bucket(as_of) − D, before the cycle too | as_of |
//! | to_date | the start of the local period that holds the last instant before as_of, at least the cycle's start | as_of, at most the cycle's end |
//! | of a cohort with horizon H | as above, with as_of − H for as_of | likewise; whole buckets only |
//!
//! A bucket is in if it lies between these as a whole. The one that as_of lies inside is in only while that bucket is *open*: as_of is
//! within [`OPEN`] of now. An as_of on a bucket's edge lies inside none: `[from, as_of)` ends there.

use std::ops::Range;

use crate::book::{Cycle, Window};
use crate::time::{Bucket, Grain, Span, Timestamp};

/// How near to now as_of must be for the bucket that holds it to be in.
pub(super) const OPEN: Span = Span::MINUTE;

/// What a window is laid by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) window: Window,
    pub(super) cycle: &'a Cycle,
    pub(super) grain: Grain,
    /// How long after a bucket's end it is judged; `None` where nothing waits to be judged.
    pub(super) horizon: Option<Span>,
}

/// A window laid down: `[from, to)` and its buckets. Empty where `to` is not after `from`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Laid {
    pub(super) from: Timestamp,
    /// The end of the last bucket, or as_of inside it.
    pub(super) to: Timestamp,
    pub(super) buckets: Range<Bucket>,
}

impl Laid {
    pub(super) fn is_empty(&self) -> bool {
        self.to <= self.from
    }
}

impl Frame<'_> {
    /// The window as of `as_of`; `open`: the bucket that holds it is in.
    pub(super) fn lay(&self, as_of: Timestamp, open: bool) -> Laid {
        let (basis, open) = match self.horizon {
            Some(horizon) => (as_of - horizon, false),
            None => (as_of, open),
        };
        let last = if open { self.grain.ceil(basis) } else { self.grain.floor(basis) };
        let (from, limit) = match self.window {
            Window::Trailing(length) => (self.grain.ceil(basis) - length, last),
            Window::Cycle => (self.cycle.start, self.cycle.end),
            Window::ToDate(period) => {
                let (start, end) = self.cycle.zone.period_holding_last_instant_before(basis, period);
                (start.max(self.cycle.start), end.min(self.cycle.end))
            }
        };
        let end = last.min(limit);
        if end <= from {
            let nowhere = self.grain.bucket(from);
            return Laid { from, to: from, buckets: nowhere..nowhere };
        }
        Laid { from, to: end.min(basis), buckets: self.grain.bucket(self.grain.ceil(from))..self.grain.bucket(end) }
    }
}
