//! The domain types of a valid book. Whoever holds a [`Book`] need not check anything again.

use jiff::civil::Date;

use super::expr::Expr;
use super::field::Field;
use super::goal::{Goal, MemberGoal, PacePoint, Revision, Step};
use crate::event::{EventIndex, FieldSlot, TopicIndex};
use crate::fixed::Fixed;
use crate::time::{Calendar, Grain, Interval, Period, Span, TimeFormat, Timestamp, Zone};

/// A valid book. Lists keep the order of the files; the indices in them are positions in these lists.
#[derive(Clone, Debug)]
pub struct Book {
    /// `sha256:` and the hex digest of the files' texts, in the order of their names.
    pub hash: String,
    /// All cycles; the last one is the default. Never empty.
    pub cycles: Vec<Cycle>,
    /// All calendars, each after those that it excepts.
    pub calendars: Vec<Calendar>,
    /// The topics that events read, by name. Each event's topic is here once.
    pub topics: Vec<Topic>,
    /// All events.
    pub events: Vec<Event>,
    /// All metrics, each after those that it reads.
    pub metrics: Vec<Metric>,
    /// All objectives.
    pub objectives: Vec<Objective>,
    /// The zones of local times; a [`crate::time::ZoneIndex`] is a position in this list.
    pub zones: Vec<Zone>,
    /// Metrics that are shown and never scored.
    pub kpis: Vec<Kpi>,
}

/// Position of a cycle in [`Book::cycles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CycleIndex(pub u16);

/// Position of a calendar in [`Book::calendars`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarIndex(pub u16);

/// Position of a metric in [`Book::metrics`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricIndex(pub u16);

/// A scoring period `[start, end)` at local midnights.
#[derive(Clone, Debug)]
pub struct Cycle {
    /// As the book names it.
    pub id: String,
    /// First local day.
    pub start_date: Date,
    /// The local day after the last.
    pub end_date: Date,
    /// `start_date`'s local midnight.
    pub start: Timestamp,
    /// `end_date`'s local midnight.
    pub end: Timestamp,
    /// The zone of days, weeks, months.
    pub zone: Zone,
    /// How long after the end late events are waited for before key results close.
    pub settle: Span,
    /// The width of buckets that the zone's offsets need.
    pub grain: Grain,
}

/// A topic and the fields of its records that any event reads.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Kafka's name of it.
    pub name: String,
    /// The fields, in order; a [`FieldSlot`] is a position in this list.
    pub fields: Vec<Field>,
    /// The events that read this topic.
    pub events: Vec<EventIndex>,
}

impl Topic {
    /// Whether a field is a header, so that the records' headers have to be read.
    pub fn reads_headers(&self) -> bool {
        self.fields.iter().any(|field| matches!(field, Field::Header(_)))
    }

    /// The field in that slot.
    pub fn field(&self, slot: FieldSlot) -> Option<&Field> {
        self.fields.get(usize::from(slot.0))
    }
}

/// A named kind of event: which topic, which rows, when, who.
#[derive(Clone, Debug)]
pub struct Event {
    /// As the book names it.
    pub name: String,
    /// Where its records are.
    pub topic: TopicIndex,
    /// The slot of the elements themselves, where every element of an array is a row; `None`: the record is the row.
    pub each: Option<FieldSlot>,
    /// The fields by which copies are known, in the order of the book; none removes nothing.
    pub id: Vec<FieldSlot>,
    /// The field that holds the event time.
    pub time: FieldSlot,
    /// How that field is written.
    pub time_format: TimeFormat,
    /// The dimensions of its rows.
    pub dimensions: Vec<Dimension>,
    /// Which rows are this event; `None`: all.
    pub filter: Option<Expr>,
    /// The filter as the book writes it, for people.
    pub filter_text: Option<String>,
}

/// A named dimension and the field it is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// The dimension's name, shared over events.
    pub name: String,
    /// The field in this event's topic.
    pub field: FieldSlot,
}

/// A metric.
#[derive(Clone, Debug)]
pub struct Metric {
    /// As the book names it.
    pub name: String,
    /// What it computes.
    pub kind: MetricKind,
    /// The unit of its natural value.
    pub unit: Unit,
    /// The `where` of a ratio, a duration or a formula; a metric of rows has its own in them.
    pub filter: Option<MetricFilter>,
}

/// The `where` of a metric that reads several events: the same text over the rows of each.
#[derive(Clone, Debug)]
pub struct MetricFilter {
    /// As the book writes it.
    pub text: String,
    /// It, over the fields of each event's rows.
    pub events: Vec<(EventIndex, Expr)>,
}

impl MetricFilter {
    /// It, over the rows of an event; `None` for one that the metric does not restrict.
    pub fn of(&self, event: EventIndex) -> Option<&Expr> {
        self.events.iter().find(|(known, _)| *known == event).map(|(_, filter)| filter)
    }
}

/// What a metric computes.
#[derive(Clone, Debug)]
pub enum MetricKind {
    /// Rows of an event.
    Count(Rows),
    /// The sum of an expression over rows.
    Sum(Rows, Expr),
    /// The distribution of an expression over rows.
    Value(Rows, Expr),
    /// How many different values an expression has over rows; NULL is none.
    Distinct(Rows, Expr),
    /// The latest value of each key, summed over keys.
    Level {
        /// The rows that tell of keys.
        rows: Rows,
        /// The field that holds the key.
        key: FieldSlot,
        /// The key's value from the row's time on; NULL ends the key.
        value: Expr,
    },
    /// One count, sum or distinct over another.
    Ratio {
        /// What `part` counts.
        sense: RatioSense,
        /// The part; a count, a sum or a distinct.
        part: MetricIndex,
        /// The whole; a count, a sum or a distinct.
        total: MetricIndex,
    },
    /// The time between two events of one key.
    Duration(Duration),
    /// A formula over other metrics.
    Derived {
        /// The formula.
        formula: Formula,
        /// As the book writes it.
        text: String,
    },
}

/// Which rows a metric takes.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The event.
    pub event: EventIndex,
    /// The metric's own `where`, on top of the event's.
    pub filter: Option<Expr>,
    /// The metric's `where` as written.
    pub filter_text: Option<String>,
    /// The metric's `value` as written, for people.
    pub value_text: Option<String>,
}

/// What the part of a ratio means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatioSense {
    /// Good ones: good / total; numerator = good.
    Good,
    /// Bad ones: 1 − bad / total; numerator = total − bad.
    Bad,
    /// Neither: part / total; numerator = part.
    Part,
}

/// The two events of a duration and what pairs them.
#[derive(Clone, Debug)]
pub struct Duration {
    /// The start event; dimensions and deadline come from it.
    pub from: EventIndex,
    /// The end event.
    pub to: EventIndex,
    /// The key's field in the start event's topic.
    pub from_key: FieldSlot,
    /// The key's field in the end event's topic.
    pub to_key: FieldSlot,
    /// Which of several ends counts.
    pub end: EndChoice,
    /// The start event's field that holds the deadline, read as the event's own time is if that is RFC 3339, else as its unit.
    pub deadline: Option<(FieldSlot, TimeFormat)>,
    /// The event that takes a pair out for good, and the key's field in its topic.
    pub void: Option<(EventIndex, FieldSlot)>,
    /// Where a finished pair counts for mean and pNN.
    pub placed: Placed,
    /// How long before the floor a start is still waited for.
    pub give_up: Span,
}

/// Which of several ends of one key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndChoice {
    /// The earliest of all.
    First,
    /// The latest of all.
    Last,
}

/// The instant that places a finished pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placed {
    /// Its end.
    End,
    /// Its start.
    Start,
}

/// Arithmetic over metrics; each stands for its natural value (mean of a value or duration, else the value itself).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formula {
    /// A metric's natural value.
    Metric(MetricIndex),
    /// A constant.
    Number(Fixed),
    /// `-a`.
    Negate(Box<Formula>),
    /// `a + b` and its kin; `%` does not occur.
    Arithmetic(super::expr::Operator, Box<Formula>, Box<Formula>),
}

/// The unit of a value. Base units only: seconds, ratios 0..1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `ratio`
    Ratio,
    /// `seconds`
    Seconds,
    /// `count`
    Count,
    /// As the book names it; empty where nothing does.
    Named(String),
}

impl Unit {
    /// The label's text.
    pub fn as_str(&self) -> &str {
        match self {
            Unit::Ratio => "ratio",
            Unit::Seconds => "seconds",
            Unit::Count => "count",
            Unit::Named(name) => name,
        }
    }
}

/// An objective and its key results.
#[derive(Clone, Debug)]
pub struct Objective {
    /// As the book names it; unique in the book.
    pub id: String,
    /// Its cycle.
    pub cycle: CycleIndex,
    /// In any script; the first where the book has one a language.
    pub title: String,
    /// Language and title, in the book's order; empty where the book has a single title.
    pub titles: Vec<(String, String)>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Others who work on it.
    pub collaborators: Vec<String>,
    /// Its team.
    pub team: Option<String>,
    /// `objective` or `objective/key-result` that it serves; exists, and no circle.
    pub aligns_to: Option<String>,
    /// Free labels.
    pub labels: Vec<(String, String)>,
    /// Free text.
    pub notes: Option<String>,
    /// What is done for it; shown, never scored.
    pub plan: Vec<Step>,
    /// Its key results, in order.
    pub key_results: Vec<KeyResult>,
}

/// A metric that is shown and never scored: an OKR is not a KPI.
#[derive(Clone, Debug)]
pub struct Kpi {
    /// The cycle whose days, weeks and months its windows have.
    pub cycle: CycleIndex,
    /// What is shown, by an id that is unique among KPIs: a key result whose goal is [`Goal::Nothing`].
    pub shown: KeyResult,
}

/// A key result.
#[derive(Clone, Debug)]
pub struct KeyResult {
    /// Unique within its objective.
    pub id: String,
    /// In any script; the first where the book has one a language.
    pub title: String,
    /// Language and title, in the book's order; empty where the book has a single title.
    pub titles: Vec<(String, String)>,
    /// Who answers for it; default the objective's.
    pub owner: Option<String>,
    /// Unit of value, baseline and target.
    pub unit: Unit,
    /// Weight in the roll-up, > 0; default 1.
    pub weight: Fixed,
    /// Committed or aspirational.
    pub kind: Kind,
    /// Where the value comes from.
    pub source: Source,
    /// What the value is held against.
    pub goal: Goal,
    /// Members of the one dimension in `by` that are held against something of their own, by member.
    pub members: Vec<MemberGoal>,
    /// Values expected by days, in order of time.
    pub pace: Vec<PacePoint>,
    /// Later changes of the target, in order of time.
    pub revisions: Vec<Revision>,
    /// What is done for it; shown, never scored.
    pub plan: Vec<Step>,
    /// The window over which the value is computed.
    pub window: Window,
    /// The calendars that cut the window: what lies in any of them is in. Empty: all of it.
    pub during: Vec<CalendarIndex>,
    /// By what a count or a sum is divided: the window's length in hours, days or weeks.
    pub per: Option<Interval>,
    /// Dimensions whose members are shown.
    pub by: Vec<String>,
    /// Dimensions and the one member of each that it is restricted to, by dimension.
    pub only: Vec<(String, String)>,
    /// n below which it is `insufficient_data`; `None` where n is null.
    pub min_events: Option<u64>,
    /// `partial: accept`: judged although the topic no longer reaches back to the window's start.
    pub partial_accepted: bool,
    /// Silence of a topic after which it is `stale`; `None` is `never`. For manual: `stale_after`.
    pub silent_after: Option<Span>,
    /// When it is due, if before the cycle's end: the end of that local day.
    pub due: Option<Timestamp>,
    /// The thresholds of its status.
    pub thresholds: Thresholds,
    /// Free labels.
    pub labels: Vec<(String, String)>,
    /// Free text.
    pub notes: Option<String>,
}

/// Whether 1.0 or 0.7 counts as success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Success is 1.0.
    Committed,
    /// Success is 0.7.
    Aspirational,
}

/// Where a key result's value comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Events, through a metric.
    Metric {
        /// The metric.
        metric: MetricIndex,
        /// Which of its statistics.
        stat: Stat,
    },
    /// Steps that are done or not.
    Milestones(Vec<Milestone>),
    /// Check-ins that people make.
    Manual,
}

/// Which statistic of a metric is the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stat {
    /// The natural one of count, sum, ratio, derived.
    Natural,
    /// Arithmetic mean.
    Mean,
    /// A percentile in basis points of the rank: `p50` is 5000, `p99.9` is 9990.
    Percentile(u16),
    /// Least.
    Min,
    /// Greatest.
    Max,
    /// Share of starts finished within this span.
    Within(Span),
    /// Share of deadlines met.
    OnTime,
    /// Of a count or sum, the greatest amount of a whole hour, day or week.
    MostIn(Interval),
    /// Likewise the least.
    LeastIn(Interval),
}

/// One step of a milestone key result.
#[derive(Clone, Debug)]
pub struct Milestone {
    /// What it is.
    pub name: String,
    /// Its share, > 0; default 1.
    pub weight: Fixed,
    /// The end of its local due day; `None`: the key result's.
    pub due: Option<Timestamp>,
    /// The start of the local day on which it was done.
    pub done: Option<Timestamp>,
}

/// The window over which a value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The cycle so far.
    Cycle,
    /// The last so much before as_of; a whole number of buckets.
    Trailing(Span),
    /// The local period that holds the last instant before as_of.
    ToDate(Period),
}

/// Where a status turns. See DESIGN §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// on_track from this share of expected; 0.9.
    pub on_track_ratio: Fixed,
    /// on_track within this gap of expected; 0.05.
    pub on_track_gap: Fixed,
    /// off_track below this share of expected; 0.6.
    pub off_track_ratio: Fixed,
    /// off_track only beyond this gap; 0.10.
    pub off_track_gap: Fixed,
    /// off_track only after this share of the cycle; 0.2.
    pub off_track_elapsed: Fixed,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            on_track_ratio: Fixed(900_000_000),
            on_track_gap: Fixed(50_000_000),
            off_track_ratio: Fixed(600_000_000),
            off_track_gap: Fixed(100_000_000),
            off_track_elapsed: Fixed(200_000_000),
        }
    }
}
