//! What the consumers that OpsBench brings along have in common: their settings, and how they say when they begin and end.

use std::io::Read as _;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer, ConsumerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::event::{PARTITIONS, TOPICS};
use crate::failure::Failure;

/// What such a process says directly before it asks for the first record.
pub const BEGIN: &str = "opsbench begin";

/// What it says when the last record was counted, before its results.
pub const END: &str = "opsbench end";

/// What stands before its results, which are one line of JSON.
pub const RESULTS: &str = "opsbench results ";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// host:port of the broker
    #[arg(long)]
    brokers: String,
}

impl Arguments {
    /// librdkafka as it is, but that it does not leave a full partition alone for a second. (krscore adds checksums and bounds on memory.)
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", "opsbench").set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false").set("fetch.queue.backoff.ms", "10");
        config
    }
}

/// All partitions from their beginnings, and how many records they hold.
pub fn everything<X: ConsumerContext, C: Consumer<X>>(consumer: &C) -> Result<(TopicPartitionList, u64), Failure> {
    let (mut list, mut records) = (TopicPartitionList::new(), 0);
    for topic in TOPICS {
        for partition in 0..PARTITIONS {
            let ends = consumer.fetch_watermarks(topic, partition, Duration::from_secs(10));
            let (low, high) = ends.map_err(|error| Failure::new(format!("{topic}/{partition}"), error))?;
            records += u64::try_from(high - low).unwrap_or(0);
            let added = list.add_partition_offset(topic, partition, Offset::Beginning);
            added.map_err(|error| Failure::new(topic, error))?;
        }
    }
    Ok((list, records))
}

/// Says the results, and waits until whoever measures has looked at this process and closes its stdin.
pub fn hand_over(results: &serde_json::Value) {
    println!("{RESULTS}{results}");
    _ = std::io::stdin().read_to_end(&mut Vec::new());
}
