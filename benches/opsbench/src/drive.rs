//! `opsbench drive`: every contestant in turn, several rounds of them, so that what disturbs the machine disturbs all.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use crate::failure::Failure;
use crate::key_result::Choice;
use crate::measure::{Bench, BenchArguments, Run, SqliteStore, StoreKind};
use crate::peers::Precision;
use crate::report;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    bench: BenchArguments,
    /// postgres:// of a database whose user may create others; without it nothing runs over PostgreSQL
    #[arg(long)]
    postgres: Option<String>,
    /// Only the book of so many key results: 1, 20, 100, or 8 for the peers' job. Default: all of them
    #[arg(long)]
    key_results: Option<u16>,
    /// Who else: floor, naive, streams, flink, telegraf
    #[arg(long, value_delimiter = ',', default_value = "floor")]
    peers: Vec<Peer>,
    /// Rounds; the table shows medians
    #[arg(long, default_value = "3")]
    rounds: NonZeroUsize,
    /// A file for all figures of all rounds
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Who runs beside krscore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Floor,
    Naive,
    Streams,
    Flink,
    Telegraf,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        match text {
            "floor" => Ok(Peer::Floor),
            "naive" => Ok(Peer::Naive),
            "streams" => Ok(Peer::Streams),
            "flink" => Ok(Peer::Flink),
            "telegraf" => Ok(Peer::Telegraf),
            _ => Err("it is none of floor, naive, streams, flink, telegraf".to_owned()),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub enum Contestant {
    Floor,
    Naive,
    /// A peer's folder in `benches/peers`, and the variant that its `run` is told.
    Foreign(&'static str, &'static str),
    Telegraf,
    Krscore {
        choice: Choice,
        has_ids: bool,
        store: StoreKind,
    },
}

impl Contestant {
    /// Its name in the table.
    pub fn name(&self) -> String {
        match self {
            Contestant::Floor => "floor: bare batch consumer".to_owned(),
            Contestant::Naive => "naive Rust, 8 results".to_owned(),
            Contestant::Foreign("streams", variant) => format!("Kafka Streams ({variant}), 8 results"),
            Contestant::Foreign(folder, variant) => format!("{folder} ({variant}), 8 results"),
            Contestant::Telegraf => "Telegraf, 7 results (no lead time)".to_owned(),
            Contestant::Krscore { choice, has_ids, store } => {
                let what = match choice {
                    Choice::Eight => "8 results".to_owned(),
                    Choice::Members(members) => format!("20 key results, {members} members"),
                    choice => format!("{} key results", choice.name()),
                };
                let store = if *store == StoreKind::Sqlite { "SQLite" } else { "PostgreSQL" };
                format!("krscore, {what}, {}, {store}", if *has_ids { "id" } else { "no id" })
            }
        }
    }
}

/// The figures of one contestant, a run a round.
pub struct Row {
    pub contestant: Contestant,
    pub runs: Vec<Run>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let bench = arguments.bench.bench()?;
    let contestants = contestants(arguments)?;
    let mut rows: Vec<Row> = contestants.into_iter().map(|contestant| Row { contestant, runs: Vec::new() }).collect();
    // What was measured before somebody failed is shown all the same.
    let failed = rounds(arguments, &bench, &mut rows).err();
    print!("{}", report::table(&rows, &bench.answers));
    if let Some(path) = &arguments.json {
        let text = format!("{:#}\n", report::json(&rows, &bench.answers));
        std::fs::write(path, text).map_err(|error| Failure::new(path.display(), error))?;
    }
    let faults = rows.iter().flat_map(|row| &row.runs).map(|run| run.faults.len()).sum::<usize>();
    match failed {
        Some(failure) => Err(failure),
        None if faults > 0 => Err(Failure::new("answers", format!("{faults} differ from the exact ones"))),
        None => Ok(()),
    }
}

fn rounds(arguments: &Arguments, bench: &Bench, rows: &mut [Row]) -> Result<(), Failure> {
    for round in 1..=arguments.rounds.get() {
        for row in &mut *rows {
            let run = one(bench, arguments.postgres.as_deref(), &row.contestant, round)?;
            eprintln!("round {round}: {}", report::line(&row.contestant.name(), &run, bench.answers.records));
            row.runs.push(run);
        }
    }
    Ok(())
}

fn contestants(arguments: &Arguments) -> Result<Vec<Contestant>, Failure> {
    let has = |peer: Peer| arguments.peers.contains(&peer);
    let mut all = Vec::new();
    if has(Peer::Floor) {
        all.push(Contestant::Floor);
    }
    let mut krscore = |choice: Choice, has_ids: bool, store: StoreKind| {
        let is_wanted = match (arguments.key_results, choice) {
            (None, _) => true,
            (Some(20), Choice::Members(_)) => false,
            (Some(n), _) => usize::from(n) == choice.key_results().len(),
        };
        if is_wanted && (store == StoreKind::Sqlite || arguments.postgres.is_some()) {
            all.push(Contestant::Krscore { choice, has_ids, store });
        }
    };
    krscore(Choice::Twenty, false, StoreKind::Sqlite);
    krscore(Choice::Twenty, true, StoreKind::Sqlite);
    krscore(Choice::Twenty, false, StoreKind::Postgres);
    krscore(Choice::Twenty, true, StoreKind::Postgres);
    for choice in [Choice::One, Choice::Hundred, Choice::Members(12), Choice::Members(400), Choice::Eight] {
        krscore(choice, false, StoreKind::Sqlite);
    }
    if !all.iter().any(|contestant| matches!(contestant, Contestant::Krscore { .. })) {
        return Err(Failure::new("--key-results", "there are books of 1, 8, 20 and 100"));
    }
    if has(Peer::Naive) {
        all.push(Contestant::Naive);
    }
    if has(Peer::Streams) {
        all.extend([Contestant::Foreign("streams", "processor"), Contestant::Foreign("streams", "dsl")]);
    }
    if has(Peer::Flink) {
        all.push(Contestant::Foreign("flink", "sql"));
    }
    if has(Peer::Telegraf) {
        all.push(Contestant::Telegraf);
    }
    Ok(all)
}

fn one(bench: &Bench, postgres: Option<&str>, contestant: &Contestant, round: usize) -> Result<Run, Failure> {
    match contestant {
        Contestant::Floor => bench.floor(),
        Contestant::Naive => bench.naive(),
        Contestant::Foreign(folder, variant) => {
            let mut command = Command::new(peers().join(folder).join("run"));
            command.arg(variant).arg(&bench.brokers).arg(bench.answers.records.to_string()).current_dir(&bench.folder);
            let precision = if *folder == "flink" { Precision::Seconds } else { Precision::Milliseconds };
            bench.peer(command, &format!("{folder}-{variant}-{round}"), precision)
        }
        Contestant::Telegraf => {
            bench.telegraf(&peers().join("telegraf"), &format!("telegraf-{}-{round}", std::process::id()))
        }
        Contestant::Krscore { choice, has_ids, store } => {
            let ids = if *has_ids { "-id" } else { "" };
            // A group and a store that nobody had before.
            let name = format!("k{}{ids}-{store:?}-{}-{round}", choice.name(), std::process::id()).to_lowercase();
            match store {
                StoreKind::Sqlite => {
                    let store = SqliteStore::new(&bench.folder, &name);
                    bench.krscore(*choice, *has_ids, &store.url(), &name)
                }
                StoreKind::Postgres => {
                    let server = postgres.ok_or_else(|| Failure::new("--postgres", "not given"))?;
                    let database = name.replace('-', "_");
                    sql(server, &format!("CREATE DATABASE {database}"))?;
                    let base = server.rsplit_once('/').map_or(server, |(base, _)| base);
                    let run = bench.krscore(*choice, *has_ids, &format!("{base}/{database}"), &name);
                    sql(server, &format!("DROP DATABASE {database} WITH (FORCE)"))?;
                    run
                }
            }
        }
    }
}

/// `benches/peers`.
fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers")
}

fn sql(server: &str, statement: &str) -> Result<(), Failure> {
    let output = Command::new("psql").args(["-qX", "-v", "ON_ERROR_STOP=1", "-d", server, "-c", statement]).output();
    let output = output.map_err(|error| Failure::new("psql", error))?;
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(Failure::new(statement, words.trim())) }
}
