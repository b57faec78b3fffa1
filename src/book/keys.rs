//! Every key of the book's syntax, once: the reader, its messages and the JSON Schema are all made from these tables.

/// What may stand under a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Free text in any script.
    Text,
    /// An SQL expression over the fields of a row.
    Sql,
    /// Letters, digits, `.`, `_`, `-`: objectives, key results, cycles, topics.
    Id,
    /// `objective` or `objective/key-result`.
    Alignment,
    /// A letter, then letters, digits, `_`: events, metrics, dimensions.
    Name,
    /// A field of a record: `region`, `customer.region`, `$key`.
    Field,
    /// A name of a dimension, which is a top-level field as well.
    Dimension,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `mean`, `min`, `max`, `on_time` or a percentile like `p50`.
    Stat,
    /// `96%`, `4.5`, `3m`.
    Amount,
    /// `0.9` or `90%`.
    Share,
    /// A number without unit.
    Number,
    /// A whole number from 0.
    Count,
    /// `3d`, `9m30s`.
    Span,
    /// A span or `never`.
    SpanOrNever,
    /// `2026-10-01`.
    Date,
    /// `08:00-20:00`.
    Hours,
    /// An IANA time zone.
    Zone,
    /// A list of these.
    List(&'static Shape),
    /// Names of the book's choice, each with this under it.
    Map(&'static Shape),
    /// A mapping with these keys.
    Object(&'static Table),
    /// A mapping whose `type` says which keys it has.
    Typed(&'static [(&'static str, &'static Table)]),
    /// One of these; at most one list, one mapping, and scalars tried in order.
    OneOf(&'static [Shape]),
}

/// A mapping and its keys.
#[derive(Debug)]
pub(super) struct Table {
    /// What such a mapping is called in messages: `an event`.
    pub name: &'static str,
    /// Its keys, in the order in which people write them.
    pub keys: &'static [Key],
    /// Where this version does not build it yet: what to do until then.
    pub later: Option<&'static str>,
}

/// A key of a [`Table`].
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    pub doc: &'static str,
    /// Where this version does not build it yet: what to do until then.
    pub later: Option<&'static str>,
}

const fn may(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, required: false, doc, later: None }
}

const fn must(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, required: true, doc, later: None }
}

const fn table(name: &'static str, keys: &'static [Key]) -> Table {
    Table { name, keys, later: None }
}

use Shape::*;

use crate::time::Interval;

const TITLE: Shape = OneOf(&[Text, Map(&Text)]);
const TITLE_DOC: &str =
    "what people read, in any script; or one text a language: { zh: …, en: … }, the first is the default";

/// The one version of the syntax.
pub(super) const API_VERSION: &str = "krscore/v1";

pub(super) static BOOK: Table = table(
    "a book",
    &[
        must("apiVersion", Word(&[API_VERSION]), "the version of this syntax"),
        may("cycles", List(&Object(&CYCLE)), "scoring periods; an objective names its own, default the last one"),
        may("calendars", Map(&Object(&CALENDAR)), "named sets of days and hours that `during` cuts windows by"),
        may("topics", Map(&Object(&TOPIC)), "how the records of a topic are written"),
        may("events", Map(&Object(&EVENT)), "one named kind of event each: which topic, which rows, when, who"),
        may("metrics", Map(&Typed(METRICS)), "what is computed from events"),
        may("objectives", List(&Object(&OBJECTIVE)), "objectives and their key results"),
        may("thresholds", Object(&THRESHOLDS), "where the status of every key result turns"),
        may("kpis", List(&Object(&KPI)), "metrics that are shown and never scored"),
    ],
);

pub(super) static CYCLE: Table = table(
    "a cycle",
    &[
        must("id", Id, "its name, unique in the book"),
        must("start", Date, "the first local day"),
        must("end", Date, "the local day after the last"),
        must("timezone", Zone, "the zone of its days, weeks and months, as IANA names it"),
        may("settle", Span, "how long late events are waited for before it closes; default 3d"),
    ],
);

pub(super) static CALENDAR: Table = table(
    "a calendar",
    &[
        may("weekdays", List(&Word(WEEKDAYS)), "days of every week"),
        may("dates", List(&OneOf(&[Date, Object(&DATES)])), "days, and ranges of them, beside the weekdays"),
        may("hours", List(&Hours), "the part of each day, by the local clock; a night belongs to the day it begins on"),
        may("except", List(&OneOf(&[Id, Object(&DATES)])), "days, and calendars, that are not in it"),
    ],
);

pub(super) static DATES: Table =
    table("a range of dates", &[must("first", Date, "its first day"), must("last", Date, "its last day, included")]);

const WEEKDAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

pub(super) static TOPIC: Table = table("a topic", &[may("format", Text, "how its records are written; default json")]);

pub(super) static EVENT: Table = table(
    "an event",
    &[
        must("topic", Id, "Kafka's name of the topic that holds it"),
        may("id", OneOf(&[Field, List(&Field)]), "the field, or fields, by which copies are known and removed"),
        must("time", OneOf(&[Field, Object(&TIME)]), "the field that says when it happened"),
        may(
            "dimensions",
            OneOf(&[List(&Dimension), Map(&Field)]),
            "fields to look at it by; or names and their fields",
        ),
        may("where", Sql, "which rows of the topic are this event"),
        may(
            "each",
            Field,
            "an array whose elements are the rows: `items` makes `items.sku` a field of the one element",
        ),
    ],
);

pub(super) static TIME: Table = table(
    "a time field",
    &[
        must("field", Field, "the field"),
        may("unit", Word(UNITS), "the unit of a number since 1970-01-01; without it the field is RFC 3339 text"),
        may("zone", Zone, "the zone of local times without an offset; a text that has one keeps it"),
    ],
);

const UNITS: &[&str] = &["s", "ms", "us", "ns"];

pub(super) static METRICS: &[(&str, &Table)] = &[
    ("count", &COUNT),
    ("sum", &SUM),
    ("value", &VALUE),
    ("ratio", &RATIO),
    ("duration", &DURATION),
    ("distinct", &DISTINCT),
    ("level", &LEVEL),
    ("derived", &DERIVED),
];

const TYPE: Key = must("type", Text, "what it computes");
const OF_EVENT: Key = must("event", Name, "the event whose rows it takes");
const WHERE: Key = may("where", Sql, "which of the event's rows it takes");
const WHERE_OF_ALL: Key = may("where", Sql, "which rows it takes of every event that it is made of");
const WHERE_OF_START: Key = may("where", Sql, "which start rows it takes; an end need not have their fields");
const UNIT: Key = may("unit", Text, "what its value is measured in");

pub(super) static COUNT: Table = table("a count", &[TYPE, OF_EVENT, WHERE]);

pub(super) static SUM: Table = table("a sum", &[TYPE, OF_EVENT, must("value", Sql, "what is added up"), WHERE, UNIT]);

pub(super) static VALUE: Table =
    table("a value", &[TYPE, OF_EVENT, must("value", Sql, "what is averaged or ranked"), WHERE, UNIT]);

pub(super) static RATIO: Table = table(
    "a ratio",
    &[
        TYPE,
        may("good", Name, "good / total: a count, sum or distinct"),
        may("bad", Name, "1 - bad / total: a count, sum or distinct"),
        may("part", Name, "part / total, neither good nor bad: a count, sum or distinct"),
        must("total", Name, "the whole: a count, sum or distinct"),
        WHERE_OF_ALL,
    ],
);

pub(super) static DURATION: Table = table(
    "a duration",
    &[
        TYPE,
        must("from", Name, "the event that starts it; dimensions and deadline come from it"),
        must("to", Name, "the event that ends it"),
        must("key", OneOf(&[Field, Object(&DURATION_KEY)]), "the field that pairs the two; or one a side"),
        may("end", Word(&["first", "last"]), "which of several ends counts; default first"),
        may("deadline", OneOf(&[Field, Object(&TIME)]), "the start event's field that says when it was due"),
        may("void", Name, "the event that takes a pair out for good"),
        may("placed", Word(&["end", "start"]), "where a finished pair counts for mean and pNN; default end"),
        may("give_up", Span, "how long an open pair is remembered at least; default 60d"),
        WHERE_OF_START,
    ],
);

pub(super) static DURATION_KEY: Table = table(
    "a duration's key",
    &[
        must("from", Field, "its field in the start event"),
        must("to", Field, "its field in the end event"),
        may("void", Field, "its field in the void event"),
    ],
);

pub(super) static DISTINCT: Table =
    table("a distinct", &[TYPE, OF_EVENT, must("value", Sql, "what is told apart; NULL is not counted"), WHERE]);

pub(super) static LEVEL: Table = table(
    "a level",
    &[
        TYPE,
        OF_EVENT,
        must("key", Field, "whose latest value counts"),
        must("value", Sql, "what is summed over keys; NULL ends the key"),
        WHERE,
        UNIT,
    ],
);

pub(super) static DERIVED: Table =
    table("a derived metric", &[TYPE, must("formula", Text, "arithmetic over metrics"), UNIT, WHERE_OF_ALL]);

pub(super) static OBJECTIVE: Table = table(
    "an objective",
    &[
        must("id", Id, "its name, unique in the book"),
        may("cycle", Id, "its cycle; default the book's last one"),
        must("title", TITLE, TITLE_DOC),
        may("owner", Text, "who answers for it"),
        may("collaborators", List(&Text), "who else works on it"),
        may("team", Text, "its team"),
        may("aligns_to", Alignment, "the objective, or objective/key-result, that it serves"),
        may("labels", Map(&Text), "free labels"),
        may("notes", Text, "free text"),
        may("plan", List(&Object(&STEP)), "what is done for it; shown, never scored"),
        must("key_results", List(&Object(&KEY_RESULT)), "what shows that it is reached"),
    ],
);

pub(super) static KEY_RESULT: Table = table(
    "a key result",
    &[
        must("id", Id, "its name, unique in its objective"),
        must("title", TITLE, TITLE_DOC),
        may("type", Word(&["improve", "maintain", "milestone", "manual"]), "default: what its other keys imply"),
        may("owner", Text, "who answers for it; default the objective's"),
        may("metric", Name, "the metric that it is read from"),
        may("stat", OneOf(&[Stat, Object(&STAT)]), "which statistic of a value or duration"),
        may("unit", Text, "what a manual value is measured in"),
        may("baseline", OneOf(&[Amount, Object(&MEASURED)]), "where it began"),
        may("target", Amount, "where it shall be"),
        may("stretch", Amount, "what lies beyond the target"),
        may("change", Amount, "the target as a change of the baseline, like +20%"),
        may("at_least", Amount, "the least value that is in band"),
        may("at_most", Amount, "the greatest value that is in band"),
        may("between", List(&Amount), "the least and the greatest value in band"),
        may("days", Share, "the share of days in band that counts as success; default 90%"),
        may("judge", Word(&["at_end"]), "judged by its value now instead of by days"),
        may("direction", Word(&["up", "down"]), "which way is better"),
        may("kind", Word(&["committed", "aspirational"]), "whether 1.0 or 0.7 is success; default committed"),
        may("weight", Number, "its weight in the objective's score; default 1"),
        may("window", OneOf(&[Word(&["cycle"]), Object(&WINDOW)]), "over which time it is computed"),
        may("during", OneOf(&[Id, List(&Id)]), "the calendar that cuts the window; of several, what lies in any"),
        may("by", List(&Name), "dimensions whose members are shown"),
        may("only", Map(&Text), "dimensions, and the one member of each that it is restricted to"),
        may("targets", Map(&Amount), "targets of single members of the dimension in `by`"),
        may("baselines", Map(&Amount), "baselines of single members of the dimension in `by`"),
        may("per", Word(Interval::WORDS), "a count or sum divided by the window's length"),
        may("min_events", Count, "fewer events are `insufficient_data`"),
        may("partial", Word(&["accept"]), "judged although its topic no longer reaches back to the window's start"),
        may("silent_after", SpanOrNever, "how long its topics may be silent before it is stale; default 3d"),
        may("stale_after", SpanOrNever, "how old the last check-in of a manual one may be; default 14d"),
        may("due", Date, "the day by which it shall be reached, if before the cycle's end"),
        may("milestones", List(&Object(&MILESTONE)), "the steps of a milestone"),
        may("thresholds", Object(&THRESHOLDS), "where its status turns"),
        may("pace", List(&Object(&PACE)), "values expected by days, instead of an even way"),
        may("revisions", List(&Object(&REVISION)), "later changes of the target; the original stays scored beside it"),
        may("plan", List(&Object(&STEP)), "what is done for it; shown, never scored"),
        may("labels", Map(&Text), "free labels"),
        may("notes", Text, "free text"),
    ],
);

pub(super) static STAT: Table = table(
    "a stat",
    &[
        may("within", Span, "the share that ends within this time"),
        may("max", Word(Interval::WORDS), "the greatest amount of an hour, day or week"),
        may("min", Word(Interval::WORDS), "the least amount of an hour, day or week"),
    ],
);

pub(super) static MEASURED: Table =
    table("a measured baseline", &[must("from", Date, "its first day"), must("to", Date, "the day after its last")]);

pub(super) static WINDOW: Table = table(
    "a window",
    &[
        may("trailing", Span, "the last so much time"),
        may("to_date", Word(&["day", "week", "month", "quarter"]), "the calendar period so far"),
    ],
);

pub(super) static MILESTONE: Table = table(
    "a milestone",
    &[
        must("name", Text, "what it is"),
        may("weight", Number, "its share; default 1"),
        may("due", Date, "the day by which it shall be done; default the key result's"),
        may("done", Date, "the day on which it was done"),
    ],
);

pub(super) static THRESHOLDS: Table = table(
    "thresholds",
    &[
        may("on_track_ratio", Share, "on track from this share of expected; default 0.9"),
        may("on_track_gap", Share, "on track within this gap of expected; default 0.05"),
        may("off_track_ratio", Share, "off track below this share of expected; default 0.6"),
        may("off_track_gap", Share, "off track only beyond this gap; default 0.1"),
        may("off_track_elapsed", Share, "off track only after this share of the cycle; default 0.2"),
    ],
);

pub(super) static PACE: Table =
    table("a pace point", &[must("date", Date, "the day"), must("value", Amount, "the value expected at its end")]);

pub(super) static REVISION: Table = table(
    "a revision",
    &[
        must("date", Date, "from when"),
        must("value", Amount, "the new target"),
        must("why", Text, "the reason"),
        may("by", Text, "who decided"),
    ],
);

pub(super) static STEP: Table = table(
    "a step",
    &[
        must("name", Text, "what is done"),
        may("start", Date, "its first day"),
        may("end", Date, "its last day"),
        may("owner", Text, "who does it"),
        may("resources", Text, "what it needs"),
        may("risk", Text, "what may hinder it"),
        may("done", OneOf(&[Date, Share]), "when, or how much of it"),
        may("weight", Number, "its share; default 1"),
    ],
);

pub(super) static KPI: Table = table(
    "a kpi",
    &[
        must("id", Id, "its name, unique in the book"),
        must("title", TITLE, TITLE_DOC),
        must("metric", Name, "the metric"),
        may("stat", OneOf(&[Stat, Object(&STAT)]), "which statistic of a value or duration"),
        may("window", OneOf(&[Word(&["cycle"]), Object(&WINDOW)]), "over which time it is computed"),
        may("during", OneOf(&[Id, List(&Id)]), "the calendar that cuts the window; of several, what lies in any"),
        may("per", Word(Interval::WORDS), "a count or sum divided by the window's length"),
        may("only", Map(&Text), "dimensions, and the one member of each that it is restricted to"),
        may("cycle", Id, "its cycle; default the book's last one"),
        may("owner", Text, "who answers for it"),
    ],
);
