//! What real topics hold besides good records: broken ones, wrong values, members that nobody knows. They come in addition, so that no
//! figure of the story hangs on them.

use super::company::{Desk, after};
use super::random::Random;
use crate::time::Timestamp;

/// One spoiled record on so many arrivals.
const ARRIVALS_PER_FLAW: u64 = 900;

/// What spoils.
#[derive(Debug)]
pub(super) struct Flaws {
    random: Random,
    made: u64,
}

impl Flaws {
    pub(super) fn new(seed: u64) -> Flaws {
        Flaws { random: Random::new(seed), made: 0 }
    }

    /// After an arrival: now and then something broken is sent too.
    pub(super) fn spoil(&mut self, desk: &mut Desk, at: Timestamp) {
        if !self.random.bits().is_multiple_of(ARRIVALS_PER_FLAW) {
            return;
        }
        let (time, ms) = (desk.text(at), at.0 / 1_000);
        self.made += 1;
        let made = self.made;
        let (topic, value) = match made % 7 {
            // Cut off in the middle: a dead letter.
            0 => (
                "oms.orders",
                format!(r#"{{"event_id":"X{made}-1","type":"order.created","order_id":"X{made}","at":"{time}","wareh"#),
            ),
            // No time: a dead letter of each event that would take the row.
            1 => ("wms.picks", format!(r#"{{"pick_id":"X{made}","warehouse":"SH1","picked_at":null}}"#)),
            // A word for a number: a value fault of the filter.
            2 => (
                "crm.surveys",
                format!(r#"{{"survey_id":"X{made}","score":"five","channel":"app","answered_ms":{ms}}}"#),
            ),
            // Beyond the scale: left out by the event's filter.
            3 => ("crm.surveys", format!(r#"{{"survey_id":"X{made}","score":9,"channel":"app","answered_ms":{ms}}}"#)),
            // No record at all, from somebody's test.
            4 => ("wms.tasks", "test".to_owned()),
            // A promise in words: a value fault of the deadline.
            5 => (
                "oms.orders",
                format!(
                    r#"{{"event_id":"X{made}-1","type":"order.created","order_id":"X{made}","at":"{time}","warehouse":"SH1","channel":"app","wave":"standard","promised_at":"soon"}}"#
                ),
            ),
            // A time in words: a dead letter.
            _ => (
                "crm.tickets",
                format!(
                    r#"{{"event_id":"X{made}-2","type":"ticket.resolved","ticket_id":"X{made}","channel":"jd","at":"yesterday"}}"#
                ),
            ),
        };
        let sent_at = after(at, 1.0);
        desk.put_record(topic, &format!("X{made}"), at, sent_at, value.into_bytes());
    }
}
