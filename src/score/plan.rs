//! Plans: how far the steps are. Work is shown beside the scores and never becomes one.
//!
//! | a step says | done at an instant |
//! |---|---|
//! | `done: 2026-11-02` | all from that local day's start, nothing before |
//! | `done: 40%` | that share |
//! | nothing | nothing |
//!
//! It is late once its last local day is over and it is not done.

use super::goal::{rounded, share};
use super::result::{PlanProgress, StepProgress};
use crate::book::{Done, Step};
use crate::fixed::{Fixed, Rational};
use crate::time::Timestamp;

/// How far a plan is at `at`; `None` for an empty one.
pub(super) fn progress(plan: &[Step], at: Timestamp) -> Option<PlanProgress> {
    let steps: Vec<StepProgress> = plan.iter().map(|step| step_progress(step, at)).collect();
    let (mut done, mut all) = (Rational::ZERO, Rational::ZERO);
    for (step, progress) in plan.iter().zip(&steps) {
        let weight = step.weight.to_rational();
        done += weight.clone() * progress.done.to_rational();
        all += weight;
    }
    let done = rounded(&share(&done, &all)?)?;
    Some(PlanProgress { done, steps })
}

fn step_progress(step: &Step, at: Timestamp) -> StepProgress {
    let done = match step.done {
        Done::On(_, since) if since <= at => Fixed::ONE,
        Done::On(..) => Fixed::ZERO,
        Done::Share(share) => share,
    };
    StepProgress { done, late: done < Fixed::ONE && step.end.is_some_and(|(_, end)| end <= at) }
}
