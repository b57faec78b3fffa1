//! What a goal shows as its baseline and its target.

use crate::book::{Goal, KeyResult, Source};
use crate::fixed::Fixed;

impl Goal {
    /// Where an improve began; nothing else has a baseline.
    pub(crate) fn baseline(&self) -> Option<Fixed> {
        match self {
            Goal::Improve { baseline, .. } => Some(*baseline),
            Goal::Maintain { .. } | Goal::Milestones => None,
        }
    }

    /// Where an improve shall be; a maintain's bound if it has only one (a band has two, so no single target); all milestones are 1.
    pub(crate) fn target(&self) -> Option<Fixed> {
        match self {
            Goal::Improve { target, .. } => Some(*target),
            Goal::Maintain { at_least: Some(bound), at_most: None, .. }
            | Goal::Maintain { at_least: None, at_most: Some(bound), .. } => Some(*bound),
            Goal::Maintain { .. } => None,
            Goal::Milestones => Some(Fixed::ONE),
        }
    }
}

impl KeyResult {
    /// The text of DESIGN §2's KR types.
    pub(crate) fn type_name(&self) -> &'static str {
        match (&self.source, &self.goal) {
            (Source::Manual, _) => "manual",
            (_, Goal::Milestones) => "milestone",
            (_, Goal::Improve { .. }) => "improve",
            (_, Goal::Maintain { .. }) => "maintain",
        }
    }
}
