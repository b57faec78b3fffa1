//! What happens in the company, in order of arrival: orders are created and shipped, lines are picked, things fail, tickets come.

use std::collections::VecDeque;

use crate::chance::Chance;
use crate::event::{Dimension, Event, Kind, Measure, Start};

/// Time between two arrivals: 50 a second.
pub const STEP_MS: i64 = 20;

/// Open orders before the first one is shipped. So an order is open for at least 10 minutes, which no delay of its events spans.
const OPEN_MIN: usize = 20_000;

/// Orders that are never shipped.
const NEVER_SHIPPED: f64 = 0.10;

/// Events that arrive up to [`LATE_MS_MAX`] late, evenly.
const VERY_LATE: f64 = 0.02;

/// Further events that are late by [`LATE_MEAN_MS`] on average.
const LATE: f64 = 0.20;

/// 120 s.
pub const LATE_MS_MAX: u64 = 120_000;

const LATE_MEAN_MS: f64 = 2_000.0;

/// The longest that any work takes, in its unit; so histograms have a bound.
const WORK_MAX: f64 = 600_000.0;

/// An order that waits for its shipment.
struct Open {
    order: u64,
    start: Start,
}

/// An endless iterator of events and their times of arrival (ms since 1970).
pub struct Company {
    chance: Chance,
    begun_ms: i64,
    number: u64,
    orders: u64,
    tickets: u64,
    open: VecDeque<Open>,
}

impl Company {
    /// The company of a seed, whose first event arrives at `begun_ms`.
    pub fn new(seed: u64, begun_ms: i64) -> Company {
        Company { chance: Chance::new(seed), begun_ms, number: 0, orders: 0, tickets: 0, open: VecDeque::new() }
    }

    fn happened_before(&mut self) -> i64 {
        let chance = &mut self.chance;
        let kind = chance.share();
        if kind < VERY_LATE {
            chance.below(LATE_MS_MAX + 1) as i64
        } else if kind < VERY_LATE + LATE {
            chance.exponential(LATE_MEAN_MS).min(LATE_MS_MAX as f64) as i64
        } else {
            0
        }
    }

    fn created(&mut self, at_ms: i64) -> Event {
        self.orders += 1;
        let chance = &mut self.chance;
        let (warehouse, channel) = (chance.skewed(Dimension::Warehouse.members()), chance.below(4) as u16);
        let amount = chance.log_normal(4.0, 1.0).min(WORK_MAX) * 100.0;
        if !chance.is(NEVER_SHIPPED) {
            self.open.push_back(Open { order: self.orders, start: Start { at_ms, warehouse, channel } });
        }
        Event::new(Kind::Created, self.number, at_ms, self.orders, chance.bits())
            .of(Dimension::Warehouse, warehouse)
            .of(Dimension::Channel, channel)
            .with(Measure::Lines, 1 + chance.below(12) as i64)
            .with(Measure::Amount, amount as i64 + 1)
    }

    fn shipped(&mut self, at_ms: i64) -> Option<Event> {
        let chance = &mut self.chance;
        // One of the older half.
        let index = chance.below(self.open.len() as u64 / 2) as usize;
        self.open.swap(0, index);
        let open = self.open.pop_front()?;
        let mut event = Event::new(Kind::Shipped, self.number, at_ms, open.order, chance.bits())
            .of(Dimension::Warehouse, open.start.warehouse)
            .of(Dimension::Carrier, chance.below(5) as u16)
            .with(Measure::WeightG, 50 + chance.below(30_000) as i64);
        event.start = Some(open.start);
        Some(event)
    }

    fn picked(&mut self, at_ms: i64) -> Event {
        let orders = self.orders.max(1);
        let chance = &mut self.chance;
        Event::new(Kind::Picked, self.number, at_ms, 1 + chance.below(orders), chance.bits())
            .of(Dimension::Warehouse, chance.skewed(30))
            .of(Dimension::Crew, chance.below(12) as u16)
            .of(Dimension::Zone, chance.below(40) as u16)
            .of(Dimension::Picker, chance.below(400) as u16)
            .with(Measure::Lines, 1 + chance.below(20) as i64)
            .with(Measure::DurationMs, chance.log_normal(9.5, 0.7).min(WORK_MAX) as i64)
    }

    fn failed(&mut self, at_ms: i64) -> Event {
        let orders = self.orders.max(1);
        let chance = &mut self.chance;
        Event::new(Kind::Failed, self.number, at_ms, 1 + chance.below(orders), chance.bits())
            .of(Dimension::Warehouse, chance.skewed(30))
            .of(Dimension::Category, chance.skewed(12))
            .of(Dimension::Severity, chance.below(4) as u16)
            .with(Measure::LatencyMs, 1 + chance.below(9_000) as i64)
    }

    fn ticket(&mut self, at_ms: i64) -> Event {
        self.tickets += 1;
        let chance = &mut self.chance;
        let is_closed = chance.is(0.5);
        let kind = if is_closed { Kind::Closed } else { Kind::Opened };
        let event = Event::new(kind, self.number, at_ms, self.tickets.div_ceil(2), chance.bits())
            .of(Dimension::Team, chance.skewed(12))
            .of(Dimension::Priority, chance.below(4) as u16);
        if !is_closed {
            return event;
        }
        let event = event.with(Measure::HandleS, chance.log_normal(8.0, 1.0).min(WORK_MAX) as i64);
        if chance.is(0.6) { event.with(Measure::Csat, 1 + chance.below(5) as i64) } else { event }
    }
}

impl Iterator for Company {
    type Item = (i64, Event);

    fn next(&mut self) -> Option<(i64, Event)> {
        let arrives_ms = self.begun_ms + self.number as i64 * STEP_MS;
        let at_ms = arrives_ms - self.happened_before();
        let event = match self.chance.below(100) {
            0..30 => self.created(at_ms),
            30..55 if self.open.len() < OPEN_MIN => self.created(at_ms),
            30..55 => self.shipped(at_ms)?,
            55..80 => self.picked(at_ms),
            80..95 => self.failed(at_ms),
            _ => self.ticket(at_ms),
        };
        self.number += 1;
        Some((arrives_ms, event))
    }
}
