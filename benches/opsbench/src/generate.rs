//! `opsbench generate`: produces the stream to Kafka, and writes the exact answers beside it.

use std::path::PathBuf;
use std::time::{Duration, Instant as Clock};

use crate::answers::Adder;
use crate::company::STEP_MS;
use crate::failure::Failure;
use crate::sink::Sink;
use crate::stream::Stream;

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
