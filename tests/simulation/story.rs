//! One seed, one story: what happens to a broker, a store and up to three processes, turn by turn.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use krscore::book::Book;
use krscore::event::{Offset, Partition};
use krscore::score::KeyResultScore;
use krscore::time::{Span, Timestamp};

use super::broker::{Chance, TOPICS, record};
use super::disk::Disk;
use super::stored::{DeadlyCall, Died, Stored};
use crate::world::storage::Memory;
use crate::world::{World, at, quiet};

/// When a story begins, and when everything is over and scored.
const BEGIN: &str = "2026-10-05T00:00";
const END: &str = "2026-10-20T00:00";

/// The most processes at a time.
const PROCESSES_MAX: u64 = 3;

/// What a seed brought about, so that tests can see that all of it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub deaths: usize,
    pub deaths_on_disk: usize,
    pub unknown: usize,
    pub fenced: usize,
    pub folded: usize,
    pub zombies: usize,
    pub added: usize,
    pub retained: usize,
    pub copies: u64,
    pub unchecked: u64,
    pub dead_letters: usize,
}

/// The whole course of a story.
#[derive(PartialEq, Eq)]
pub struct Told {
    /// One line a turn.
    pub trace: Vec<String>,
    pub seen: Seen,
    /// What is wrong in the end; empty if nothing.
    pub faults: Vec<String>,
}

struct Story {
    chance: Chance,
    world: World<Stored>,
    /// Which process the group means each partition for; processes notice later.
    deal: BTreeMap<Partition, usize>,
    /// Where each log began, before retention.
    began: BTreeMap<Partition, Offset>,
    seen: Seen,
    trace: Vec<String>,
}

/// Tells the story of a seed on a disk, which may have told others before; `empty` is an empty store's file.
pub fn tell(seed: u64, book: &Arc<Book>, disk: &Rc<Disk>, empty: &[u8]) -> Told {
    let changes = disk.changes();
    let mut world = World::new(Arc::clone(book), Stored::new(Rc::clone(disk), empty), BEGIN);
    let mut chance = Chance(seed);
    if chance.once_in(3) {
        world.budgets.dedup_ids_max = 1 + chance.below(6) as usize;
    }
    let (deal, began) = (BTreeMap::new(), BTreeMap::new());
    let mut story = Story { chance, world, deal, began, seen: Seen::default(), trace: Vec::new() };
    story.begin();
    for turn in 0..40 + story.chance.below(80) {
        let said = story.turn();
        let (now, changes) = (story.world.now, disk.changes() - changes);
        story.trace.push(format!("{turn:>3} {now} {changes:>5} {said}"));
    }
    let faults = story.end();
    Told { trace: story.trace, seen: story.seen, faults }
}

impl Story {
    fn begin(&mut self) {
        for topic in TOPICS {
            for number in 0..1 + self.chance.below(3) as i32 {
                self.add_partition(topic, number);
                if self.chance.once_in(3) {
                    self.produce(1 + number as usize);
                }
            }
        }
        // Some logs have lost their beginning before anybody came, but for their last record: what is known of an empty one depends on when
        // the broker was asked.
        for partition in self.world.logs.keys().copied().collect::<Vec<_>>() {
            let now = self.world.now;
            let log = self.world.logs.get_mut(&partition).expect("a log");
            if log.end > 1 && self.chance.once_in(4) {
                log.low = log.end - 1;
                log.complete_since = self.chance.once_in(2).then_some(now);
                self.began.insert(partition, log.low);
            }
        }
        for _ in 0..1 + self.chance.below(PROCESSES_MAX) {
            self.world.start_with(&[]);
        }
        self.rebalance();
        (0..self.world.processes.len()).for_each(|process| _ = self.notice(process));
    }

    fn add_partition(&mut self, topic: &str, number: i32) -> Partition {
        let partition = self.world.partition(topic, number);
        self.began.insert(partition, 0);
        partition
    }

    fn any_partition(&mut self) -> Partition {
        let nth = self.chance.below(self.world.logs.len() as u64) as usize;
        *self.world.logs.keys().nth(nth).expect("a partition")
    }

    /// Some records at the ends of some logs.
    fn produce(&mut self, records: usize) {
        for _ in 0..records {
            let (partition, now) = (self.any_partition(), self.world.now);
            let topic = self.world.book.topics[usize::from(partition.topic.0)].name.clone();
            let text = record(&mut self.chance, &topic, now);
            let copies = if self.chance.once_in(6) { 2 } else { 1 };
            let payload = (!self.chance.once_in(50)).then_some(text);
            (0..copies).for_each(|_| self.world.append(partition, Some(now), payload.clone()));
        }
    }

    /// The group deals all partitions out anew among those who live.
    fn rebalance(&mut self) {
        let living: Vec<usize> =
            (0..self.world.processes.len()).filter(|p| self.world.processes[*p].is_some()).collect();
        if living.is_empty() {
            return;
        }
        for partition in self.world.logs.keys().copied().collect::<Vec<_>>() {
            let process = self.chance.of(&living);
            self.deal.insert(partition, process);
        }
    }

    /// A process hears what the group meant for it: it gives back, having flushed or not, and takes on.
    fn notice(&mut self, process: usize) -> String {
        let meant: BTreeSet<Partition> = self.deal.iter().filter(|(_, p)| **p == process).map(|(of, _)| *of).collect();
        let given = self.world.process(process).given().clone();
        let lost: Vec<Partition> = given.difference(&meant).copied().collect();
        let gained: Vec<Partition> = meant.difference(&given).copied().collect();
        let flushes = self.chance.once_in(2);
        self.within(process, |world| {
            if flushes {
                world.take(process, krscore::pipeline::Input::Flush);
                world.hear(process);
            }
            world.unassign(process, &lost);
            world.assign(process, &gained);
        });
        format!("{process} gives {lost:?} back, takes {gained:?} on, flushes: {flushes}")
    }

    /// What a process does; it may die of it.
    fn within(&mut self, process: usize, act: impl FnOnce(&mut World<Stored>)) {
        let reloads = self.world.process(process).reloads;
        match catch_unwind(AssertUnwindSafe(|| act(&mut self.world))) {
            Ok(()) => self.seen.fenced += self.world.processes[process].as_ref().map_or(0, |p| p.reloads - reloads),
            Err(panic) if panic.is::<Died>() => {
                self.seen.deaths += 1;
                self.world.processes[process] = None;
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    /// One thing happens; what, as a line of the trace.
    fn turn(&mut self) -> String {
        let process = self.chance.below(self.world.processes.len() as u64) as usize;
        match self.chance.below(100) {
            0..16 => {
                let records = 1 + self.chance.below(6) as usize;
                self.produce(records);
                return format!("{records} records come");
            }
            16..26 => return self.pass_time(),
            26..29 => {
                self.rebalance();
                return format!("the group deals {:?}", self.deal);
            }
            29..31 => return self.add(),
            31..33 => return self.retain(),
            33..35 => {
                let partition = self.any_partition();
                self.world.logs.get_mut(&partition).expect("a log").end += 1;
                return format!("a control record in {partition:?}");
            }
            35..41 => return self.endanger(),
            41 if self.world.processes[process].is_some() && self.chance.once_in(2) => return self.hurry(process),
            _ => {}
        }
        if self.world.processes[process].is_none() {
            return self.restart(process);
        }
        self.act(process)
    }

    /// What a living process does.
    fn act(&mut self, process: usize) -> String {
        let partition = self.any_partition();
        match self.chance.below(60) {
            0..20 => {
                let records = 1 + self.chance.below(8) as usize;
                self.within(process, |world| world.consume(process, partition, records));
                format!("{process} is handed {records} of {partition:?}")
            }
            20..25 => {
                let now = self.world.now;
                self.within(process, |world| world.answer_end(process, partition, now));
                format!("{process} is told the end of {partition:?}")
            }
            25..35 => {
                self.within(process, |world| world.tick_now(process));
                format!("{process} ticks")
            }
            35..38 => {
                self.within(process, |world| world.store_works(process));
                format!("the store works for {process}")
            }
            38..47 => {
                self.within(process, |world| world.hear(process));
                format!("{process} hears the store")
            }
            47..50 => {
                let reached = self.chance.once_in(2);
                self.within(process, |world| world.lose_commit(process, reached));
                format!("{process} loses an answer, reached: {reached}")
            }
            50..52 => {
                let reached = self.chance.once_in(2);
                self.within(process, |world| world.crash(process, reached));
                format!("{process} is killed, reached: {reached}")
            }
            52 => {
                let (book, now) = (Arc::clone(&self.world.book), self.world.now);
                let kept = Span(self.chance.below(2) as i64 * 100 * 365 * Span::DAY.0);
                let mut chunks = 0;
                self.within(process, |world| chunks = world.store.compact(&book, now, kept));
                self.seen.folded += chunks as usize;
                format!("{process} folds {chunks} chunks, kept {kept:?}")
            }
            53..55 => {
                let given = self.world.process(process).given().contains(&partition);
                self.within(process, |world| {
                    world.unassign(process, &[partition]);
                    if given {
                        world.assign(process, &[partition]);
                    }
                });
                format!("{process} loses {partition:?} uncut, and has it again: {given}")
            }
            _ => {
                let zombies = self.deal.iter().filter(|(of, meant)| {
                    **meant != process && self.world.processes[process].as_ref().is_some_and(|p| p.given().contains(of))
                });
                self.seen.zombies += zombies.count();
                self.notice(process)
            }
        }
    }

    fn restart(&mut self, process: usize) -> String {
        // Its place in the list is taken over by the new one.
        let started = catch_unwind(AssertUnwindSafe(|| self.world.start_with(&[])));
        match started {
            Ok(new) => {
                let born = self.world.processes.remove(new);
                self.world.processes[process] = born;
            }
            Err(panic) if panic.is::<Died>() => {
                self.seen.deaths += 1;
                self.world.processes.pop();
                return format!("{process} dies while it starts");
            }
            Err(panic) => resume_unwind(panic),
        }
        let noticed = self.notice(process);
        format!("{process} starts; {noticed}")
    }

    fn pass_time(&mut self) -> String {
        let minutes = match self.chance.below(20) {
            0 => -(self.chance.below(180) as i64),
            1 => self.chance.below(3 * 24 * 60) as i64,
            _ => self.chance.below(240) as i64,
        };
        self.world.now = Timestamp((self.world.now.0 + minutes * Span::MINUTE.0).min(at(END).0 - Span::DAY.0));
        format!("{minutes} minutes pass")
    }

    /// A partition is added to a topic; the group will deal it out.
    fn add(&mut self) -> String {
        let topic = self.chance.of(&TOPICS);
        let index = self.world.partition(topic, 0).topic;
        let number = self.world.logs.keys().filter(|partition| partition.topic == index).count() as i32;
        if number > 3 {
            return "nothing is added".to_owned();
        }
        self.seen.added += 1;
        let partition = self.add_partition(topic, number);
        self.rebalance();
        format!("{partition:?} is added")
    }

    /// Retention takes what the store has: behind us it must change nothing.
    fn retain(&mut self) -> String {
        let positions = self.world.store.positions();
        if positions.is_empty() {
            return "nothing is retained".to_owned();
        }
        let (partition, next) = self.chance.of(&positions);
        let log = self.world.logs.get_mut(&partition).expect("a log");
        log.low = log.low.max(next - self.chance.below(3) as i64);
        self.seen.retained += 1;
        format!("{partition:?} begins at {}", log.low)
    }

    /// Somebody's call of the store will be the last, or the disk will fail.
    fn endanger(&mut self) -> String {
        if self.chance.once_in(3) {
            let call = DeadlyCall { calls: self.chance.below(6) as u32, after: self.chance.once_in(2) };
            self.world.store.set_deadly(call);
            return format!("{call:?}");
        }
        let changes = self.chance.below(20) as i64;
        let (dies, torn) = (self.chance.once_in(2), self.chance.once_in(3));
        self.world.store.disk().light(changes, dies, torn);
        format!("the disk fails after {changes} changes, dies: {dies}, torn: {torn}")
    }

    /// Commits of one partition, one after the other, so that there is something to fold.
    fn hurry(&mut self, process: usize) -> String {
        let partition = self.any_partition();
        let topic = self.world.book.topics[usize::from(partition.topic.0)].name.clone();
        let commits = 36;
        for _ in 0..commits {
            let now = self.world.now;
            let text = record(&mut self.chance, &topic, now);
            self.world.append(partition, Some(now), Some(text));
            self.within(process, |world| {
                world.consume(process, partition, 2);
                world.take(process, krscore::pipeline::Input::Flush);
                world.hear(process);
            });
            if self.world.processes[process].is_none() {
                break;
            }
        }
        format!("{process} hurries through {partition:?}")
    }

    // A book edit and a back-fill lane are turns of their own, beside those above; `end` then compares with a quiet run of
    // the book that holds at the end.

    /// Everything is settled by one process, then read again by another; what differs from a quiet run.
    fn end(&mut self) -> Vec<String> {
        self.seen.unknown = self.world.store.unknown;
        self.seen.deaths_on_disk = self.world.store.deaths;
        self.world.store.recover();
        let living = (0..self.world.processes.len()).find(|p| self.world.processes[*p].is_some());
        let survivor = living.filter(|_| self.chance.once_in(2)).unwrap_or_else(|| self.world.start_with(&[]));
        let all: Vec<Partition> = self.world.logs.keys().copied().collect();
        self.world.assign(survivor, &all);
        let document = self.world.settle(survivor, END);
        for (partition, low) in &self.began {
            self.world.logs.get_mut(partition).expect("a log").low = *low;
        }
        let quiet = quiet(&self.world, END);
        let mut faults = Vec::new();
        differ(&mut faults, "the survivor's document", &document, &quiet.document(0));
        differ(&mut faults, "the survivor's counters", &self.counters(survivor), &counters(&quiet));
        differ(
            &mut faults,
            "the dead letters",
            &lines(self.world.store.dead_letters()),
            &lines(quiet.store.dead_letters()),
        );
        if self.chance.once_in(2) {
            self.read_anew(&quiet, &mut faults);
        }
        let of = |wanted: &str| {
            let snapshot = quiet.snapshot(0);
            let counts = snapshot.counters.iter().filter(|(key, _)| format!("{key:?}").starts_with(wanted));
            counts.map(|(_, count)| *count).sum::<u64>()
        };
        (self.seen.copies, self.seen.unchecked) = (of("Copies"), of("Unchecked"));
        self.seen.dead_letters = quiet.store.dead_letters().len();
        self.trace.push(format!("document {:016x}", krscore::decode::fingerprint(&document)));
        faults
    }

    /// A new process reads what is stored. It sets the days right that one which was fenced had recorded as it saw them.
    fn read_anew(&mut self, quiet: &World<Memory>, faults: &mut Vec<String>) {
        self.world.store.recover();
        let again = self.world.start();
        let read = self.world.settle(again, END);
        differ(faults, "the document read from the store", &read, &quiet.document(0));
        differ(faults, "the counters read from the store", &self.counters(again), &counters(quiet));
        differ(faults, "the daily facts", &lines(daily(&self.world.daily)), &lines(daily(&quiet.daily)));
    }

    fn counters(&self, process: usize) -> String {
        lines(self.world.snapshot(process).counters.iter())
    }
}

fn counters(quiet: &World<Memory>) -> String {
    lines(quiet.snapshot(0).counters.iter())
}

fn lines(all: impl IntoIterator<Item = impl std::fmt::Debug>) -> String {
    all.into_iter().map(|one| format!("{one:?}\n")).collect()
}

fn daily(all: &BTreeMap<(usize, usize, String), KeyResultScore>) -> Vec<String> {
    // The latest event of all is no fact of a day.
    let fact = |score: &KeyResultScore| KeyResultScore { last_event_at: None, ..score.clone() };
    all.iter().map(|(key, score)| format!("{key:?} {:?}", fact(score))).collect()
}

/// The first lines that differ, and their number.
fn differ(faults: &mut Vec<String>, what: &str, found: &str, expected: &str) {
    if found == expected {
        return;
    }
    let pairs: Vec<_> = found.lines().zip(expected.lines()).filter(|(a, b)| a != b).collect();
    let shown: Vec<String> = pairs.iter().take(3).map(|(a, b)| format!("  is     {a}\n  should {b}")).collect();
    let (has, should) = (found.lines().count(), expected.lines().count());
    faults.push(format!("{what}: {} lines differ, {has} instead of {should}\n{}", pairs.len(), shown.join("\n")));
}
