//! Measured baselines: the key result's own measure over a range of its own, frozen once that range has settled.
//!
//! | everything is known up to | stage | the baseline | the key result |
//! |---|---|---|---|
//! | before the range's end (of a cohort: + D) | measuring | what there is of it so far | `insufficient_data` |
//! | then, before + `settle` | provisional | of today's facts | judged, and the reason says so |
//! | from then on | settled, then frozen with n and offsets | as it was frozen; `now` follows today's facts | judged |
//!
//! One that has no value, too few events, or a range that the facts do not cover from its beginning, judges nothing and is not frozen.
//! A frozen one holds for a past instant, too: `change_7d` shows the way of the value, not of the line.

use super::key_result::{Covered, Scorer};
use super::result::{BaselineFault, BaselineStage, MeasuredBaseline};
use super::status::WindowCoverage;
use super::window::Laid;
use crate::aggregate::member::MemberId;
use crate::book::MeasuredRange;
use crate::time::Timestamp;

impl Scorer<'_> {
    /// The baseline as it is measured or was frozen; `None` where it is written.
    pub(super) fn measured_baseline(&mut self, measure: Option<Covered<'_>>) -> Option<MeasuredBaseline> {
        let (range, plan, measure) = (self.key_result.goal.measured()?, self.plan?, measure?);
        let id = plan.baseline?;
        let input = &self.context.input;
        let horizon = plan.horizon.unwrap_or_default();
        let ends_at = range.to + horizon;
        let settles_at = ends_at + self.cycle.settle;
        // The line is that of today, whatever past instant is looked at.
        let watermark = |event| input.facts.event(event).watermark;
        let known = plan.events.iter().try_fold(input.now, |known, event| Some(known.min(watermark(*event)?)));
        let frozen = input.baselines.iter().find(|frozen| frozen.id == id);
        let stage = match (frozen, known) {
            (Some(frozen), _) => BaselineStage::Frozen { at: frozen.frozen_at },
            (None, Some(known)) if known >= settles_at => BaselineStage::Settled,
            (None, Some(known)) if known >= ends_at => BaselineStage::Provisional,
            (None, _) => BaselineStage::Measuring,
        };
        let judged = known.map_or(range.from, |known| known - horizon);
        let window = plan_window(range, judged, plan.grain);
        let reading = self.read_over(measure, MemberId::NONE, window);
        let now = reading.quantity.value.as_ref().and_then(super::goal::rounded);
        let mut measured = MeasuredBaseline {
            id,
            from: range.from,
            to: range.to,
            settles_at,
            stage,
            fault: None,
            value: now,
            n: reading.quantity.n,
            now,
        };
        match frozen {
            Some(frozen) => (measured.value, measured.n) = (Some(frozen.value), frozen.n),
            None => measured.fault = self.baseline_fault(&measured, reading.coverage),
        }
        Some(measured)
    }

    /// Why nothing can be held against it yet.
    fn baseline_fault(&self, measured: &MeasuredBaseline, coverage: WindowCoverage) -> Option<BaselineFault> {
        let least = self.key_result.min_events;
        match coverage {
            WindowCoverage::From(from) | WindowCoverage::Nothing(Some(from)) if !self.key_result.partial_accepted => {
                return Some(BaselineFault::CoveredLate { from });
            }
            _ => {}
        }
        if measured.stage == BaselineStage::Measuring {
            return Some(BaselineFault::Measuring);
        }
        match (measured.value, measured.n, least) {
            (None, ..) => Some(BaselineFault::NoValue),
            (_, Some(n), Some(least)) if i128::from(n) < i128::from(least) => Some(BaselineFault::TooFew { n, least }),
            _ => None,
        }
    }
}

/// The range as far as it is judged: whole buckets, for midnights and `judged` alike.
fn plan_window(range: MeasuredRange, judged: Timestamp, grain: crate::time::Grain) -> Laid {
    let to = grain.floor(judged).min(range.to);
    if to <= range.from {
        let nowhere = grain.bucket(range.from);
        return Laid { from: range.from, to: range.from, buckets: nowhere..nowhere };
    }
    Laid { from: range.from, to, buckets: grain.bucket(range.from)..grain.bucket(to) }
}
