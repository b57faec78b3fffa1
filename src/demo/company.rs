//! The company: everything that happens in it, in the order in which it is sent, without end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde_json::Value;

use super::flaws::Flaws;
use super::people::Support;
use super::random::Random;
use super::story::Setting;
use super::warehouse::{Orders, Warehouse};
use crate::time::{Span, Timestamp, Zone};

/// The topics that the company writes to; all that the sample book reads.
pub const TOPICS: [&str; 7] =
    ["oms.orders", "wms.picks", "wms.errors", "wms.tasks", "crm.tickets", "crm.surveys", "hr.training"];

/// A record that the company sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emission {
    /// One of [`TOPICS`].
    pub topic: &'static str,
    /// The record's key: what belongs together has the same one.
    pub key: String,
    /// When it happened, as the record tells it.
    pub event_time: Timestamp,
    /// When it is sent, which is the record's own timestamp: never before it happened, and mostly a moment later.
    pub sent_at: Timestamp,
    /// The record's value: JSON, but for the few that are broken.
    pub value: Vec<u8>,
}

/// What arrives again and again, independently of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stream {
    Order,
    Pick,
    WarehouseTask,
    DeskTask,
    Ticket,
    Survey,
}

const STREAMS: [Stream; 6] =
    [Stream::Order, Stream::Pick, Stream::WarehouseTask, Stream::DeskTask, Stream::Ticket, Stream::Survey];

/// Everything that the company does: an iterator of [`Emission`]s by `sent_at`, which never ends. Pure: time is what the emissions say.
pub struct Company {
    desk: Desk,
    flaws: Flaws,
    orders: Orders,
    warehouse: Warehouse,
    support: Support,
    /// Since when the streams run faster, and how many arrivals a second they have together.
    hastened: Option<f64>,
}

/// What each part of the company writes with.
pub(super) struct Desk {
    pub(super) setting: Setting,
    pub(super) random: Random,
    zone: Zone,
    queue: BinaryHeap<Reverse<(Timestamp, u64, Due)>>,
    /// Breaks ties, so that the order is that of making.
    made: u64,
}

/// What is due at an instant.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Arrival(Stream),
    Sending(Box<Sending>),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sending {
    topic: &'static str,
    key: String,
    event_time: Timestamp,
    value: Vec<u8>,
}

impl Company {
    /// The company of that setting, at its beginning. `zone` is the one of the sample book.
    pub fn new(setting: Setting, zone: Zone) -> Company {
        let mut random = Random::new(setting.seed);
        let flaws = Flaws::new(random.bits());
        let desk = Desk { setting, random, zone, queue: BinaryHeap::new(), made: 0 };
        let mut company = Company {
            desk,
            flaws,
            orders: Orders::default(),
            warehouse: Warehouse::default(),
            support: Support::default(),
            hastened: None,
        };
        company.support.train(&mut company.desk);
        for stream in STREAMS {
            company.schedule(stream, setting.begin());
        }
        company
    }

    /// From `at` on things arrive at `rate` events a second together, at any hour: a company of that size is too slow to watch.
    pub fn hasten(&mut self, at: Timestamp, rate: f64) {
        self.hastened = Some(rate);
        self.desk.queue.retain(|Reverse((_, _, due))| matches!(due, Due::Sending(_)));
        for stream in STREAMS {
            self.schedule(stream, at);
        }
    }

    /// When the next emission is sent, at the earliest.
    pub fn next_at(&self) -> Timestamp {
        self.desk.queue.peek().map_or(Timestamp::MAX, |Reverse((at, ..))| *at)
    }

    /// The next emission that is sent at or before `until`.
    pub fn next_until(&mut self, until: Timestamp) -> Option<Emission> {
        while self.next_at() <= until {
            let Reverse((at, _, due)) = self.desk.queue.pop()?;
            match due {
                Due::Arrival(stream) => {
                    self.arrive(stream, at);
                    self.schedule(stream, at);
                }
                Due::Sending(sending) => {
                    let Sending { topic, key, event_time, value } = *sending;
                    return Some(Emission { topic, key, event_time, sent_at: at, value });
                }
            }
        }
        None
    }

    fn arrive(&mut self, stream: Stream, at: Timestamp) {
        match stream {
            Stream::Order => self.orders.order(&mut self.desk, at),
            Stream::Pick => self.warehouse.pick(&mut self.desk, at),
            Stream::WarehouseTask => self.warehouse.task(&mut self.desk, at),
            Stream::DeskTask => self.warehouse.desk_task(&mut self.desk, at),
            Stream::Ticket => self.support.ticket(&mut self.desk, at),
            Stream::Survey => self.support.survey(&mut self.desk, at),
        }
        self.flaws.spoil(&mut self.desk, at);
    }

    /// Arrivals of a stream in a day, at that instant's pace.
    fn per_day(&self, stream: Stream, at: Timestamp) -> f64 {
        let setting = &self.desk.setting;
        let orders = setting.orders_per_day(at);
        let calm = |stream| match stream {
            Stream::Order => orders / 0.97,
            Stream::Pick => 2.2 * orders,
            Stream::WarehouseTask => 1.2 * orders,
            Stream::DeskTask => 0.7 * orders,
            Stream::Ticket => 0.18 * orders,
            Stream::Survey => 0.13 * orders,
        };
        if let Some(rate) = self.hastened {
            let all: f64 = STREAMS.into_iter().map(calm).sum();
            return rate * 86_400.0 * calm(stream) / all;
        }
        calm(stream)
            * match stream {
                Stream::Order | Stream::Ticket | Stream::Survey => setting.customers(at),
                Stream::Pick | Stream::WarehouseTask | Stream::DeskTask => setting.staff(at),
            }
    }

    /// The stream's next arrival after `at`. Its pace is that of the hour; a gap that goes beyond it is drawn again from there, which
    /// changes nothing for arrivals that do not remember one another.
    fn schedule(&mut self, stream: Stream, at: Timestamp) {
        let mut from = at;
        loop {
            let hour_end = Timestamp((from.0.div_euclid(Span::HOUR.0) + 1) * Span::HOUR.0);
            let gap_seconds = self.desk.random.exponential(86_400.0 / self.per_day(stream, from));
            let next = after(from, gap_seconds);
            if next < hour_end {
                return self.desk.put(next, Due::Arrival(stream));
            }
            from = hour_end;
        }
    }
}

impl Iterator for Company {
    type Item = Emission;

    fn next(&mut self) -> Option<Emission> {
        self.next_until(Timestamp::MAX)
    }
}

impl Desk {
    fn put(&mut self, at: Timestamp, due: Due) {
        self.made += 1;
        self.queue.push(Reverse((at, self.made, due)));
    }

    /// The instant as the company's systems write it.
    pub(super) fn text(&self, at: Timestamp) -> String {
        self.zone.format(at)
    }

    /// Sends a record of what happens at `at`: mostly a moment later, some late, some twice.
    pub(super) fn send(&mut self, topic: &'static str, key: &str, at: Timestamp, value: &Value) {
        let value = value.to_string().into_bytes();
        let delay_seconds = match self.random.chance(LATE_SHARE) {
            true => self.random.between(300.0, 6.0 * 3_600.0),
            false => self.random.between(0.05, 3.0),
        };
        let sent_at = after(at, delay_seconds);
        if self.random.chance(COPY_SHARE) {
            let again = after(sent_at, self.random.between(1.0, 600.0));
            self.put_record(topic, key, at, again, value.clone());
        }
        self.put_record(topic, key, at, sent_at, value);
    }

    /// Sends bytes as they are.
    pub(super) fn put_record(
        &mut self,
        topic: &'static str,
        key: &str,
        at: Timestamp,
        sent_at: Timestamp,
        value: Vec<u8>,
    ) {
        let sending = Sending { topic, key: key.to_owned(), event_time: at, value };
        self.put(sent_at, Due::Sending(Box::new(sending)));
    }
}

/// The share of records that come minutes or hours after what they tell.
const LATE_SHARE: f64 = 0.02;

/// The share of records that are sent twice.
const COPY_SHARE: f64 = 0.01;

/// `seconds` after `at`.
pub(super) fn after(at: Timestamp, seconds: f64) -> Timestamp {
    at + Span((seconds * Span::SECOND.0 as f64) as i64)
}
