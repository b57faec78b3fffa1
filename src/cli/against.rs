//! `krscore check --against`: what an edit will recompute, and what it cannot.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::Failure;
use super::run::block_on;
use crate::aggregate::plan::{AggregateId, Plan};
use crate::book::Book;
use crate::chunk::EvaluatedRange;
use crate::clock::now;
use crate::event::{Offset, Partition, TopicIndex};
use crate::expose::{Coverage, CoveredPartition, aggregate_name};
use crate::pipeline::LogStart;
use crate::pipeline::backfill::{Need, PartitionView, missing, needs};
use crate::service::{LoadedBook, cluster_log_starts};
use crate::settings;
use crate::store::{LIVE_LANE, OpenMode, Store, StoreOptions};
use crate::time::Timestamp;

/// How long the service may take to answer, and the longest answer that is read.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// How long each question to Kafka may take: somebody waits at a terminal.
const BROKER_TIMEOUT: Duration = Duration::from_secs(2);

/// What an edit does to what is stored.
#[derive(Debug, serde::Serialize)]
pub(super) struct Consequences {
    /// The book that scores now.
    before: String,
    recompute: Vec<Recomputed>,
    /// What is missing and is not there to be recomputed, in words.
    cannot: Vec<String>,
    /// Why nobody knows where the topics begin; then what is listed as recomputed may be gone.
    kafka: Option<String>,
    /// Topics that are read for the first time, from the floor on.
    new_topics: Vec<String>,
}

#[derive(Debug, serde::Serialize)]
struct Recomputed {
    aggregate: String,
    definition: String,
    key_results: Vec<String>,
    from: Vec<From>,
}

#[derive(Debug, serde::Serialize)]
struct From {
    topic: String,
    partition: i32,
    offset: Offset,
    to: Offset,
}

/// What `book` will do to what the service at a URL, or a store, has.
pub(super) fn consequences(book: &Book, target: &str) -> Result<Consequences, Failure> {
    let settings = settings::read(None, std::env::vars()).map_err(|fault| Failure::Usage(fault.to_string()))?;
    let coverage = match target.strip_prefix("http://") {
        Some(place) => ask(target, place)?,
        None if target.starts_with("https://") => {
            return Err(Failure::Usage(format!("--against {target}: krscore serves http; name the service itself")));
        }
        None => read(target, &settings)?,
    };
    let starts = cluster_log_starts(book, &settings.kafka, now(), BROKER_TIMEOUT);
    let starts = starts.map_err(|fault| format!("{}: {fault}", settings.kafka.brokers));
    Ok(compare(book, &coverage, starts))
}

/// `GET /api/v1/coverage`. HTTP/1.0: the connection ends with the body.
fn ask(target: &str, place: &str) -> Result<Coverage, Failure> {
    let no = |error: &dyn std::fmt::Display| Failure::Because(format!("--against {target}: {error}"));
    let host = place.split('/').next().unwrap_or(place);
    let mut socket = TcpStream::connect(host).map_err(|error| no(&error))?;
    socket.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(|error| no(&error))?;
    let asked = write!(socket, "GET /api/v1/coverage HTTP/1.0\r\nHost: {host}\r\n\r\n");
    asked.map_err(|error| no(&error))?;
    let mut answer = Vec::new();
    socket.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).map_err(|error| no(&error))?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    if head.split(' ').nth(1) != Some("200") {
        return Err(no(&format!(
            "{}; is it a krscore that has scores to show",
            head.lines().next().unwrap_or_default()
        )));
    }
    serde_json::from_str(body).map_err(|error| no(&format!("no answer of a krscore: {error}")))
}

/// What a store has; it is opened to look only.
fn read(url: &str, settings: &settings::Settings) -> Result<Coverage, Failure> {
    let password = settings.store.password.as_ref().map(|secret| secret.expose().to_owned());
    let options = StoreOptions { password, ..StoreOptions::new(url) };
    block_on(async move {
        options.validate().map_err(|fault| Failure::Usage(fault.to_string()))?;
        let store = Store::open(&options, OpenMode::Reader).await.map_err(Failure::because)?;
        let mut coverage = Coverage::default();
        if let Some((hash, text)) = store.active_book().await.map_err(Failure::because)? {
            let plan = LoadedBook::stored(&text).map(|active| Plan::of(&active.book)).unwrap_or_default();
            coverage.aggregates = plan.aggregates.iter().map(|aggregate| aggregate_name(aggregate.id)).collect();
            coverage.book = hash;
        }
        for cluster in store.clusters().await.map_err(Failure::because)? {
            covered(&store, &cluster, &mut coverage.partitions).await?;
        }
        store.close().await;
        Ok(coverage)
    })
}

async fn covered(store: &Store, cluster: &str, partitions: &mut Vec<CoveredPartition>) -> Result<(), Failure> {
    let claims = store.partitions(cluster).await.map_err(Failure::because)?;
    let topic_ids: BTreeSet<String> = claims.iter().map(|claim| claim.key.topic_id.clone()).collect();
    let topic_ids: Vec<String> = topic_ids.into_iter().collect();
    let chunks = store.load_chunks(cluster, &topic_ids, LIVE_LANE).await.map_err(Failure::because)?;
    for claim in claims.iter().filter(|claim| claim.key.lane == LIVE_LANE) {
        let Some(next_offset) = claim.next_offset else { continue };
        let here = Partition { topic: TopicIndex(0), number: claim.key.partition };
        let mut view = PartitionView::new(here, LogStart { offset: 0, complete_since: None });
        let own = |key: &crate::store::PartitionKey| {
            (&key.topic_id, key.partition) == (&claim.key.topic_id, claim.key.partition)
        };
        for chunk in chunks.iter().filter(|chunk| own(&chunk.key)) {
            view.add(&chunk.bytes).map_err(Failure::because)?;
        }
        let ranges = |ranges: Vec<EvaluatedRange>| {
            ranges.iter().map(|range| (range.from, range.to, range.since.map(|at| at.0))).collect()
        };
        partitions.push(CoveredPartition {
            topic: claim.key.topic.clone(),
            partition: claim.key.partition,
            first_offset: view.chunks.iter().map(|(from, _)| *from).min().unwrap_or(next_offset),
            next_offset,
            evaluated: view.ranges.into_iter().map(|(id, own)| (aggregate_name(id), ranges(own))).collect(),
        });
    }
    Ok(())
}

fn compare(book: &Book, coverage: &Coverage, starts: Result<BTreeMap<Partition, LogStart>, String>) -> Consequences {
    let plan = Plan::of(book);
    let id = |name: &String| u64::from_str_radix(name, 16).ok().map(AggregateId);
    let active: BTreeSet<AggregateId> = coverage.aggregates.iter().filter_map(id).collect();
    let mut views = Vec::new();
    for partition in &coverage.partitions {
        let Some(topic) = book.topics.iter().position(|topic| topic.name == partition.topic) else { continue };
        let of = Partition { topic: TopicIndex(topic as u16), number: partition.partition };
        // Without Kafka's word, where live began is as far back as anybody knows here.
        let began = LogStart { offset: partition.first_offset, complete_since: None };
        let start = starts.as_ref().ok().and_then(|starts| starts.get(&of)).copied().unwrap_or(began);
        let mut view = PartitionView::new(of, start);
        view.live = Some(partition.next_offset);
        for (name, ranges) in &partition.evaluated {
            let range = |(from, to, since): &(Offset, Offset, Option<i64>)| EvaluatedRange {
                from: *from,
                to: *to,
                since: since.map(Timestamp),
            };
            view.ranges.extend(id(name).map(|id| (id, ranges.iter().map(range).collect())));
        }
        views.push(view);
    }
    let found = needs(book, &plan, &active, &views);
    let known: BTreeSet<&str> = coverage.partitions.iter().map(|partition| partition.topic.as_str()).collect();
    let new = book.topics.iter().filter(|topic| !known.contains(topic.name.as_str()));
    Consequences {
        before: coverage.book.clone(),
        recompute: recomputed(book, &plan, &found),
        cannot: cannot(book, &plan, &views, starts.is_ok()),
        kafka: starts.err(),
        new_topics: new.map(|topic| topic.name.clone()).collect(),
    }
}

fn recomputed(book: &Book, plan: &Plan, found: &[Need]) -> Vec<Recomputed> {
    let missing = missing(found);
    let readers = |index: usize| {
        let mut names = Vec::new();
        for (objective, plans) in book.objectives.iter().zip(&plan.key_results) {
            for (key_result, plan_of) in objective.key_results.iter().zip(plans) {
                if plan_of.as_ref().is_some_and(|p| p.aggregates.iter().any(|reads| reads.0 as usize == index)) {
                    names.push(format!("{}/{}", objective.id, key_result.id));
                }
            }
        }
        for (kpi, plan_of) in book.kpis.iter().zip(&plan.kpis) {
            if plan_of.as_ref().is_some_and(|p| p.aggregates.iter().any(|reads| reads.0 as usize == index)) {
                names.push(format!("kpi {}", kpi.shown.id));
            }
        }
        names
    };
    let from = |id: AggregateId| {
        let segments = found.iter().flat_map(|need| need.segments.iter().map(move |segment| (need, segment)));
        let holes = segments.filter(|(need, segment)| segment.missing.contains(&id) && segment.from < need.target);
        holes
            .map(|(need, segment)| From {
                topic: book.topics[usize::from(need.partition.topic.0)].name.clone(),
                partition: need.partition.number,
                offset: segment.from,
                to: segment.to.min(need.target),
            })
            .collect()
    };
    let aggregates = plan.aggregates.iter().enumerate().filter(|(_, aggregate)| missing.contains(&aggregate.id));
    aggregates
        .map(|(index, aggregate)| Recomputed {
            aggregate: aggregate_name(aggregate.id),
            definition: aggregate.definition.clone(),
            key_results: readers(index),
            from: from(aggregate.id),
        })
        .collect()
}

/// Offsets that live has passed, that some aggregate of the book was never evaluated over, and that lie before where its topic begins.
fn cannot(book: &Book, plan: &Plan, views: &[PartitionView], is_known: bool) -> Vec<String> {
    let mut words = Vec::new();
    // A start that was found by time is where windows begin to reach: nothing is missing before it.
    let is_cut = |view: &&PartitionView| view.start.offset > 0 && view.start.complete_since.is_none();
    for view in views.iter().filter(|view| is_known && is_cut(view)) {
        let topic = &book.topics[usize::from(view.partition.topic.0)];
        let reads = |event: &crate::event::EventIndex| book.events[usize::from(event.0)].topic == view.partition.topic;
        let gone = view.start.offset.min(view.live.unwrap_or(0));
        let lacks = |id: &AggregateId| {
            let ranges = view.ranges.get(id).into_iter().flatten();
            ranges.map(|range| range.to.min(gone) - range.from.min(gone)).sum::<Offset>() < gone
        };
        let lacking =
            plan.aggregates.iter().filter(|aggregate| aggregate.events.iter().any(reads) && lacks(&aggregate.id));
        let lacking: Vec<&str> = lacking.map(|aggregate| aggregate.definition.as_str()).collect();
        if !lacking.is_empty() {
            words.push(format!(
                "{}/{}: what lay before offset {} is not in the topic any more; missing there: {}",
                topic.name,
                view.partition.number,
                view.start.offset,
                lacking.join(", ")
            ));
        }
    }
    words
}

/// As people read it.
pub(super) fn table(consequences: &Consequences) -> String {
    let mut text = String::new();
    for recomputed in &consequences.recompute {
        let from = |from: &From| format!("{}/{} [{}, {})", from.topic, from.partition, from.offset, from.to);
        text.push_str(&format!(
            "recompute  {}\n  for      {}\n  from     {}\n",
            recomputed.definition,
            recomputed.key_results.join(", "),
            recomputed.from.iter().map(from).collect::<Vec<_>>().join(", "),
        ));
    }
    for topic in &consequences.new_topics {
        text.push_str(&format!(
            "read anew  {topic}: from the first instant that a window can reach, as far as the topic goes back\n"
        ));
    }
    for words in &consequences.cannot {
        text.push_str(&format!("cannot     {words}\n"));
    }
    if let (Some(why), false) = (&consequences.kafka, consequences.recompute.is_empty()) {
        text.push_str(&format!("unknown    where the topics begin, so some of that may be gone: {why}\n"));
    }
    if text.is_empty() {
        text.push_str("nothing to recompute: the edit takes effect at once\n");
    } else if !consequences.recompute.is_empty() {
        text.push_str("where a topic no longer reaches back that far, data_from will tell; until then the book before the edit scores\n");
    }
    text
}
