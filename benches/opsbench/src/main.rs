//! OpsBench: seeded events of a company, their exact answers, and what it costs krscore and others to find them.
//!
//! `benches/opsbench/run` does all of it; `docs/performance.md` says how, and what came out.
//!
//! ```text
//! company → stream (late, copied, cut) → Kafka     → floor | naive | krscore | peers → drive: CPU, time, memory
//!                                     ↘ answers  → compare ↗                                   → table, JSON
//! ```

mod answers;
mod book;
mod chance;
mod company;
mod compare;
mod consume;
mod drive;
mod event;
mod failure;
mod floor;
mod generate;
mod key_result;
mod live;
mod measure;
mod naive;
mod peers;
mod process;
mod report;
mod sink;
mod stream;
mod telegraf;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Produces the events to Kafka, and writes the exact answers
    Generate(generate::Arguments),
    /// A bare batch consumer that only counts
    Floor(consume::Arguments),
    /// The peers' job as a first version in Rust would have it
    Naive(consume::Arguments),
    /// Prints a book, or writes one
    Book(book::Arguments),
    /// Runs krscore and others over what was generated, and compares
    Drive(drive::Arguments),
    /// How long commits and gauges take while records come at a steady rate; the topics hold more afterwards
    Live(live::Arguments),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Generate(arguments) => generate::run(&arguments),
        Verb::Floor(arguments) => floor::run(&arguments),
        Verb::Naive(arguments) => naive::run(&arguments),
        Verb::Book(arguments) => book::run(&arguments),
        Verb::Drive(arguments) => drive::run(&arguments),
        Verb::Live(arguments) => live::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("opsbench: {failure}");
            ExitCode::FAILURE
        }
    }
}
