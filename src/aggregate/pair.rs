//! Half-pairs: what is known of one key's start and ends, joined in any order, and what a pair then adds to duration cells.
//!
//! | halves known | `end: first` | `end: last` |
//! |---|---|---|
//! | start 10:00, ends 12:00 and 15:00 | finished, 2 h | finished, 5 h |
//! | start 10:00, ends 9:00, 12:00 and 15:00 | inverted, whatever comes later | finished, 5 h |
//! | start 10:00, end 9:00 | inverted | inverted, until a later end comes |
//! | start 10:00 | open | open |
//! | an end alone | nothing yet | nothing yet |
//! | any of these, and a void, before or after | out for good | out for good |
//! | starts 10:00 and 11:00 | the least (time, deadline, dimensions by content, NULL last) is the start | the same |

use std::cmp::Ordering;

use super::interner::{Interned, Interner};
use super::member::{MemberId, Members};
use super::plan::{DerivedKind, DerivedPlan};
use super::sketch::{Bin, bin_of};
use super::slice::takes;
use super::spread::sort_spread;
use crate::book::{EndChoice, Placed};
use crate::fixed::Fixed;
use crate::time::{Bucket, Timestamp};

/// Units of 10⁻⁹ s in a microsecond.
const NANOS_A_MICRO: i128 = 1_000;

/// Number of an interned tuple of members; means something only beside its [`Tuples`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TupleId(pub u32);

/// The distinct tuples of members that starts carry.
#[derive(Debug, Default)]
pub struct Tuples(Interner<[MemberId]>);

/// How many members a tuple has, and the first of them: all of a short one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TupleHead {
    first: [MemberId; TupleHead::MEMBERS],
    length: u32,
}

impl TupleHead {
    const MEMBERS: usize = 4;
}

impl Interned for [MemberId] {
    type Head = TupleHead;

    #[inline]
    fn head(&self) -> TupleHead {
        let first = std::array::from_fn(|at| self.get(at).copied().unwrap_or(MemberId::NEVER));
        TupleHead { first, length: self.len() as u32 }
    }

    #[inline]
    fn is_whole(head: &TupleHead) -> bool {
        head.length as usize <= TupleHead::MEMBERS
    }
}

impl Tuples {
    /// The number of a tuple; a new one if it was never seen.
    pub fn intern(&mut self, tuple: &[MemberId]) -> TupleId {
        TupleId(self.0.intern(tuple))
    }

    /// The members of a tuple.
    pub fn members(&self, id: TupleId) -> &[MemberId] {
        self.0.get(id.0).unwrap_or_default()
    }

    /// By content, member by member, NULL last: never by number, which depends on arrival.
    pub(super) fn compare(&self, a: TupleId, b: TupleId, members: &Members) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let key = |id: &MemberId| (*id == MemberId::NONE, members.name(*id).to_owned());
        self.members(a).iter().map(key).cmp(self.members(b).iter().map(key))
    }
}

/// What is known of one key: 40 bytes. "None" is the neutral element of each field's join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    start: i64,
    deadline: i64,
    first_end: i64,
    last_end: i64,
    tuple: TupleId,
    void: bool,
}

/// No start, no deadline, no end so far: greater than every time.
const NEVER: i64 = i64::MAX;

impl Default for Half {
    fn default() -> Half {
        Half { start: NEVER, deadline: NEVER, first_end: NEVER, last_end: i64::MIN, tuple: TupleId(0), void: false }
    }
}

impl Half {
    /// A start.
    pub fn start(at: Timestamp, deadline: Option<Timestamp>, tuple: TupleId) -> Half {
        Half { start: at.0, deadline: deadline.map_or(NEVER, |d| d.0), tuple, ..Half::default() }
    }

    /// An end.
    pub fn end(at: Timestamp) -> Half {
        Half { first_end: at.0, last_end: at.0, ..Half::default() }
    }

    /// A void. Its instant is kept among the ends, which no longer matter: so that a void without a start falls below the floor one day.
    pub fn void(at: Timestamp) -> Half {
        Half { void: true, ..Half::end(at) }
    }

    /// Puts together what a stored row says.
    pub fn stored(start: Option<Half>, first_end: Option<Timestamp>, last_end: Option<Timestamp>, void: bool) -> Half {
        Half {
            first_end: first_end.map_or(NEVER, |t| t.0),
            last_end: last_end.map_or(i64::MIN, |t| t.0),
            void,
            ..start.unwrap_or_default()
        }
    }

    /// The least start: when, its deadline, its members.
    pub fn started(&self) -> Option<(Timestamp, Option<Timestamp>, TupleId)> {
        let deadline = (self.deadline != NEVER).then_some(Timestamp(self.deadline));
        (self.start != NEVER).then_some((Timestamp(self.start), deadline, self.tuple))
    }

    /// The earliest and the latest end.
    pub fn ended(&self) -> Option<(Timestamp, Timestamp)> {
        (self.first_end != NEVER).then_some((Timestamp(self.first_end), Timestamp(self.last_end)))
    }

    /// Whether a void came.
    pub fn is_void(&self) -> bool {
        self.void
    }

    /// Whether it adds anything to anything, whatever the plan: it has a start, and was not taken out.
    pub fn may_add(&self) -> bool {
        self.start != NEVER && !self.void
    }

    /// The latest instant that is known of it; [`Timestamp::MAX`] for a void whose instant was not kept. Below the floor nothing of it counts.
    pub fn latest(&self) -> Timestamp {
        match (self.started(), self.ended()) {
            (Some((start, ..)), Some((_, end))) => start.max(end),
            (Some((start, ..)), None) => start,
            (None, Some((_, end))) => end,
            (None, None) if self.void => Timestamp::MAX,
            (None, None) => Timestamp::MIN,
        }
    }

    /// Joins what another source knows of the same key. Commutative, associative, idempotent.
    pub fn join(&mut self, other: &Half, tuples: &Tuples, members: &Members) {
        let by_time = (other.start, other.deadline).cmp(&(self.start, self.deadline));
        let less = by_time.then_with(|| tuples.compare(other.tuple, self.tuple, members)) == Ordering::Less;
        if other.start != NEVER && less {
            (self.start, self.deadline, self.tuple) = (other.start, other.deadline, other.tuple);
        }
        self.first_end = self.first_end.min(other.first_end);
        self.last_end = self.last_end.max(other.last_end);
        self.void |= other.void;
    }

    fn chosen_end(&self, choice: EndChoice) -> Option<i64> {
        (self.first_end != NEVER).then_some(match choice {
            EndChoice::First => self.first_end,
            EndChoice::Last => self.last_end,
        })
    }

    /// What has become of the pair.
    pub fn state(&self, choice: EndChoice) -> PairState {
        match (self.void, self.start, self.chosen_end(choice)) {
            (true, _, _) => PairState::Void,
            (_, NEVER, _) => PairState::Unstarted,
            (_, _, None) => PairState::Open,
            (_, start, Some(end)) if end < start => PairState::Inverted,
            _ => PairState::Finished,
        }
    }
}

/// What has become of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairState {
    /// Only ends so far.
    Unstarted,
    /// No end so far.
    Open,
    /// Its end lies before its start.
    Inverted,
    /// It has both.
    Finished,
    /// Taken out.
    Void,
}

/// What one pair adds to derived cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The member.
    pub member: MemberId,
    /// The bucket.
    pub bucket: Bucket,
    /// Seconds in units of 10⁻⁹; for a cohort one whole if good, else 0.
    pub sum: i128,
    /// The bin of the seconds; `None` for a cohort.
    pub bin: Option<Bin>,
}

/// What `half` adds under `plan`; `floor` masks starts below it. `None`: nothing.
pub fn contribution(
    half: &Half,
    plan: &DerivedPlan,
    floor: Timestamp,
    tuples: &Tuples,
    members: &Members,
) -> Option<Contribution> {
    let state = half.state(plan.end);
    if !matches!(state, PairState::Open | PairState::Finished) || half.start < floor.0 {
        return None;
    }
    if !takes(&plan.only, tuples.members(half.tuple), members) {
        return None;
    }
    let end = half.chosen_end(plan.end);
    let member =
        plan.dimension.map_or(MemberId::NONE, |d| tuples.members(half.tuple).get(d).copied().unwrap_or(MemberId::NONE));
    let good = |limit: i64| if end.is_some_and(|end| end <= limit) { Fixed::ONE.0 } else { 0 };
    let (at, sum, bin) = match plan.kind {
        DerivedKind::Finished(placed) => {
            let end = end?;
            let seconds = i128::from(end - half.start) * NANOS_A_MICRO;
            let at = if placed == Placed::End { end } else { half.start };
            (at, seconds, plan.sketch.map(|_| bin_of(Fixed(seconds))))
        }
        DerivedKind::Within(span) => (half.start, good(half.start.saturating_add(span.0)), None),
        DerivedKind::OnTime if half.deadline == NEVER => return None,
        DerivedKind::OnTime => (half.deadline, good(half.deadline), None),
    };
    Some(Contribution { member, bucket: plan.grain.bucket(Timestamp(at)), sum, bin })
}

/// Half-pairs of one aggregate as they come, by the fingerprint of their key. What comes of one key stays apart until all are joined: to look
/// each up among those before it would wait for memory once an event.
#[derive(Clone, Debug, Default)]
pub struct Halves {
    rows: Vec<(u64, Half)>,
}

impl Halves {
    /// Adds one.
    pub fn push(&mut self, key: u64, half: Half) {
        self.rows.push((key, half));
    }

    /// How many rows are held.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Joins those of one key, and sorts them by it.
    pub fn join(&mut self, tuples: &Tuples, members: &Members) {
        sort_spread(&mut self.rows, |(key, _)| *key, |_, _| Ordering::Equal);
        self.rows.dedup_by(|(other_key, other), (key, half)| {
            let is_same = other_key == key;
            if is_same {
                half.join(other, tuples, members);
            }
            is_same
        });
    }

    /// All of them; once they are joined, each key once, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(u64, Half)> {
        self.rows.iter()
    }
}
