//! The merged facts that scoring reads: series, coverage and progress. Whatever is not here cannot influence a score.

use std::collections::{BTreeMap, BTreeSet};

use super::budget::{Budget, Budgets, Passed};
use super::cell::Cell;
use super::distinct::Distincts;
use super::member::{MemberId, Members};
use super::plan::{AggregateIndex, Facet, SetIndex, SketchIndex, TallyIndex};
use super::series::Series;
use super::sketch::Sketch;
use crate::event::{EventIndex, Offset, Partition};
use crate::time::{Bucket, Timestamp};

/// Everything that was aggregated, merged over all partitions.
#[derive(Debug, Default)]
pub struct Facts {
    /// Names of members.
    pub members: Members,
    /// Cells, by [`TallyIndex`].
    pub tallies: Vec<Series<Cell>>,
    /// Sketches, by [`SketchIndex`].
    pub sketches: Vec<Series<Sketch>>,
    /// Sets of distinct values, by [`SetIndex`].
    pub sets: Vec<Distincts>,
    /// How much may be held.
    pub budgets: Budgets,
    /// What was let go, being past a budget: its series are empty and say nothing.
    pub passed: Passed,
    /// Who has any value in a set that was let go for its values: at most so many as may be, for with more it is let go for its members.
    pub(crate) members_of_passed: BTreeMap<SetIndex, BTreeSet<MemberId>>,
    /// How far each event is known, by [`EventIndex`].
    pub events: Vec<EventProgress>,
    /// Since when each stored aggregate is covered, by [`AggregateIndex`].
    pub coverage: Vec<Coverage>,
    /// Each partition's offsets, in order, for explanations and freshness.
    pub partitions: Vec<PartitionProgress>,
}

impl Facts {
    /// The cells of a series; an empty one if nothing came yet.
    pub fn tally(&self, index: TallyIndex) -> &Series<Cell> {
        &self.tallies[index.0 as usize]
    }

    /// The sketches of a series.
    pub fn sketch(&self, index: SketchIndex) -> &Series<Sketch> {
        &self.sketches[index.0 as usize]
    }

    /// The distinct values of a series.
    pub fn set(&self, index: SetIndex) -> &Distincts {
        &self.sets[index.0 as usize]
    }

    /// The first bucket of each series that was changed since this was asked last.
    pub(crate) fn take_touched(&mut self) -> Touched {
        Touched {
            tallies: self.tallies.iter_mut().map(Series::take_touched).collect(),
            sketches: self.sketches.iter_mut().map(Series::take_touched).collect(),
            sets: self.sets.iter_mut().map(Distincts::take_touched).collect(),
        }
    }

    /// How many members a series has; 0 of half-pairs and levels themselves.
    pub fn member_count(&self, facet: Facet) -> usize {
        match facet {
            Facet::Tally(index) => self.tally(index).member_count(),
            Facet::Sketch(index) => self.sketch(index).member_count(),
            Facet::Set(index) => self.set(index).member_count(),
            Facet::Pairs(_) | Facet::Levels(_) => 0,
        }
    }

    /// The budget that a facet is past. What is derived from half-pairs and levels is not let go for its members, for they may become
    /// fewer again; its memory is bounded by theirs.
    pub fn past_budget(&self, facet: Facet) -> Option<Budget> {
        let members = || (self.member_count(facet) > self.budgets.members_max).then_some(Budget::Members);
        self.passed.of(facet).or_else(members)
    }

    /// Lets a stored series go if it has more members than the budget.
    pub(crate) fn hold_to_budget(&mut self, facet: Facet) {
        if self.member_count(facet) > self.budgets.members_max {
            self.let_go(facet, Budget::Members);
        }
    }

    /// Adds a value to a set, and lets that go if it holds more values than the budget, or has more members. Past both, its members are
    /// what is said, whichever was passed first: so they are told apart on, where its values are not held any more.
    pub(crate) fn add_distinct(&mut self, index: SetIndex, member: MemberId, bucket: Bucket, value: u64) {
        let facet = Facet::Set(index);
        match self.passed.of(facet) {
            None => {
                let set = &mut self.sets[index.0 as usize];
                set.insert(member, bucket, value);
                if set.member_count() > self.budgets.members_max {
                    self.let_go(facet, Budget::Members);
                } else if set.held() > self.budgets.distinct_max {
                    self.members_of_passed.insert(index, set.member_ids().collect());
                    self.let_go(facet, Budget::Distinct);
                }
            }
            Some(Budget::Distinct) => {
                let members = self.members_of_passed.entry(index).or_default();
                members.insert(member);
                if members.len() > self.budgets.members_max {
                    self.members_of_passed.remove(&index);
                    self.passed.insert(facet, Budget::Members);
                }
            }
            Some(_) => {}
        }
    }

    /// Empties a series and says why; of half-pairs and levels, which are held elsewhere, says why.
    pub(crate) fn let_go(&mut self, facet: Facet, budget: Budget) {
        self.empty(facet);
        self.passed.insert(facet, budget);
    }

    /// Empties a series.
    pub(crate) fn empty(&mut self, facet: Facet) {
        match facet {
            Facet::Tally(index) => self.tallies[index.0 as usize] = Series::default(),
            Facet::Sketch(index) => self.sketches[index.0 as usize] = Series::default(),
            Facet::Set(index) => self.sets[index.0 as usize] = Distincts::default(),
            Facet::Pairs(_) | Facet::Levels(_) => {}
        }
    }

    /// How far an event is known.
    pub fn event(&self, index: EventIndex) -> &EventProgress {
        &self.events[usize::from(index.0)]
    }

    /// Since when an aggregate is covered.
    pub fn coverage(&self, index: AggregateIndex) -> Coverage {
        self.coverage[index.0 as usize]
    }
}

/// From where on each series was changed: [`Bucket::NONE`] where nowhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched {
    tallies: Vec<Bucket>,
    sketches: Vec<Bucket>,
    sets: Vec<Bucket>,
}

impl Touched {
    /// The first changed bucket of a facet. Of half-pairs and levels it is told by what is derived from them.
    pub(crate) fn of(&self, facet: Facet) -> Bucket {
        match facet {
            Facet::Tally(index) => self.tallies[index.0 as usize],
            Facet::Sketch(index) => self.sketches[index.0 as usize],
            Facet::Set(index) => self.sets[index.0 as usize],
            Facet::Pairs(_) | Facet::Levels(_) => Bucket::NONE,
        }
    }
}

/// How far one event is known, over all partitions of its topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventProgress {
    /// Least watermark over the partitions; `None` while any partition has none.
    pub watermark: Option<Timestamp>,
    /// The greatest event time of a row.
    pub last_event_at: Option<Timestamp>,
    /// The last record of the topic, before any filter, by its own timestamp.
    pub last_record_at: Option<Timestamp>,
    /// Rows that counted although the ids of their day had been let go, so that copies may be among them.
    pub unchecked: u64,
}

/// Since when an aggregate's partitions are evaluated without a hole up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// From offset 0 of every partition.
    #[default]
    Whole,
    /// From records of this timestamp on, in the partition where that is latest.
    From(Timestamp),
    /// Some partition has not covered anything yet.
    Nothing,
}

/// One partition as far as it was consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The partition.
    pub partition: Partition,
    /// The first offset that was evaluated.
    pub first_offset: Offset,
    /// The next offset to consume.
    pub next_offset: Offset,
    /// The log's end in the broker's last answer.
    pub log_end: Option<Offset>,
    /// When that answer was given.
    pub log_end_at: Option<Timestamp>,
    /// Everything up to this instant was consumed: the time of the broker's answer that `next_offset` had reached.
    pub complete_until: Option<Timestamp>,
    /// The last record's own timestamp.
    pub last_record_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by member as `a1 a2 b1`, one after the other, forward and backward: the budget that the set is past then.
    fn check(told: &str, (distinct_max, members_max): (usize, usize), expected: Option<Budget>) {
        let forward: Vec<&[u8]> = told.split(' ').map(str::as_bytes).collect();
        let backward: Vec<&[u8]> = forward.iter().rev().copied().collect();
        for told in [forward, backward] {
            let budgets = Budgets { distinct_max, members_max, ..Budgets::default() };
            let mut facts = Facts { sets: vec![Distincts::default()], budgets, ..Facts::default() };
            for value in &told {
                facts.add_distinct(SetIndex(0), MemberId(u32::from(value[0])), Bucket(0), u64::from(value[1]));
            }
            assert_eq!(facts.past_budget(Facet::Set(SetIndex(0))), expected, "{told:?}");
        }
    }

    #[test]
    fn which_budget_a_distinct_is_past_does_not_depend_on_the_order() {
        check("a1 a2 b1 b1", (3, 2), None);
        check("a1 a2 a3", (2, 1), Some(Budget::Distinct));
        check("a1 b1 c1", (3, 2), Some(Budget::Members));
        // Past both: the one that is passed last in one order is passed first in the other.
        check("a1 a2 b1", (2, 1), Some(Budget::Members));
        check("a1 a2 a3 b1 c1", (2, 2), Some(Budget::Members));
        check("a1 b1 b2 b3 c1", (3, 2), Some(Budget::Members));
    }
}
