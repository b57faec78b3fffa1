//! Orders and what the warehouses do: picks, their errors, tasks.

use serde_json::json;

use super::company::{Desk, after};
use super::random::Quota;
use crate::time::Timestamp;

/// Warehouses: their share of the work, how many errors they make and how long they take, against the average.
const WAREHOUSES: [(Site, f64); 3] = [
    (Site { name: "SH1", errors: 0.80, slowness: 0.95, machines: 1.20 }, 0.44),
    (Site { name: "BJ2", errors: 1.00, slowness: 1.00, machines: 1.00 }, 0.33),
    (Site { name: "GZ3", errors: 1.38, slowness: 1.10, machines: 0.62 }, 0.23),
];

/// Where customers buy, and how many of them do.
pub(super) const CHANNELS: [(&str, f64); 4] = [("tmall", 0.42), ("jd", 0.26), ("app", 0.22), ("wechat", 0.10)];

#[derive(Clone, Copy, Debug)]
struct Site {
    name: &'static str,
    errors: f64,
    slowness: f64,
    machines: f64,
}

const HOUR_SECONDS: f64 = 3_600.0;
const DAY_SECONDS: f64 = 86_400.0;

/// The order system.
#[derive(Debug, Default)]
pub(super) struct Orders {
    number: u64,
    cancelled: Quota,
    dispatched: Quota,
}

impl Orders {
    /// An order is placed; all that follows of it is put down at once.
    pub(super) fn order(&mut self, desk: &mut Desk, at: Timestamp) {
        self.number += 1;
        let order = format!("SO{:07}", self.number);
        let site = desk.random.pick(&WAREHOUSES);
        let channel = desk.random.pick(&CHANNELS);
        let wave = if desk.setting.is_peak(at) { "peak" } else { "standard" };
        let amount = (desk.random.lognormal(220.0, 0.7) * 100.0).round() / 100.0;
        let mut step = 0;
        let mut say = |desk: &mut Desk, kind: &str, at: Timestamp| {
            step += 1;
            let mut record = json!({
                "event_id": format!("{order}-{step}"), "type": format!("order.{kind}"), "order_id": order, "at": desk.text(at),
                "warehouse": site.name, "channel": channel,
            });
            if kind == "created" {
                record["wave"] = wave.into();
                record["amount"] = amount.into();
                record["promised_at"] = desk.text(after(at, 5.0 * DAY_SECONDS)).into();
            }
            desk.send("oms.orders", &order, at, &record);
        };
        say(desk, "created", at);
        if self.cancelled.take(0.03) {
            let cancelled = after(at, desk.random.between(600.0, 5.0 * HOUR_SECONDS));
            return say(desk, "cancelled", cancelled);
        }
        let setting = desk.setting;
        let processing = site.slowness * desk.random.lognormal(setting.processing_hours(at) * HOUR_SECONDS, 0.45);
        let in_time = self.dispatched.take(setting.dispatched_share(at) + 0.06 * (1.0 - site.slowness) / 0.1);
        let dispatch = match in_time && processing < 22.0 * HOUR_SECONDS {
            true => desk.random.between(processing + 0.5 * HOUR_SECONDS, 23.7 * HOUR_SECONDS),
            false => processing.max(24.2 * HOUR_SECONDS) + desk.random.between(0.2, 14.0) * HOUR_SECONDS,
        };
        let delivery = site.slowness * desk.random.lognormal(setting.fulfilment_days(at) * DAY_SECONDS, 0.2);
        let delivery = delivery.max(dispatch + desk.random.between(9.0, 20.0) * HOUR_SECONDS);
        say(desk, "packed", after(at, processing));
        say(desk, "shipped", after(at, dispatch));
        say(desk, "delivered", after(at, delivery));
    }
}

/// The warehouse system.
#[derive(Debug, Default)]
pub(super) struct Warehouse {
    picks: u64,
    errors: u64,
    tasks: u64,
    mispicked: [Quota; 3],
    escaped: [Quota; 3],
    automated: Quota,
    manual: Quota,
}

impl Warehouse {
    /// A line of an order is picked, sometimes wrongly.
    pub(super) fn pick(&mut self, desk: &mut Desk, at: Timestamp) {
        self.picks += 1;
        let pick = format!("P{:08}", self.picks);
        let index = desk.random.pick(&[(0, WAREHOUSES[0].1), (1, WAREHOUSES[1].1), (2, WAREHOUSES[2].1)]);
        let site = WAREHOUSES[index].0;
        let sku = format!("SKU-{:04}", desk.random.bits() % 3_000);
        let quantity = 1 + desk.random.bits() % 4;
        let record = json!({
            "pick_id": pick, "picked_at": desk.text(at), "warehouse": site.name, "sku": sku, "quantity": quantity,
            "picker": format!("{}-{:02}", site.name, desk.random.bits() % 40),
        });
        desk.send("wms.picks", &pick, at, &record);
        let setting = desk.setting;
        // What reaches a customer is a mispick in two of three cases, else something is missing.
        let escape = self.escaped[index].take(site.errors * setting.escape_share(at));
        if escape {
            let category = if desk.random.chance(0.67) { "mispick" } else { "short_pick" };
            let found = after(at, desk.random.between(2.5, 6.0) * DAY_SECONDS);
            self.error(desk, &pick, site, category, ("customer", found));
        }
        let checked = site.errors * (setting.mispick_share(at) - 0.67 * setting.escape_share(at));
        if self.mispicked[index].take(checked) {
            let found = after(at, desk.random.between(120.0, 2_400.0));
            self.error(desk, &pick, site, "mispick", ("check", found));
        } else if desk.random.chance(0.004) {
            let category = desk.random.pick(&[("damaged", 2.0), ("mislabelled", 1.0)]);
            let found = after(at, desk.random.between(120.0, 2_400.0));
            self.error(desk, &pick, site, category, ("check", found));
        }
    }

    fn error(&mut self, desk: &mut Desk, pick: &str, site: Site, category: &str, (by, at): (&str, Timestamp)) {
        self.errors += 1;
        let error = format!("E{:06}", self.errors);
        // This system has its own name for the warehouse, as another one always has.
        let record = json!({
            "error_id": error, "pick_id": pick, "wh_code": site.name, "category": category, "found_at": by, "detected_at": desk.text(at),
        });
        desk.send("wms.errors", pick, at, &record);
    }

    /// A task in a warehouse is done: put away, moved, packed, sorted.
    pub(super) fn task(&mut self, desk: &mut Desk, at: Timestamp) {
        let site = desk.random.pick(&WAREHOUSES);
        let by = match self.automated.take(site.machines * desk.setting.automated_share(at)) {
            true => desk.random.pick(&[("robot", 4.0), ("conveyor", 3.0), ("sorter", 2.0)]),
            false => desk.random.pick(&[("worker", 5.0), ("forklift", 2.0)]),
        };
        let name = desk.random.pick(&[("put-away", 2.0), ("replenish", 1.0), ("pack", 3.0), ("sort", 2.0)]);
        self.done(desk, at, ("warehouse", site.name), name, by);
    }

    /// A step of an order is processed at the order desk: by the systems, or by a clerk where they do not speak to each other.
    pub(super) fn desk_task(&mut self, desk: &mut Desk, at: Timestamp) {
        let by = if self.manual.take(desk.setting.manual_share(at)) { "clerk" } else { "system" };
        let name = desk.random.pick(&[("stock-check", 3.0), ("address-fix", 1.0), ("invoice", 3.0), ("release", 2.0)]);
        let site = desk.random.pick(&WAREHOUSES);
        self.done(desk, at, ("order-desk", site.name), name, by);
    }

    fn done(&mut self, desk: &mut Desk, at: Timestamp, (area, site): (&str, &str), name: &str, by: &str) {
        self.tasks += 1;
        let task = format!("T{:08}", self.tasks);
        let record = json!({
            "task_id": task, "area": area, "warehouse": site, "task": name, "done_by": by, "done_at": desk.text(at),
        });
        desk.send("wms.tasks", &task, at, &record);
    }
}
