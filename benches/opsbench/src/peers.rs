//! The peers' job of 8 results: its exact answers, and how a peer's own are compared with them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::event::{Dimension, Event, Kind, Measure};

/// The 8 results and sums that hold their groups, as each peer prints them. What a peer cannot tell it leaves out.
///
/// | result | by | check |
/// |---|---|---|
/// | picks, mispicks | hour and warehouse | Σ n · (hours since 1970 mod 1009) · (number of the warehouse) |
/// | orders, amount | warehouse and channel | Σ n · (10 · number of the warehouse + number of the channel) |
/// | pick_mean, pick_p50, pick_p90 | | |
/// | lead_n, lead_mean (ms) | | pairs: each order once, or each combination of copies as a join makes them |
/// | handle_n, handle_mean, csat_n, csat_mean | | |
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeerAnswers {
    pub picks: Option<f64>,
    pub picks_check: Option<f64>,
    pub mispicks: Option<f64>,
    pub mispicks_check: Option<f64>,
    pub orders: Option<f64>,
    pub orders_check: Option<f64>,
    pub amount: Option<f64>,
    pub pick_mean: Option<f64>,
    pub pick_p50: Option<f64>,
    pub pick_p90: Option<f64>,
    pub lead_n: Option<f64>,
    pub lead_mean: Option<f64>,
    /// Of a join, in which copies make pairs of their own.
    pub joined_n: Option<f64>,
    pub joined_mean: Option<f64>,
    pub handle_n: Option<f64>,
    pub handle_mean: Option<f64>,
    pub csat_n: Option<f64>,
    pub csat_mean: Option<f64>,
}

/// How far a sum of doubles may be off.
const OF_DOUBLES: f64 = 1e-9;

/// How far an estimated percentile may be off.
const OF_PERCENTILES: f64 = 0.01;

/// How far a mean of whole seconds may be off, in ms.
const OF_SECONDS: f64 = 1_000.0;

/// What a peer's durations are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Milliseconds,
    /// Flink SQL subtracts timestamps to whole seconds.
    Seconds,
}

impl PeerAnswers {
    /// What differs from the exact answers, a line each, and what is missing.
    pub fn compare(&self, exact: &PeerAnswers, precision: Precision) -> Vec<String> {
        let mut faults = Vec::new();
        let mut compare = |name: &str, own: Option<f64>, exact: Option<f64>, allowed: f64| match (own, exact) {
            (None, Some(exact)) => faults.push(format!("{name}: none, not {exact}")),
            (Some(own), Some(exact)) if (own - exact).abs() > allowed => {
                faults.push(format!("{name}: {own}, not {exact}"))
            }
            _ => {}
        };
        let near = |exact: Option<f64>| exact.unwrap_or(0.0).abs() * OF_DOUBLES;
        for (name, own, exact) in [
            ("picks", self.picks, exact.picks),
            ("picks_check", self.picks_check, exact.picks_check),
            ("mispicks", self.mispicks, exact.mispicks),
            ("mispicks_check", self.mispicks_check, exact.mispicks_check),
            ("orders", self.orders, exact.orders),
            ("orders_check", self.orders_check, exact.orders_check),
            ("amount", self.amount, exact.amount),
            ("pick_mean", self.pick_mean, exact.pick_mean),
            ("handle_n", self.handle_n, exact.handle_n),
            ("handle_mean", self.handle_mean, exact.handle_mean),
            ("csat_n", self.csat_n, exact.csat_n),
            ("csat_mean", self.csat_mean, exact.csat_mean),
        ] {
            compare(name, own, exact, near(exact));
        }
        let (n, mean) = if self.joined_n.is_some() {
            ((self.joined_n, exact.joined_n), (self.joined_mean, exact.joined_mean))
        } else {
            ((self.lead_n, exact.lead_n), (self.lead_mean, exact.lead_mean))
        };
        compare("lead_n", n.0, n.1, 0.0);
        let allowed = if precision == Precision::Seconds { OF_SECONDS } else { near(mean.1) };
        compare("lead_mean", mean.0, mean.1, allowed);
        for (name, own, exact) in [("p50", self.pick_p50, exact.pick_p50), ("p90", self.pick_p90, exact.pick_p90)] {
            // Those who have percentiles are held to them.
            if own.is_some() {
                compare(name, own, exact, exact.unwrap_or(0.0) * OF_PERCENTILES);
            }
        }
        faults
    }
}

/// n and a sum.
#[derive(Clone, Copy, Default)]
struct Sum(u64, i128);

impl Sum {
    fn add(&mut self, times: u64, value: i64) {
        self.0 += times;
        self.1 += i128::from(times) * i128::from(value);
    }

    fn n(self) -> Option<f64> {
        Some(self.0 as f64)
    }

    fn mean(self) -> Option<f64> {
        (self.0 > 0).then(|| self.1 as f64 / self.0 as f64)
    }
}

/// Adds up the peers' job, copies counted too.
#[derive(Default)]
pub struct Adder {
    picks: Sum,
    mispicks: Sum,
    orders: Sum,
    amount: Sum,
    work: Sum,
    works: Vec<u32>,
    lead: Sum,
    joined: Sum,
    handling: Sum,
    csat: Sum,
    /// How often an open order was created, where more than once. A copy comes within minutes, a shipment after them.
    created: HashMap<u64, u64>,
    /// Of shipments that may still come again: how often the order was created.
    shipped: HashMap<u64, u64>,
}

impl Adder {
    /// One event, or a copy of one.
    pub fn add(&mut self, event: &Event, is_copy: bool) {
        let warehouse = i64::from(event.member(Dimension::Warehouse));
        let by_hour = event.at_ms.div_euclid(3_600_000) % 1_009 * warehouse;
        match event.kind {
            Kind::Created => {
                self.orders.add(1, 10 * warehouse + i64::from(event.member(Dimension::Channel)));
                self.amount.add(1, event.measure(Measure::Amount).unwrap_or(0));
                if is_copy {
                    *self.created.entry(event.subject).or_insert(1) += 1;
                }
            }
            Kind::Shipped => self.shipment(event, is_copy),
            Kind::Picked => {
                let millis = event.measure(Measure::DurationMs).unwrap_or(0);
                self.picks.add(1, by_hour);
                self.work.add(1, millis);
                let index = usize::try_from(millis).expect("a measure of 0 or more");
                if index >= self.works.len() {
                    self.works.resize(index + 1, 0);
                }
                self.works[index] += 1;
            }
            Kind::Failed if event.member(Dimension::Category) == 0 => self.mispicks.add(1, by_hour),
            Kind::Failed | Kind::Opened => {}
            Kind::Closed => {
                self.handling.add(
                    u64::from(event.measure(Measure::HandleS).is_some()),
                    event.measure(Measure::HandleS).unwrap_or(0),
                );
                self.csat
                    .add(u64::from(event.measure(Measure::Csat).is_some()), event.measure(Measure::Csat).unwrap_or(0));
            }
        }
    }

    fn shipment(&mut self, event: &Event, is_copy: bool) {
        let Some(start) = event.start else { return };
        let lead = event.at_ms - start.at_ms;
        let order = event.subject;
        if is_copy {
            let times = self.shipped.get(&order).copied().unwrap_or(1);
            self.joined.add(times, lead);
            return;
        }
        self.lead.add(1, lead);
        let times = self.created.remove(&order).unwrap_or(1);
        if times > 1 {
            self.shipped.insert(order, times);
        }
        self.joined.add(times, lead);
    }

    fn percentile(&self, basis_points: u64) -> Option<f64> {
        let rank = (self.work.0 * basis_points).div_ceil(10_000).max(1);
        let mut seen = 0;
        let found = self.works.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        });
        found.map(|value| value as f64)
    }

    /// The answers so far.
    pub fn finish(self) -> PeerAnswers {
        PeerAnswers {
            picks: self.picks.n(),
            picks_check: Some(self.picks.1 as f64),
            mispicks: self.mispicks.n(),
            mispicks_check: Some(self.mispicks.1 as f64),
            orders: self.orders.n(),
            orders_check: Some(self.orders.1 as f64),
            amount: Some(self.amount.1 as f64 / 100.0),
            pick_mean: self.work.mean(),
            pick_p50: self.percentile(5_000),
            pick_p90: self.percentile(9_000),
            lead_n: self.lead.n(),
            lead_mean: self.lead.mean(),
            joined_n: self.joined.n(),
            joined_mean: self.joined.mean(),
            handle_n: self.handling.n(),
            handle_mean: self.handling.mean(),
            csat_n: self.csat.n(),
            csat_mean: self.csat.mean(),
        }
    }
}
