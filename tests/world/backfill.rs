//! An edited book in the simulated world: its lane runs beside a process, and joins, as `service` has it done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use krscore::aggregate::plan::{AggregateId, Plan};
use krscore::book::Book;
use krscore::event::{Offset, Partition, Record};
use krscore::pipeline::backfill::{Lane, Need, PartitionView, lane_name, needs};
use krscore::pipeline::{Input, LogStart, PartitionCut};
use krscore::store::{Claim, Commit, Join, JoinPartition, PartitionCommit, PartitionKey};

use super::storage::{Answer, Storage, key, key_in};
use super::{World, record};

/// An edited book that has not taken effect, and the lane that fills what it misses.
#[derive(Default)]
pub struct Editor {
    pub book: Option<Arc<Book>>,
    running: Option<Running>,
    /// How often a lane went on from what an earlier one had stored.
    pub resumed: usize,
}

struct Running {
    name: String,
    lane: Lane,
    epochs: BTreeMap<Partition, i64>,
}

impl Editor {
    /// The process has died; what the lane stored stays.
    pub fn forget(&mut self) {
        self.running = None;
    }

    /// Where the lane would go on, if it runs.
    pub fn starts(&self) -> Vec<(Partition, Offset)> {
        self.running.as_ref().map_or_else(Vec::new, |running| running.lane.starts().collect())
    }
}

impl<S: Storage> World<S> {
    /// The book was edited. A lane that runs is left as it stands in the store: the new edit may go on with it.
    pub fn edit(&mut self, book: Arc<Book>) {
        self.editor.book = Some(book);
        self.editor.forget();
    }

    /// What takes effect: the edited book, if the store says that it is the active one.
    fn adopt(&mut self) -> bool {
        let active = self.store.active_book();
        let joined = self.editor.book.take_if(|edited| active.as_ref() == Some(&edited.hash));
        let Some(joined) = joined else { return false };
        self.book = joined;
        self.editor.forget();
        true
    }

    /// Whoever starts asks the store which book scores. Whether that is the edited one, which nobody adopted: the process that joined it died.
    pub fn adopt_active(&mut self) -> bool {
        self.editor.book.as_ref().is_some_and(|edited| edited.hash != self.book.hash) && self.adopt()
    }

    /// The partitions of the topics that the book has. Topics are numbered by name, so those that only another book has come last.
    pub fn read_partitions(&self) -> Vec<Partition> {
        self.logs.keys().copied().filter(|partition| self.is_read(*partition)).collect()
    }

    fn active(&self) -> BTreeSet<AggregateId> {
        Plan::of(&self.book).aggregates.iter().map(|aggregate| aggregate.id).collect()
    }

    /// Whether live reads the partition: its book has the topic.
    pub(super) fn is_read(&self, partition: Partition) -> bool {
        usize::from(partition.topic.0) < self.book.topics.len()
    }

    /// The partitions of the edited book's topics.
    fn edited_partitions(&self) -> Vec<Partition> {
        let topics = self.editor.book.as_ref().expect("an edited book").topics.len();
        self.logs.keys().copied().filter(|partition| usize::from(partition.topic.0) < topics).collect()
    }

    fn views(&mut self, lane: Option<&str>) -> Vec<PartitionView> {
        let mut views: BTreeMap<Partition, PartitionView> = BTreeMap::new();
        for partition in self.edited_partitions() {
            let log = self.logs[&partition].clone();
            let start = LogStart { offset: log.low, complete_since: log.complete_since };
            let mut view = PartitionView::new(partition, start);
            view.live = self.store.find(&key(partition)).and_then(|claim| claim.next_offset);
            view.unread_to = (!self.is_read(partition)).then_some(log.end);
            views.insert(partition, view);
        }
        let mut chunks = self.store.chunks();
        chunks.extend(lane.map_or_else(Vec::new, |lane| self.store.chunks_of(lane)));
        for chunk in chunks {
            if let Some(view) = views.get_mut(&chunk.partition) {
                view.add(&chunk.bytes).expect("a chunk");
            }
        }
        views.into_values().collect()
    }

    fn needs(&mut self, lane: Option<&str>) -> (Vec<Need>, Vec<PartitionView>) {
        let book = Arc::clone(self.editor.book.as_ref().expect("an edited book"));
        let views = self.views(lane);
        (needs(&book, &Plan::of(&book), &self.active(), &views), views)
    }

    /// Begins the lane, or goes on with it; `false` if nothing is missing.
    pub fn begin_lane(&mut self) -> bool {
        let (mut needs, views) = self.needs(None);
        let name = lane_name(&needs);
        self.store.drop_lanes(&name);
        let own = self.store.chunks_of(&name);
        let own_begin = |partition| {
            let froms = own.iter().filter(|chunk| chunk.partition == partition);
            froms.map(|chunk| krscore::chunk::part_header(&chunk.bytes).expect("a chunk").from).min()
        };
        let goes_on = needs.iter_mut().all(|need| {
            let view = views.iter().find(|view| view.partition == need.partition).expect("a view");
            own_begin(need.partition).is_none_or(|own_begin| need.resume(own_begin, view))
        });
        if !goes_on {
            self.store.drop_lanes("");
            return self.begin_lane();
        }
        if needs.is_empty() {
            return false;
        }
        self.editor.resumed += usize::from(!own.is_empty());
        let book = self.editor.book.clone().expect("an edited book");
        let floor = krscore::pipeline::floor::floor(&book, self.now);
        let mut lane = Lane::new(&book, &Plan::of(&book), &needs, floor).with_budgets(self.budgets);
        for (own, chunks) in [(false, self.store.chunks()), (true, own)] {
            chunks.iter().for_each(|chunk| lane.read_ids(chunk.partition, own, &chunk.bytes).expect("a chunk"));
        }
        let keys: Vec<_> = needs.iter().map(|need| key_in(&name, need.partition)).collect();
        let claims = self.store.claim_keys(&keys);
        let mut epochs = BTreeMap::new();
        for (need, claim) in needs.iter().zip(claims) {
            lane.claimed(need.partition, claim.next_offset);
            epochs.insert(need.partition, claim.epoch);
        }
        self.editor.running = Some(Running { name, lane, epochs });
        true
    }

    /// The lane reads at most `records` of each of its partitions, and stores them if `cut`.
    pub fn fill(&mut self, records: usize, cut: bool) {
        if self.editor.book.is_none() || self.editor.running.is_none() && !self.begin_lane() {
            return;
        }
        let stops: Vec<_> = self.edited_partitions().into_iter().map(|of| (of, self.stop(of))).collect();
        let running = self.editor.running.as_mut().expect("it runs");
        stops.into_iter().for_each(|(partition, stop)| running.lane.stop_at(partition, stop));
        for (partition, next) in running.lane.starts().collect::<Vec<_>>() {
            let log = &self.logs[&partition];
            if next < log.low {
                running.lane.gone(partition, log.low);
            }
            let batch: Vec<Record<'_>> =
                log.records.iter().filter(|logged| logged.offset >= next).take(records).map(record).collect();
            running.lane.take(partition, &batch, None);
        }
        if cut {
            self.cut_lane();
        }
    }

    /// Where live stands, or the log's end where it does not read.
    fn stop(&mut self, partition: Partition) -> Offset {
        match self.is_read(partition) {
            true => self.store.find(&key(partition)).and_then(|claim| claim.next_offset).unwrap_or(0),
            false => self.logs[&partition].end,
        }
    }

    /// What the lane has in hand is stored.
    pub fn cut_lane(&mut self) {
        let Some(running) = &mut self.editor.running else { return };
        for cut in running.lane.cut() {
            let commit = |cut: PartitionCut| {
                let (key, epoch) = (key_in(&running.name, cut.partition), running.epochs[&cut.partition]);
                PartitionCommit::of(cut, key, epoch)
            };
            let partitions = cut.partitions.into_iter().map(commit).collect();
            let answer = self.store.commit(&Commit { partitions, ..Commit::default() });
            assert_ne!(answer, Answer::Fenced, "nobody else fills");
            if answer == Answer::Unknown {
                // It begins anew from what is stored.
                return self.editor.forget();
            }
        }
    }

    /// A process that does not know of the join goes on by the book before it: nothing of that is taken in a topic of the edited book, which
    /// evaluated none of it. In others that book has no say.
    fn commit_late(&mut self, process: usize) {
        let partitions = self.process(process).given.clone();
        partitions.into_iter().for_each(|partition| self.consume(process, partition, 1));
        self.answer_ends(process);
        self.score_all(process);
        self.take(process, Input::Flush);
        self.score_all(process);
        let joined: Vec<PartitionKey> = self.edited_partitions().into_iter().map(key).collect();
        if let Some((_, commit)) = &self.process(process).cut {
            let is_joined = commit.partitions.iter().any(|partition| joined.contains(&partition.key));
            self.store_works(process);
            let answer = self.process(process).answer.take().map(|(_, answer)| answer);
            let expected = if is_joined { Answer::Fenced } else { Answer::Committed };
            assert_eq!(answer, Some(expected), "a commit by the book before the join");
        }
    }

    /// Live holds, the lane reaches it, both become one, and the process goes on with the edited book. `false` if something is still missing.
    pub fn join(&mut self, process: usize) -> bool {
        let Some(edited) = self.editor.book.clone() else { return true };
        self.score_all(process);
        self.hear(process);
        self.flush(process);
        if self.editor.running.is_none() {
            self.begin_lane();
        }
        let partitions = self.edited_partitions();
        let live: BTreeMap<Partition, Option<Claim>> =
            partitions.iter().map(|partition| (*partition, self.store.find(&key(*partition)))).collect();
        if self.editor.running.is_some() {
            self.fill(usize::MAX, false);
            let running = self.editor.running.as_mut().expect("it runs");
            // What follows the last record is passed, as the consumer's position shows.
            partitions.iter().for_each(|partition| running.lane.pass(*partition, self.logs[partition].end));
            assert_eq!(running.lane.unreached().count(), 0);
            self.cut_lane();
            if self.editor.running.is_none() {
                return false;
            }
        }
        let name = self.editor.running.as_ref().map(|running| running.name.clone());
        let stored: BTreeMap<Partition, Option<Offset>> =
            self.editor.running.as_ref().map(|running| running.lane.stored_offsets().collect()).unwrap_or_default();
        let (mut left, views) = self.needs(name.as_deref());
        // Where the lane stands for live, what it has read is all that there is.
        left.retain(|need| {
            !views.iter().any(|view| {
                view.partition == need.partition && view.unread_to.is_some() && stored.contains_key(&view.partition)
            })
        });
        if !left.is_empty() {
            self.editor.forget();
            return false;
        }
        if name.is_none() && edited.hash == self.book.hash {
            // The edit was taken back.
            self.store.drop_lanes("");
            self.editor.book = None;
            return true;
        }
        let partition = |partition: &Partition| JoinPartition {
            key: key(*partition),
            live: live[partition].clone(),
            moves_to: stored.get(partition).copied().flatten().filter(|_| !self.is_read(*partition)),
            lane: stored.get(partition).map(|next_offset| {
                let running = self.editor.running.as_ref().expect("it runs");
                let key = key_in(&running.name, *partition);
                Claim { key, epoch: running.epochs[partition], next_offset: *next_offset, leader_epoch: None }
            }),
        };
        let join = Join {
            partitions: partitions.iter().map(partition).collect(),
            book_hash: edited.hash.clone(),
            book_text: String::new(),
        };
        if self.store.join(&join) == Answer::Fenced {
            self.editor.forget();
            return false;
        }
        self.commit_late(process);
        assert!(self.adopt(), "the joined book is the active one");
        self.score_all(process);
        let book = Arc::clone(&self.book);
        let this = self.process(process);
        let work = this.intake.adopt(book);
        this.work.push_back(work);
        this.given = partitions.into_iter().collect();
        self.reload(process);
        true
    }
}
