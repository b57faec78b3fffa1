//! The plan: which aggregates a book needs, what each row feeds, and how each key result is measured from them.
//!
//! An aggregate is named by the hash of its canonical definition, one per facet (tally, sketch, set, half-pairs, levels) and dimension set:
//! adding one, or editing a title, re-identifies nothing. Numbers such as [`TallyIndex`] are positions in one plan and are never stored.
//! [`Plan::of`] makes it.

use super::member::{MemberId, Members};
use super::slice::takes;
use crate::book::expr::{Expr, Operator};
use crate::book::{Dimension, EndChoice, Placed, RatioSense};
use crate::event::{EventIndex, FieldSlot};
use crate::fixed::Fixed;
use crate::time::{Grain, Span, TimeFormat};

pub use super::window_plan::WindowPlan;

/// Name of an aggregate: XXH3-64 of its canonical definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateId(pub u64);

/// Name of a measured baseline: XXH3-64 of its canonical definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaselineId(pub u64);

/// Name of an event's rows, by which its ids and watermarks are stored: XXH3-64 of its canonical definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

/// Position of a stored aggregate in [`Plan::aggregates`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateIndex(pub u32);

/// Position of a series of cells: stored tallies, derived duration cells and the changes of levels alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyIndex(pub u32);

/// Position of a series of sketches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SketchIndex(pub u32);

/// Position of a series of sets of distinct values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetIndex(pub u32);

/// Position of an aggregate of half-pairs in [`Plan::pairs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairsIndex(pub u32);

/// Position of an aggregate of levels in [`Plan::levels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelsIndex(pub u32);

/// All that a book needs to be aggregated.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What each event feeds, by [`EventIndex`].
    pub events: Vec<EventPlan>,
    /// The stored aggregates, each definition once.
    pub aggregates: Vec<Aggregate>,
    /// The tables, one per event, dimension and grain: one look-up a row each.
    pub tables: Vec<TablePlan>,
    /// The aggregates of half-pairs.
    pub pairs: Vec<PairsPlan>,
    /// The aggregates of levels.
    pub levels: Vec<LevelsPlan>,
    /// How many series of cells there are.
    pub tallies: u32,
    /// How many series of sketches there are.
    pub sketches: u32,
    /// How many series of sets there are.
    pub sets: u32,
    /// How each key result is measured: by objective, by key result; `None` for milestone and manual.
    pub key_results: Vec<Vec<Option<KeyResultPlan>>>,
    /// How each KPI is measured.
    pub kpis: Vec<Option<KeyResultPlan>>,
}

impl Plan {
    /// The width of each series' buckets.
    pub fn grains(&self) -> Grains {
        let mut tallies = vec![Grain::HOUR; self.tallies as usize];
        let mut sketches = vec![Grain::HOUR; self.sketches as usize];
        let mut sets = vec![Grain::HOUR; self.sets as usize];
        for table in &self.tables {
            table.tallies.iter().for_each(|(_, index)| tallies[index.0 as usize] = table.grain);
            table.sketches.iter().for_each(|(_, index)| sketches[index.0 as usize] = table.grain);
            table.sets.iter().for_each(|(_, index)| sets[index.0 as usize] = table.grain);
        }
        for levels in &self.levels {
            levels.derived.iter().for_each(|changes| tallies[changes.tally.0 as usize] = levels.grain);
        }
        for derived in self.pairs.iter().flat_map(|pairs| &pairs.derived) {
            tallies[derived.tally.0 as usize] = derived.grain;
            derived.sketch.iter().for_each(|index| sketches[index.0 as usize] = derived.grain);
        }
        Grains { tallies, sketches, sets }
    }
}

/// The width of each series' buckets.
#[derive(Clone, Debug, Default)]
pub struct Grains {
    /// Of tallies.
    pub tallies: Vec<Grain>,
    /// Of sketches.
    pub sketches: Vec<Grain>,
    /// Of sets.
    pub sets: Vec<Grain>,
}

/// A stored aggregate.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Its name in the store.
    pub id: AggregateId,
    /// The canonical definition whose hash the name is.
    pub definition: String,
    /// The events whose rows feed it.
    pub events: Vec<EventIndex>,
    /// The first metric that needs it.
    pub metric: String,
    /// Where its facts are held in memory.
    pub facet: Facet,
}

/// Where an aggregate's facts are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facet {
    /// A series of cells.
    Tally(TallyIndex),
    /// A series of sketches.
    Sketch(SketchIndex),
    /// A series of sets of distinct values.
    Set(SetIndex),
    /// Half-pairs by key.
    Pairs(PairsIndex),
    /// Levels by key and bucket.
    Levels(LevelsIndex),
}

/// What an event's rows feed.
#[derive(Clone, Debug)]
pub struct EventPlan {
    /// The event's name in the store.
    pub id: EventId,
    /// The canonical definition whose hash the name is.
    pub definition: String,
    /// Distinct (filter, value) inputs: each is evaluated once a row.
    pub inputs: Vec<InputPlan>,
    /// Positions in [`Plan::tables`].
    pub tables: Vec<usize>,
    /// The halves of pairs that the rows are.
    pub roles: Vec<RolePlan>,
    /// The levels that the rows tell of.
    pub tells: Vec<TellPlan>,
    /// Dimensions whose members the tables, roles and levels need, each read once a row.
    pub dimensions: Vec<Dimension>,
}

/// A metric's filter and value over an event's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputPlan {
    /// The metric's own `where`.
    pub filter: Option<Expr>,
    /// What is taken of a row.
    pub value: InputValue,
    /// The members whose rows it takes; empty: all.
    pub only: Vec<OnlyMember>,
    /// The first metric that needs it, to which value faults are counted.
    pub metric: String,
}

/// What an input takes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputValue {
    /// The row itself.
    Row,
    /// The number that an expression yields; a row where that is NULL is not taken.
    Number(Expr),
    /// The fingerprint of the canonical text that an expression yields; likewise.
    Fingerprint(Expr),
}

/// A dimension of which one member is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OnlyMember {
    /// Position in [`EventPlan::dimensions`], for pairs in [`PairsPlan::dimensions`].
    pub dimension: usize,
    /// The member's canonical text.
    pub member: Box<str>,
}

/// Aggregates of one event that share dimension and grain.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// The event.
    pub event: EventIndex,
    /// Position in [`EventPlan::dimensions`]; `None`: all rows are one member.
    pub dimension: Option<usize>,
    /// The width of buckets.
    pub grain: Grain,
    /// Cells of a table's row: input by position in [`EventPlan::inputs`], and the series it becomes.
    pub tallies: Vec<(usize, TallyIndex)>,
    /// Sketches of a table's row, likewise.
    pub sketches: Vec<(usize, SketchIndex)>,
    /// Sets of a table's row, likewise.
    pub sets: Vec<(usize, SetIndex)>,
}

/// One event's part in an aggregate of half-pairs.
#[derive(Clone, Debug)]
pub struct RolePlan {
    /// The half-pairs.
    pub pairs: PairsIndex,
    /// What a row is in them.
    pub role: Role,
    /// The field that holds the key.
    pub key: FieldSlot,
    /// Which rows are it, beside the event's own `where`; only of a start.
    pub filter: Option<Expr>,
    /// The metric to which faults are counted.
    pub metric: String,
}

/// What a row is in a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its start, with the field of its deadline.
    Start(Option<(FieldSlot, TimeFormat)>),
    /// One of its ends.
    End,
    /// What takes it out for good.
    Void,
}

/// What an event's rows tell of levels.
#[derive(Clone, Debug)]
pub struct TellPlan {
    /// The levels.
    pub levels: LevelsIndex,
    /// The filter and value, by position in [`EventPlan::inputs`].
    pub input: usize,
    /// The field that holds the key.
    pub key: FieldSlot,
    /// The width of buckets.
    pub grain: Grain,
    /// The metric to which faults are counted.
    pub metric: String,
}

/// An aggregate of levels and what is derived from it.
#[derive(Clone, Debug)]
pub struct LevelsPlan {
    /// The stored aggregate.
    pub aggregate: AggregateIndex,
    /// The width of buckets.
    pub grain: Grain,
    /// Its changes, a bucket.
    pub derived: Vec<ChangesPlan>,
}

/// The changes of a level's sum in each bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesPlan {
    /// Position of the dimension in [`EventPlan::dimensions`]; `None`: all keys are one member.
    pub dimension: Option<usize>,
    /// The members whose keys count; empty: all. A key that moves to another member leaves the sum.
    pub only: Vec<OnlyMember>,
    /// The series.
    pub tally: TallyIndex,
}

impl ChangesPlan {
    /// The member to which an observation of these members counts; `None` where it does not count.
    pub fn member(&self, members: &[MemberId], names: &Members) -> Option<MemberId> {
        let of = |dimension: usize| members.get(dimension).copied().unwrap_or(MemberId::NONE);
        takes(&self.only, members, names).then(|| self.dimension.map_or(MemberId::NONE, of))
    }
}

/// An aggregate of half-pairs and what is derived from it.
#[derive(Clone, Debug)]
pub struct PairsPlan {
    /// The stored aggregate.
    pub aggregate: AggregateIndex,
    /// The metrics that read it, each with the end that it takes.
    pub metrics: Vec<(String, EndChoice)>,
    /// The start event.
    pub from: EventIndex,
    /// Names of the start's dimensions, in the order of the tuple.
    pub dimensions: Vec<String>,
    /// What is derived, each one or two series.
    pub derived: Vec<DerivedPlan>,
}

/// Duration cells derived from half-pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivedPlan {
    /// What a pair adds.
    pub kind: DerivedKind,
    /// Which of several ends counts. Both are stored, so metrics that differ in nothing else share their half-pairs.
    pub end: EndChoice,
    /// How far below the windows' reach a start may lie; one that lies lower is masked.
    pub give_up: Span,
    /// Position in [`PairsPlan::dimensions`]; `None`: all pairs are one member.
    pub dimension: Option<usize>,
    /// The members whose pairs it takes; empty: all.
    pub only: Vec<OnlyMember>,
    /// The width of buckets.
    pub grain: Grain,
    /// Its cells: finished pairs and their seconds, or judged and good pairs.
    pub tally: TallyIndex,
    /// Its sketches, where a percentile asks for them.
    pub sketch: Option<SketchIndex>,
}

impl DerivedPlan {
    /// Its series.
    pub fn facets(&self) -> impl Iterator<Item = Facet> {
        std::iter::once(Facet::Tally(self.tally)).chain(self.sketch.map(Facet::Sketch))
    }
}

/// What a pair adds to derived cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivedKind {
    /// A finished pair: one, and its seconds, in the bucket of its end or start.
    Finished(Placed),
    /// Every pair in the bucket of its start; good if it ends within the span.
    Within(Span),
    /// Every pair with a deadline in the bucket of that; good if it ends by then.
    OnTime,
}

/// How a key result is measured.
#[derive(Clone, Debug)]
pub struct KeyResultPlan {
    /// Every event that its metric reads, in order.
    pub events: Vec<EventIndex>,
    /// Every stored aggregate that it reads, in order.
    pub aggregates: Vec<AggregateIndex>,
    /// The width of its buckets.
    pub grain: Grain,
    /// How long after a bucket's end it is judged: the span of `within`, zero for `on_time`; `None` for all others.
    pub horizon: Option<Span>,
    /// What cuts its windows.
    pub windows: WindowPlan,
    /// Its value over a window.
    pub measure: Measure,
    /// The same measure by member, for each dimension of `by`.
    pub by: Vec<(String, Measure)>,
    /// Name of its measured baseline: XXH3-64 of what is measured over which range; `None` where it has none.
    pub baseline: Option<BaselineId>,
}

/// A value over a window of buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Rows. n is the count; 0 over a covered window without rows.
    Count(TallyIndex),
    /// Sum of values; n is the count; 0 over a covered window without rows.
    Sum(TallyIndex),
    /// sum / count; null at count 0. Seconds for a duration.
    Mean(TallyIndex),
    /// Least value; null at count 0.
    Min(TallyIndex),
    /// Greatest value; null at count 0.
    Max(TallyIndex),
    /// A percentile in basis points; null at count 0. n is the tally's count.
    Percentile(TallyIndex, SketchIndex, u16),
    /// How many different values there are, over all buckets of the window; n is that number. 0 over a covered window without rows.
    Distinct(SetIndex),
    /// The changes before the window's end, wherever the window begins: their sum is the value, their count the keys, which is n.
    Level(TallyIndex),
    /// A cohort: `sum` good pairs of `count` judged; null at count 0.
    Share(TallyIndex),
    /// part over total, each a [`Measure::Count`], [`Measure::Sum`] or [`Measure::Distinct`]; null only where total is 0. n is that of the total.
    Ratio(RatioSense, Box<Measure>, Box<Measure>),
    /// A constant of a formula.
    Number(Fixed),
    /// −a
    Negate(Box<Measure>),
    /// a ∘ b; null where an input is null, or at a division by zero. n of a formula is null.
    Arithmetic(Operator, Box<Measure>, Box<Measure>),
}
