//! `opsbench generate`: produces the stream to Kafka, and writes the exact answers beside it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::answers::Adder;
use crate::company::STEP_MS;
use crate::event::TOPICS;
use crate::failure::Failure;
use crate::stream::{Message, Stream};

/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(5);

/// The last event arrives at least so long ago, so that every pair is old enough to be judged.
const AGE_MS: i64 = 3 * 3_600_000;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// host:port of the broker; the topics exist and are empty
    #[arg(long)]
    brokers: Option<String>,
    /// How many records, copies and malformed ones among them
    #[arg(long, default_value_t = 2_000_000)]
    events: u64,
    #[arg(long, default_value_t = 20_261_122)]
    seed: u64,
    /// When the first event arrives, ms since 1970. Default: the whole hour that lets the last one arrive 3 hours ago
    #[arg(long)]
    start: Option<i64>,
    /// A folder to write each topic's records to as well, one a line
    #[arg(long)]
    ndjson: Option<PathBuf>,
    /// The file for the exact answers
    #[arg(long)]
    answers: PathBuf,
}

/// Where records go.
struct Sink {
    producer: Option<BaseProducer>,
    files: Vec<BufWriter<File>>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let now = jiff::Timestamp::now().as_millisecond();
    let whole_hour = (now - AGE_MS - arguments.events as i64 * STEP_MS).div_euclid(3_600_000) * 3_600_000;
    let begun_ms = arguments.start.unwrap_or(whole_hour);
    let mut sink = Sink::open(arguments.brokers.as_deref(), arguments.ndjson.as_deref())?;
    let (mut stream, mut adder) = (Stream::new(arguments.seed, begun_ms), Adder::default());
    let (begun, mut told) = (Clock::now(), Clock::now());
    while adder.records < arguments.events {
        let mut result = Ok(());
        stream.step(|message| {
            if result.is_ok() && adder.records < arguments.events {
                adder.add(message.nature, message.event, message.payload.len());
                result = sink.take(&message);
            }
        });
        result?;
        if adder.records.is_multiple_of(1_024) && told.elapsed() > PROGRESS {
            told = Clock::now();
            let (records, rate) = (adder.records as f64 / 1e6, adder.records as f64 / begun.elapsed().as_secs_f64());
            eprintln!(
                "generate: {records:.1} of {:.1} M records, {:.0} k/s",
                arguments.events as f64 / 1e6,
                rate / 1e3
            );
        }
    }
    sink.finish()?;
    let answers = adder.finish(arguments.seed, begun_ms);
    eprintln!(
        "generate: {} records of {} bytes, {} copies and {} malformed among them, in {:.0} s",
        answers.records,
        answers.bytes / answers.records.max(1),
        answers.copies,
        answers.malformed,
        begun.elapsed().as_secs_f64()
    );
    let text = serde_json::to_string_pretty(&answers).map_err(|error| Failure::new("the answers", error))?;
    std::fs::write(&arguments.answers, text).map_err(|error| Failure::new(arguments.answers.display(), error))
}

impl Sink {
    fn open(brokers: Option<&str>, ndjson: Option<&Path>) -> Result<Sink, Failure> {
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

    fn take(&mut self, message: &Message<'_>) -> Result<(), Failure> {
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

    fn finish(mut self) -> Result<(), Failure> {
        for file in &mut self.files {
            file.flush().map_err(|error| Failure::new("the NDJSON file", error))?;
        }
        let Some(producer) = self.producer else { return Ok(()) };
        producer.flush(Duration::from_secs(120)).map_err(|error| Failure::new("the last records", error))
    }
}
