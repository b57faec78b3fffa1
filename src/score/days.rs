//! Days in band: the ended days of a cycle, each read once and judged.

use std::collections::BTreeMap;

use super::goal;
use super::key_result::{Covered, Scorer};
use super::line::Line;
use super::result::DayCount;
use super::status::WindowCoverage;
use crate::aggregate::member::MemberId;
use crate::book::Judge;
use crate::fixed::Fixed;
use crate::time::Timestamp;

/// Ended days that were judged: the instant of judgement, and whether in band.
pub(super) type Days = Vec<(Timestamp, bool)>;

/// What ended days read, by where the measure stands in the plan, and member; the days in order. A reading depends on its day alone, so
/// scores of one key result as of many instants share them; the band it is held against may differ.
#[derive(Debug, Default)]
pub(super) struct DayReadings {
    known: BTreeMap<(usize, MemberId), Vec<Option<Fixed>>>,
}

impl Scorer<'_> {
    /// The ended days of the cycle that have enough events to be judged, by the key result's own window as of their end. For a
    /// cohort a day is judged once its last start is: its end + horizon.
    pub(super) fn days(
        &mut self,
        measure: Option<Covered<'_>>,
        member: MemberId,
        as_of: Timestamp,
        line: &Line,
    ) -> Days {
        let Line::Band { at_least, at_most, judge: Judge::Days(_) } = *line else {
            return Days::new();
        };
        let horizon = self.plan.and_then(|plan| plan.horizon).unwrap_or_default();
        let ended = self.day_ends.iter().map(|end| *end + horizon).take_while(|at| *at <= as_of);
        let place = measure.map_or(0, |measure| std::ptr::from_ref(measure.measure).addr());
        let mut known = self.day_readings.known.remove(&(place, member)).unwrap_or_default();
        let mut days = Days::new();
        for (day, at) in ended.enumerate() {
            if day == known.len() {
                known.push(self.day_reading(measure, member, at));
            }
            if let Some(Some(value)) = known.get(day) {
                days.push((at, goal::in_band(*value, at_least, at_most)));
            }
        }
        self.day_readings.known.insert((place, member), known);
        days
    }

    /// The value of the day that is judged at `at`; nothing where it has none, too few events or no whole window.
    fn day_reading(&mut self, measure: Option<Covered<'_>>, member: MemberId, at: Timestamp) -> Option<Fixed> {
        let reading = self.read(measure, member, at, false);
        let least = self.key_result.min_events.map(i128::from);
        let enough = reading.quantity.n.zip(least).is_none_or(|(n, least)| i128::from(n) >= least);
        let covered = reading.coverage == WindowCoverage::Whole || self.key_result.partial_accepted;
        let value = reading.quantity.value.as_ref().and_then(goal::rounded);
        value.filter(|_| enough && covered)
    }
}

/// How many were in band, and how many were judged.
pub(super) fn count(days: &[(Timestamp, bool)]) -> DayCount {
    DayCount { in_band: days.iter().filter(|(_, in_band)| *in_band).count() as u32, judged: days.len() as u32 }
}
