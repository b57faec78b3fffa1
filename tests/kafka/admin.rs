//! Making, growing, cutting and deleting topics of a real broker.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::topic_partition_list::{Offset as NativeOffset, TopicPartitionList};

/// What tests do to a broker.
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Admin {
    pub fn new(brokers: &str) -> Admin {
        let client = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
        Admin { client, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap() }
    }

    pub fn create(&self, topic: &str, partitions: i32) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        let made = self.runtime.block_on(self.client.create_topics([&new], &AdminOptions::new())).unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    pub fn delete(&self, topic: &str) {
        let gone = self.runtime.block_on(self.client.delete_topics(&[topic], &AdminOptions::new())).unwrap();
        assert!(gone.iter().all(Result::is_ok), "{gone:?}");
    }

    pub fn grow(&self, topic: &str, partitions: usize) {
        let new = NewPartitions::new(topic, partitions);
        let made = self.runtime.block_on(self.client.create_partitions([&new], &AdminOptions::new())).unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// What retention does, at once.
    pub fn cut(&self, topic: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, NativeOffset::Offset(before)).unwrap();
        self.runtime.block_on(self.client.delete_records(&list, &AdminOptions::new())).unwrap();
    }
}
