//! Budgets: how much of each kind may be held in memory, and what is said where that is not enough.
//!
//! | budget | bounds | past it |
//! |---|---|---|
//! | `pairs_max` | the keys of one duration's half-pairs | its key results have no value and are `insufficient_data`, with the reason |
//! | `distinct_max` | the values of one distinct, each counted for every member and bucket that has it | the same |
//! | `levels_max` | the keys of one level, each counted for every bucket in which it was told of | the same |
//! | `members_max` | the members of one dimension of one aggregate | key results are judged as ever; its members are not shown, and the reason says so |
//! | `members_max` and `distinct_max` | a distinct by members | what is said is `members_max`, whichever was passed first |
//! | `dedup_ids_max` | the ids of one partition | the oldest days are let go, and what then counts unchecked is counted: see [`super::dedup`] |
//!
//! What is past its budget is let go from memory whole: a part of it would make a number that is wrong and depends on arrival. It stays so
//! until everything is read from the store again: when the floor rises, and when the process starts, with a greater budget if that shall
//! help. Above a floor facts only add, so whether a budget is passed follows from their set, in whatever order they come.

use super::plan::Facet;

/// How much may be held. Every limit is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Keys of one aggregate of half-pairs.
    pub pairs_max: usize,
    /// (member, bucket, value) of one aggregate of distinct values.
    pub distinct_max: usize,
    /// (key, bucket) of one aggregate of levels.
    pub levels_max: usize,
    /// Members of one dimension of one aggregate.
    pub members_max: usize,
    /// Ids of one partition.
    pub dedup_ids_max: usize,
}

impl Default for Budgets {
    /// About 600 MB of pairs a duration, 400 MB of values a distinct, 1.1 GB of a level, and 80 MB of ids a partition.
    fn default() -> Budgets {
        Budgets {
            pairs_max: 10_000_000,
            distinct_max: 10_000_000,
            levels_max: 10_000_000,
            members_max: 10_000,
            dedup_ids_max: 8_000_000,
        }
    }
}

/// One of [`Budgets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Budget {
    /// [`Budgets::pairs_max`]
    Pairs,
    /// [`Budgets::distinct_max`]
    Distinct,
    /// [`Budgets::levels_max`]
    Levels,
    /// [`Budgets::members_max`]
    Members,
    /// [`Budgets::dedup_ids_max`]
    DedupIds,
}

impl Budget {
    /// All, in the order of the settings.
    pub const ALL: [Budget; 5] = [Budget::Pairs, Budget::Distinct, Budget::Levels, Budget::Members, Budget::DedupIds];

    /// Its key in the section `[state]` of the settings, and its label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Budget::Pairs => "pairs_max",
            Budget::Distinct => "distinct_max",
            Budget::Levels => "levels_max",
            Budget::Members => "members_max",
            Budget::DedupIds => "dedup_ids_max",
        }
    }

    /// What it bounds, in the plural.
    pub fn noun(self) -> &'static str {
        match self {
            Budget::Pairs => "pairs",
            Budget::Distinct => "distinct values",
            Budget::Levels => "keys of a level",
            Budget::Members => "members",
            Budget::DedupIds => "ids",
        }
    }

    /// Its limit.
    pub fn limit(self, budgets: &Budgets) -> usize {
        match self {
            Budget::Pairs => budgets.pairs_max,
            Budget::Distinct => budgets.distinct_max,
            Budget::Levels => budgets.levels_max,
            Budget::Members => budgets.members_max,
            Budget::DedupIds => budgets.dedup_ids_max,
        }
    }

    /// Its place in [`Budgets`], to be set.
    pub fn limit_mut(self, budgets: &mut Budgets) -> &mut usize {
        match self {
            Budget::Pairs => &mut budgets.pairs_max,
            Budget::Distinct => &mut budgets.distinct_max,
            Budget::Levels => &mut budgets.levels_max,
            Budget::Members => &mut budgets.members_max,
            Budget::DedupIds => &mut budgets.dedup_ids_max,
        }
    }
}

/// How much of a budget is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetUse {
    /// The budget.
    pub budget: Budget,
    /// The metric that uses it; of ids the topic.
    pub of: String,
    /// Its limit.
    pub limit: usize,
    /// The most that any one of its aggregates, or of the topic's partitions, holds.
    pub held: usize,
    /// Whether one of them is past it; what that held was let go.
    pub passed: bool,
}

/// What was let go, and for which budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed(std::collections::BTreeMap<Facet, Budget>);

impl Passed {
    /// Says so of a facet.
    pub(super) fn insert(&mut self, facet: Facet, budget: Budget) {
        self.0.insert(facet, budget);
    }

    /// Whether nothing has passed a budget.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The budget that a facet has passed.
    pub fn of(&self, facet: Facet) -> Option<Budget> {
        // Nearly always there is none at all.
        if self.0.is_empty() { None } else { self.0.get(&facet).copied() }
    }
}
