//! Where records go: to Kafka, into files, or both.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::event::TOPICS;
use crate::failure::Failure;
use crate::stream::Message;

/// Where records go.
pub struct Sink {
    producer: Option<BaseProducer>,
    files: Vec<BufWriter<File>>,
}

impl Sink {
    /// A producer, files, or both.
    pub fn open(brokers: Option<&str>, ndjson: Option<&Path>) -> Result<Sink, Failure> {
        let producer = brokers.map(|brokers| {
            let mut config = ClientConfig::new();
            config
                .set("bootstrap.servers", brokers)
                .set("compression.type", "lz4")
                .set("partitioner", "murmur2_random");
            // Large batches, as a busy company's producers have; and every record once, in order.
            config.set("linger.ms", "50").set("batch.size", "131072").set("enable.idempotence", "true");
            config.set("queue.buffering.max.messages", "400000");
            config.create::<BaseProducer>()
        });
        let producer = producer.transpose().map_err(|error| Failure::new("the producer", error))?;
        let file = |folder: &Path, topic: &str| {
            let path = folder.join(format!("{topic}.ndjson"));
            let file = File::create(&path).map_err(|error| Failure::new(path.display(), error))?;
            Ok(BufWriter::with_capacity(1 << 20, file))
        };
        let files = ndjson.map(|folder| TOPICS.iter().map(|topic| file(folder, topic)).collect());
        Ok(Sink { producer, files: files.transpose()?.unwrap_or_default() })
    }

    /// Takes a record; waits where the producer holds as many as it may.
    pub fn take(&mut self, message: &Message<'_>) -> Result<(), Failure> {
        let topic = message.event.kind.topic();
        if let Some(file) = self.files.get_mut(topic) {
            writeln!(file, "{}", message.payload).map_err(|error| Failure::new("the NDJSON file", error))?;
        }
        let Some(producer) = &self.producer else { return Ok(()) };
        let key = message.event.key();
        let mut record = BaseRecord::to(TOPICS[topic]).key(&key).payload(message.payload).timestamp(message.arrives_ms);
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), same)) => {
                    record = same;
                    producer.poll(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(Failure::new("producing", error)),
            }
        }
        if message.event.number.is_multiple_of(2_048) {
            producer.poll(Duration::ZERO);
        }
        Ok(())
    }

    /// Sends and writes what is still held.
    pub fn finish(mut self) -> Result<(), Failure> {
        for file in &mut self.files {
            file.flush().map_err(|error| Failure::new("the NDJSON file", error))?;
        }
        let Some(producer) = self.producer else { return Ok(()) };
        producer.flush(Duration::from_secs(120)).map_err(|error| Failure::new("the last records", error))
    }
}
