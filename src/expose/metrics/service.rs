//! The service's own metrics: what the shell counts lives in a registry; what the facts count is read from the Snapshot at each
//! scrape, so that it survives a restart and never disagrees with the scores beside it.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use super::scores::seconds;
use crate::clock;
use crate::conventions::{self as names, COMMIT_SECONDS_BOUNDS, CUT_SECONDS_BOUNDS, Family};
use crate::expose::Readers;
use crate::expose::readiness::{Edit, Readiness};
use crate::snapshot::{CounterKey, Snapshot};
use crate::time::Timestamp;

/// The `krscore_*` families. Cheap to clone; the clones count together.
#[derive(Clone)]
pub struct ServiceMetrics {
    registry: Registry,
    commit_seconds: Histogram,
    cut_seconds: Histogram,
    scoring_seconds: Histogram,
    last_commit: GaugeVec,
    store_bytes: IntGaugeVec,
    rebalances: IntCounter,
    fenced: IntCounter,
    commit_failures: IntCounter,
    compactions: IntCounter,
    compacted_bytes: IntCounter,
    compaction_refused: IntGauge,
    standing: IntGaugeVec,
}

impl ServiceMetrics {
    /// The families, those of the facts read from `readers` and `readiness` at each scrape.
    ///
    /// # Errors
    /// None that a caller can cause: the registry refuses equal names, and a test registers them all.
    pub fn new(readers: Readers, readiness: Readiness) -> Result<ServiceMetrics, prometheus::Error> {
        let metrics = ServiceMetrics {
            registry: Registry::new(),
            commit_seconds: histogram(&names::COMMIT_SECONDS, &COMMIT_SECONDS_BOUNDS)?,
            cut_seconds: histogram(&names::CUT_SECONDS, &CUT_SECONDS_BOUNDS)?,
            scoring_seconds: histogram(&names::SCORING_SECONDS, &CUT_SECONDS_BOUNDS)?,
            // Vectors without labels: they have no series until they are set, where a plain gauge would show 0.
            last_commit: GaugeVec::new(options(&names::LAST_COMMIT), &[])?,
            store_bytes: IntGaugeVec::new(options(&names::STORE_BYTES), &[])?,
            rebalances: IntCounter::with_opts(options(&names::REBALANCES))?,
            fenced: IntCounter::with_opts(options(&names::FENCED))?,
            commit_failures: IntCounter::with_opts(options(&names::COMMIT_FAILURES))?,
            compactions: IntCounter::with_opts(options(&names::COMPACTIONS))?,
            compacted_bytes: IntCounter::with_opts(options(&names::COMPACTED_BYTES))?,
            compaction_refused: IntGauge::with_opts(options(&names::COMPACTION_REFUSED))?,
            standing: IntGaugeVec::new(options(&names::STANDING), names::STANDING.labels)?,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.commit_seconds.clone()))?;
        registry.register(Box::new(metrics.cut_seconds.clone()))?;
        registry.register(Box::new(metrics.scoring_seconds.clone()))?;
        registry.register(Box::new(metrics.last_commit.clone()))?;
        registry.register(Box::new(metrics.store_bytes.clone()))?;
        registry.register(Box::new(metrics.rebalances.clone()))?;
        registry.register(Box::new(metrics.fenced.clone()))?;
        registry.register(Box::new(metrics.commit_failures.clone()))?;
        registry.register(Box::new(metrics.compactions.clone()))?;
        registry.register(Box::new(metrics.compacted_bytes.clone()))?;
        registry.register(Box::new(metrics.compaction_refused.clone()))?;
        registry.register(Box::new(metrics.standing.clone()))?;
        registry.register(Box::new(FactsCollector::new(readers, readiness)?))?;
        Ok(metrics)
    }

    /// Encoding facts and the transaction that stored them with their offsets took so long, and it was committed at that instant.
    pub fn committed(&self, took: std::time::Duration, at: Timestamp) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.last_commit.with_label_values::<&str>(&[]).set(seconds(at).to_f64());
    }

    /// For so long nothing was consumed, because what had come was handed over.
    pub fn cut(&self, took: std::time::Duration) {
        self.cut_seconds.observe(took.as_secs_f64());
    }

    /// For so long what had come was merged and scored, beside consumption.
    pub fn scored(&self, took: std::time::Duration) {
        self.scoring_seconds.observe(took.as_secs_f64());
    }

    /// The store refused a commit, or did not answer.
    pub fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    /// A partition brings nothing.
    pub fn stands(&self, topic: &str, partition: i32, reason: &str) {
        self.standing.with_label_values(&[topic, &partition.to_string(), reason]).set(1);
    }

    /// Consumption began anew: what stood may go on.
    pub fn begun_anew(&self) {
        self.standing.reset();
    }

    /// A turn of compaction made `folds` chunks of others with `bytes`, and could not fold those of `refused` partitions.
    pub fn compacted(&self, folds: u64, bytes: u64, refused: usize) {
        self.compactions.inc_by(folds);
        self.compacted_bytes.inc_by(bytes);
        self.compaction_refused.set(i64::try_from(refused).unwrap_or(i64::MAX));
    }

    /// Another process had claimed a partition: a commit was refused whole.
    pub fn fenced(&self) {
        self.fenced.inc();
    }

    /// The assignment changed.
    pub fn rebalanced(&self) {
        self.rebalances.inc();
    }

    /// The store's size.
    pub fn set_store_bytes(&self, bytes: u64) {
        self.store_bytes.with_label_values::<&str>(&[]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// All families in Prometheus' text format.
    ///
    /// # Errors
    /// None known: the encoder refuses a family without series, and the registry leaves such out.
    pub fn encode(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn options(family: &Family) -> Opts {
    Opts::new(family.name, family.help)
}

fn histogram(family: &Family, bounds: &[f64]) -> Result<Histogram, prometheus::Error> {
    Histogram::with_opts(HistogramOpts::new(family.name, family.help).buckets(bounds.to_vec()))
}

/// Families that are computed at each scrape from what readers see.
struct FactsCollector {
    readers: Readers,
    readiness: Readiness,
    descriptions: Vec<Desc>,
}

impl FactsCollector {
    const FAMILIES: [&'static Family; 20] = [
        &names::RECORDS,
        &names::DEAD_LETTERS,
        &names::VALUE_FAULTS,
        &names::COPIES,
        &names::UNCHECKED,
        &names::INCIDENTS,
        &names::BELOW_FLOOR,
        &names::KEYS_AGAIN,
        &names::SKIPPED_OFFSETS,
        &names::CONSUMER_LAG,
        &names::WATERMARK,
        &names::BUDGET_LIMIT,
        &names::BUDGET_HELD,
        &names::BUDGET_PASSED,
        &names::SNAPSHOT_AGE,
        &names::READY,
        &names::PHASE,
        &names::BACKFILL_AGGREGATES,
        &names::BACKFILL_RECORDS_LEFT,
        &names::BOOK_FAULTS,
    ];

    fn new(readers: Readers, readiness: Readiness) -> Result<FactsCollector, prometheus::Error> {
        let describe = |family: &Family| {
            let labels = family.labels.iter().map(|label| (*label).to_owned()).collect();
            Desc::new(family.name.to_owned(), family.help.to_owned(), labels, std::collections::HashMap::new())
        };
        let descriptions =
            Self::FAMILIES.into_iter().chain([&names::BUILD_INFO]).map(describe).collect::<Result<_, _>>()?;
        Ok(FactsCollector { readers, readiness, descriptions })
    }

    fn families(&self) -> Result<Vec<MetricFamily>, prometheus::Error> {
        let published = self.readers.borrow().clone();
        let snapshot: Option<Arc<Snapshot>> = published.map(|published| Arc::clone(&published.snapshot));
        let mut families = Vec::new();
        let ready = IntGauge::with_opts(options(&names::READY))?;
        ready.set(i64::from(self.readiness.is_ready(snapshot.is_some())));
        families.extend(ready.collect());
        let phase = IntGaugeVec::new(options(&names::PHASE), names::PHASE.labels)?;
        phase.with_label_values(&[self.readiness.phase().as_str()]).set(1);
        families.extend(phase.collect());
        families.extend(edit(&self.readiness.edit())?);
        let build = IntGaugeVec::new(options(&names::BUILD_INFO), names::BUILD_INFO.labels)?;
        let hash = snapshot.as_ref().map_or("", |snapshot| snapshot.book.hash.as_str());
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), hash]).set(1);
        families.extend(build.collect());
        if let Some(snapshot) = snapshot {
            families.extend(counters(&snapshot)?);
            families.extend(budgets(&snapshot)?);
            families.extend(progress(&snapshot, clock::now())?);
        }
        Ok(families)
    }
}

impl Collector for FactsCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // A family that cannot be built is a fault of our own names, which the tests would show; a scrape must not die of it.
        self.families().unwrap_or_else(|error| {
            tracing::error!(%error, "metrics of the facts cannot be collected");
            Vec::new()
        })
    }
}

/// The counters that are stored with the facts.
fn counters(snapshot: &Snapshot) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let vector = |family: &Family| IntCounterVec::new(options(family), family.labels);
    let (records, dead_letters, value_faults) =
        (vector(&names::RECORDS)?, vector(&names::DEAD_LETTERS)?, vector(&names::VALUE_FAULTS)?);
    let (copies, unchecked, skipped) =
        (vector(&names::COPIES)?, vector(&names::UNCHECKED)?, vector(&names::SKIPPED_OFFSETS)?);
    let (below_floor, keys_again) = (vector(&names::BELOW_FLOOR)?, vector(&names::KEYS_AGAIN)?);
    let incidents = vector(&names::INCIDENTS)?;
    for (key, count) in &snapshot.counters {
        let counter = match key {
            CounterKey::Records { topic, result } => records.with_label_values(&[topic, result]),
            CounterKey::DeadLetters { topic, reason } => dead_letters.with_label_values(&[topic, reason]),
            CounterKey::ValueFaults { metric, reason } => value_faults.with_label_values(&[metric, reason]),
            CounterKey::Copies { event } => copies.with_label_values(&[event]),
            CounterKey::Unchecked { event } => unchecked.with_label_values(&[event]),
            CounterKey::Incidents { topic, kind } => incidents.with_label_values(&[topic, kind]),
            CounterKey::BelowFloor { event } => below_floor.with_label_values(&[event]),
            CounterKey::KeysAgain { metric } => keys_again.with_label_values(&[metric]),
            CounterKey::SkippedOffsets { topic } => skipped.with_label_values(&[topic]),
        };
        counter.inc_by(*count);
    }
    let all = [records, dead_letters, value_faults, copies, unchecked, incidents, below_floor, keys_again, skipped];
    Ok(all.iter().flat_map(Collector::collect).collect())
}

/// What an edited book waits for.
fn edit(edit: &Edit) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let (aggregates, left, faults) = match edit {
        Edit::None => (0, 0, 0),
        Edit::Waiting { .. } => (0, 0, 0),
        Edit::Filling { aggregates, records_left, .. } => (*aggregates, *records_left, 0),
        Edit::Faulty { faults, .. } => (0, 0, faults.len() as u64),
    };
    let mut families = Vec::new();
    for (family, value) in [
        (&names::BACKFILL_AGGREGATES, aggregates),
        (&names::BACKFILL_RECORDS_LEFT, left),
        (&names::BOOK_FAULTS, faults),
    ] {
        let gauge = IntGauge::with_opts(options(family))?;
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        families.extend(gauge.collect());
    }
    Ok(families)
}

/// How much of each budget is used.
fn budgets(snapshot: &Snapshot) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let vector = |family: &Family| IntGaugeVec::new(options(family), family.labels);
    let limit = vector(&names::BUDGET_LIMIT)?;
    let (held, passed) = (vector(&names::BUDGET_HELD)?, vector(&names::BUDGET_PASSED)?);
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    for used in &snapshot.budgets {
        limit.with_label_values(&[used.budget.as_str()]).set(whole(used.limit));
        let labels = [used.budget.as_str(), used.of.as_str()];
        held.with_label_values(&labels).set(whole(used.held));
        passed.with_label_values(&labels).set(i64::from(used.passed));
    }
    Ok([limit, held, passed].iter().flat_map(Collector::collect).collect())
}

/// How far the facts reach, and how old they are by `now`.
fn progress(snapshot: &Snapshot, now: Timestamp) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let lag = IntGaugeVec::new(options(&names::CONSUMER_LAG), names::CONSUMER_LAG.labels)?;
    for partition in &snapshot.partitions {
        let topic = snapshot.book.topics.get(usize::from(partition.partition.topic.0));
        if let (Some(topic), Some(end)) = (topic, partition.log_end) {
            let number = partition.partition.number.to_string();
            lag.with_label_values(&[topic.name.as_str(), &number]).set((end - partition.next_offset).max(0));
        }
    }
    let watermark = GaugeVec::new(options(&names::WATERMARK), names::WATERMARK.labels)?;
    for (event, progress) in snapshot.book.events.iter().zip(&snapshot.events) {
        if let Some(at) = progress.watermark {
            watermark.with_label_values(&[&event.name]).set(seconds(at).to_f64());
        }
    }
    let age = prometheus::Gauge::with_opts(options(&names::SNAPSHOT_AGE))?;
    // A clock that stepped back must not show a negative age.
    age.set(seconds(Timestamp((now.0 - snapshot.at.0).max(0))).to_f64());
    Ok([lag.collect(), watermark.collect(), age.collect()].into_iter().flatten().collect())
}
