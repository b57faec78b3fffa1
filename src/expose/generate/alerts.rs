//! The rule file of `krscore generate alerts`: one for every book, because each rule reads labels and joins titles and owners from
//! [`KEY_RESULT_INFO`] and [`OBJECTIVE_INFO`].
//!
//! | group | asks |
//! |---|---|
//! | `krscore_scores` | is a key result or an objective off track, at risk, stale, or without data |
//! | `krscore_service` | does the service run, advance, commit, and count what it reads |

use crate::conventions::{
    BUDGET_PASSED, COMMIT_FAILURES, CONSUMER_LAG, DEAD_LETTERS, FENCED, KEY_RESULT_AS_OF, KEY_RESULT_EXPECTED_SCORE,
    KEY_RESULT_INFO, KEY_RESULT_SCORE, KEY_RESULT_STATUS, OBJECTIVE_COVERAGE, OBJECTIVE_INFO, OBJECTIVE_STATUS, READY,
    RECORDS, SKIPPED_OFFSETS, SNAPSHOT_AGE, VALUE_FAULTS,
};

/// One alerting rule.
struct Rule {
    name: &'static str,
    expression: String,
    /// How long it must hold.
    hold: &'static str,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
}

/// The rule file, as YAML.
pub fn rules() -> String {
    let mut out = String::from(
        "# Written by `krscore generate alerts`. One file for every book: an edit of the book needs no new one.\n\
         # Route by the labels severity, owner, team, objective and key_result; to be told again less often, set repeat_interval there.\n\
         groups:\n",
    );
    for (group, rules) in [("krscore_scores", scores()), ("krscore_service", service())] {
        out.push_str(&format!("  - name: {group}\n    rules:\n"));
        for rule in &rules {
            push_rule(&mut out, rule);
        }
    }
    out
}

/// Texts are single-quoted YAML, in which only the quote itself is doubled; expressions are literal blocks.
fn push_rule(out: &mut String, rule: &Rule) {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    out.push_str(&format!("      - alert: {}\n        expr: |-\n", rule.name));
    for line in rule.expression.lines() {
        out.push_str(&format!("          {line}\n"));
    }
    out.push_str(&format!(
        "        for: {}\n        labels:\n          severity: {}\n        annotations:\n          summary: {}\n          description: {}\n",
        rule.hold,
        rule.severity,
        quoted(rule.summary),
        quoted(rule.description),
    ));
}

/// A key result in this status, with title, owner and team from its info.
fn key_result_in(status: &str) -> String {
    format!(
        "({}{{status=\"{status}\"}} == 1)\n* on (job, instance, cycle, objective, key_result) group_left (title, owner, team)\n{}",
        KEY_RESULT_STATUS.name, KEY_RESULT_INFO.name
    )
}

/// An objective in this status, likewise.
fn objective_in(status: &str) -> String {
    format!(
        "({}{{status=\"{status}\"}} == 1)\n* on (job, instance, cycle, objective) group_left (title, owner, team)\n{}",
        OBJECTIVE_STATUS.name, OBJECTIVE_INFO.name
    )
}

/// What the annotations of a key result ask Prometheus for: a number of the same key result, as text; nothing where there is none.
macro_rules! of_key_result {
    ($family:expr, $before:literal, $format:literal, $after:literal) => {
        concat!(
            "{{ with printf `",
            $family,
            "{job=%q,instance=%q,cycle=%q,objective=%q,key_result=%q}` $labels.job $labels.instance $labels.cycle $labels.objective ",
            "$labels.key_result | query }}",
            $before,
            "{{ . | first | value | ",
            $format,
            " }}",
            $after,
            "{{ end }}"
        )
    };
}

#[cfg(test)]
const WHO: &str = "{{ $labels.title }} ({{ $labels.objective }}/{{ $labels.key_result }})";

fn scores() -> Vec<Rule> {
    key_results().into_iter().chain(objectives()).collect()
}

fn service() -> Vec<Rule> {
    states().into_iter().chain(counts()).collect()
}

fn key_results() -> Vec<Rule> {
    let standing = concat!(
        of_key_result!("okr_key_result_score", "Score ", "printf \"%.2f\"", ""),
        of_key_result!("okr_key_result_expected_score", ", expected ", "printf \"%.2f\"", ""),
        ". Owner: {{ $labels.owner }}. Where it comes from: /objectives/{{ $labels.objective }}/{{ $labels.key_result }} on the krscore page."
    );
    debug_assert!(standing.contains(KEY_RESULT_SCORE.name) && standing.contains(KEY_RESULT_EXPECTED_SCORE.name));
    let freshness = concat!(
        "No news of an event that it reads. ",
        of_key_result!("okr_key_result_as_of_timestamp_seconds", "Known up to ", "humanizeTimestamp", ". "),
        "Check the producers of its topics, or for a manual key result ask {{ $labels.owner }} for a check-in."
    );
    debug_assert!(freshness.contains(KEY_RESULT_AS_OF.name));
    vec![
        Rule {
            name: "OkrKeyResultOffTrack",
            expression: key_result_in("off_track"),
            hold: "1h",
            severity: "warning",
            summary: concat!("Off track: ", "{{ $labels.title }} ({{ $labels.objective }}/{{ $labels.key_result }})"),
            description: standing,
        },
        Rule {
            name: "OkrKeyResultAtRisk",
            expression: key_result_in("at_risk"),
            hold: "1d",
            severity: "info",
            summary: concat!(
                "At risk for a day: ",
                "{{ $labels.title }} ({{ $labels.objective }}/{{ $labels.key_result }})"
            ),
            description: standing,
        },
        Rule {
            name: "OkrKeyResultStale",
            expression: key_result_in("stale"),
            hold: "15m",
            severity: "warning",
            summary: concat!("Stale: ", "{{ $labels.title }} ({{ $labels.objective }}/{{ $labels.key_result }})"),
            description: freshness,
        },
        Rule {
            name: "OkrKeyResultNoData",
            expression: key_result_in("no_data"),
            hold: "1d",
            severity: "warning",
            summary: concat!(
                "No data for a day: ",
                "{{ $labels.title }} ({{ $labels.objective }}/{{ $labels.key_result }})"
            ),
            description: "It has no value. Check that its topics have records that pass the filters; `krscore explain` lists them.",
        },
        Rule {
            name: "OkrKeyResultInsufficientData",
            expression: key_result_in("insufficient_data"),
            hold: "1d",
            severity: "info",
            summary: concat!(
                "Too little data for a day: ",
                "{{ $labels.title }} ({{ $labels.objective }}/{{ $labels.key_result }})"
            ),
            description: "Fewer events than min_events, or a topic that no longer reaches back to the start of the window \
                          (then `partial: accept` in the book judges it all the same).",
        },
    ]
}

fn objectives() -> Vec<Rule> {
    vec![
        Rule {
            name: "OkrObjectiveOffTrack",
            expression: objective_in("off_track"),
            hold: "1h",
            severity: "warning",
            summary: "Off track: {{ $labels.title }} ({{ $labels.objective }})",
            description: "Its worst judged key result is off track. Owner: {{ $labels.owner }}.",
        },
        Rule {
            name: "OkrObjectiveUncovered",
            expression: format!(
                "({} < 0.5)\n* on (job, instance, cycle, objective) group_left (title, owner, team)\n{}",
                OBJECTIVE_COVERAGE.name, OBJECTIVE_INFO.name
            ),
            hold: "1d",
            severity: "info",
            summary: "Less than half can be judged: {{ $labels.title }} ({{ $labels.objective }})",
            description: "Key results without data, stale ones and those with too little data leave the score without a base.",
        },
    ]
}

fn states() -> Vec<Rule> {
    vec![
        Rule {
            name: "KrscoreDown",
            expression: "up{job=~\".*krscore.*\"} == 0".into(),
            hold: "2m",
            severity: "critical",
            summary: "krscore is down on {{ $labels.instance }}",
            description: "Prometheus cannot scrape it; scores stand still. (The rule finds it by a job name that holds `krscore`.)",
        },
        Rule {
            name: "KrscoreNotReady",
            expression: format!("{} == 0", READY.name),
            hold: "15m",
            severity: "warning",
            summary: "krscore is not ready on {{ $labels.instance }}",
            description: "GET /readyz says what it waits for: store, broker, topics, assignment, claim, or catching up.",
        },
        Rule {
            name: "KrscoreSnapshotOld",
            expression: format!("{} > 120", SNAPSHOT_AGE.name),
            hold: "5m",
            severity: "critical",
            summary: "Scores on {{ $labels.instance }} have not moved for {{ $value | humanizeDuration }}",
            description: "A new Snapshot is shown only when it is in the store: check the store and the service's log.",
        },
        Rule {
            name: "KrscoreConsumerLag",
            expression: format!("sum by (job, instance, topic) ({}) > 100000", CONSUMER_LAG.name),
            hold: "15m",
            severity: "warning",
            summary: "{{ $labels.topic }} is {{ $value | humanize }} records behind",
            description: "No score is wrong for it: as_of trails until it has caught up.",
        },
    ]
}

fn counts() -> Vec<Rule> {
    vec![
        Rule {
            name: "KrscoreCommitsFailing",
            expression: format!("increase({}[10m]) > 3", COMMIT_FAILURES.name),
            hold: "5m",
            severity: "critical",
            summary: "The store refuses commits on {{ $labels.instance }}",
            description: "Nothing is lost, and nothing advances: check the store and the service's log.",
        },
        Rule {
            name: "KrscoreFenced",
            expression: format!("increase({}[15m]) > 0", FENCED.name),
            hold: "0s",
            severity: "warning",
            summary: "Another process claimed partitions of {{ $labels.instance }}",
            description: "Two processes with one store and one consumer group: stop one of them.",
        },
        Rule {
            name: "KrscoreDeadLetters",
            expression: format!(
                "(\n  sum by (job, instance, topic) (increase({}[1h]))\n  / sum by (job, instance, topic) (increase({}[1h]))\n) > 0.01",
                DEAD_LETTERS.name, RECORDS.name
            ),
            hold: "15m",
            severity: "warning",
            summary: "{{ $value | humanizePercentage }} of the records of {{ $labels.topic }} cannot be counted",
            description: "Samples with the reason and the place in the record are in the store's table dead_letter.",
        },
        Rule {
            name: "KrscoreValueFaults",
            expression: format!("sum by (job, instance, metric, reason) (increase({}[1h])) > 0", VALUE_FAULTS.name),
            hold: "15m",
            severity: "info",
            summary: "{{ $labels.metric }} could not take {{ $value | humanize }} values in an hour: {{ $labels.reason }}",
            description: "The rows were kept, these values were not: check what the producer writes.",
        },
        Rule {
            name: "KrscoreBudgetPassed",
            expression: format!("max by (job, instance, budget, of) ({}) == 1", BUDGET_PASSED.name),
            hold: "5m",
            severity: "warning",
            summary: "{{ $labels.of }} holds more than {{ $labels.budget }} allows on {{ $labels.instance }}",
            description: "What was held was let go, and the key results that need it are insufficient_data: raise the budget in [state], or count less.",
        },
        Rule {
            name: "KrscoreSkippedOffsets",
            expression: format!("sum by (job, instance, topic) (increase({}[1h])) > 100000", SKIPPED_OFFSETS.name),
            hold: "15m",
            severity: "info",
            summary: "The log of {{ $labels.topic }} left out {{ $value | humanize }} offsets in an hour",
            description: "Control records and compaction do so; a topic that drops records before they are read does too.",
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conventions::FAMILIES;

    #[test]
    fn every_name_in_an_expression_is_a_family() {
        let known = |word: &str| FAMILIES.iter().any(|family| family.name == word);
        for rule in scores().iter().chain(&service()) {
            let words = rule.expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            for word in words.filter(|word| word.starts_with("okr_") || word.starts_with("krscore_")) {
                assert!(known(word), "{}: {word}", rule.name);
            }
        }
    }

    #[test]
    fn rules_have_names_of_their_own_and_say_who() {
        let mut names: Vec<&str> = scores().iter().chain(&service()).map(|rule| rule.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for rule in scores().iter().filter(|rule| rule.name.starts_with("OkrKeyResult")) {
            assert!(rule.summary.ends_with(WHO), "{}", rule.name);
        }
    }
}
