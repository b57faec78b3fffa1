//! The book of some key results, as YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::event::{Dimension, Instant, Kind, Measure, TOPICS};
use crate::key_result::{KeyResult, Reads, WITHIN_MS};

/// Days of the cycle, which begins with the day of the first event.
const CYCLE_DAYS: i64 = 90;

/// A book of these key results over the events that arrive from `begun_ms` on; copies are removed where `has_ids`.
pub fn yaml(key_results: &[KeyResult], begun_ms: i64, has_ids: bool) -> String {
    let mut dimensions: BTreeMap<&str, (Kind, BTreeSet<Dimension>)> = BTreeMap::new();
    let mut metrics: BTreeMap<String, String> = BTreeMap::new();
    for one in key_results {
        for kind in one.kinds() {
            let (_, of_kind) = dimensions.entry(kind.name()).or_insert_with(|| (kind, BTreeSet::new()));
            // Those of a pair are its start's.
            if kind != Kind::Shipped || !matches!(one.reads, Reads::LeadMean | Reads::Within) {
                of_kind.extend(&one.by);
            }
        }
        metrics.extend(one.metrics());
    }
    let day = |days: i64| Instant(begun_ms + days * 86_400_000).to_string()[..10].to_owned();
    // Events are late: the first of a day may be dated on the day before.
    let (start, end) = (day(-1), day(CYCLE_DAYS));
    let mut text = format!(
        "apiVersion: krscore/v1\ncycles: [{{ id: bench, start: {start}, end: {end}, timezone: UTC }}]\nevents:\n"
    );
    for (name, (kind, of_kind)) in &dimensions {
        let names: Vec<&str> = of_kind.iter().map(|dimension| dimension.name()).collect();
        let topic = TOPICS[kind.topic()];
        let id = if has_ids { ", id: event_id" } else { "" };
        let filter = kind.filter().map_or(String::new(), |filter| format!(", where: \"{filter}\""));
        let dimensions = names.join(", ");
        _ = writeln!(text, "  {name}: {{ topic: {topic}{id}, time: ts, dimensions: [{dimensions}]{filter} }}");
    }
    text.push_str("metrics:\n");
    for (name, metric) in &metrics {
        _ = writeln!(text, "  {name}: {{ {metric} }}");
    }
    text.push_str("objectives:\n  - id: bench\n    title: OpsBench\n    owner: bench\n    key_results:\n");
    for one in key_results {
        let by: Vec<&str> = one.by.iter().map(|dimension| dimension.name()).collect();
        let by = if by.is_empty() { String::new() } else { format!(", by: [{}]", by.join(", ")) };
        let (id, metric, goal) = (&one.id, one.metric(), one.goal());
        _ = writeln!(
            text,
            "      - {{ id: {id}, title: {id}, metric: {metric}, {goal}, window: cycle, silent_after: never{by} }}"
        );
    }
    text
}

impl KeyResult {
    /// The kinds of events that it reads.
    pub fn kinds(&self) -> Vec<Kind> {
        match self.reads {
            Reads::Count(kind) | Reads::Sum(kind, _) | Reads::Mean(kind, _) | Reads::Percentile(kind, _, _) => {
                vec![kind]
            }
            Reads::Accuracy => vec![Kind::Picked, Kind::Failed],
            Reads::LeadMean | Reads::Within => vec![Kind::Created, Kind::Shipped],
            Reads::Effort => Kind::ALL.to_vec(),
        }
    }

    fn suffix(&self) -> String {
        self.only.map_or(String::new(), |(dimension, member)| format!("_{}_{member}", dimension.name()))
    }

    /// The name of its metric; key results that differ only in `by` or statistic share one.
    fn metric(&self) -> String {
        let name = match self.reads {
            Reads::Count(kind) => format!("{}_count", kind.name()),
            Reads::Sum(kind, measure) => format!("{}_{}_sum", kind.name(), word(measure)),
            Reads::Mean(kind, measure) | Reads::Percentile(kind, measure, _) => {
                format!("{}_{}", kind.name(), word(measure))
            }
            Reads::Accuracy => "accuracy".to_owned(),
            Reads::LeadMean | Reads::Within => "lead".to_owned(),
            Reads::Effort => "effort".to_owned(),
        };
        name + &self.suffix()
    }

    /// Its metric, and those below it: name and what stands in its braces.
    fn metrics(&self) -> Vec<(String, String)> {
        let filter = self
            .only
            .map(|(dimension, member)| format!(", where: \"{} = '{}'\"", dimension.name(), dimension.member(member)));
        let filter = filter.unwrap_or_default();
        let own = |metric: String| (self.metric(), metric + &filter);
        let count = |kind: Kind| (format!("{}_count", kind.name()), format!("type: count, event: {}", kind.name()));
        match self.reads {
            Reads::Count(kind) => vec![own(count(kind).1)],
            Reads::Sum(kind, measure) => {
                vec![own(format!("type: sum, event: {}, value: {}", kind.name(), measure.field()))]
            }
            Reads::Mean(kind, measure) | Reads::Percentile(kind, measure, _) => {
                vec![own(format!("type: value, event: {}, value: {}", kind.name(), measure.field()))]
            }
            Reads::Accuracy => {
                let mispicks = "type: count, event: failed, where: \"category = 'mispick'\"".to_owned();
                let ratio = "type: ratio, bad: mispicks, total: picked_count".to_owned();
                vec![("mispicks".to_owned(), mispicks), count(Kind::Picked), own(ratio)]
            }
            Reads::LeadMean | Reads::Within => {
                vec![own("type: duration, from: created, to: shipped, key: order_id".to_owned())]
            }
            Reads::Effort => {
                let others: Vec<String> = Kind::ALL[1..].iter().map(|kind| count(*kind).0).collect();
                let formula = format!("type: derived, formula: \"({}) / created_count\"", others.join(" + "));
                Kind::ALL.into_iter().map(count).chain([own(formula)]).collect()
            }
        }
    }

    /// Its statistic and goal. Four of the twenty are held in a band on each day, as in a real book.
    fn goal(&self) -> String {
        let minutes = WITHIN_MS / 60_000;
        match self.reads {
            Reads::Count(_) | Reads::Sum(..) => "baseline: 0, target: 1_000_000".to_owned(),
            Reads::Mean(_, Measure::DurationMs) => "stat: mean, at_most: 20_000".to_owned(),
            Reads::Mean(_, Measure::Csat) => "stat: mean, at_least: 3".to_owned(),
            Reads::Mean(..) => "stat: mean, baseline: 9_000, target: 1_000".to_owned(),
            Reads::Percentile(_, Measure::LatencyMs, p) => format!("stat: p{}, at_most: 9_000", p / 100),
            Reads::Percentile(_, _, p) => format!("stat: p{}, baseline: 90_000, target: 9_000", p / 100),
            Reads::Accuracy => "at_least: 90%".to_owned(),
            Reads::LeadMean => "stat: mean, baseline: 5d, target: 10m".to_owned(),
            Reads::Within => format!("stat: {{ within: {minutes}m }}, baseline: 0%, target: 90%"),
            Reads::Effort => "baseline: 9, target: 1".to_owned(),
        }
    }
}

/// A measure's field as a word of a name.
fn word(measure: Measure) -> String {
    measure.field().replace('.', "_")
}

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which: 1, 8, 20, 100, members-12, members-400
    #[arg(long, default_value = "20")]
    key_results: String,
    /// The answers of the events that it is for
    #[arg(long)]
    answers: std::path::PathBuf,
    /// Whether copies are removed
    #[arg(long)]
    id: bool,
}

/// Prints a book.
pub fn run(arguments: &Arguments) -> Result<(), crate::failure::Failure> {
    use crate::failure::Failure;
    let text = std::fs::read_to_string(&arguments.answers);
    let text = text.map_err(|error| Failure::new(arguments.answers.display(), error))?;
    let answers: crate::answers::Answers =
        serde_json::from_str(&text).map_err(|error| Failure::new(arguments.answers.display(), error))?;
    let choice = crate::key_result::Choice::ALL.into_iter().find(|choice| choice.name() == arguments.key_results);
    let choice =
        choice.ok_or_else(|| Failure::new("--key-results", "there are 1, 8, 20, 100, members-12, members-400"))?;
    print!("{}", yaml(&choice.key_results(), answers.begun_ms, arguments.id));
    Ok(())
}
