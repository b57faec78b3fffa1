//! Where the topics of a book begin, as Kafka has them now: what no longer lies there cannot be recomputed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::book::Book;
use crate::clock::now;
use crate::event::{Partition, TopicIndex};
use crate::ingest::kafka::Consumer;
use crate::pipeline::{LogStart, floor};
use crate::settings::KafkaSettings;

/// How long each question may take: somebody waits at a terminal.
const BROKER_TIMEOUT: Duration = Duration::from_secs(2);

/// Where each partition begins from which `book` can be filled: at the first record that a window can reach, or where the log begins.
/// Topics that do not exist are left out.
///
/// # Errors
/// What Kafka, or its silence, says.
pub(super) fn log_starts(book: &Book, kafka: &KafkaSettings) -> Result<BTreeMap<Partition, LogStart>, String> {
    let topics: Vec<(TopicIndex, String)> =
        book.topics.iter().zip(0..).map(|(topic, index)| (TopicIndex(index), topic.name.clone())).collect();
    let mut consumer = Consumer::open_apart(kafka, &topics).map_err(|fault| fault.to_string())?;
    let cluster = consumer.describe_topics(BROKER_TIMEOUT).map_err(|fault| fault.to_string())?;
    let mut by_begin = BTreeMap::<_, Vec<Partition>>::new();
    for (topic, description) in &cluster.topics {
        let begin = floor::begin(book, *topic, now());
        let partitions = (0..description.partitions as i32).map(|number| Partition { topic: *topic, number });
        by_begin.entry(begin).or_default().extend(partitions);
    }
    let mut starts = BTreeMap::new();
    for (begin, partitions) in by_begin {
        let found = consumer.log_starts(&partitions, begin, BROKER_TIMEOUT);
        starts.extend(found.map_err(|fault| fault.to_string())?);
    }
    Ok(starts)
}
