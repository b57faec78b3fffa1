//! One run of one contestant: started, watched until it has drained the topics, asked for its answers.
//!
//! | | krscore | floor, naive, JVM peers |
//! |---|---|---|
//! | begins | its log says `consuming`: partitions are assigned, the first fetch is sent | it prints [`BEGIN`], at the same point |
//! | ends, for CPU | its log says `caught up`: all is consumed, committed and published | it prints [`END`], or `END n`: n ms ago |
//! | ends, for the drain rate | where its CPU curve falls to idle before that: it commits once a second, so that line comes up to a second late | the same |
//!
//! CPU time is the process's own clock, read by the one who measures.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::answers::Answers;
use crate::consume::{BEGIN, END, RESULTS};
use crate::failure::Failure;
use crate::key_result::Choice;
use crate::peers::{PeerAnswers, Precision};
use crate::process::{Listen, Process, Sample};
use crate::{book, compare};

/// How long anything may take to begin, on a machine that others use: Flink's planner alone takes 10 s of CPU.
pub const START_LIMIT: Duration = Duration::from_secs(600);

/// The slowest rate that is waited for, in records a second.
const RATE_MIN: u64 = 5_000;

/// A process is idle when it uses less than [`IDLE_SHARE`] of a core for so long.
const IDLE: Duration = Duration::from_millis(100);

const IDLE_SHARE: f64 = 0.15;

/// A pause in the midst of the work is not its end: after that at most this share of the CPU time comes.
const AFTER_END: f64 = 0.25;

/// Of krscore's budgets those that 100 M records pass, as they are by default: 30 M pairs a duration. Larger runs get one a record.
const PAIRS_MAX: u64 = 10_000_000;
const DEDUP_IDS_MAX: u64 = 8_000_000;

/// What one run came to.
#[derive(Clone, Debug)]
pub struct Run {
    /// From begin to drained.
    pub wall: Duration,
    /// From begin to end.
    pub cpu: Duration,
    pub peak_bytes: u64,
    /// What differs from the exact answers.
    pub faults: Vec<String>,
}

/// What every run is told.
#[derive(Debug, clap::Args)]
pub struct BenchArguments {
    /// host:port of the broker that holds what was generated
    #[arg(long)]
    brokers: String,
    /// The exact answers, as `generate` wrote them
    #[arg(long)]
    answers: PathBuf,
    /// The krscore binary
    #[arg(long)]
    krscore: PathBuf,
    /// A folder for logs, books and stores; SQLite stores are made in it and removed
    #[arg(long)]
    folder: PathBuf,
}

/// What every run needs.
pub struct Bench {
    pub brokers: String,
    pub answers: Answers,
    /// For logs, books and stores.
    pub folder: PathBuf,
    /// The `krscore` binary.
    pub krscore: PathBuf,
}

impl BenchArguments {
    /// Reads the answers, and makes the folder.
    pub fn bench(&self) -> Result<Bench, Failure> {
        let text = std::fs::read_to_string(&self.answers);
        let text = text.map_err(|error| Failure::new(self.answers.display(), error))?;
        let answers = serde_json::from_str(&text).map_err(|error| Failure::new(self.answers.display(), error))?;
        std::fs::create_dir_all(&self.folder).map_err(|error| Failure::new(self.folder.display(), error))?;
        let absolute = |path: &Path| path.canonicalize().map_err(|error| Failure::new(path.display(), error));
        let (folder, krscore) = (absolute(&self.folder)?, absolute(&self.krscore)?);
        Ok(Bench { brokers: self.brokers.clone(), answers, folder, krscore })
    }
}

/// A krscore that listens.
pub struct Service {
    pub process: Process,
    /// Of its HTTP server: `ip:port`.
    pub address: String,
}

/// Where krscore keeps what it counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    Sqlite,
    Postgres,
}

/// A store that is removed with the value.
pub struct SqliteStore {
    file: PathBuf,
}

impl SqliteStore {
    pub fn new(folder: &Path, name: &str) -> SqliteStore {
        SqliteStore { file: folder.join(format!("{name}.db")) }
    }

    /// As krscore's `store.url` has it.
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.file.display())
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            // Those that are not there need not be removed.
            _ = std::fs::remove_file(format!("{}{suffix}", self.file.display()));
        }
    }
}

impl Bench {
    /// How long draining may take.
    pub fn limit(&self) -> Duration {
        START_LIMIT + Duration::from_secs(self.answers.records / RATE_MIN)
    }

    /// A new file in the folder.
    pub fn file(&self, name: &str) -> Result<File, Failure> {
        let path = self.folder.join(name);
        File::create(&path).map_err(|error| Failure::new(path.display(), error))
    }

    /// `krscore run` over a new store: drained, asked for its scores, ended.
    pub fn krscore(&self, choice: Choice, has_ids: bool, store: &str, name: &str) -> Result<Run, Failure> {
        let mut service = self.serve(choice, has_ids, store, name)?;
        let (begin, _) = service.process.wait_for("\"consuming\"", START_LIMIT)?;
        let (end, _) = service.process.wait_for("caught up", self.limit())?;
        let curve = service.process.curve();
        let peak_bytes = service.process.peak_memory().unwrap_or(0);
        let document = service.document()?;
        service.process.end(START_LIMIT);
        let faults = compare::document(&document, &choice.key_results(), &self.answers, has_ids);
        let wall = drained(&curve, begin, end).duration_since(begin.at);
        Ok(Run { wall, cpu: end.cpu.saturating_sub(begin.cpu), peak_bytes, faults })
    }

    /// `krscore run` over a new store, as soon as it listens.
    pub fn serve(&self, choice: Choice, has_ids: bool, store: &str, name: &str) -> Result<Service, Failure> {
        let book = self.folder.join(format!("{name}.yaml"));
        let text = book::yaml(&choice.key_results(), self.answers.begun_ms, has_ids);
        std::fs::write(&book, text).map_err(|error| Failure::new(book.display(), error))?;
        let mut command = Command::new(&self.krscore);
        command.arg("run").current_dir(&self.folder).env("KRSCORE__BOOK", &book);
        command.env("KRSCORE__KAFKA__BROKERS", &self.brokers).env("KRSCORE__KAFKA__GROUP", format!("opsbench-{name}"));
        command.env("KRSCORE__STORE__URL", store).env("KRSCORE__HTTP__LISTEN", "127.0.0.1:0");
        command.env("KRSCORE__LOG__FORMAT", "json");
        // What is past a budget is said to have no value, which is right and leaves nothing to compare.
        let records = self.answers.records;
        command.env("KRSCORE__STATE__PAIRS_MAX", records.max(PAIRS_MAX).to_string());
        command.env("KRSCORE__STATE__DEDUP_IDS_MAX", records.max(DEDUP_IDS_MAX).to_string());
        let process = Process::start(command, Listen::Stderr, self.file(&format!("{name}.log"))?)?;
        let (_, listening) = process.wait_for("\"listening\"", START_LIMIT)?;
        let address = json(&listening)["address"].as_str().unwrap_or_default().to_owned();
        Ok(Service { process, address })
    }

    /// A process that says [`BEGIN`], [`END`] and [`RESULTS`]; `check` finds what is wrong with the last.
    pub fn spoken(
        &self,
        command: Command,
        name: &str,
        check: impl FnOnce(&Value) -> Vec<String>,
    ) -> Result<Run, Failure> {
        let mut process = Process::start(command, Listen::Stdout, self.file(&format!("{name}.log"))?)?;
        let (begin, _) = process.wait_for(BEGIN, START_LIMIT)?;
        let (said, line) = process.wait_for(END, self.limit())?;
        let curve = process.curve();
        let ago = line.split_once(END).and_then(|(_, ago)| ago.trim().parse().ok()).map(Duration::from_millis);
        let end =
            ago.and_then(|ago| curve.iter().rev().find(|sample| sample.at + ago <= said.at)).copied().unwrap_or(said);
        let (_, line) = process.wait_for(RESULTS, START_LIMIT)?;
        let peak_bytes = process.peak_memory().unwrap_or(0);
        process.end(START_LIMIT);
        let results = line.split_once(RESULTS).map_or(Value::Null, |(_, results)| json(results));
        let (wall, cpu) = (end.at.duration_since(begin.at), end.cpu.saturating_sub(begin.cpu));
        Ok(Run { wall, cpu, peak_bytes, faults: check(&results) })
    }

    /// The bare consumer, built in.
    pub fn floor(&self) -> Result<Run, Failure> {
        self.spoken(self.own("floor")?, "floor", |results| {
            let records = results["records"].as_u64();
            let is_right =
                records == Some(self.answers.records) && results["bytes"].as_u64() == Some(self.answers.bytes);
            if is_right { Vec::new() } else { vec![format!("{results}, not {} records", self.answers.records)] }
        })
    }

    /// The naive service, built in.
    pub fn naive(&self) -> Result<Run, Failure> {
        self.peer(self.own("naive")?, "naive", Precision::Milliseconds)
    }

    /// A peer that prints its answers.
    pub fn peer(&self, command: Command, name: &str, precision: Precision) -> Result<Run, Failure> {
        self.spoken(command, name, |results| match serde_json::from_value::<PeerAnswers>(results.clone()) {
            Ok(own) => own.compare(&self.answers.peers, precision),
            Err(error) => vec![error.to_string()],
        })
    }

    fn own(&self, verb: &str) -> Result<Command, Failure> {
        let program: PathBuf = std::env::current_exe().map_err(|error| Failure::new("this program", error))?;
        let mut command = Command::new(program);
        command.arg(verb).arg("--brokers").arg(&self.brokers);
        Ok(command)
    }
}

/// When the work was done: the first time after `begin` from which on the process was idle, and little came after; `end` if it never was.
fn drained(curve: &[Sample], begin: Sample, end: Sample) -> Instant {
    let total = end.cpu.saturating_sub(begin.cpu).as_secs_f64();
    let within: Vec<&Sample> = curve.iter().filter(|sample| sample.at >= begin.at && sample.at <= end.at).collect();
    for (index, sample) in within.iter().enumerate() {
        let Some(later) = within[index..].iter().find(|later| later.at.duration_since(sample.at) >= IDLE) else {
            break;
        };
        let used = later.cpu.saturating_sub(sample.cpu).as_secs_f64();
        let rest = end.cpu.saturating_sub(sample.cpu).as_secs_f64();
        if used < IDLE_SHARE * later.at.duration_since(sample.at).as_secs_f64() && rest <= AFTER_END * total {
            return sample.at;
        }
    }
    end.at
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

impl Service {
    /// The scores once they are of all that was consumed: the log is a moment ahead of what is published.
    fn document(&self) -> Result<Value, Failure> {
        let until = Instant::now() + START_LIMIT;
        while Instant::now() < until {
            let document = json(&get(&self.address, "/api/v1/scores")?);
            if document["catching_up"] == false {
                return Ok(document);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Failure::new("/api/v1/scores", "still catching up although the log says otherwise"))
    }
}

/// The body of a GET.
pub fn get(address: &str, path: &str) -> Result<String, Failure> {
    ask(address, path).map_err(|error| Failure::new(path, error))
}

/// HTTP/1.0: the server closes the connection at its end and sends no chunks.
fn ask(address: &str, path: &str) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(socket, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_drained_where_its_curve_falls_and_not_at_a_pause_in_the_midst() {
        let start = Instant::now();
        let at = |ms: u64, cpu: u64| Sample { at: start + Duration::from_millis(ms), cpu: Duration::from_millis(cpu) };
        // Busy to 1,000 ms but for a pause of 200; idle to 1,900; a commit of 20 ms.
        let cpu = |ms: u64| match ms {
            0..300 => ms,
            300..500 => 300,
            500..1_000 => ms - 200,
            1_000..1_900 => 800,
            _ => 820,
        };
        let curve: Vec<Sample> = (0..400).map(|i| at(i * 5, cpu(i * 5))).collect();
        let drained = drained(&curve, at(0, 0), at(1_950, 820)).duration_since(start).as_millis();
        assert!((985..=1_000).contains(&drained), "{drained}");
    }
}
