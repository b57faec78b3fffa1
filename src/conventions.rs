//! Every metric and label name, once: `/metrics`, the alert rules and the dashboards take them from here.
//!
//! [`FAMILIES`] is the list of DESIGN §8, then a few more that the service itself needs; each says why it is there in its help text.

/// What Prometheus calls the type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricType {
    /// May go up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Counts by upper bounds.
    Histogram,
}

impl MetricType {
    /// The word of the exposition format.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Gauge => "gauge",
            MetricType::Counter => "counter",
            MetricType::Histogram => "histogram",
        }
    }
}

/// A metric family: its name, what it means, and the labels of its series, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// Its type.
    pub kind: MetricType,
    /// One line for people, without a full stop.
    pub help: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
}

/// Names of labels.
pub mod label {
    /// The cycle's id.
    pub const CYCLE: &str = "cycle";
    /// The objective's id.
    pub const OBJECTIVE: &str = "objective";
    /// The key result's id, unique within its objective.
    pub const KEY_RESULT: &str = "key_result";
    /// `ratio`, `seconds`, `count`, or as the book names it.
    pub const UNIT: &str = "unit";
    /// One of [`crate::score::Status::ALL`].
    pub const STATUS: &str = "status";
    /// The dimension's name.
    pub const DIMENSION: &str = "dimension";
    /// The member's text, or [`super::MEMBER_OTHER`].
    pub const MEMBER: &str = "member";
    /// The title, in the book's language.
    pub const TITLE: &str = "title";
    /// Who answers for it.
    pub const OWNER: &str = "owner";
    /// The objective's team.
    pub const TEAM: &str = "team";
    /// `committed` or `aspirational`.
    pub const KIND: &str = "kind";
    /// The KPI's id.
    pub const KPI: &str = "kpi";
    /// The topic's name.
    pub const TOPIC: &str = "topic";
    /// Kafka's number of the partition.
    pub const PARTITION: &str = "partition";
    /// What became of a record: `read`, `dead_letter`, `tombstone`.
    pub const RESULT: &str = "result";
    /// Why it could not be counted.
    pub const REASON: &str = "reason";
    /// The metric's name in the book.
    pub const METRIC: &str = "metric";
    /// The event's name in the book.
    pub const EVENT: &str = "event";
    /// A budget of memory: its key in the section `[state]` of the settings.
    pub const BUDGET: &str = "budget";
    /// What uses it: the metric's name in the book; of ids the topic's.
    pub const OF: &str = "of";
    /// What the process waits for; see `/readyz`.
    pub const PHASE: &str = "phase";
    /// The program's version.
    pub const VERSION: &str = "version";
    /// `sha256:…` of the book.
    pub const BOOK: &str = "book";
}

/// The member under which all beyond [`MEMBERS_EXPOSED_MAX`] are summed.
pub const MEMBER_OTHER: &str = "other";

/// How many members of a key result's dimension have series of their own. A dimension may have a million members, and each
/// series costs Prometheus memory for as long as it keeps data.
pub const MEMBERS_EXPOSED_MAX: usize = 50;

/// Upper bounds of [`COMMIT_SECONDS`]: a local commit takes about 5 ms, a remote one 50; 10 s is when alarms go off.
pub const COMMIT_SECONDS_BOUNDS: [f64; 11] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Upper bounds of [`CUT_SECONDS`] and [`SCORING_SECONDS`]: to hand over takes less than a ms; to score a second's events a few, and while a
/// backlog is drained, a second brings hundreds of thousands.
pub const CUT_SECONDS_BOUNDS: [f64; 12] =
    [0.0001, 0.00025, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

use label as l;

const KEY_RESULT_LABELS: &[&str] = &[l::CYCLE, l::OBJECTIVE, l::KEY_RESULT];
const KEY_RESULT_UNIT_LABELS: &[&str] = &[l::CYCLE, l::OBJECTIVE, l::KEY_RESULT, l::UNIT];
const KEY_RESULT_MEMBER_LABELS: &[&str] = &[l::CYCLE, l::OBJECTIVE, l::KEY_RESULT, l::DIMENSION, l::MEMBER];
const OBJECTIVE_LABELS: &[&str] = &[l::CYCLE, l::OBJECTIVE];

/// Writes the constants and the list of them, so that neither can miss one.
macro_rules! families {
    ($($name:ident = $text:literal, $kind:ident, $labels:expr, $help:literal;)*) => {
        $(#[doc = concat!("`", $text, "`: ", $help, ".")]
        pub const $name: Family = Family { name: $text, kind: MetricType::$kind, help: $help, labels: $labels };)*

        /// All families, in the order in which they are exposed.
        pub const FAMILIES: &[Family] = &[$($name),*];
    };
}

families! {
    CYCLE_ELAPSED_RATIO = "okr_cycle_elapsed_ratio", Gauge, &[l::CYCLE], "Share of the cycle that has passed, 0..1";
    OBJECTIVE_INFO = "okr_objective_info", Gauge, &[l::CYCLE, l::OBJECTIVE, l::TITLE, l::OWNER, l::TEAM],
        "What the book says of an objective; always 1";
    OBJECTIVE_SCORE = "okr_objective_score", Gauge, OBJECTIVE_LABELS, "Weighted mean of the judged key results' scores, 0..1";
    OBJECTIVE_COVERAGE = "okr_objective_coverage", Gauge, OBJECTIVE_LABELS,
        "Weight of the key results that could be judged over the weight of all, 0..1";
    OBJECTIVE_STATUS = "okr_objective_status", Gauge, &[l::CYCLE, l::OBJECTIVE, l::STATUS], "1 for the status that holds, 0 for the others";
    KEY_RESULT_INFO = "okr_key_result_info", Gauge,
        &[l::CYCLE, l::OBJECTIVE, l::KEY_RESULT, l::TITLE, l::OWNER, l::TEAM, l::KIND, l::UNIT],
        "What the book says of a key result; always 1";
    KEY_RESULT_VALUE = "okr_key_result_value", Gauge, KEY_RESULT_UNIT_LABELS, "Value over the key result's window, in base units";
    KEY_RESULT_BASELINE = "okr_key_result_baseline", Gauge, KEY_RESULT_UNIT_LABELS, "Value at which the key result began, in base units";
    KEY_RESULT_TARGET = "okr_key_result_target", Gauge, KEY_RESULT_UNIT_LABELS, "Value that the key result shall reach, in base units";
    KEY_RESULT_ATTAINMENT = "okr_key_result_attainment", Gauge, KEY_RESULT_UNIT_LABELS,
        "Share of the way from baseline to target, not clamped";
    KEY_RESULT_SCORE = "okr_key_result_score", Gauge, KEY_RESULT_LABELS, "Attainment clamped to 0..1";
    KEY_RESULT_EXPECTED_SCORE = "okr_key_result_expected_score", Gauge, KEY_RESULT_LABELS, "Score to be expected by now, 0..1";
    KEY_RESULT_FORECAST_SCORE = "okr_key_result_forecast_score", Gauge, KEY_RESULT_LABELS, "Score forecast for the cycle's end, 0..1";
    KEY_RESULT_SUCCESS_PROBABILITY = "okr_key_result_success_probability", Gauge, KEY_RESULT_LABELS,
        "Probability that the final score counts as success, 0..1";
    KEY_RESULT_STATUS = "okr_key_result_status", Gauge, &[l::CYCLE, l::OBJECTIVE, l::KEY_RESULT, l::STATUS],
        "1 for the status that holds, 0 for the others";
    KEY_RESULT_HAS_DATA = "okr_key_result_has_data", Gauge, KEY_RESULT_LABELS, "1 if the key result has a value, else 0";
    KEY_RESULT_WINDOW_EVENTS = "okr_key_result_window_events", Gauge, KEY_RESULT_LABELS, "Rows behind the value";
    KEY_RESULT_AS_OF = "okr_key_result_as_of_timestamp_seconds", Gauge, KEY_RESULT_LABELS,
        "Instant up to which everything that the key result reads is known";
    KEY_RESULT_LAST_EVENT = "okr_key_result_last_event_timestamp_seconds", Gauge, KEY_RESULT_LABELS,
        "Greatest event time of the events that the key result reads";
    KEY_RESULT_MEMBER_VALUE = "okr_key_result_member_value", Gauge, KEY_RESULT_MEMBER_LABELS,
        "Value of one member of a dimension, in base units";
    KEY_RESULT_MEMBER_SCORE = "okr_key_result_member_score", Gauge, KEY_RESULT_MEMBER_LABELS, "Score of one member of a dimension, 0..1";
    KPI_VALUE = "okr_kpi_value", Gauge, &[l::CYCLE, l::KPI, l::UNIT], "Value of a metric that is shown and never scored, in base units";

    RECORDS = "krscore_records_total", Counter, &[l::TOPIC, l::RESULT],
        "Records of all partitions' history by what became of them, stored with the facts";
    DEAD_LETTERS = "krscore_dead_letters_total", Counter, &[l::TOPIC, l::REASON], "Records, or events of them, that could not be counted";
    VALUE_FAULTS = "krscore_value_faults_total", Counter, &[l::METRIC, l::REASON], "Values that a metric could not take; the rows were kept";
    CONSUMER_LAG = "krscore_consumer_lag_records", Gauge, &[l::TOPIC, l::PARTITION],
        "Records between the last Snapshot and the log's end in the broker's last answer";
    WATERMARK = "krscore_watermark_timestamp_seconds", Gauge, &[l::EVENT], "Event time up to which an event is known on all partitions";
    COMMIT_SECONDS = "krscore_commit_seconds", Histogram, &[], "How long the transactions that store facts with their offsets took";
    LAST_COMMIT = "krscore_last_commit_timestamp_seconds", Gauge, &[], "When facts and offsets were last committed";
    STORE_BYTES = "krscore_store_bytes", Gauge, &[], "Size of the store";
    SNAPSHOT_AGE = "krscore_snapshot_age_seconds", Gauge, &[], "Time since the Snapshot that is shown was scored";
    BUILD_INFO = "krscore_build_info", Gauge, &[l::VERSION, l::BOOK], "The program and the book that is scored; always 1";

    READY = "krscore_ready", Gauge, &[], "1 once caught up and a Snapshot is shown, as /readyz says, else 0";
    PHASE = "krscore_phase", Gauge, &[l::PHASE], "1 for what the process waits for, as /readyz says";
    COPIES = "krscore_copies_total", Counter, &[l::EVENT], "Copies of events that were removed by their id";
    UNCHECKED = "krscore_unchecked_total", Counter, &[l::EVENT], "Events counted although the ids of their day had been let go";
    INCIDENTS = "krscore_incidents_total", Counter, &[l::TOPIC, l::KIND],
        "What befell a topic's logs: retention took records that were not read, the topic was made anew";
    STANDING = "krscore_partition_standing", Gauge, &[l::TOPIC, l::PARTITION, l::REASON],
        "1 for a partition that brings nothing although its log is there; the log says why and what to do";
    BELOW_FLOOR = "krscore_below_floor_total", Counter, &[l::EVENT],
        "Events left out because no window, baseline or cohort reaches back to them";
    KEYS_AGAIN = "krscore_keys_again_total", Counter, &[l::METRIC],
        "Keys used again after their pair fell below the floor; the new pair counts by itself";
    SKIPPED_OFFSETS = "krscore_skipped_offsets_total", Counter, &[l::TOPIC],
        "Offsets that the log did not give: control records, compacted or aborted ones, or a loss";
    BUDGET_LIMIT = "krscore_budget_limit", Gauge, &[l::BUDGET], "How much a budget of memory lets one metric hold, or one partition of ids";
    BUDGET_HELD = "krscore_budget_held", Gauge, &[l::BUDGET, l::OF], "How much of it is held";
    BUDGET_PASSED = "krscore_budget_passed", Gauge, &[l::BUDGET, l::OF],
        "1 where that was not enough: what was held was let go, and the key results that need it say so; else 0";
    REBALANCES = "krscore_rebalances_total", Counter, &[], "Changes of the assignment since the process began";
    FENCED = "krscore_fenced_total", Counter, &[], "Commits refused because another process had claimed a partition";
    BACKFILL_AGGREGATES = "krscore_backfill_aggregates", Gauge, &[], "Aggregates that an edited book waits for; 0 while nothing is filled";
    BACKFILL_RECORDS_LEFT = "krscore_backfill_records_left", Gauge, &[], "Offsets between the back-fill and live scoring; 0 while nothing is filled";
    BOOK_FAULTS = "krscore_book_faults", Gauge, &[], "Faults of the book on disk, for which the one before it still scores";
    CUT_SECONDS = "krscore_cut_seconds", Histogram, &[],
        "How long nothing was consumed while what had come was handed over to be scored and committed";
    SCORING_SECONDS = "krscore_scoring_seconds", Histogram, &[],
        "How long what had come was packed, merged, encoded and scored for a commit, beside consumption";
    COMMIT_FAILURES = "krscore_commit_failures_total", Counter, &[], "Commits that the store refused or did not answer";
    COMPACTIONS = "krscore_compactions_total", Counter, &[], "Stored chunks that were folded of others since the process began";
    COMPACTED_BYTES = "krscore_compacted_bytes_total", Counter, &[], "Bytes of stored chunks that were folded since the process began";
    COMPACTION_REFUSED = "krscore_compaction_refused_partitions", Gauge, &[],
        "Partitions whose stored chunks could not be folded in the last turn; the log says why";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// DESIGN §8, as it stands there.
    const DESIGN: &str = "
        okr_key_result_{value,baseline,target,attainment} cycle,objective,key_result,unit
        okr_key_result_{score,expected_score,forecast_score,success_probability} cycle,objective,key_result
        okr_key_result_status cycle,objective,key_result,status
        okr_key_result_{has_data,window_events,as_of_timestamp_seconds,last_event_timestamp_seconds} cycle,objective,key_result
        okr_key_result_{member_value,member_score} cycle,objective,key_result,dimension,member
        okr_key_result_info cycle,objective,key_result,title,owner,team,kind,unit
        okr_objective_info cycle,objective,title,owner,team
        okr_objective_{score,coverage} cycle,objective
        okr_objective_status cycle,objective,status
        okr_cycle_elapsed_ratio cycle
        okr_kpi_value cycle,kpi,unit
        krscore_records_total topic,result
        krscore_dead_letters_total topic,reason
        krscore_value_faults_total metric,reason
        krscore_consumer_lag_records topic,partition
        krscore_watermark_timestamp_seconds event
        krscore_{commit_seconds,last_commit_timestamp_seconds,store_bytes,snapshot_age_seconds}
        krscore_build_info version,book
    ";

    fn expand(pattern: &str) -> Vec<String> {
        let Some((head, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
        let names = rest.trim_end_matches('}').split(',');
        names.map(|name| format!("{head}{name}")).collect()
    }

    #[test]
    fn every_family_of_the_design_is_here_with_its_labels() {
        for line in DESIGN.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (pattern, labels) = line.split_once(' ').unwrap_or((line, ""));
            for name in expand(pattern) {
                let family = FAMILIES.iter().find(|family| family.name == name);
                assert_eq!(family.map(|family| family.labels.join(",")).as_deref(), Some(labels), "{name}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_follow_prometheus() {
        let names: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        for family in FAMILIES {
            assert_eq!(family.name.ends_with("_total"), family.kind == MetricType::Counter, "{}", family.name);
            assert!(family.name.starts_with("okr_") || family.name.starts_with("krscore_"), "{}", family.name);
            assert!(!family.help.ends_with('.') && !family.help.contains('\n'), "{}", family.name);
        }
    }
}
