//! Runs a lane: reads with a consumer of its own, commits what it packed, and follows live until the two can meet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::look::Look;
use super::view::{BROKER_TIMEOUT, Reader, Stored};
use super::{Editor, Outcome};
use crate::aggregate::plan::Plan;
use crate::clock::now;
use crate::event::{Offset, Partition};
use crate::expose::Edit;
use crate::ingest::kafka::{ConsumerEvent, PartitionFault};
use crate::pipeline::backfill::{Lane, Need, PartitionView, lane_name, missing};
use crate::pipeline::{AssignmentEpoch, floor};
use crate::service::edition::LoadedBook;
use crate::service::names::Names;
use crate::store::{Claim, CommitOutcome, PartitionKey};
use crate::time::Timestamp;

/// How near live the lane must be before live is asked to hold: a fraction of a second's work.
const NEAR_OFFSETS_MAX: i64 = 20_000;

/// How often the lane looks where live stands.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// How long the lane may take for its last steps, while live holds.
const LAST_STEPS_MAX: Duration = Duration::from_secs(15);

/// How often the log says how far it is.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Records of a batch at most, and how long one is waited for.
const BATCH_RECORDS_MAX: usize = 1_000;
const BATCH_WAIT: Duration = Duration::from_millis(20);

/// A lane's assignment is never taken away, so it has one epoch.
const EPOCH: AssignmentEpoch = AssignmentEpoch(1);

/// A lane under way.
pub(super) struct Running {
    pub(super) lane: Lane,
    pub(super) claims: BTreeMap<Partition, Claim>,
    names: Names,
    views: Vec<PartitionView>,
    /// What is consumed now; a partition that stands where it shall stop is not.
    consumed: BTreeSet<Partition>,
    records_read: u64,
    begun: Instant,
}

impl Editor {
    /// Fills what `needs` say, and joins.
    pub(super) fn fill(
        &mut self,
        (edited, plan): (&LoadedBook, &Plan),
        look: &mut Look,
        mut reader: Reader,
        stored: Stored,
        needs: Vec<Need>,
    ) -> Result<Outcome, String> {
        let mut edit = describe(edited, plan, &needs);
        self.readiness.set_edit(edit.clone());
        let Some(mut running) = self.begin((edited, plan), &reader, stored, needs)? else { return Ok(Outcome::Again) };
        let begun = Instant::now();
        let (mut follow_due, mut commit_due, mut report_due) =
            (begun, begun + self.commit_interval, begun + REPORT_INTERVAL);
        loop {
            let news = look.look(self);
            if news.is_some() || self.is_stopping() {
                self.commit(&mut running)?;
                return Ok(news.map_or(Outcome::Stopped, Outcome::Instead));
            }
            running.read(&mut reader, BATCH_WAIT)?;
            if running.lane.is_saturated() || Instant::now() >= commit_due {
                self.commit(&mut running)?;
                commit_due = Instant::now() + self.commit_interval;
            }
            if Instant::now() < follow_due {
                continue;
            }
            let left = self.follow(&mut reader, &mut running)?;
            follow_due = Instant::now() + FOLLOW_INTERVAL;
            if let Edit::Filling { records_left, records_read, .. } = &mut edit {
                (*records_left, *records_read) = (left.unsigned_abs(), running.records_read);
            }
            self.readiness.set_edit(edit.clone());
            if Instant::now() >= report_due {
                report_due = Instant::now() + REPORT_INTERVAL;
                info!(left, read = running.records_read, "back-fill under way");
            }
            if left <= NEAR_OFFSETS_MAX && self.hold() {
                let joined = self.meet((edited, plan), &mut reader, &mut running);
                return self.go_on_unless(joined);
            }
        }
    }

    /// Claims the lane's partitions and reads the ids that it has to know. `None`: what an earlier one left is of no use, and is gone now.
    fn begin(
        &self,
        (edited, plan): (&LoadedBook, &Plan),
        reader: &Reader,
        stored: Stored,
        mut needs: Vec<Need>,
    ) -> Result<Option<Running>, String> {
        let Stored { mut views, chunks } = stored;
        let name = lane_name(&needs);
        self.runtime.block_on(self.store.drop_lanes(&name)).map_err(|fault| fault.to_string())?;
        let own = reader.chunks(self, &name)?;
        let mut begins: BTreeMap<Partition, Offset> = BTreeMap::new();
        for (partition, chunk) in &own {
            begins.entry(*partition).and_modify(|from| *from = chunk.from.min(*from)).or_insert(chunk.from);
        }
        let goes_on = needs.iter_mut().all(|need| {
            let view = views.iter().find(|view| view.partition == need.partition);
            begins.get(&need.partition).zip(view).is_none_or(|(from, view)| need.resume(*from, view))
        });
        if !goes_on {
            warn!(
                "the back-fill begins anew: what was filled before does not reach back far enough, or was folded across its beginning"
            );
            self.runtime.block_on(self.store.drop_lanes("")).map_err(|fault| fault.to_string())?;
            return Ok(None);
        }
        let floor = floor::floor(&edited.book, now());
        let mut lane = Lane::new(&edited.book, plan, &needs, floor).with_budgets(self.budgets);
        for (is_own, chunks) in [(false, &chunks), (true, &own)] {
            for (partition, chunk) in chunks {
                lane.read_ids(*partition, is_own, &chunk.bytes).map_err(|fault| fault.to_string())?;
            }
        }
        for (partition, chunk) in &own {
            if let Some(view) = views.iter_mut().find(|view| view.partition == *partition) {
                view.add(&chunk.bytes).map_err(|fault| fault.to_string())?;
            }
        }
        let keys: Vec<PartitionKey> =
            needs.iter().filter_map(|need| reader.names.key_in(&name, need.partition)).collect();
        let claimed = self.runtime.block_on(self.store.claim(&keys)).map_err(|fault| fault.to_string())?;
        let mut claims = BTreeMap::new();
        for claim in claimed {
            let Some(partition) = reader.names.partition(&claim.key) else { continue };
            lane.claimed(partition, claim.next_offset);
            claims.insert(partition, claim);
        }
        self.announce((edited, plan), &name, &needs, &lane);
        let (names, begun) = (reader.names.clone(), Instant::now());
        Ok(Some(Running { lane, claims, names, views, consumed: BTreeSet::new(), records_read: 0, begun }))
    }

    fn announce(&self, (edited, plan): (&LoadedBook, &Plan), name: &str, needs: &[Need], lane: &Lane) {
        let missing = missing(needs);
        for aggregate in plan.aggregates.iter().filter(|aggregate| missing.contains(&aggregate.id)) {
            info!(definition = aggregate.definition, "missing");
        }
        let topic = |partition: Partition| &edited.book.topics[usize::from(partition.topic.0)].name;
        let from: Vec<String> = lane
            .starts()
            .map(|(partition, offset)| format!("{}/{}@{offset}", topic(partition), partition.number))
            .collect();
        info!(
            lane = name,
            book = edited.book.hash,
            aggregates = missing.len(),
            key_results = waiting(edited, plan, needs).join(", "),
            from = from.join(", "),
            "back-fill begins"
        );
    }

    /// Looks where live stands, and lets the lane read up to there. Gives the offsets that are left.
    fn follow(&self, reader: &mut Reader, running: &mut Running) -> Result<i64, String> {
        running.rest(reader)?;
        let claims = reader.claims(self)?;
        let ends = reader.unread_ends()?;
        for partition in running.claims.keys() {
            let live = reader.names.key(*partition).and_then(|key| claims.get(&key)?.next_offset);
            let stop = if reader.unread.contains(&partition.topic) { ends.get(partition).copied() } else { live };
            if let Some(stop) = stop {
                running.lane.stop_at(*partition, stop);
            }
        }
        running.consume(reader)?;
        Ok(running.lane.unreached().map(|(_, next, stop)| stop - next).sum())
    }

    /// The last steps, while live holds; then both are one.
    fn meet(
        &mut self,
        edited: (&LoadedBook, &Plan),
        reader: &mut Reader,
        running: &mut Running,
    ) -> Result<Outcome, String> {
        let until = Instant::now() + LAST_STEPS_MAX;
        self.follow(reader, running)?;
        while running.lane.unreached().next().is_some() {
            if Instant::now() >= until || self.is_stopping() {
                warn!("the back-fill did not reach live while it held; trying again");
                self.commit(running)?;
                return Ok(Outcome::Again);
            }
            running.read(reader, BATCH_WAIT)?;
        }
        self.commit(running)?;
        let joined = self.join(edited, reader, running.views.clone(), Some(running))?;
        if matches!(joined, Outcome::Done) {
            let took_ms = running.begun.elapsed().as_millis() as u64;
            info!(records = running.records_read, partitions = running.claims.len(), took_ms, "back-fill joined");
        }
        Ok(joined)
    }

    /// Stores what the lane packed. Anything but a commit ends the lane; it goes on from what the store has.
    fn commit(&self, running: &mut Running) -> Result<(), String> {
        for cut in running.lane.cut() {
            for partition in &cut.partitions {
                if let (Some(view), Some(part)) = (
                    running.views.iter_mut().find(|view| view.partition == partition.partition),
                    partition.chunk.first(),
                ) {
                    view.add(part).map_err(|fault| fault.to_string())?;
                }
            }
            let commit = running.names.lane_commit(cut, &running.claims);
            match self.runtime.block_on(self.store.commit(&commit)) {
                CommitOutcome::Committed => {}
                CommitOutcome::Fenced { .. } => return Err("the back-fill's partitions were claimed again".to_owned()),
                CommitOutcome::Failed { error } | CommitOutcome::Unknown { error } => return Err(error),
            }
        }
        Ok(())
    }
}

impl Running {
    /// At most one batch, and what the consumer tells.
    fn read(&mut self, reader: &mut Reader, wait: Duration) -> Result<(), String> {
        for event in reader.consumer.poll() {
            match event {
                ConsumerEvent::PartitionFault { partition, fault: PartitionFault::OffsetOutOfRange, .. } => {
                    self.pass_retention(reader, partition)?;
                }
                ConsumerEvent::PartitionFault { partition, text, fault, .. } if fault.stands_still() => {
                    return Err(format!("partition {}: {text}", partition.number));
                }
                ConsumerEvent::TopicRemade { text, .. } | ConsumerEvent::Error { fatal: true, text } => {
                    return Err(text);
                }
                _ => {}
            }
        }
        let Running { lane, records_read, .. } = self;
        let read = reader.consumer.batch(wait, BATCH_RECORDS_MAX, |partition, _, records, leader_epoch| {
            lane.take(partition, records, leader_epoch);
        });
        *records_read += read as u64;
        if read == 0 {
            // What is left of a log may be control records alone, which the position passes.
            for (partition, position) in reader.consumer.positions().unwrap_or_default() {
                if let Some(position) = position {
                    self.lane.pass(partition, position);
                }
            }
        }
        Ok(())
    }

    /// Consumes no more of the partitions that stand where they shall stop. To be called before that is moved: what the consumer brought from
    /// beyond was not taken, and has to come again.
    fn rest(&mut self, reader: &mut Reader) -> Result<(), String> {
        let unreached: BTreeSet<Partition> = self.lane.unreached().map(|(partition, ..)| partition).collect();
        let done: Vec<Partition> = self.consumed.difference(&unreached).copied().collect();
        if !done.is_empty() {
            reader.consumer.unassign(&done).map_err(|fault| fault.to_string())?;
            self.consumed.retain(|partition| unreached.contains(partition));
        }
        Ok(())
    }

    /// Consumes the partitions that have something to read, from where the lane stands in each.
    fn consume(&mut self, reader: &mut Reader) -> Result<(), String> {
        let new = self.lane.unreached().filter(|(partition, ..)| !self.consumed.contains(partition));
        let starts: Vec<_> = new.map(|(partition, next, _)| (partition, next, None)).collect();
        if !starts.is_empty() {
            reader.consumer.assign(&starts, EPOCH).map_err(|fault| fault.to_string())?;
            self.consumed.extend(starts.iter().map(|(partition, ..)| *partition));
        }
        Ok(())
    }

    /// Goes on at the log's beginning where retention has passed the lane.
    fn pass_retention(&mut self, reader: &mut Reader, partition: Partition) -> Result<(), String> {
        let begins = reader.consumer.log_starts(&[partition], Timestamp::MIN, BROKER_TIMEOUT);
        for (partition, start) in begins.map_err(|fault| fault.to_string())? {
            warn!(
                partition = partition.number,
                to = start.offset,
                "retention has taken records that the back-fill did not read"
            );
            self.lane.gone(partition, start.offset);
            let starts = [(partition, start.offset, None)];
            reader.consumer.reassign(&starts, EPOCH).map_err(|fault| fault.to_string())?;
        }
        Ok(())
    }
}

/// The key results that wait for what is missing.
fn waiting(edited: &LoadedBook, plan: &Plan, needs: &[Need]) -> Vec<String> {
    let missing = missing(needs);
    let waits = |plan_of: &crate::aggregate::plan::KeyResultPlan| {
        plan_of.aggregates.iter().any(|index| missing.contains(&plan.aggregates[index.0 as usize].id))
    };
    let mut names = Vec::new();
    for (objective, plans) in edited.book.objectives.iter().zip(&plan.key_results) {
        for (key_result, plan_of) in objective.key_results.iter().zip(plans) {
            if plan_of.as_ref().is_some_and(waits) {
                names.push(format!("{}/{}", objective.id, key_result.id));
            }
        }
    }
    names
}

fn describe(edited: &LoadedBook, plan: &Plan, needs: &[Need]) -> Edit {
    Edit::Filling {
        book: edited.book.hash.clone(),
        aggregates: missing(needs).len() as u64,
        key_results: waiting(edited, plan, needs),
        records_left: needs.iter().map(|need| (need.target - need.begin).unsigned_abs()).sum(),
        records_read: 0,
    }
}
