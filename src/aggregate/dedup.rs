//! Copies: the ids of each event and UTC day that a partition has shown, within a budget.
//!
//! | an id comes | then |
//! |---|---|
//! | for the first time on that day | it counts, and is remembered |
//! | again on that day, in that partition and event | it is a copy |
//! | on a day whose ids were let go | it counts unchecked, and that is counted |
//!
//! Whatever order committed ids are put back in after a restart, the same days are let go: those below the greatest day from which on
//! more ids than the budget were ever committed.
//!
//! The budget is a partition's, so that what is let go follows from the partition's log alone, wherever it is consumed.

use std::collections::{BTreeMap, BTreeSet};

use super::fingerprint_set::FingerprintSet;
use crate::event::EventIndex;
use crate::time::{Span, Timestamp};

/// A UTC day: days since 1970-01-01.
pub type UtcDay = i32;

/// The UTC day of an instant.
pub fn utc_day(at: Timestamp) -> UtcDay {
    at.0.div_euclid(Span::DAY.0) as UtcDay
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It came for the first time.
    First,
    /// It is a copy.
    Copy,
    /// Its day's ids were let go.
    Unchecked,
}

/// The ids of one partition.
#[derive(Clone, Debug)]
pub struct Ids {
    /// A set for each day and event; those of a day that is over are settled.
    days: BTreeMap<(UtcDay, EventIndex), FingerprintSet>,
    held: usize,
    limit: usize,
    /// The greatest day that came.
    newest: UtcDay,
    /// Days before this one were let go.
    checked_from: UtcDay,
    /// The same as of the last cut.
    cut_checked_from: UtcDay,
    spent: bool,
}

impl Ids {
    /// None so far, and at most `limit` ever.
    pub fn new(limit: usize) -> Ids {
        Ids {
            days: BTreeMap::new(),
            held: 0,
            limit,
            newest: UtcDay::MIN,
            checked_from: UtcDay::MIN,
            cut_checked_from: UtcDay::MIN,
            spent: false,
        }
    }

    /// Remembers an id, unless its day was let go.
    pub fn insert(&mut self, event: EventIndex, day: UtcDay, fingerprint: u64) -> Seen {
        if day < self.checked_from {
            return Seen::Unchecked;
        }
        let ids = self.days.entry((day, event)).or_default();
        if !ids.insert(fingerprint) {
            return Seen::Copy;
        }
        self.held += 1;
        if day > self.newest {
            self.newest = day;
            self.days.range_mut(..(day, EventIndex(0))).for_each(|(_, ids)| ids.settle());
        }
        self.let_go();
        Seen::First
    }

    /// Forgets ids that were never committed.
    pub fn forget(&mut self, ids: &[(EventIndex, UtcDay, u64)]) {
        let mut by_day: BTreeMap<(UtcDay, EventIndex), BTreeSet<u64>> = BTreeMap::new();
        for (event, day, id) in ids {
            by_day.entry((*day, *event)).or_default().insert(*id);
        }
        for (key, ids) in by_day {
            let Some(known) = self.days.get_mut(&key) else { continue };
            self.held -= known.len();
            known.remove(&ids);
            self.held += known.len();
        }
    }

    /// Lets the days before `day` go, which lie below the floor: no row of them comes here any more. The budget's own choice of days does
    /// not depend on it, for that only ever looks at newer ones.
    pub fn let_go_below(&mut self, day: UtcDay) {
        while let Some(entry) = self.days.first_entry().filter(|entry| entry.key().0 < day) {
            self.held -= entry.remove().len();
        }
    }

    /// What was let go so far was let go for records that are committed, or about to be.
    pub fn cut(&mut self) {
        self.cut_checked_from = self.checked_from;
    }

    /// What came since the last cut was dropped, after [`Ids::forget`] of its ids.
    pub fn dropped(&mut self) {
        self.spent |= self.checked_from != self.cut_checked_from;
    }

    /// Whether committed ids were let go for records that were dropped: they cannot be had back, so these ids judge nothing any more
    /// as the partition's log alone would have it. Read them anew from the store.
    pub fn is_spent(&self) -> bool {
        self.spent
    }

    /// How many ids are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether any day was let go.
    pub fn has_let_go(&self) -> bool {
        self.checked_from != UtcDay::MIN
    }

    /// Lets the oldest whole days go until the budget holds, the newest too if it alone is beyond it.
    fn let_go(&mut self) {
        while self.held > self.limit {
            let Some((&(oldest, _), _)) = self.days.first_key_value() else { return };
            while let Some(entry) = self.days.first_entry().filter(|entry| entry.key().0 == oldest) {
                self.held -= entry.remove().len();
            }
            self.checked_from = oldest + 1;
        }
    }
}
