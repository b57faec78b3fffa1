//! Where one record's facts go, what of it could not be counted, and whose clock is wrong.

use super::dedup::Ids;
use super::delta::Delta;
use super::member::Members;
use super::pair::Tuples;
use crate::event::EventIndex;
use crate::time::{Span, Timestamp};

/// How much later than its record's own timestamp an event may be before it is taken for a wrong clock.
pub const FUTURE_TOLERANCE: Span = Span(5 * Span::MINUTE.0);

/// Value faults of a metric and reason that are offered as samples between two cuts; all are counted.
const FAULT_SAMPLES_MAX: u64 = 100;

/// What all partitions share while records are taken in.
#[derive(Debug)]
pub struct Interned<'s> {
    /// Members of dimensions.
    pub members: &'s mut Members,
    /// Tuples of members that starts carry.
    pub tuples: &'s mut Tuples,
}

/// A record that could not be counted, an event of it, or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The event; `None` where the record itself is broken, or only a value of it.
    pub event: Option<EventIndex>,
    /// Which element of the record's array, where the event's rows are elements.
    pub element: Option<u32>,
    /// The metric that could not take a value of the record, or `event/NAME`; the record counts otherwise.
    pub metric: Option<String>,
    /// Why, as the metric's label has it.
    pub reason: &'static str,
    /// What is wrong, with the place in the text.
    pub detail: String,
}

/// Where one record's facts go.
pub(super) struct Sink<'s> {
    pub(super) interned: Interned<'s>,
    pub(super) ids: &'s mut Ids,
    pub(super) delta: &'s mut Delta,
    pub(super) refusals: &'s mut Vec<Refusal>,
    /// The element that is the row.
    pub(super) element: Option<u32>,
}

/// Whether an event claims to be later than its own record, beyond what clocks may differ.
pub(super) fn is_future(at: Timestamp, record_at: Option<Timestamp>) -> bool {
    record_at.is_some_and(|record_at| at.0 > record_at.0.saturating_add(FUTURE_TOLERANCE.0))
}

impl Sink<'_> {
    pub(super) fn see_time(&mut self, event: EventIndex, at: Timestamp, record_at: Option<Timestamp>) {
        let times = &mut self.delta.times[usize::from(event.0)];
        times.last_event_at = times.last_event_at.max(Some(at));
        if !is_future(at, record_at) {
            times.watermark = times.watermark.max(Some(at));
        }
        if record_at.is_none() {
            // A line of a file has no timestamp of its own: its event time stands in.
            self.delta.last_record_at = self.delta.last_record_at.max(Some(at));
        }
    }

    pub(super) fn value_fault(&mut self, metric: &str, reason: &'static str) {
        let count = self.delta.counts.value_faults.entry((metric.to_owned(), reason)).or_default();
        *count += 1;
        if *count <= FAULT_SAMPLES_MAX {
            let detail = format!("{metric}: {reason}");
            let (element, metric) = (self.element, Some(metric.to_owned()));
            self.refusals.push(Refusal { event: None, element, metric, reason, detail });
        }
    }

    pub(super) fn refuse(&mut self, event: EventIndex, reason: &'static str, detail: String) {
        *self.delta.counts.dead_letters.entry(reason).or_default() += 1;
        self.refusals.push(Refusal { event: Some(event), element: self.element, metric: None, reason, detail });
    }
}
