//! A tiny world around the pipeline: logs with control records, a store, and processes that consume, commit, crash and come back.
//!
//! The pipeline is the real one. What stands around it is simulated by the rules of its contract: the log of a partition is records at
//! offsets (a missing offset is a control record), a process answers `Effect`s as `service` does, and the store answers a process in
//! the order in which it was asked.
#![allow(dead_code, unused_imports, reason = "every test binary compiles all of it and uses its part")]

pub mod backfill;
mod process;
mod quiet;
pub mod storage;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use krscore::aggregate::budget::Budgets;
use krscore::book::{Book, SourceFile, load, render};
use krscore::event::{Offset, Partition, Record, TopicIndex};
use krscore::pipeline::{AssignmentEpoch, ClaimedPartition, Input, Intake, LogStart, Scorer};
use krscore::score::{CheckIn, KeyResultScore};
use krscore::snapshot::{CounterKey, Snapshot};
use krscore::store::Commit;
use krscore::time::Timestamp;

pub use process::Process;
pub use quiet::{Covered, quiet, quiet_over};
use storage::{Answer, Storage};

/// A record in the log.
#[derive(Clone, Debug)]
pub struct Logged {
    pub offset: Offset,
    pub at: Option<Timestamp>,
    pub payload: Option<String>,
}

/// The log of one partition.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub records: Vec<Logged>,
    /// The first offset that the broker still has.
    pub low: Offset,
    pub complete_since: Option<Timestamp>,
    /// The offset after the last, control records included.
    pub end: Offset,
}

/// Logs, a store and processes.
pub struct World<S> {
    pub book: Arc<Book>,
    pub logs: BTreeMap<Partition, Log>,
    pub store: S,
    pub processes: Vec<Option<Process>>,
    pub now: Timestamp,
    /// What was last recorded of each day, by objective, key result, day.
    pub daily: BTreeMap<(usize, usize, String), KeyResultScore>,
    pub budgets: Budgets,
    /// Rows at or after it are left out, as `replay --at` does.
    pub until: Option<Timestamp>,
    /// Whether what is handed over is scored when [`World::score_one`] says so, while records are taken; else at once.
    pub scores_late: bool,
    /// Batches that were taken while something was handed over and not scored.
    pub taken_meanwhile: usize,
    /// An edited book that has not taken effect yet, and its lane.
    pub editor: backfill::Editor,
}

/// The book of a text.
pub fn book(text: &str) -> Arc<Book> {
    let sources = [SourceFile { name: "book.yaml".to_owned(), text: text.to_owned() }];
    match load(&sources) {
        Ok(loaded) => Arc::new(loaded.book),
        Err(faults) => panic!("{}", render(&faults, &sources, false)),
    }
}

/// `2026-10-05T10:00` in UTC; a date alone is its first instant.
pub fn at(text: &str) -> Timestamp {
    let filled = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => text.to_owned(),
    };
    Timestamp::parse_rfc3339(&filled).unwrap_or_else(|| panic!("no time: {text}"))
}

impl<S: Storage> World<S> {
    /// A world without processes, at the beginning of `now`.
    pub fn new(book: Arc<Book>, store: S, now: &str) -> World<S> {
        World {
            book,
            logs: BTreeMap::new(),
            store,
            processes: Vec::new(),
            now: at(now),
            daily: BTreeMap::new(),
            budgets: Budgets::default(),
            until: None,
            scores_late: false,
            taken_meanwhile: 0,
            editor: backfill::Editor::default(),
        }
    }

    /// A partition, made with an empty log if it was not there.
    pub fn partition(&mut self, topic: &str, number: i32) -> Partition {
        let index = self.book.topics.iter().position(|known| known.name == topic);
        let topic = TopicIndex(index.unwrap_or_else(|| panic!("the book reads no {topic}")) as u16);
        let partition = Partition { topic, number };
        self.logs.entry(partition).or_default();
        partition
    }

    /// Appends a record with its own timestamp.
    pub fn produce(&mut self, topic: &str, number: i32, record_at: &str, json: &str) {
        let partition = self.partition(topic, number);
        self.append(partition, Some(at(record_at)), Some(json.to_owned()));
    }

    pub fn append(&mut self, partition: Partition, at: Option<Timestamp>, payload: Option<String>) {
        let log = self.logs.entry(partition).or_default();
        log.records.push(Logged { offset: log.end, at, payload });
        log.end += 1;
    }

    /// Appends a control record: an offset that nobody is given.
    pub fn control(&mut self, topic: &str, number: i32) {
        let partition = self.partition(topic, number);
        self.logs.entry(partition).or_default().end += 1;
    }

    /// Starts a process that is given all partitions that the book reads; the number it goes by.
    pub fn start(&mut self) -> usize {
        self.start_with(&self.read_partitions())
    }

    /// Starts a process that is given these partitions.
    pub fn start_with(&mut self, partitions: &[Partition]) -> usize {
        self.adopt_active();
        let (intake, scorer) = self.halves();
        self.processes.push(Some(Process {
            intake,
            scorer,
            work: VecDeque::new(),
            epoch: AssignmentEpoch(0),
            fetched_under: BTreeMap::new(),
            epochs: BTreeMap::new(),
            given: partitions.iter().copied().collect(),
            positions: BTreeMap::new(),
            cut: None,
            answer: None,
            snapshot: None,
            publications: 0,
            reloads: 0,
            gave_up: None,
            dead_letters: Vec::new(),
        }));
        let process = self.processes.len() - 1;
        self.reload(process);
        process
    }

    /// Both halves of a pipeline that knows nothing.
    fn halves(&self) -> (Intake, Scorer) {
        let intake = Intake::new(Arc::clone(&self.book), self.until).with_budgets(self.budgets);
        (intake, Scorer::new(Arc::clone(&self.book)).with_budgets(self.budgets))
    }

    pub fn process(&mut self, process: usize) -> &mut Process {
        self.processes[process].as_mut().expect("the process runs")
    }

    /// All state from the store, then the claims.
    fn reload(&mut self, process: usize) {
        self.hear(process);
        self.tick_now(process);
        let mut chunks = self.store.chunks();
        chunks.retain(|chunk| self.is_read(chunk.partition));
        let this = self.process(process);
        this.positions.clear();
        this.cut = None;
        this.answer = None;
        let baselines = self.store.baselines();
        self.take(process, Input::Baselines(baselines));
        self.take(process, Input::Restored { chunks });
        self.score_all(process);
        self.take(process, Input::Exist(self.read_partitions()));
        self.claim(process);
    }

    /// Claims what the group gave and is not consumed.
    fn claim(&mut self, process: usize) {
        // The store answers in the order in which it was asked: a commit that is on its way is answered first.
        self.hear(process);
        let this = self.process(process);
        let wanted: Vec<Partition> =
            this.given.iter().copied().filter(|partition| !this.positions.contains_key(partition)).collect();
        this.epoch.0 += 1;
        let epoch = this.epoch;
        let claims = self.store.claim(&wanted);
        let mut claimed = Vec::new();
        for (partition, claim) in wanted.into_iter().zip(claims) {
            self.process(process).epochs.insert(partition, claim.epoch);
            self.process(process).fetched_under.insert(partition, epoch);
            let log = &self.logs[&partition];
            let start = match claim.next_offset {
                Some(offset) => LogStart { offset, complete_since: None },
                None => LogStart { offset: log.low, complete_since: log.complete_since },
            };
            claimed.push(ClaimedPartition { partition, next_offset: claim.next_offset, start, epoch });
        }
        self.take(process, Input::Claimed(claimed));
    }

    /// The group gives a process these partitions.
    pub fn assign(&mut self, process: usize, partitions: &[Partition]) {
        self.process(process).given.extend(partitions);
        self.claim(process);
    }

    /// The group takes these partitions away.
    pub fn unassign(&mut self, process: usize, partitions: &[Partition]) {
        let this = self.process(process);
        for partition in partitions {
            this.given.remove(partition);
            this.positions.remove(partition);
        }
        self.take(process, Input::Unassigned(partitions.to_vec()));
    }

    /// Hands at most `records` of a partition to a process.
    pub fn consume(&mut self, process: usize, partition: Partition, records: usize) {
        let Some(mut position) = self.process(process).positions.get(&partition).copied() else { return };
        let log = self.logs[&partition].clone();
        if position < log.low {
            // Retention passed it.
            position = log.low;
            self.process(process).positions.insert(partition, position);
            self.take(process, Input::Gone { partition, to: position });
        }
        let from = log.records.partition_point(|logged| logged.offset < position);
        let taken = &log.records[from..log.records.len().min(from.saturating_add(records))];
        let batch: Vec<Record<'_>> = taken.iter().map(record).collect();
        let Some(last) = batch.last() else { return };
        let next = last.offset + 1;
        let this = self.process(process);
        let epoch = this.fetched_under[&partition];
        let reactions = this.intake.step(Input::Records { partition, epoch, records: &batch, leader_epoch: None });
        assert!(reactions.is_empty(), "records alone bring no reaction");
        this.positions.insert(partition, next);
        self.taken_meanwhile += usize::from(!self.process(process).work.is_empty());
    }

    /// Hands everything that is left to a process.
    pub fn consume_all(&mut self, process: usize) {
        for partition in self.logs.keys().copied().collect::<Vec<_>>() {
            self.consume(process, partition, usize::MAX);
        }
    }

    /// The broker says where a partition's log ends, and the consumer where it stands.
    pub fn answer_end(&mut self, process: usize, partition: Partition, at: Timestamp) {
        let Some(position) = self.process(process).positions.get(&partition).copied() else { return };
        let log = &self.logs[&partition];
        // What follows the position without a record is passed.
        let next = log.records.iter().map(|logged| logged.offset).find(|offset| *offset >= position);
        let (end, position) = (log.end, next.unwrap_or(log.end.max(position)));
        self.process(process).positions.insert(partition, position);
        self.take(process, Input::LogEnd { partition, end, position: Some(position), at });
    }

    /// The broker answers for all partitions.
    pub fn answer_ends(&mut self, process: usize) {
        for partition in self.logs.keys().copied().collect::<Vec<_>>() {
            self.answer_end(process, partition, self.now);
        }
    }

    /// The clock goes on, and ticks.
    pub fn tick(&mut self, process: usize, now: &str) {
        self.now = at(now);
        self.tick_now(process);
    }

    pub fn tick_now(&mut self, process: usize) {
        let now = self.now;
        self.take(process, Input::Tick { now });
    }

    /// The store commits the cut on its way; its answer is not heard yet.
    pub fn store_works(&mut self, process: usize) {
        if let Some((id, commit)) = self.process(process).cut.take() {
            let mut answer = self.store.commit(&commit);
            if answer == Answer::Unknown {
                answer = self.find_out(process, commit);
            }
            self.process(process).answer = Some((id, answer));
        }
    }

    /// What became of a commit whose answer was lost; one that is not in the store is made again.
    fn find_out(&mut self, process: usize, mut commit: Commit) -> Answer {
        loop {
            let this = self.processes[process].as_mut().expect("the process runs");
            let keep = |partition, epoch| _ = this.epochs.insert(partition, epoch);
            let answer = self.store.resolve(&mut commit, keep).unwrap_or_else(|| self.store.commit(&commit));
            if answer != Answer::Unknown {
                return answer;
            }
        }
    }

    /// The store's answer is heard.
    pub fn hear(&mut self, process: usize) {
        self.store_works(process);
        let Some((id, answer)) = self.process(process).answer.take() else { return };
        match answer {
            Answer::Committed => self.take(process, Input::Persisted(id)),
            Answer::Fenced | Answer::Unknown => self.fenced(process),
        }
    }

    fn fenced(&mut self, process: usize) {
        // What was handed over goes to the store before that is read.
        self.score_all(process);
        let this = self.process(process);
        let consumed = std::mem::take(&mut this.positions).into_keys().collect();
        this.reloads += 1;
        assert!(this.reloads < 200, "the process reads its state again and again");
        self.take(process, Input::Unassigned(consumed));
        self.reload(process);
    }

    /// The answer of a commit is lost, whether it reached the store or not; the process claims again to find out.
    pub fn lose_commit(&mut self, process: usize, reached: bool) {
        let Some((id, commit)) = self.process(process).cut.take() else { return };
        if reached {
            self.store.commit(&commit);
        }
        let answer = self.find_out(process, commit);
        self.process(process).answer = Some((id, answer));
        self.hear(process);
    }

    /// The process dies; a cut on its way may or may not have reached the store.
    pub fn crash(&mut self, process: usize, reached: bool) {
        self.editor.forget();
        if reached && self.processes[process].is_some() {
            self.store_works(process);
        }
        self.processes[process] = None;
    }

    /// Everything is consumed, answered, committed and published at `now`; fences are overcome. Past days are restated until all were looked at.
    pub fn settle(&mut self, process: usize, now: &str) -> String {
        self.settle_at(process, at(now))
    }

    pub fn settle_at(&mut self, process: usize, now: Timestamp) -> String {
        self.now = now;
        self.score_all(process);
        let scores_late = std::mem::replace(&mut self.scores_late, false);
        let document = self.settle_now(process);
        self.scores_late = scores_late;
        document
    }

    fn settle_now(&mut self, process: usize) -> String {
        for _ in 0..20 {
            let reloads = self.process(process).reloads;
            self.hear(process);
            self.consume_all(process);
            self.answer_ends(process);
            self.tick_now(process);
            if self.process(process).reloads > reloads {
                continue; // what was consumed and not cut is consumed again
            }
            let (cut, publications) = (self.process(process).cut.is_some(), self.process(process).publications);
            self.hear(process);
            if cut && self.process(process).publications == publications {
                continue; // fenced: once more, from what is stored
            }
            let key_results: usize = self.book.objectives.iter().map(|objective| objective.key_results.len()).sum();
            (0..key_results).for_each(|_| self.tick_now(process));
            return self.document(process);
        }
        panic!("the process is fenced again and again");
    }

    /// The document that is published.
    pub fn document(&self, process: usize) -> String {
        self.snapshot(process).to_document_pretty()
    }

    pub fn snapshot(&self, process: usize) -> Arc<Snapshot> {
        let process = self.processes[process].as_ref().expect("the process runs");
        Arc::clone(process.snapshot.as_ref().expect("something was published"))
    }

    /// What is published of a key result, by `objective/key_result`.
    pub fn score(&self, process: usize, name: &str) -> KeyResultScore {
        let snapshot = self.snapshot(process);
        let (objective, key_result) = name.split_once('/').expect("objective/key_result");
        let o = self.book.objectives.iter().position(|o| o.id == objective).expect("an objective");
        let k = self.book.objectives[o].key_results.iter().position(|k| k.id == key_result).expect("a key result");
        snapshot.scores.objectives[o].key_results[k].clone()
    }

    /// One line of what is published of a key result.
    pub fn shows(&self, process: usize, name: &str) -> String {
        let score = self.score(process, name);
        let text = |value: Option<krscore::fixed::Fixed>| value.map_or("-".to_owned(), |value| value.to_string());
        format!(
            "value={} n={} status={} as_of={}",
            text(score.value),
            score.n.map_or("-".to_owned(), |n| n.to_string()),
            score.status.as_str(),
            score.as_of.map_or("-".to_owned(), |at| at.to_string()),
        )
    }

    /// The published counters that are not 0, one a line, without those of records that were read.
    pub fn counters(&self, process: usize) -> String {
        let snapshot = self.snapshot(process);
        let shown = |key: &CounterKey| !matches!(key, CounterKey::Records { result, .. } if result == "read");
        let lines: Vec<String> =
            snapshot.counters.iter().filter(|(key, _)| shown(key)).map(|(key, n)| format!("{key:?}={n}")).collect();
        lines.join("\n")
    }

    pub fn say(&mut self, process: usize, check_ins: Vec<CheckIn>) {
        self.take(process, Input::CheckIns(check_ins));
    }
}

fn record(logged: &Logged) -> Record<'_> {
    let payload = logged.payload.as_ref().map(|text| text.as_bytes());
    Record { offset: logged.offset, timestamp: logged.at, key: None, payload, headers: &[] }
}
