//! What becomes of the book in a story, and what must be shown by it.

use krscore::aggregate::plan::Plan;
use krscore::snapshot::Snapshot;

use super::*;
use crate::compare::{covered, fact, is_covered, lacking};
use crate::world::{Covered, quiet_over};

impl Story {
    /// The book is edited, or the lane of an edit is filled, or it joins.
    pub(super) fn edit(&mut self, process: usize) -> String {
        if self.world.editor.book.is_none() || self.chance.once_in(6) {
            return self.edit_book(process);
        }
        if !self.chance.once_in(3) {
            let (records, cut) = (1 + self.chance.below(4) as usize, !self.chance.once_in(8));
            self.within(process, |world| world.fill(records, cut));
            let interrupted = self.chance.once_in(2);
            if interrupted {
                self.world.editor.forget();
            }
            return format!("the lane is handed {records} of each, cut: {cut}, interrupted: {interrupted}");
        }
        self.join(process)
    }

    fn join(&mut self, process: usize) -> String {
        let mut joined = false;
        let before = Arc::clone(&self.world.book);
        self.within(process, |world| joined = world.join(process));
        // One that died may have adopted it already, as its death has told.
        if self.world.book.hash != before.hash && self.active != self.edition {
            self.took_effect(process);
        }
        format!("the lane joins {process}: {joined}")
    }

    /// An edit takes effect, much is committed, and it is taken back: what the book before it had in the meantime is a hole between offsets, and
    /// chunks on both sides of where it begins may be folded into one, before its lane begins or while it runs.
    pub(super) fn put_back(&mut self, process: usize) -> String {
        let before = self.active;
        let mut said = vec!["an edit is taken back".to_owned()];
        for step in 0..7 {
            if self.world.processes[process].is_none() {
                break;
            }
            said.push(match step {
                0 => {
                    self.edition = before.edited(&mut self.chance);
                    self.world.edit(self.edition.book());
                    format!("{:?}", self.edition)
                }
                1 => self.join(process),
                3 => {
                    self.edition = before;
                    self.world.edit(before.book());
                    format!("{before:?}")
                }
                2 => self.hurry(process),
                5 => {
                    self.within(process, |world| world.fill(5, true));
                    self.world.editor.forget();
                    "its lane is interrupted".to_owned()
                }
                4 if self.chance.once_in(2) => "nothing is folded before".to_owned(),
                _ => self.fold(process),
            });
        }
        self.seen.edited += 2;
        said.join("; ")
    }

    /// An edit, perhaps of a book that waits, perhaps back to one that scored before.
    fn edit_book(&mut self, process: usize) -> String {
        if self.world.editor.book.is_some() && self.chance.once_in(2) {
            // Who notices in time has the lane store what it has in hand.
            self.within(process, World::cut_lane);
        }
        self.edition = match self.chance.below(5) {
            0 if !self.former.is_empty() => self.chance.of(&self.former),
            1 => self.active,
            _ => self.edition.edited(&mut self.chance),
        };
        self.seen.edited += 1;
        self.world.edit(self.edition.book());
        format!("the book is edited: {:?}", self.edition)
    }

    /// The edited book scores, and a process, which may have died of it, is to read all. Whoever else scored by the one before has ended: the
    /// consumer role is one's alone.
    pub(super) fn took_effect(&mut self, process: usize) {
        self.seen.joined += 1;
        self.seen.brought += usize::from(self.world.book.topics.len() > self.active.book().topics.len());
        self.former.push(self.active);
        self.active = self.edition;
        self.end_others(process);
    }

    /// All partitions are for one process.
    fn end_others(&mut self, process: usize) {
        for other in (0..self.world.processes.len()).filter(|other| *other != process) {
            self.world.processes[other] = None;
        }
        self.deal = self.world.read_partitions().into_iter().map(|partition| (partition, process)).collect();
    }

    /// Everybody else ends, nothing happens for a while, and what is shown must be right: by the book that scores, whatever is on its way.
    pub(super) fn look(&mut self, process: usize) -> String {
        self.end_others(process);
        let (partitions, now) = (self.world.read_partitions(), self.world.now);
        let mut settled = false;
        self.within(process, |world| {
            world.assign(process, &partitions);
            world.settle_at(process, now);
            settled = true;
        });
        if settled {
            self.seen.looks += 1;
            self.compare("at a look, the", process, now);
        }
        format!("{process} is looked at: {settled}")
    }

    /// Compares what a process shows, which has settled, with a quiet run, which it returns.
    pub(super) fn compare(&mut self, whose: &str, process: usize, now: Timestamp) -> World<Memory> {
        let quiet = self.over_whole_logs(|world| quiet_over(world, &Covered::new(), now));
        if self.kind == Kind::EditsAndRetention {
            self.compare_what_is_covered(whose, process, now);
        } else {
            let document = self.world.document(process);
            differ(&mut self.faults, &format!("{whose} document"), &document, &quiet.document(0));
        }
        quiet
    }

    /// Runs something over logs of which retention took nothing.
    fn over_whole_logs<T>(&mut self, run: impl FnOnce(&World<Stored>) -> T) -> T {
        let before = self.world.logs.clone();
        for (partition, (low, complete_since)) in &self.began {
            let log = self.world.logs.get_mut(partition).expect("a log");
            (log.low, log.complete_since) = (*low, *complete_since);
        }
        let result = run(&self.world);
        self.world.logs = before;
        result
    }

    /// The same of each key result, over the offsets that the store says it was computed from. What it says never shrinks, and leaves out nothing
    /// that the logs still hold.
    fn compare_what_is_covered(&mut self, whose: &str, process: usize, now: Timestamp) {
        let held = self.world.store.ranges();
        self.faults.extend(lacking(&held, &self.kept).map(|lost| format!("{whose} store no longer holds {lost}")));
        let book = Arc::clone(&self.world.book);
        let plan = Plan::of(&book);
        let topic_of = |event: &krscore::event::EventIndex| book.events[usize::from(event.0)].topic;
        for aggregate in &plan.aggregates {
            let reads = |of: &Partition| aggregate.events.iter().any(|event| topic_of(event) == of.topic);
            for (partition, log) in self.world.logs.iter().filter(|(partition, _)| reads(partition)) {
                let ranges = held.get(&(aggregate.id, *partition)).map_or(&[][..], Vec::as_slice);
                let logged = log.records.iter().map(|logged| logged.offset).filter(|offset| *offset >= log.low);
                let missing = logged.filter(|offset| !is_covered(ranges, *offset)).map(|offset| {
                    format!("{whose} store lacks offset {offset} of {partition:?} in {}", aggregate.definition)
                });
                self.faults.extend(missing.take(1));
            }
        }
        let mut alike: BTreeMap<Covered, Vec<(usize, usize)>> = BTreeMap::new();
        for (o, plans) in plan.key_results.iter().enumerate() {
            for (k, plan_of) in plans.iter().enumerate() {
                let ids = plan_of.iter().flat_map(|of| &of.aggregates).map(|index| {
                    let aggregate = &plan.aggregates[index.0 as usize];
                    (aggregate.id, aggregate.events.iter().map(topic_of).collect())
                });
                if let Some(covered) = covered(ids.collect(), &held, &self.world.logs) {
                    alike.entry(covered).or_default().push((o, k));
                }
            }
        }
        for (covered, key_results) in alike {
            let is_part =
                |(of, ranges): (&Partition, &Vec<(Offset, Offset)>)| ranges.len() > 1 || ranges[0].0 > self.began[of].0;
            let is_partly = covered.iter().any(is_part);
            let quiet = self.over_whole_logs(|world| quiet_over(world, &covered, now));
            for (o, k) in key_results {
                self.seen.partly += usize::from(is_partly);
                let id = &book.objectives[o].key_results[k].id;
                let shown = |snapshot: &Snapshot| fact(&snapshot.scores.objectives[o].key_results[k]);
                let (found, expected) = (shown(&self.world.snapshot(process)), shown(&quiet.snapshot(0)));
                differ(&mut self.faults, &format!("{whose} {id} over {covered:?}"), &found, &expected);
            }
        }
        self.kept = held;
    }
}
