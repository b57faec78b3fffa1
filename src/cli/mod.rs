//! The command line, one file a verb. Results go to stdout, words about them to stderr.
//!
//! | exit code | means |
//! |---|---|
//! | 0 | done |
//! | 1 | the answer is "no": a book with faults, a service that cannot go on, a key result that does not exist |
//! | 2 | wrong use: arguments, settings, files that are not there |

mod against;
mod book_files;
mod check;
mod checkin;
mod demo;
mod explain;
mod generate;
mod progress;
mod replay;
mod run;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::time::Timestamp;

/// Live OKR scores from Kafka events.
#[derive(Debug, Parser)]
#[command(name = "krscore", version, about, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the service: read events from Kafka, keep the scores, serve the page, /metrics and the API
    Run(run::Arguments),
    /// Show everything on this machine with nothing installed: an in-process Kafka, a company that makes events, the service
    Demo(demo::Arguments),
    /// Check a book: all faults with their places, then advice; exit 1 on a fault
    Check(check::Arguments),
    /// Score NDJSON files of events, as the service would score the same events from Kafka
    Replay(replay::Arguments),
    /// Tell where a key result's score comes from, down to events and offsets
    Explain(explain::Arguments),
    /// Record what a person says of a key result: a value, a confidence, a note
    Checkin(checkin::Arguments),
    /// Write what Prometheus, Grafana and editors load
    Generate(generate::Arguments),
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// Prometheus' exposition with timestamps, for `promtool tsdb create-blocks-from openmetrics`
    Openmetrics,
}

/// How results without metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// For people
    Table,
    /// One JSON document
    Json,
}

/// Why a verb ended without doing what was asked.
#[derive(Debug)]
enum Failure {
    /// The answer is "no": exit 1. What is to be said of it was said.
    No,
    /// The answer is "no", with a sentence for stderr: exit 1.
    Because(String),
    /// Wrong use, with a sentence for stderr: exit 2.
    Usage(String),
}

impl Failure {
    /// An answer of "no" for the sake of `error`.
    fn because(error: impl std::fmt::Display) -> Failure {
        Failure::Because(error.to_string())
    }

    /// What is to be said of it.
    fn sentence(self) -> String {
        match self {
            Failure::No => String::new(),
            Failure::Because(sentence) | Failure::Usage(sentence) => sentence,
        }
    }
}

/// Runs the command whose name and arguments are `arguments`.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; clap knows which stream each belongs to. A closed stream is nobody to tell.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let done = match arguments.verb {
        Verb::Run(arguments) => run::run(arguments),
        Verb::Demo(arguments) => demo::run(arguments),
        Verb::Check(arguments) => check::run(arguments),
        Verb::Replay(arguments) => replay::run(arguments),
        Verb::Explain(arguments) => explain::run(arguments),
        Verb::Checkin(arguments) => checkin::run(arguments),
        Verb::Generate(arguments) => generate::run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::No) => ExitCode::from(1),
        Err(Failure::Because(sentence)) => {
            say(&format!("krscore: {sentence}"));
            ExitCode::from(1)
        }
        Err(Failure::Usage(sentence)) => {
            say(&format!("krscore: {sentence}"));
            ExitCode::from(2)
        }
    }
}

/// The instant that `--at` names.
fn instant(text: &str) -> Result<Timestamp, Failure> {
    let at = Timestamp::parse_rfc3339(text);
    at.ok_or_else(|| {
        Failure::Usage(format!("--at {text}: not a time with its offset, such as 2026-12-01T00:00:00+08:00"))
    })
}

/// Writes a line of words to stderr; nobody who reads them any more is no failure, and no reason to panic as `eprintln!` would.
fn say(words: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{words}");
}

/// Writes a result to stdout; a reader that went away (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::because(error)),
        _ => Ok(()),
    }
}
