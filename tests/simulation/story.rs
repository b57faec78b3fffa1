//! One seed, one story: what happens to a broker, a store and up to three processes, turn by turn.

#[path = "editing.rs"]
mod editing;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use krscore::event::{Offset, Partition, TopicIndex};
use krscore::time::{Span, Timestamp};

use super::books::Edition;
use super::broker::{Chance, TOPICS, record};
use super::compare::{Ranges, counters, daily, differ, lines};
use super::disk::Disk;
use super::stored::{DeadlyCall, Died, Stored};
use crate::world::storage::Memory;
use crate::world::{World, at};

/// When a story begins, and when everything is over and scored.
const BEGIN: &str = "2026-10-05T00:00";
const END: &str = "2026-10-20T00:00";

/// How often the join of an edit is tried in the end, when nothing else happens.
const JOINS_MAX: usize = 5;

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
    pub edited: usize,
    pub joined: usize,
    pub resumed: usize,
    pub brought: usize,
    pub looks: usize,
    pub taken_meanwhile: usize,
    pub partly: usize,
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
    kind: Kind,
    world: World<Stored>,
    /// Which process the group means each partition for; processes notice later.
    deal: BTreeMap<Partition, usize>,
    /// Where each log began, and since when it was complete, before retention.
    began: BTreeMap<Partition, (Offset, Option<Timestamp>)>,
    /// The book that scores, the newest one, and those that scored before.
    active: Edition,
    edition: Edition,
    former: Vec<Edition>,
    /// What the store was once seen to hold; it must never hold less.
    kept: Ranges,
    /// Ids given so far, where no two records have the same.
    ids: u64,
    seen: Seen,
    faults: Vec<String>,
    trace: Vec<String>,
}

/// What a story is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One book. Retention takes what is behind us, ids are let go for want of room.
    OneBook,
    /// The book is edited; the logs keep everything, and every copy is known.
    Edits,
    /// The book is edited, and lanes find logs of which retention has taken the beginning. There are no copies: which one of them is the
    /// first would depend on what each aggregate was computed from.
    EditsAndRetention,
}

/// Tells the story of a seed on a disk, which may have told others before; `empty` is an empty store's file.
pub fn tell(seed: u64, disk: &Rc<Disk>, empty: &[u8]) -> Told {
    let changes = disk.changes();
    let mut chance = Chance(seed);
    let (kind, edition) = match chance.below(6) {
        0 | 1 => (Kind::OneBook, Edition::WHOLE),
        2 | 3 => (Kind::Edits, Edition::any(&mut chance)),
        _ => (Kind::EditsAndRetention, Edition::any(&mut chance).never_silent()),
    };
    let mut world = World::new(edition.book(), Stored::new(Rc::clone(disk), empty), BEGIN);
    if kind == Kind::OneBook && chance.once_in(3) {
        world.budgets.dedup_ids_max = 1 + chance.below(6) as usize;
    }
    world.scores_late = seed % 4 == 1;
    let mut story = Story {
        chance,
        kind,
        world,
        deal: BTreeMap::new(),
        began: BTreeMap::new(),
        active: edition,
        edition,
        former: Vec::new(),
        kept: Ranges::new(),
        ids: 0,
        seen: Seen::default(),
        faults: Vec::new(),
        trace: Vec::new(),
    };
    story.begin();
    for turn in 0..40 + story.chance.below(80) {
        let said = story.turn();
        let (now, changes) = (story.world.now, disk.changes() - changes);
        story.trace.push(format!("{turn:>3} {now} {changes:>5} {said}"));
    }
    story.end();
    Told { trace: story.trace, seen: story.seen, faults: story.faults }
}

impl Story {
    fn begin(&mut self) {
        for topic in 0..TOPICS.len() {
            for number in 0..1 + self.chance.below(3) as i32 {
                self.add_partition(Partition { topic: TopicIndex(topic as u16), number });
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
                self.began.insert(partition, (log.low, log.complete_since));
            }
        }
        for _ in 0..1 + self.chance.below(PROCESSES_MAX) {
            self.world.start_with(&[]);
        }
        self.rebalance();
        (0..self.world.processes.len()).for_each(|process| _ = self.notice(process));
    }

    fn add_partition(&mut self, partition: Partition) {
        self.world.logs.entry(partition).or_default();
        self.began.insert(partition, (0, None));
    }

    fn any_partition(&mut self) -> Partition {
        let nth = self.chance.below(self.world.logs.len() as u64) as usize;
        *self.world.logs.keys().nth(nth).expect("a partition")
    }

    /// Some records at the ends of some logs.
    fn produce(&mut self, records: usize) {
        for _ in 0..records {
            let (partition, now) = (self.any_partition(), self.world.now);
            let text = self.record(partition);
            let copies = if self.kind != Kind::EditsAndRetention && self.chance.once_in(6) { 2 } else { 1 };
            let payload = (!self.chance.once_in(50)).then_some(text);
            (0..copies).for_each(|_| self.world.append(partition, Some(now), payload.clone()));
        }
    }

    fn record(&mut self, partition: Partition) -> String {
        let unique = (self.kind == Kind::EditsAndRetention).then_some(&mut self.ids);
        record(&mut self.chance, TOPICS[usize::from(partition.topic.0)], self.world.now, unique)
    }

    /// The group deals all partitions out anew among those who live.
    fn rebalance(&mut self) {
        let living: Vec<usize> =
            (0..self.world.processes.len()).filter(|p| self.world.processes[*p].is_some()).collect();
        if living.is_empty() {
            return;
        }
        self.deal.clear();
        for partition in self.world.read_partitions() {
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
                world.flush(process);
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
                self.world.editor.forget();
                if self.world.adopt_active() {
                    self.took_effect(process);
                }
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
            31..33 if self.kind != Kind::Edits => return self.retain(),
            55..62 if self.kind == Kind::EditsAndRetention => return self.retain(),
            33..35 => {
                let partition = self.any_partition();
                self.world.logs.get_mut(&partition).expect("a log").end += 1;
                return format!("a control record in {partition:?}");
            }
            35..41 => return self.endanger(),
            41 if self.world.processes[process].is_some() && self.chance.once_in(2) => return self.hurry(process),
            42..54 if self.kind != Kind::OneBook && self.world.processes[process].is_some() => {
                return self.edit(process);
            }
            54 if self.world.processes[process].is_some() => return self.look(process),
            55 if self.kind == Kind::Edits && self.world.processes[process].is_some() => return self.put_back(process),
            _ => {}
        }
        if self.world.processes[process].is_none() {
            return self.restart(process);
        }
        self.act(process)
    }

    /// What a living process does.
    fn act(&mut self, process: usize) -> String {
        if self.world.scores_late && self.chance.once_in(4) {
            let mut scored = false;
            self.within(process, |world| scored = world.score_one(process));
            return format!("{process} scores what was handed over: {scored}");
        }
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
            52 => self.fold(process),
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
        let topic = TopicIndex(self.chance.below(TOPICS.len() as u64) as u16);
        let number = self.world.logs.keys().filter(|partition| partition.topic == topic).count() as i32;
        if number > 3 {
            return "nothing is added".to_owned();
        }
        self.seen.added += 1;
        let partition = Partition { topic, number };
        self.add_partition(partition);
        self.rebalance();
        format!("{partition:?} is added")
    }

    /// Retention takes what the store has: behind us it must change nothing. Of a topic that nobody reads it leaves at least a record: what is
    /// known of an empty log depends on when the broker was asked.
    fn retain(&mut self) -> String {
        let mut ends = self.world.store.positions();
        ends.retain(|(partition, _)| usize::from(partition.topic.0) < self.world.book.topics.len());
        let unread = self.world.logs.iter().filter(|(partition, _)| !ends.iter().any(|(known, _)| known == *partition));
        let unread = unread.filter(|(partition, _)| usize::from(partition.topic.0) >= self.world.book.topics.len());
        let unread: Vec<_> = unread.filter_map(|(of, log)| Some((*of, log.records.last()?.offset))).collect();
        ends.extend(unread);
        if ends.is_empty() {
            return "nothing is retained".to_owned();
        }
        let (partition, next) = self.chance.of(&ends);
        let log = self.world.logs.get_mut(&partition).expect("a log");
        let low = next - self.chance.below(3) as i64;
        if low > log.low {
            (log.low, log.complete_since) = (low, None);
        }
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

    fn fold(&mut self, process: usize) -> String {
        let (book, now) = (Arc::clone(&self.world.book), self.world.now);
        let kept = Span(self.chance.below(2) as i64 * 100 * 365 * Span::DAY.0);
        let mut chunks = 0;
        self.within(process, |world| chunks = world.store.compact(&book, now, kept));
        self.seen.folded += chunks as usize;
        format!("{process} folds {chunks} chunks, kept {kept:?}")
    }

    /// Commits of one partition, one after the other, so that there is something to fold.
    fn hurry(&mut self, process: usize) -> String {
        let partition = self.any_partition();
        let commits = 36;
        for _ in 0..commits {
            let now = self.world.now;
            let text = self.record(partition);
            self.world.append(partition, Some(now), Some(text));
            self.within(process, |world| {
                world.consume(process, partition, 2);
                world.flush(process);
            });
            if self.world.processes[process].is_none() {
                break;
            }
        }
        format!("{process} hurries through {partition:?}")
    }

    /// Everything is settled by one process, then read again by another; what differs from a quiet run.
    fn end(&mut self) {
        self.seen.unknown = self.world.store.unknown;
        self.seen.deaths_on_disk = self.world.store.deaths;
        self.world.store.recover();
        let living = (0..self.world.processes.len()).find(|p| self.world.processes[*p].is_some());
        let survivor = living.filter(|_| self.chance.once_in(2)).unwrap_or_else(|| self.world.start_with(&[]));
        let all = self.world.read_partitions();
        self.world.assign(survivor, &all);
        if !(0..JOINS_MAX).any(|_| self.world.join(survivor)) {
            self.faults.push(format!("the edit has not taken effect after {JOINS_MAX} joins"));
        }
        self.world.settle(survivor, END);
        let quiet = self.compare("the survivor's", survivor, at(END));
        for process in self.world.processes.iter().flatten() {
            self.faults.extend(process.gave_up.iter().map(|reason| format!("a process gave up: {reason}")));
        }
        if self.kind == Kind::OneBook {
            // What is counted is counted by the book that held then.
            let found = self.counters(survivor);
            differ(&mut self.faults, "the survivor's counters", &found, &counters(&quiet));
            let (found, expected) = (self.world.store.dead_letters(), quiet.store.dead_letters());
            differ(&mut self.faults, "the dead letters", &lines(found), &lines(expected));
        }
        if self.chance.once_in(2) {
            self.read_anew(&quiet);
        }
        let of = |wanted: &str| {
            let snapshot = quiet.snapshot(0);
            let counts = snapshot.counters.iter().filter(|(key, _)| format!("{key:?}").starts_with(wanted));
            counts.map(|(_, count)| *count).sum::<u64>()
        };
        (self.seen.copies, self.seen.unchecked) = (of("Copies"), of("Unchecked"));
        self.seen.dead_letters = quiet.store.dead_letters().len();
        (self.seen.resumed, self.seen.taken_meanwhile) = (self.world.editor.resumed, self.world.taken_meanwhile);
        let document = self.world.document(survivor);
        self.trace.push(format!("document {:016x}", krscore::decode::fingerprint(&document)));
    }

    /// A new process reads what is stored. It sets the days right that one which was fenced had recorded as it saw them.
    fn read_anew(&mut self, quiet: &World<Memory>) {
        self.world.store.recover();
        let again = self.world.start();
        self.world.settle(again, END);
        self.compare("the restarted one's", again, at(END));
        if self.kind == Kind::OneBook {
            let found = self.counters(again);
            differ(&mut self.faults, "the counters read from the store", &found, &counters(quiet));
            let found = lines(daily(&self.world.daily));
            differ(&mut self.faults, "the daily facts", &found, &lines(daily(&quiet.daily)));
        }
    }

    fn counters(&self, process: usize) -> String {
        lines(self.world.snapshot(process).counters.iter())
    }
}
