//! Where partitions that were never read begin: asked by live, by a back-fill, and by who wants to know what a back-fill will do.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::book::{Book, Topic};
use crate::event::{Partition, TopicIndex};
use crate::ingest::kafka::{Consumer, KafkaError, TopicToRead};
use crate::pipeline::{LogStart, floor};
use crate::settings::KafkaSettings;
use crate::time::Timestamp;

/// The topics of a book, with what is read of their records.
pub(super) fn topics_to_read(book: &Book) -> Vec<TopicToRead> {
    let to_read = |(topic, index): (&Topic, u16)| TopicToRead {
        index: TopicIndex(index),
        name: topic.name.clone(),
        reads_headers: topic.reads_headers(),
    };
    book.topics.iter().zip(0..).map(to_read).collect()
}

/// Where partitions begin from which `book` can be filled as of `at`: at the first record that a window can reach, or where the log begins.
/// Each question waits at most `timeout`.
///
/// # Errors
/// As [`Consumer::log_starts`].
pub(super) fn log_starts(
    consumer: &Consumer,
    book: &Book,
    partitions: impl IntoIterator<Item = Partition>,
    at: Timestamp,
    timeout: Duration,
) -> Result<BTreeMap<Partition, LogStart>, KafkaError> {
    let mut by_begin = BTreeMap::<Timestamp, Vec<Partition>>::new();
    for partition in partitions {
        by_begin.entry(floor::begin(book, partition.topic, at)).or_default().push(partition);
    }
    let mut starts = BTreeMap::new();
    for (begin, partitions) in by_begin {
        starts.extend(consumer.log_starts(&partitions, begin, timeout)?);
    }
    Ok(starts)
}

/// The same of all partitions that the cluster has, by a client of its own that joins no group. Topics that do not exist are left out.
///
/// # Errors
/// What Kafka, or its silence, says.
pub fn cluster_log_starts(
    book: &Book,
    kafka: &KafkaSettings,
    at: Timestamp,
    timeout: Duration,
) -> Result<BTreeMap<Partition, LogStart>, KafkaError> {
    let mut consumer = Consumer::open_apart(kafka, &topics_to_read(book))?;
    let cluster = consumer.describe_topics(timeout)?;
    log_starts(&consumer, book, cluster.partitions(), at, timeout)
}
