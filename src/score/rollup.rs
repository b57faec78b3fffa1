//! Roll-up: key results become an objective's score, objectives a cycle.
//!
//! | key results | score | status |
//! |---|---|---|
//! | none judged, all for the same reason | null | that reason |
//! | none judged, for several reasons | null | `insufficient_data` |
//! | judged ones hold less than half of the weight | Σ w·s / Σ w of the judged | `insufficient_data` |
//! | otherwise, all closed | the same | `achieved` if it reaches Σ w·s* / Σ w, else `missed` |
//! | otherwise | the same | the worst of the judged |

use super::goal::{elapsed, rounded, share};
use super::plan;
use super::result::{CycleScore, KeyResultScore, ObjectiveScore, Status};
use crate::book::{Cycle, Objective};
use crate::fixed::{Fixed, Rational};
use crate::time::Timestamp;

/// Half of the weight.
const COVERAGE_MIN: Fixed = Fixed(500_000_000);

/// An objective's score from those of its key results, which it takes over.
pub(super) fn objective(objective: &Objective, key_results: Vec<KeyResultScore>, now: Timestamp) -> ObjectiveScore {
    let (mut all, mut judged) = (Rational::ZERO, Rational::ZERO);
    let (mut scored, mut wanted) = (Rational::ZERO, Rational::ZERO);
    for (key_result, result) in objective.key_results.iter().zip(&key_results) {
        let weight = key_result.weight.to_rational();
        if let (Some(score), true) = (result.score, result.status.is_judged()) {
            scored += weight.clone() * score.to_rational();
            wanted += weight.clone() * result.success.to_rational();
            judged += weight.clone();
        }
        all += weight;
    }
    let score = share(&scored, &judged).and_then(|score| rounded(&score));
    let success = share(&wanted, &judged).and_then(|success| rounded(&success));
    let coverage = share(&judged, &all).and_then(|coverage| rounded(&coverage)).unwrap_or(Fixed::ZERO);
    let status = status(&key_results, score.zip(success), coverage);
    ObjectiveScore { score, coverage, status, plan: plan::progress(&objective.plan, now), key_results }
}

fn status(key_results: &[KeyResultScore], score: Option<(Fixed, Fixed)>, coverage: Fixed) -> Status {
    let Some((score, success)) = score else {
        let Some(first) = key_results.first() else {
            return Status::NoData;
        };
        let same = key_results.iter().all(|result| result.status == first.status);
        return if same { first.status } else { Status::InsufficientData };
    };
    if coverage < COVERAGE_MIN {
        return Status::InsufficientData;
    }
    if key_results.iter().all(|result| result.closed) {
        return if score >= success { Status::Achieved } else { Status::Missed };
    }
    let judged = key_results.iter().map(|result| result.status).filter(|status| status.is_judged());
    judged.max_by_key(|status| severity(*status)).unwrap_or(Status::InsufficientData)
}

/// How bad a judged status is.
fn severity(status: Status) -> u8 {
    match status {
        Status::Missed => 4,
        Status::OffTrack => 3,
        Status::AtRisk => 2,
        Status::OnTrack => 1,
        _ => 0,
    }
}

/// How far a cycle is at `now`, and whether all key results of its objectives are closed. One without key results closes by the clock.
pub(super) fn cycle<'a>(
    cycle: &Cycle,
    now: Timestamp,
    key_results: impl Iterator<Item = &'a KeyResultScore>,
) -> CycleScore {
    let elapsed = rounded(&elapsed(cycle.start, cycle.end, now)).unwrap_or(Fixed::ZERO);
    let mut key_results = key_results.peekable();
    let closed = match key_results.peek() {
        None => now >= cycle.end + cycle.settle,
        Some(_) => key_results.all(|result| result.closed),
    };
    CycleScore { elapsed, closed }
}
