//! The intake: takes records into deltas, and hands them over to the scorer. It stands still for no longer than it takes to put empty deltas
//! in the place of full ones.

mod claimed;
mod hand_over;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::floor::Floor;
use super::handover::*;
use super::message::*;
use super::pack;
use crate::aggregate::aggregator::Aggregator;
use crate::aggregate::budget::Budgets;
use crate::aggregate::member::Members;
use crate::aggregate::pair::Tuples;
use crate::aggregate::plan::Plan;
use crate::book::Book;
use crate::event::{Offset, Partition};
use crate::snapshot::CounterKey;
use crate::time::Timestamp;
use claimed::Claimed;
use hand_over::OnItsWay;

/// Entries that all deltas together may hold before consumption stops for a cut: about 100 bytes each, so 200 MB. As many
/// again may lie in the cut before, until it is scored.
pub const DELTA_ENTRIES_MAX: usize = 2_000_000;

/// What was taken since the last cut, and what has to be known to take more.
pub struct Intake {
    book: Arc<Book>,
    plan: Arc<Plan>,
    aggregator: Aggregator,
    /// What the deltas name; they go with them.
    members: Members,
    tuples: Tuples,
    claimed: BTreeMap<Partition, Claimed>,
    partitions: BTreeMap<Partition, Known>,
    /// Dead letters and value faults up to the last cut, for only the first of them are kept.
    refused: BTreeMap<CounterKey, u64>,
    samples: Vec<DeadLetterSample>,
    floor: Floor,
    dedup_ids_max: usize,
    /// Whether anything is past its budget.
    is_past_budget: bool,
    now: Option<Timestamp>,
    told: Told,
    on_its_way: Option<OnItsWay>,
}

impl Intake {
    /// One that has taken nothing for `book`. Rows at or after `until` are left out, which is how `replay --at` looks back.
    pub fn new(book: Arc<Book>, until: Option<Timestamp>) -> Intake {
        Intake {
            plan: Arc::new(Plan::of(&book)),
            aggregator: Aggregator::new(&book, until),
            members: Members::default(),
            tuples: Tuples::default(),
            claimed: BTreeMap::new(),
            partitions: BTreeMap::new(),
            refused: BTreeMap::new(),
            samples: Vec::new(),
            floor: Floor::NONE,
            dedup_ids_max: Budgets::default().dedup_ids_max,
            is_past_budget: false,
            now: None,
            told: Told::default(),
            on_its_way: None,
            book,
        }
    }

    /// The same, with other budgets: of them it needs that of the ids.
    pub fn with_budgets(mut self, budgets: Budgets) -> Intake {
        self.dedup_ids_max = budgets.dedup_ids_max;
        self
    }

    /// Begins anew for another book, knowing what the clock says. The scorer is to do the same.
    pub fn adopt(&mut self, book: Arc<Book>) -> ToScorer {
        *self = Intake {
            now: self.now,
            told: std::mem::take(&mut self.told),
            dedup_ids_max: self.dedup_ids_max,
            ..Intake::new(Arc::clone(&book), None)
        };
        ToScorer::Adopt(book)
    }

    /// Whether the deltas are so full that no records should be taken before a cut is persisted.
    pub fn is_saturated(&self) -> bool {
        self.claimed.values().map(|claimed| claimed.delta.entries()).sum::<usize>() >= DELTA_ENTRIES_MAX
    }

    /// The greatest event time of what was taken since the last cut.
    pub fn last_event_at(&self) -> Option<Timestamp> {
        let times = self.claimed.values().flat_map(|claimed| &claimed.delta.times);
        times.filter_map(|times| times.last_event_at).max()
    }

    /// Whether everything that was consumed is stored.
    pub fn is_stored(&self) -> bool {
        self.on_its_way.is_none() && !self.is_dirty()
    }

    /// Whether what was handed over is being scored, or on its way to the store.
    pub fn is_persisting(&self) -> bool {
        self.on_its_way.is_some()
    }

    /// Whether what was handed over, and is not done with, brought anything.
    pub fn is_cutting(&self) -> bool {
        self.on_its_way.as_ref().is_some_and(OnItsWay::is_cut)
    }

    /// The next offset of each claimed partition.
    pub fn next_offsets(&self) -> impl Iterator<Item = (Partition, Offset)> + '_ {
        self.claimed.iter().map(|(partition, claimed)| (*partition, claimed.next_offset))
    }

    /// How many ids are held, of all partitions.
    pub fn ids_held(&self) -> usize {
        self.partitions.values().map(|known| known.ids.held()).sum()
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<'_>) -> Vec<Reaction> {
        match input {
            Input::Tick { now } => {
                self.now = Some(now);
                return self.tick(now);
            }
            Input::Records { partition, epoch, records, leader_epoch } => {
                self.take(partition, epoch, records, leader_epoch);
            }
            Input::LogEnd { partition, end, position, at } => self.log_end(partition, end, position, at),
            Input::Gone { partition, to } => self.gone(partition, to),
            Input::Incident { partition, kind, detail } => self.incident(partition, kind, detail),
            Input::Restored { chunks } => return self.restore(chunks),
            Input::Exist(partitions) => partitions.into_iter().for_each(|partition| _ = self.partition(partition)),
            Input::Claimed(partitions) => return self.claim(partitions),
            Input::Unassigned(partitions) => partitions.iter().for_each(|partition| self.drop_uncut(*partition)),
            Input::Persisted(id) => return self.persisted(id),
            Input::CheckIns(check_ins) => self.told.check_ins = Some(check_ins),
            Input::Baselines(baselines) => self.told.baselines = Some(baselines),
            Input::Flush => {
                if let Some(now) = self.now.filter(|_| self.on_its_way.is_none() && self.is_dirty()) {
                    return vec![self.hand_over(now)];
                }
            }
        }
        Vec::new()
    }

    /// Hears the scorer's answer; what shall happen outside because of it comes back, in order.
    pub fn hear(&mut self, Scored { effects, news }: Scored) -> Vec<Effect> {
        match news {
            News::None => {}
            News::Restored { partitions, refused, is_past_budget } => {
                self.partitions = partitions;
                self.refused = refused;
                self.is_past_budget = is_past_budget;
            }
            News::Taken { cut, is_past_budget } => {
                self.is_past_budget = is_past_budget;
                match (cut, &mut self.on_its_way) {
                    (Some(cut), Some(on_its_way)) => on_its_way.cut = Some(cut),
                    _ => self.on_its_way = None,
                }
            }
        }
        effects
    }

    /// The partition's entry, made if it was never seen.
    fn partition(&mut self, partition: Partition) -> &mut Known {
        let ids_max = self.dedup_ids_max;
        self.partitions.entry(partition).or_insert_with(|| Known::new(ids_max))
    }

    fn restore(&mut self, chunks: Vec<RestoredChunk>) -> Vec<Reaction> {
        self.claimed.clear();
        self.partitions.clear();
        self.refused.clear();
        self.samples.clear();
        (self.members, self.tuples) = Default::default();
        self.on_its_way = None;
        self.floor = Floor::NONE;
        self.now.into_iter().for_each(|now| self.raise_floor(now));
        let told = std::mem::take(&mut self.told);
        vec![Reaction::Score(ToScorer::Restored { floor: self.floor, told, chunks })]
    }

    /// A lower one changes nothing.
    fn raise_floor(&mut self, now: Timestamp) {
        let before = self.floor;
        self.floor = before.max(Floor::of(&self.book, now));
        self.aggregator.leave_out_below(self.floor.at);
        if self.floor != before {
            self.partitions.values_mut().for_each(|known| known.ids.let_go_below(self.floor.day()));
        }
    }

    fn incident(&mut self, partition: Partition, kind: IncidentKind, detail: String) {
        let Some(claimed) = self.claimed.get_mut(&partition) else { return };
        *claimed.delta.counts.incidents.entry(kind.as_str()).or_default() += 1;
        claimed.is_remade |= kind == IncidentKind::TopicRemade;
        self.samples.push(pack::incident(partition, claimed.next_offset, kind, detail));
    }
}
