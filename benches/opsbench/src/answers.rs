//! The exact answers, added up while the events are made: integers throughout, nothing is estimated.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Dimension, Event, Kind, NONE};
use crate::key_result::{Choice, KeyResult, Reads, WITHIN_MS};
use crate::peers::PeerAnswers;
use crate::stream::Nature;

/// What a key result comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Rows, pairs, or the denominator.
    pub n: u64,
    /// Its value; `None` without rows where that is no value.
    pub value: Option<f64>,
    /// The same of each member that has rows: `dimension/member`.
    pub members: BTreeMap<String, (u64, Option<f64>)>,
}

/// Everything that a run is compared with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answers {
    pub seed: u64,
    /// Records in all, copies and malformed ones among them.
    pub records: u64,
    pub copies: u64,
    pub malformed: u64,
    pub bytes: u64,
    /// When the first event arrives, ms since 1970.
    pub begun_ms: i64,
    /// By id of the key result: each event counted once.
    pub once: BTreeMap<String, Answer>,
    /// By id of the key result: copies counted too.
    pub raw: BTreeMap<String, Answer>,
    /// Of the peers' job, copies counted too.
    pub peers: PeerAnswers,
}

/// What is added up for one key result, or one member of it.
#[derive(Clone, Default)]
struct Tally {
    n: u64,
    sum: i128,
    /// How often each value came; of percentiles only.
    histogram: Vec<u32>,
}

impl Tally {
    fn add(&mut self, n: u64, sum: i64, counts_values: bool) {
        self.n += n;
        self.sum += i128::from(sum);
        if counts_values {
            let index = usize::try_from(sum).expect("a measure of 0 or more");
            if index >= self.histogram.len() {
                self.histogram.resize(index + 1, 0);
            }
            self.histogram[index] += 1;
        }
    }

    fn merge(&mut self, other: &Tally) {
        self.n += other.n;
        self.sum += other.sum;
        if self.histogram.len() < other.histogram.len() {
            self.histogram.resize(other.histogram.len(), 0);
        }
        self.histogram.iter_mut().zip(&other.histogram).for_each(|(all, more)| *all += more);
    }

    /// The value of rank ⌈p·n⌉.
    fn percentile(&self, basis_points: u16) -> Option<f64> {
        let rank = (u128::from(self.n) * u128::from(basis_points)).div_ceil(10_000).max(1);
        let mut seen = 0u128;
        let found = self.histogram.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank
        });
        found.map(|value| value as f64)
    }

    fn answer(&self, reads: Reads) -> (u64, Option<f64>) {
        let n = (self.n > 0).then_some(self.n as f64);
        let (sum, scale) = (self.sum as f64, reads.scale());
        let value = match reads {
            Reads::Count(_) => Some(self.n as f64),
            Reads::Sum(..) => Some(sum / scale),
            Reads::Mean(..) | Reads::LeadMean | Reads::Within | Reads::Effort => n.map(|n| sum / scale / n),
            Reads::Percentile(_, _, p) => self.percentile(p).map(|value| value / scale),
            Reads::Accuracy => n.map(|n| 1.0 - sum / n),
        };
        (self.n, value)
    }
}

impl Reads {
    /// How many of our units one of the document's is.
    fn scale(self) -> f64 {
        match self {
            Reads::Sum(_, measure) | Reads::Mean(_, measure) | Reads::Percentile(_, measure, _) => {
                measure.scale() as f64
            }
            // Durations are seconds.
            Reads::LeadMean => 1_000.0,
            _ => 1.0,
        }
    }
}

/// A key result and its tallies.
struct Counting {
    key_result: KeyResult,
    total: Tally,
    members: Vec<Vec<Tally>>,
}

impl Counting {
    fn new(key_result: KeyResult) -> Counting {
        let members = key_result.by.iter().map(|by| vec![Tally::default(); usize::from(by.members())]).collect();
        Counting { key_result, total: Tally::default(), members }
    }

    fn add(&mut self, event: &Event) {
        let key_result = &self.key_result;
        let Some((n, sum)) = key_result.takes(event) else { return };
        let counts_values = matches!(key_result.reads, Reads::Percentile(..));
        self.total.add(n, sum, counts_values);
        for (by, members) in key_result.by.iter().zip(&mut self.members) {
            if let Some(tally) = members.get_mut(usize::from(key_result.member(event, *by))) {
                tally.add(n, sum, counts_values);
            }
        }
    }

    fn merge(&mut self, other: &Counting) {
        self.total.merge(&other.total);
        let pairs = self.members.iter_mut().flatten().zip(other.members.iter().flatten());
        pairs.for_each(|(all, more)| all.merge(more));
    }

    fn answer(&self) -> Answer {
        let reads = self.key_result.reads;
        let (n, value) = self.total.answer(reads);
        let mut members = BTreeMap::new();
        for (by, tallies) in self.key_result.by.iter().zip(&self.members) {
            for (number, tally) in (0u16..).zip(tallies).filter(|(_, tally)| tally.n > 0) {
                members.insert(format!("{}/{}", by.name(), by.member(number)), tally.answer(reads));
            }
        }
        Answer { n, value, members }
    }
}

impl KeyResult {
    /// What an event adds to n and to the sum; `None` if it is none of its rows.
    fn takes(&self, event: &Event) -> Option<(u64, i64)> {
        if self.only.is_some_and(|(dimension, member)| self.member(event, dimension) != member) {
            return None;
        }
        let lead = || event.start.map(|start| event.at_ms - start.at_ms);
        let is = |kind: Kind| event.kind == kind;
        match self.reads {
            Reads::Count(kind) => is(kind).then_some((1, 0)),
            Reads::Sum(kind, measure) | Reads::Mean(kind, measure) | Reads::Percentile(kind, measure, _) => {
                is(kind).then(|| event.measure(measure)).flatten().map(|value| (1, value))
            }
            Reads::Accuracy if is(Kind::Picked) => Some((1, 0)),
            Reads::Accuracy => (is(Kind::Failed) && event.member(Dimension::Category) == 0).then_some((0, 1)),
            Reads::LeadMean => lead().map(|ms| (1, ms)),
            Reads::Within if is(Kind::Created) => Some((1, 0)),
            Reads::Within => lead().filter(|ms| *ms <= WITHIN_MS).map(|_| (0, 1)),
            Reads::Effort if is(Kind::Created) => Some((1, 0)),
            Reads::Effort => Some((0, 1)),
        }
    }

    /// A copy of a start or an end adds nothing to its pair.
    fn is_of_pairs(&self) -> bool {
        matches!(self.reads, Reads::LeadMean | Reads::Within)
    }

    /// The member that an event is counted under: of a pair, that of its start.
    fn member(&self, event: &Event, dimension: Dimension) -> u16 {
        match (self.is_of_pairs(), event.start, dimension) {
            (true, Some(start), Dimension::Channel) => start.channel,
            (true, Some(start), Dimension::Warehouse) => start.warehouse,
            (true, Some(_), _) => NONE,
            _ => event.member(dimension),
        }
    }
}

/// Adds up what the stream hands on.
pub struct Adder {
    once: Vec<Counting>,
    copies: Vec<Counting>,
    /// Indices of the key results that read a kind of event.
    of_kind: [Vec<usize>; Kind::ALL.len()],
    pub records: u64,
    pub bytes: u64,
    copied: u64,
    malformed: u64,
    peers: crate::peers::Adder,
}

impl Default for Adder {
    fn default() -> Adder {
        let mut all: BTreeMap<String, KeyResult> = BTreeMap::new();
        for choice in Choice::ALL {
            all.extend(choice.key_results().into_iter().map(|one| (one.id.clone(), one)));
        }
        let all: Vec<KeyResult> = all.into_values().collect();
        let reads = |kind: Kind| (0..all.len()).filter(|index| all[*index].kinds().contains(&kind)).collect();
        let counting = || all.iter().cloned().map(Counting::new).collect();
        Adder {
            once: counting(),
            copies: counting(),
            of_kind: Kind::ALL.map(reads),
            records: 0,
            bytes: 0,
            copied: 0,
            malformed: 0,
            peers: crate::peers::Adder::default(),
        }
    }
}

impl Adder {
    /// One record.
    pub fn add(&mut self, nature: Nature, event: &Event, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
        match nature {
            Nature::Malformed => {
                self.malformed += 1;
                return;
            }
            Nature::Copy => self.copied += 1,
            Nature::First => {}
        }
        let into = if nature == Nature::Copy { &mut self.copies } else { &mut self.once };
        for index in &self.of_kind[event.kind as usize] {
            into[*index].add(event);
        }
        self.peers.add(event, nature == Nature::Copy);
    }

    /// The answers so far.
    pub fn finish(mut self, seed: u64, begun_ms: i64) -> Answers {
        let answers = |all: &[Counting]| all.iter().map(|one| (one.key_result.id.clone(), one.answer())).collect();
        let once = answers(&self.once);
        for (all, copies) in self.once.iter_mut().zip(&self.copies) {
            if !all.key_result.is_of_pairs() {
                all.merge(copies);
            }
        }
        let raw = answers(&self.once);
        let Adder { records, bytes, copied, malformed, peers, .. } = self;
        Answers { seed, records, copies: copied, malformed, bytes, begun_ms, once, raw, peers: peers.finish() }
    }
}
