//! Customers who ask and answer, and the staff that is trained.

use serde_json::json;

use super::company::{Desk, after};
use super::random::Quota;
use super::warehouse::CHANNELS;
use crate::time::{Span, Timestamp};

/// The staff to be trained: team and number of people.
const STAFF: [(&str, u32); 3] = [("warehouse", 130), ("fulfilment", 50), ("support", 60)];

/// Tickets for each order; some of them are complaints.
const TICKETS_PER_ORDER: f64 = 0.18;

/// The support desk.
#[derive(Debug, Default)]
pub(super) struct Support {
    tickets: u64,
    surveys: u64,
    complaints: Quota,
    satisfied: Quota,
}

impl Support {
    /// A customer asks or complains, and gets an answer.
    pub(super) fn ticket(&mut self, desk: &mut Desk, at: Timestamp) {
        self.tickets += 1;
        let ticket = format!("K{:06}", self.tickets);
        let channel = desk.random.pick(&CHANNELS);
        let complains = self.complaints.take(desk.setting.complaint_share(at) / TICKETS_PER_ORDER);
        let reason = match complains {
            true => "complaint",
            false => {
                desk.random.pick(&[("where-is-my-order", 4.0), ("change", 2.0), ("return", 2.0), ("product", 1.0)])
            }
        };
        let opened = json!({
            "event_id": format!("{ticket}-1"), "type": "ticket.opened", "ticket_id": ticket, "reason": reason, "channel": channel,
            "at": desk.text(at),
        });
        desk.send("crm.tickets", &ticket, at, &opened);
        let slower = if channel == "wechat" { 1.25 } else { 0.97 };
        let minutes = slower * desk.random.lognormal(desk.setting.handle_minutes(at), 0.5);
        let end = after(at, 60.0 * minutes);
        let resolved = json!({
            "event_id": format!("{ticket}-2"), "type": "ticket.resolved", "ticket_id": ticket, "agent": format!("A{:02}", desk.random.bits() % 24),
            "channel": channel, "at": desk.text(end),
        });
        desk.send("crm.tickets", &ticket, end, &resolved);
    }

    /// A customer answers the survey.
    pub(super) fn survey(&mut self, desk: &mut Desk, at: Timestamp) {
        self.surveys += 1;
        let survey = format!("V{:06}", self.surveys);
        let channel = desk.random.pick(&CHANNELS);
        let better = match channel {
            "app" => 0.015,
            "wechat" => -0.03,
            _ => 0.0,
        };
        let satisfied = self.satisfied.take(desk.setting.satisfied_share(at) + better);
        let score = match satisfied {
            true => desk.random.pick(&[(5, 0.82), (4, 0.18)]),
            false => desk.random.pick(&[(3, 0.5), (2, 0.3), (1, 0.2)]),
        };
        let record = json!({
            "survey_id": survey, "score": score, "channel": channel, "answered_ms": at.0 / 1_000,
        });
        desk.send("crm.surveys", &survey, at, &record);
    }

    /// The quarter's training: all are enrolled on its first morning, and certified over its weeks; some fail once.
    pub(super) fn train(&mut self, desk: &mut Desk) {
        let (start, end) = (desk.setting.start, desk.setting.end);
        let weeks = (end.0 - start.0) as f64 / Span::DAY.0 as f64 - 6.0;
        let all: u32 = STAFF.iter().map(|(_, number)| number).sum();
        let mut person = 0;
        for (team, number) in STAFF {
            for of_team in 0..number {
                person += 1;
                let badge = format!("B{person:03}");
                let enrolled = after(start, 9.0 * 3_600.0 + f64::from(person) * 20.0);
                let record = json!({
                    "event_id": format!("{badge}-0"), "type": "training.enrolled", "badge": badge, "team": team, "at": desk.text(enrolled),
                });
                desk.send("hr.training", &badge, enrolled, &record);
                // The teams are certified evenly over the quarter, each person on a workday's afternoon.
                let share = (f64::from(of_team) + desk.random.unit()) / f64::from(number);
                let day = (2.0 + share * weeks).floor() * 86_400.0;
                let mut attempt = 1;
                if desk.random.chance(30.0 / f64::from(all)) {
                    self.exam(desk, (&badge, team, attempt), after(start, (day - 86_400.0) + 15.0 * 3_600.0));
                    attempt += 1;
                }
                let hour = desk.random.between(14.0, 18.0) * 3_600.0;
                self.exam(desk, (&badge, team, attempt + 1), after(start, day + hour));
            }
        }
    }

    /// An exam; the first of two attempts is a failed one.
    fn exam(&mut self, desk: &mut Desk, (badge, team, attempt): (&str, &str, u32), at: Timestamp) {
        let grade = if attempt == 1 { desk.random.between(35.0, 59.0) } else { desk.random.between(62.0, 100.0) };
        let record = json!({
            "event_id": format!("{badge}-{attempt}"), "type": "training.certified", "badge": badge, "team": team, "grade": grade.round(),
            "at": desk.text(at),
        });
        desk.send("hr.training", badge, at, &record);
    }
}
