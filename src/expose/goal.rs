//! What a key result is called by its type.

use crate::book::{Goal, KeyResult, Source};

impl KeyResult {
    /// The text of DESIGN §2's KR types.
    pub(crate) fn type_name(&self) -> &'static str {
        match (&self.source, &self.goal) {
            (Source::Manual, _) => "manual",
            (_, Goal::Milestones) => "milestone",
            (_, Goal::Improve { .. }) => "improve",
            (_, Goal::Maintain { .. }) => "maintain",
            (_, Goal::Nothing) => "kpi",
        }
    }
}
