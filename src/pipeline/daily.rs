//! Daily facts: each key result as of the end of each local day of its cycle, once that day is known, and again when it has changed since.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::score::{self, KeyResultScore, ScoreInput};
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// A key result as of the end of a local day.
#[derive(Clone, Debug, PartialEq)]
pub struct DailyFact {
    /// Position of the objective in the book.
    pub objective: usize,
    /// Position of the key result in the objective.
    pub key_result: usize,
    /// The local day in the cycle's zone.
    pub day: Date,
    /// Scored as of the day's end from the facts of this cut.
    pub score: KeyResultScore,
}

/// What was last recorded of a day, members too; a day is recorded again when this changes.
type Recorded = KeyResultScore;

/// Which days were recorded.
#[derive(Clone, Debug, Default)]
pub(super) struct Daily {
    /// By (objective, key result): the day after the last recorded one, and what was recorded.
    known: BTreeMap<(usize, usize), BTreeMap<Date, Recorded>>,
    /// The key result whose past days are looked at next: one a publication, so that restating costs little at a time.
    turn: usize,
}

impl Daily {
    /// The facts to record with `snapshot`: days newly known, and changed days of the key result whose turn it is. Days of a cycle that began
    /// below `reach` are over: their facts are let go, and what was recorded of them stays.
    pub(super) fn facts(&mut self, input: &ScoreInput<'_>, snapshot: &Snapshot, reach: Timestamp) -> Vec<DailyFact> {
        let mut facts = Vec::new();
        let all: Vec<(usize, usize)> = (input.book.objectives.iter().enumerate())
            .flat_map(|(o, objective)| (0..objective.key_results.len()).map(move |k| (o, k)))
            .collect();
        if all.is_empty() {
            return facts;
        }
        self.turn = (self.turn + 1) % all.len();
        for (position, (o, k)) in all.into_iter().enumerate() {
            let objective = &input.book.objectives[o];
            let cycle = &input.book.cycles[usize::from(objective.cycle.0)];
            if cycle.start < reach {
                continue;
            }
            let Some(as_of) = snapshot.scores.objectives[o].key_results[k].as_of else { continue };
            let recorded = self.known.entry((o, k)).or_default();
            let restating = position == self.turn;
            let first = recorded.last_key_value().map(|(day, _)| *day).filter(|_| !restating);
            for (day, _, end) in cycle.zone.days(cycle.start_date, cycle.end_date) {
                if first.is_some_and(|first| day <= first) {
                    continue;
                }
                if end > as_of {
                    break;
                }
                let Some(score) = score::key_result_at(input, o, k, end) else { continue };
                // The latest event of all moves with every record and tells nothing of that day.
                let now = KeyResultScore { last_event_at: None, ..score.clone() };
                if recorded.get(&day) != Some(&now) {
                    recorded.insert(day, now);
                    facts.push(DailyFact { objective: o, key_result: k, day, score });
                }
            }
        }
        facts
    }
}
