//! What lies in the topics: the company's events, 1 % of them twice, and now and then one that was cut off.

use std::collections::BTreeMap;

use crate::chance::Chance;
use crate::company::Company;
use crate::event::Event;

/// Events that come a second time.
const COPIED: f64 = 0.0101;

/// How many events later at most.
const COPIED_LATER_MAX: u64 = 5_000;

/// Events after which comes a record that is only the first half of them.
const CUT: f64 = 0.0001;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// An event, for the first time.
    First,
    /// An event that came already.
    Copy,
    /// No JSON.
    Malformed,
}

/// A record to be produced, in order.
pub struct Message<'a> {
    pub nature: Nature,
    pub event: &'a Event,
    /// Ms since 1970.
    pub arrives_ms: i64,
    pub payload: &'a str,
}

/// The records of a seed.
pub struct Stream {
    company: Company,
    chance: Chance,
    /// By the number of the event after which they come, and a number of their own.
    copies: BTreeMap<(u64, u64), Event>,
    text: String,
}

impl Stream {
    /// The records of a seed; the first arrives at `begun_ms`.
    pub fn new(seed: u64, begun_ms: i64) -> Stream {
        let (company, chance) = (Company::new(seed, begun_ms), Chance::new(seed ^ 0x5EED));
        Stream { company, chance, copies: BTreeMap::new(), text: String::new() }
    }

    /// Hands on the next event and all that comes directly after it.
    pub fn step(&mut self, mut hand_on: impl FnMut(Message<'_>)) {
        let Some((arrives_ms, event)) = self.company.next() else { return };
        event.write(&mut self.text);
        hand_on(Message { nature: Nature::First, event: &event, arrives_ms, payload: &self.text });
        if self.chance.is(CUT) {
            let half = &self.text[..self.text.len() / 2];
            hand_on(Message { nature: Nature::Malformed, event: &event, arrives_ms, payload: half });
        }
        let number = event.number;
        if self.chance.is(COPIED) {
            let after = number + 1 + self.chance.below(COPIED_LATER_MAX);
            self.copies.insert((after, number), event);
        }
        while let Some(due) = self.copies.first_entry().filter(|copy| copy.key().0 <= number) {
            let event = due.remove();
            event.write(&mut self.text);
            hand_on(Message { nature: Nature::Copy, event: &event, arrives_ms, payload: &self.text });
        }
    }
}
