//! The key results of OpsBench: what each reads, from which both its YAML and its exact answer are made.

use crate::event::{Dimension, Kind, Measure};
use Dimension::{Carrier, Category, Channel, Crew, Picker, Priority, Severity, Team, Warehouse, Zone};
use Kind::{Closed, Created, Failed, Opened, Picked, Shipped};

/// How long an order may take for [`Reads::Within`].
pub const WITHIN_MS: i64 = 20 * 60_000;

/// What a key result reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reads {
    Count(Kind),
    Sum(Kind, Measure),
    Mean(Kind, Measure),
    /// In basis points.
    Percentile(Kind, Measure, u16),
    /// 1 − mispicks / picks.
    Accuracy,
    /// From created to shipped.
    LeadMean,
    /// The share of orders that are shipped within [`WITHIN_MS`].
    Within,
    /// All other events of an order created: one result that reads all topics.
    Effort,
}

/// One key result.
#[derive(Clone, Debug)]
pub struct KeyResult {
    pub id: String,
    pub reads: Reads,
    /// Its `by`.
    pub by: Vec<Dimension>,
    /// Only rows with this member.
    pub only: Option<(Dimension, u16)>,
}

/// Which key results stand in a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// One, over all topics.
    One,
    /// 6 counts, 3 sums, 4 means, a ratio, 4 percentiles, 2 durations.
    Twenty,
    /// The twenty, and each four times more for a part of the rows.
    Hundred,
    /// The 8 results that the peers compute.
    Eight,
    /// The twenty, where all that picks are looked at by has this many members: 12 or 400.
    Members(u16),
}

impl Choice {
    /// All of them.
    pub const ALL: [Choice; 6] =
        [Choice::One, Choice::Twenty, Choice::Hundred, Choice::Eight, Choice::Members(12), Choice::Members(400)];

    /// Its name in files.
    pub fn name(self) -> String {
        match self {
            Choice::One => "1".to_owned(),
            Choice::Twenty => "20".to_owned(),
            Choice::Hundred => "100".to_owned(),
            Choice::Eight => "8".to_owned(),
            Choice::Members(members) => format!("members-{members}"),
        }
    }

    /// What stands in it.
    pub fn key_results(self) -> Vec<KeyResult> {
        match self {
            Choice::One => vec![key_result("effort", Reads::Effort, &[])],
            Choice::Twenty => twenty(),
            Choice::Eight => eight(),
            Choice::Members(members) => {
                let dimension = if members == 12 { Crew } else { Picker };
                let mut all = twenty();
                for one in &mut all {
                    let of_picks =
                        matches!(one.reads, Reads::Count(Picked) | Reads::Sum(Picked, _) | Reads::Mean(Picked, _));
                    one.by = if of_picks { vec![dimension] } else { Vec::new() };
                    one.id = format!("{}-{members}", one.id);
                }
                all
            }
            Choice::Hundred => {
                let mut all = twenty();
                for part in 0..4u16 {
                    all.extend(twenty().into_iter().map(|one| one.restricted(part)));
                }
                all
            }
        }
    }
}

impl KeyResult {
    /// The same over a part of the rows.
    fn restricted(mut self, part: u16) -> KeyResult {
        let dimension = match self.reads {
            Reads::Count(kind) | Reads::Sum(kind, _) | Reads::Mean(kind, _) | Reads::Percentile(kind, _, _) => {
                match kind {
                    Created => Channel,
                    Shipped => Carrier,
                    Picked => Crew,
                    Failed => Severity,
                    Opened | Closed => Priority,
                }
            }
            Reads::Accuracy | Reads::Effort => Warehouse,
            Reads::LeadMean | Reads::Within => Channel,
        };
        self.only = Some((dimension, part));
        self.id = format!("{}-{}", self.id, dimension.member(part).to_lowercase());
        self
    }
}

fn key_result(id: &str, reads: Reads, by: &[Dimension]) -> KeyResult {
    KeyResult { id: id.to_owned(), reads, by: by.to_vec(), only: None }
}

fn twenty() -> Vec<KeyResult> {
    use Measure::{Amount, Csat, DurationMs, HandleS, LatencyMs, Lines, WeightG};
    vec![
        key_result("orders", Reads::Count(Created), &[Warehouse, Channel]),
        key_result("shipments", Reads::Count(Shipped), &[Carrier]),
        key_result("picks", Reads::Count(Picked), &[Warehouse, Zone]),
        key_result("failures", Reads::Count(Failed), &[Category]),
        key_result("tickets-opened", Reads::Count(Opened), &[]),
        key_result("tickets-closed", Reads::Count(Closed), &[Team]),
        key_result("revenue", Reads::Sum(Created, Amount), &[Channel]),
        key_result("lines-picked", Reads::Sum(Picked, Lines), &[Picker]),
        key_result("weight-shipped", Reads::Sum(Shipped, WeightG), &[]),
        key_result("pick-time", Reads::Mean(Picked, DurationMs), &[Zone]),
        key_result("latency", Reads::Mean(Failed, LatencyMs), &[Category]),
        key_result("handling", Reads::Mean(Closed, HandleS), &[Team]),
        key_result("satisfaction", Reads::Mean(Closed, Csat), &[Team]),
        key_result("accuracy", Reads::Accuracy, &[Warehouse]),
        key_result("pick-time-p50", Reads::Percentile(Picked, DurationMs, 5_000), &[]),
        key_result("pick-time-p90", Reads::Percentile(Picked, DurationMs, 9_000), &[]),
        key_result("latency-p99", Reads::Percentile(Failed, LatencyMs, 9_900), &[]),
        key_result("handling-p90", Reads::Percentile(Closed, HandleS, 9_000), &[]),
        key_result("lead", Reads::LeadMean, &[Channel]),
        key_result("lead-within", Reads::Within, &[]),
    ]
}

fn eight() -> Vec<KeyResult> {
    use Measure::{Amount, Csat, DurationMs, HandleS};
    let mut mispicks = key_result("job-mispicks", Reads::Count(Failed), &[Warehouse]);
    mispicks.only = Some((Category, 0));
    vec![
        key_result("job-picks", Reads::Count(Picked), &[Warehouse]),
        mispicks,
        key_result("job-orders", Reads::Count(Created), &[Warehouse, Channel]),
        key_result("job-revenue", Reads::Sum(Created, Amount), &[Warehouse, Channel]),
        key_result("job-pick-time", Reads::Mean(Picked, DurationMs), &[]),
        key_result("job-lead", Reads::LeadMean, &[]),
        key_result("job-handling", Reads::Mean(Closed, HandleS), &[]),
        key_result("job-satisfaction", Reads::Mean(Closed, Csat), &[]),
    ]
}
