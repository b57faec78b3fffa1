//! What scoring yields, before anyone formats it. Every number is already rounded to 9 decimals.

use std::ops::Range;

use super::reason::Reason;
pub use crate::aggregate::plan::BaselineId;
use crate::fixed::Fixed;
use crate::time::Timestamp;

/// A person's word on a key result: the value of a manual one, a note on any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckIn {
    /// The objective's id.
    pub objective: String,
    /// The key result's id.
    pub key_result: String,
    /// The instant it speaks of.
    pub at: Timestamp,
    /// When it was written down; of two with the same `at` the later written one holds.
    pub recorded_at: Timestamp,
    /// The value, in base units.
    pub value: Option<Fixed>,
    /// Confidence, 0..1.
    pub confidence: Option<Fixed>,
    /// Free text.
    pub note: Option<String>,
    /// What stands in the way.
    pub blocker: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
}

/// The status of a key result or objective. See DESIGN §3 for the rules; the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Closed, and the score reached success.
    Achieved,
    /// Closed, and it did not.
    Missed,
    /// The cycle has not begun.
    Pending,
    /// There is no value.
    NoData,
    /// An event fell silent, or as_of trails now.
    Stale,
    /// Too few events, or covered too late.
    InsufficientData,
    /// At or near what is expected.
    OnTrack,
    /// Between.
    AtRisk,
    /// Well below what is expected.
    OffTrack,
}

impl Status {
    /// All, in the order of the labels.
    pub const ALL: [Status; 9] = [
        Status::Achieved,
        Status::Missed,
        Status::Pending,
        Status::NoData,
        Status::Stale,
        Status::InsufficientData,
        Status::OnTrack,
        Status::AtRisk,
        Status::OffTrack,
    ];

    /// Its text in JSON, labels and BI.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Achieved => "achieved",
            Status::Missed => "missed",
            Status::Pending => "pending",
            Status::NoData => "no_data",
            Status::Stale => "stale",
            Status::InsufficientData => "insufficient_data",
            Status::OnTrack => "on_track",
            Status::AtRisk => "at_risk",
            Status::OffTrack => "off_track",
        }
    }

    /// Whether the score counts in the roll-up.
    pub fn is_judged(self) -> bool {
        matches!(self, Status::Achieved | Status::Missed | Status::OnTrack | Status::AtRisk | Status::OffTrack)
    }
}

/// Everything scored at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// The cycles, in the book's order.
    pub cycles: Vec<CycleScore>,
    /// The objectives, in the book's order.
    pub objectives: Vec<ObjectiveScore>,
    /// The KPIs, in the book's order: their values; they have no score, and no status that means anything.
    pub kpis: Vec<KeyResultScore>,
}

/// How far a cycle is.
#[derive(Clone, Debug, PartialEq)]
pub struct CycleScore {
    /// Share of the cycle elapsed at `at`, 0..1.
    pub elapsed: Fixed,
    /// Whether all its key results are closed.
    pub closed: bool,
}

/// An objective's roll-up.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectiveScore {
    /// Σ w·s / Σ w over judged key results; `None` where none is.
    pub score: Option<Fixed>,
    /// Weight of the judged over all weight.
    pub coverage: Fixed,
    /// The worst of the judged, or why there is none.
    pub status: Status,
    /// How far its plan is; `None` where it has none.
    pub plan: Option<PlanProgress>,
    /// In the book's order.
    pub key_results: Vec<KeyResultScore>,
}

/// A key result's score and all that led to it.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct KeyResultScore {
    /// Start of the window; `None` for milestone and manual.
    pub window_from: Option<Timestamp>,
    /// End of the window: the end of its last bucket, or as_of inside the bucket that holds it.
    pub window_to: Option<Timestamp>,
    /// Covered only from here, if that is later than the window begins. For a level wherever the window begins: keys that have not changed
    /// since then are unknown.
    pub data_from: Option<Timestamp>,
    /// The instant up to which everything is known, capped at the cycle's end (not for cohorts).
    pub as_of: Option<Timestamp>,
    /// The greatest event time of the events that it reads.
    pub last_event_at: Option<Timestamp>,
    /// The value, in base units.
    pub value: Option<Fixed>,
    /// Rows behind the value; `None` for derived, milestone, manual.
    pub n: Option<i64>,
    /// For a mean the sum, for a ratio the good (or the part), for a cohort the good pairs.
    pub numerator: Option<Fixed>,
    /// What the numerator is divided by.
    pub denominator: Option<Fixed>,
    /// Where it began: written, measured so far, or frozen.
    pub baseline: Option<Fixed>,
    /// Where it shall be, as last revised by as_of; of a band its one bound, of milestones 1.
    pub target: Option<Fixed>,
    /// How the baseline was measured; `None` where it is written.
    pub measured: Option<MeasuredBaseline>,
    /// Against the target as it was before any revision; `None` while none holds.
    pub original: Option<Original>,
    /// Not clamped; `None` without a value.
    pub attainment: Option<Fixed>,
    /// Attainment clamped to 0..1.
    pub score: Option<Fixed>,
    /// s*: the score that counts as success.
    pub success: Fixed,
    /// The score that was to be expected by as_of.
    pub expected: Option<Fixed>,
    /// See [`Status`].
    pub status: Status,
    /// Whether the score is final: everything up to the end is known, and `settle` has passed.
    pub closed: bool,
    /// Why the status is what it is, with its numbers.
    pub reason: Reason,
    /// Value and score less those recomputed at as_of − 7d; `None` where either is missing.
    pub change_7d: Option<Change>,
    /// The check-in that holds, if any.
    pub check_in: Option<CheckIn>,
    /// Of `stat: { max: day }` and its kin: the hour, day or week that the value is of.
    pub interval: Option<Range<Timestamp>>,
    /// Of a key result that is judged by days: how many of the ended ones.
    pub days: Option<DayCount>,
    /// Of a ratio or a formula: the metrics that it is made of, over the same window.
    pub parts: Vec<Part>,
    /// How far its plan is; `None` where it has none.
    pub plan: Option<PlanProgress>,
    /// Members of the dimensions in `by`, by dimension, then the largest n first, then name.
    pub members: Vec<MemberScore>,
}

/// A baseline that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MeasuredBaseline {
    /// What is measured.
    pub id: BaselineId,
    /// The range's first instant.
    pub from: Timestamp,
    /// The instant after its last.
    pub to: Timestamp,
    /// When everything must be known up to for it to be frozen.
    pub settles_at: Timestamp,
    /// How far it is.
    pub stage: BaselineStage,
    /// Why nothing can be held against it.
    pub fault: Option<BaselineFault>,
    /// The value that scores, in base units.
    pub value: Option<Fixed>,
    /// Rows behind it.
    pub n: Option<i64>,
    /// The value of today's facts: of a frozen one it shows what came later, and scores nothing.
    pub now: Option<Fixed>,
}

impl MeasuredBaseline {
    /// Whether it shall be frozen now.
    pub fn is_due(&self) -> bool {
        self.stage == BaselineStage::Settled && self.fault.is_none() && self.value.is_some()
    }
}

/// How far a measured baseline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaselineStage {
    /// Its range has not ended.
    Measuring,
    /// Its range has ended and not settled.
    Provisional,
    /// Its range has settled, and it is about to be frozen.
    Settled,
    /// It holds for good.
    Frozen {
        /// Since when.
        at: Timestamp,
    },
}

impl BaselineStage {
    /// Its text in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            BaselineStage::Measuring => "measuring",
            BaselineStage::Provisional | BaselineStage::Settled => "provisional",
            BaselineStage::Frozen { .. } => "frozen",
        }
    }
}

/// Why nothing can be held against a measured baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BaselineFault {
    /// Its range has not ended.
    Measuring,
    /// Nothing in its range has a value.
    NoValue,
    /// Fewer rows than `min_events`.
    TooFew {
        /// So many.
        n: i64,
        /// Of so many.
        least: u64,
    },
    /// The facts begin only inside its range, or after it.
    CoveredLate {
        /// There.
        from: Timestamp,
    },
}

/// A measured baseline as it was frozen: what the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenBaseline {
    /// What was measured.
    pub id: BaselineId,
    /// The objective that asked first, for people.
    pub objective: String,
    /// Its key result.
    pub key_result: String,
    /// The range's first instant.
    pub from: Timestamp,
    /// The instant after its last.
    pub to: Timestamp,
    /// The value, in base units.
    pub value: Fixed,
    /// Rows behind it.
    pub n: Option<i64>,
    /// The instant it was frozen at.
    pub frozen_at: Timestamp,
    /// Which offsets were in.
    pub offsets: Vec<FrozenOffsets>,
}

/// The offsets of one partition that a frozen baseline was measured from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct FrozenOffsets {
    /// The topic.
    pub topic: String,
    /// Kafka's number of the partition.
    pub partition: i32,
    /// The first offset that was evaluated.
    pub first: i64,
    /// The next one; not in.
    pub next: i64,
}

/// A key result held against its target as it was before any revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Original {
    /// That target, in base units.
    pub target: Option<Fixed>,
    /// Not clamped.
    pub attainment: Option<Fixed>,
    /// Clamped to 0..1.
    pub score: Option<Fixed>,
    /// How many revisions hold by as_of, the earliest first in the book.
    pub revisions: usize,
}

/// How far a plan is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanProgress {
    /// Weight done over all weight, 0..1.
    pub done: Fixed,
    /// Each step, in the book's order.
    pub steps: Vec<StepProgress>,
}

/// How far a step of a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepProgress {
    /// 0..1.
    pub done: Fixed,
    /// Its last day is over, and it is not done.
    pub late: bool,
}

/// What changed in a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// Of the value, in base units.
    pub value: Option<Fixed>,
    /// Of the score.
    pub score: Option<Fixed>,
}

/// Ended days that were judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DayCount {
    /// In band.
    pub in_band: u32,
    /// With enough events to judge; the others are left out.
    pub judged: u32,
}

/// One metric that a ratio or a formula is made of.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Part {
    /// The metric's name.
    pub metric: String,
    /// Its value, in base units.
    pub value: Option<Fixed>,
    /// Rows behind it.
    pub n: Option<i64>,
}

/// One member of a dimension.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct MemberScore {
    /// The dimension's name.
    pub dimension: String,
    /// The member's text.
    pub member: String,
    /// Its value, in base units.
    pub value: Option<Fixed>,
    /// Rows behind it.
    pub n: Option<i64>,
    /// The target it is held against; `None` for members of additive metrics without one of their own.
    pub target: Option<Fixed>,
    /// Its score; `None` likewise.
    pub score: Option<Fixed>,
    /// Its status; `None` likewise.
    pub status: Option<Status>,
}
