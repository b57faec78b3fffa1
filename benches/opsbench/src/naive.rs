//! `opsbench naive`: the peers' job as a first version in Rust would have it. StreamConsumer, `serde_json::Value`, a HashMap each.

use std::collections::HashMap;

use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::message::Message as _;
use serde_json::Value;

use crate::consume::{Arguments, BEGIN, END, everything, hand_over};
use crate::failure::Failure;
use crate::peers::PeerAnswers;

#[derive(Default)]
struct Mean {
    n: u64,
    sum: f64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.n += 1;
        self.sum += value;
    }

    fn n(&self) -> Option<f64> {
        Some(self.n as f64)
    }

    fn mean(&self) -> Option<f64> {
        Some(self.sum / self.n as f64)
    }
}

#[derive(Default)]
struct State {
    picks: HashMap<(i64, String), u64>,
    mispicks: HashMap<(i64, String), u64>,
    orders: HashMap<(String, String), u64>,
    open: HashMap<String, i64>,
    amount: f64,
    durations: Vec<f64>,
    duration: Mean,
    lead: Mean,
    handling: Mean,
    csat: Mean,
}

impl State {
    fn add(&mut self, topic: &str, payload: &[u8]) {
        // A record that is no JSON is left out.
        let Ok(event) = serde_json::from_slice::<Value>(payload) else { return };
        let at: Option<jiff::Timestamp> = event["ts"].as_str().and_then(|text| text.parse().ok());
        let Some(at_ms) = at.map(|at| at.as_millisecond()) else { return };
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let hour = at_ms.div_euclid(3_600_000);
        match topic {
            "orders" if event["type"] == "created" => {
                *self.orders.entry((text("warehouse"), text("channel"))).or_default() += 1;
                self.amount += event["amount"].as_f64().unwrap_or(0.0);
                self.open.insert(text("order_id"), at_ms);
            }
            "orders" => {
                if let Some(created) = self.open.remove(&text("order_id")) {
                    self.lead.add((at_ms - created) as f64);
                }
            }
            "picks" => {
                *self.picks.entry((hour, text("warehouse"))).or_default() += 1;
                let duration = event["duration_ms"].as_f64().unwrap_or(0.0);
                self.duration.add(duration);
                self.durations.push(duration);
            }
            "errors" if event["category"] == "mispick" => {
                *self.mispicks.entry((hour, text("warehouse"))).or_default() += 1;
            }
            "errors" => {}
            _ => {
                event["handle_s"].as_f64().into_iter().for_each(|value| self.handling.add(value));
                event["csat"].as_f64().into_iter().for_each(|value| self.csat.add(value));
            }
        }
    }

    fn results(mut self) -> PeerAnswers {
        self.durations.sort_by(f64::total_cmp);
        let percentile = |p: usize| self.durations.get((self.durations.len() * p).div_ceil(100).max(1) - 1).copied();
        let number = |name: &str| name[3..].parse::<i64>().unwrap_or(0);
        let total = |groups: &HashMap<(i64, String), u64>| Some(groups.values().sum::<u64>() as f64);
        let check = |groups: &HashMap<(i64, String), u64>| {
            let of = |((hour, warehouse), n): (&(i64, String), &u64)| *n as i64 * (hour % 1_009) * number(warehouse);
            Some(groups.iter().map(of).sum::<i64>() as f64)
        };
        let of_orders = |((warehouse, channel), n): (&(String, String), &u64)| {
            *n as i64 * (10 * number(warehouse) + number(channel))
        };
        PeerAnswers {
            picks: total(&self.picks),
            picks_check: check(&self.picks),
            mispicks: total(&self.mispicks),
            mispicks_check: check(&self.mispicks),
            orders: Some(self.orders.values().sum::<u64>() as f64),
            orders_check: Some(self.orders.iter().map(of_orders).sum::<i64>() as f64),
            amount: Some(self.amount),
            pick_mean: self.duration.mean(),
            pick_p50: percentile(50),
            pick_p90: percentile(90),
            lead_n: self.lead.n(),
            lead_mean: self.lead.mean(),
            joined_n: None,
            joined_mean: None,
            handle_n: self.handling.n(),
            handle_mean: self.handling.mean(),
            csat_n: self.csat.n(),
            csat_mean: self.csat.mean(),
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|error| Failure::new("the runtime", error))?.block_on(async {
        let consumer: StreamConsumer =
            arguments.config().create().map_err(|error| Failure::new("the consumer", error))?;
        let (partitions, expected) = everything(&consumer)?;
        println!("{BEGIN}");
        consumer.assign(&partitions).map_err(|error| Failure::new("assigning", error))?;
        let mut state = State::default();
        for _ in 0..expected {
            let message = consumer.recv().await.map_err(|error| Failure::new("receiving", error))?;
            state.add(message.topic(), message.payload().unwrap_or_default());
        }
        println!("{END}");
        hand_over(&serde_json::to_value(state.results()).unwrap_or_default());
        Ok(())
    })
}
