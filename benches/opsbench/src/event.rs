//! The events of OpsBench: what each kind carries, and how it is written as JSON.

use std::fmt::Write as _;

/// The topics, in order of their names.
pub const TOPICS: [&str; 4] = ["errors", "orders", "picks", "tickets"];

/// Partitions of each topic.
pub const PARTITIONS: i32 = 4;

/// A kind of event: an `event` of the book.
///
/// | kind | topic | share |
/// |---|---|---|
/// | created | orders | 30 % |
/// | shipped | orders | 25 % |
/// | picked | picks | 25 % |
/// | failed | errors | 15 % |
/// | opened, closed | tickets | 5 % |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Created,
    Shipped,
    Picked,
    Failed,
    Opened,
    Closed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [Kind::Created, Kind::Shipped, Kind::Picked, Kind::Failed, Kind::Opened, Kind::Closed];

    /// Its name in the book.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Created => "created",
            Kind::Shipped => "shipped",
            Kind::Picked => "picked",
            Kind::Failed => "failed",
            Kind::Opened => "opened",
            Kind::Closed => "closed",
        }
    }

    /// Index of its topic in [`TOPICS`].
    pub fn topic(self) -> usize {
        match self {
            Kind::Failed => 0,
            Kind::Created | Kind::Shipped => 1,
            Kind::Picked => 2,
            Kind::Opened | Kind::Closed => 3,
        }
    }

    /// The filter that tells it from the other kind of its topic.
    pub fn filter(self) -> Option<String> {
        let shares_topic = Kind::ALL.iter().filter(|kind| kind.topic() == self.topic()).count() > 1;
        shares_topic.then(|| format!("type = '{}'", self.name()))
    }
}

/// What events are looked at by. Members are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    Warehouse,
    Channel,
    Carrier,
    Crew,
    Zone,
    Picker,
    Category,
    Severity,
    Team,
    Priority,
}

/// A member of a dimension that an event does not have.
pub const NONE: u16 = u16::MAX;

/// Every dimension of an event has a place in an array.
pub const DIMENSIONS: usize = 10;

const CATEGORIES: [&str; 12] = [
    "mispick", "timeout", "damage", "stockout", "label", "address", "payment", "weight", "scanner", "conveyor",
    "carrier", "other",
];

impl Dimension {
    /// How many members it has.
    pub fn members(self) -> u16 {
        match self {
            Dimension::Warehouse => 30,
            Dimension::Zone => 40,
            Dimension::Picker => 400,
            Dimension::Crew | Dimension::Category | Dimension::Team => 12,
            Dimension::Channel | Dimension::Severity | Dimension::Priority => 4,
            Dimension::Carrier => 5,
        }
    }

    /// Its field, and its name in the book.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Warehouse => "warehouse",
            Dimension::Channel => "channel",
            Dimension::Carrier => "carrier",
            Dimension::Crew => "crew",
            Dimension::Zone => "zone",
            Dimension::Picker => "picker",
            Dimension::Category => "category",
            Dimension::Severity => "severity",
            Dimension::Team => "team",
            Dimension::Priority => "priority",
        }
    }

    /// A member as it stands in the events. The number of a warehouse and of a channel is the last part of its name: peers' checks go by it.
    pub fn member(self, number: u16) -> String {
        match self {
            Dimension::Warehouse => format!("WH-{number:02}"),
            Dimension::Channel => format!("CH-{number}"),
            Dimension::Carrier => format!("carrier-{number}"),
            Dimension::Crew => format!("crew-{number:02}"),
            Dimension::Zone => format!("Z{number:02}"),
            Dimension::Picker => format!("P{number:04}"),
            Dimension::Category => CATEGORIES[usize::from(number)].to_owned(),
            Dimension::Severity => format!("S{number}"),
            Dimension::Team => format!("team-{number:02}"),
            Dimension::Priority => format!("p{number}"),
        }
    }
}

/// A number that an event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// In hundredths here; the events have two decimals.
    Amount,
    Lines,
    WeightG,
    DurationMs,
    LatencyMs,
    HandleS,
    Csat,
}

/// Every measure of an event has a place in an array.
pub const MEASURES: usize = 7;

impl Measure {
    /// Its field in the events.
    pub fn field(self) -> &'static str {
        match self {
            Measure::Amount => "amount",
            Measure::Lines => "lines",
            Measure::WeightG => "weight_g",
            Measure::DurationMs => "duration_ms",
            Measure::LatencyMs => "http.latency_ms",
            Measure::HandleS => "handle_s",
            Measure::Csat => "csat",
        }
    }

    /// How many of our units one of the event's is.
    pub fn scale(self) -> i64 {
        if self == Measure::Amount { 100 } else { 1 }
    }
}

/// The creation of an order that was shipped.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Event time, ms since 1970.
    pub at_ms: i64,
    /// Its warehouse and channel.
    pub warehouse: u16,
    pub channel: u16,
}

/// One event, before it is written.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: Kind,
    /// How many events came before it.
    pub number: u64,
    /// Event time, ms since 1970.
    pub at_ms: i64,
    /// The order, or the ticket.
    pub subject: u64,
    /// Random bits for the fields that nothing reads, and the id.
    pub noise: u64,
    /// Of a shipment.
    pub start: Option<Start>,
    members: [u16; DIMENSIONS],
    measures: [Option<i64>; MEASURES],
}

impl Event {
    /// An event without dimensions and measures.
    pub fn new(kind: Kind, number: u64, at_ms: i64, subject: u64, noise: u64) -> Event {
        let (members, measures) = ([NONE; DIMENSIONS], [None; MEASURES]);
        Event { kind, number, at_ms, subject, noise, start: None, members, measures }
    }

    /// With this member of a dimension.
    pub fn of(mut self, dimension: Dimension, member: u16) -> Event {
        self.members[dimension as usize] = member;
        self
    }

    /// With this number.
    pub fn with(mut self, measure: Measure, value: i64) -> Event {
        self.measures[measure as usize] = Some(value);
        self
    }

    /// Its member of a dimension, or [`NONE`].
    pub fn member(&self, dimension: Dimension) -> u16 {
        self.members[dimension as usize]
    }

    /// A number of it, in our units.
    pub fn measure(&self, measure: Measure) -> Option<i64> {
        self.measures[measure as usize]
    }

    /// The key of its record.
    pub fn key(&self) -> String {
        match self.kind {
            Kind::Opened | Kind::Closed => format!("T-{:08}", self.subject),
            _ => format!("ORD-{:09}", self.subject),
        }
    }

    /// The whole JSON object.
    pub fn write(&self, text: &mut String) {
        text.clear();
        let (kind, number, at) = (self.kind.name(), self.number, Instant(self.at_ms));
        // 48 random bits and the number: no two are equal.
        let head =
            write!(text, r#"{{"event_id":"ev-{:012x}-{number:09x}","type":"{kind}","ts":"{at}""#, self.noise >> 16);
        head.and_then(|()| self.body(text)).and_then(|()| text.write_char('}')).expect("text in memory");
    }

    fn body(&self, text: &mut String) -> std::fmt::Result {
        let (noise, key) = (self.noise, self.key());
        let name = |dimension: Dimension| dimension.member(self.member(dimension));
        let number = |measure: Measure| self.measure(measure).unwrap_or(0);
        match self.kind {
            Kind::Created => {
                let (cents, customer, due) =
                    (number(Measure::Amount), noise % 500_000, Instant(self.at_ms + 86_400_000));
                let (warehouse, channel) = (name(Dimension::Warehouse), name(Dimension::Channel));
                let (units, hundredths, lines) = (cents / 100, cents % 100, number(Measure::Lines));
                write!(
                    text,
                    r#","order_id":"{key}","warehouse":"{warehouse}","channel":"{channel}","customer":{{"id":"C{customer:07}","tier":"gold"}},"lines":{lines},"amount":{units}.{hundredths:02},"currency":"EUR","promised_at":"{due}","meta":{{"trace":"{noise:016x}","v":3}}"#
                )
            }
            Kind::Shipped => {
                let (warehouse, carrier) = (name(Dimension::Warehouse), name(Dimension::Carrier));
                let (weight, parcels, host) = (number(Measure::WeightG), 1 + noise % 3, noise % 40);
                write!(
                    text,
                    r#","order_id":"{key}","warehouse":"{warehouse}","carrier":"{carrier}","parcels":{parcels},"weight_g":{weight},"meta":{{"trace":"{noise:016x}","host":"pack-{host:02}","v":3}}"#
                )
            }
            Kind::Picked => {
                let (warehouse, crew) = (name(Dimension::Warehouse), name(Dimension::Crew));
                let (zone, picker) = (name(Dimension::Zone), name(Dimension::Picker));
                let (lines, millis, host) = (number(Measure::Lines), number(Measure::DurationMs), noise % 400);
                write!(
                    text,
                    r#","order_id":"{key}","pick_id":"PK-{:010}","warehouse":"{warehouse}","crew":"{crew}","picker":"{picker}","zone":"{zone}","lines":{lines},"duration_ms":{millis},"ok":true,"meta":{{"trace":"{noise:016x}","host":"scan-{host:03}","v":3}}"#,
                    self.number
                )
            }
            Kind::Failed => {
                let (warehouse, category) = (name(Dimension::Warehouse), name(Dimension::Category));
                let (severity, code, status) = (name(Dimension::Severity), 100 + noise % 40, 500 + noise % 5);
                let latency = number(Measure::LatencyMs);
                write!(
                    text,
                    r#","order_id":"{key}","warehouse":"{warehouse}","category":"{category}","code":"E{code}","severity":"{severity}","message":"deadline exceeded while calling \"inventory\" backend","http":{{"status":{status},"latency_ms":{latency}}},"trace":"{noise:016x}""#
                )
            }
            Kind::Opened | Kind::Closed => {
                let (team, priority, requester) = (name(Dimension::Team), name(Dimension::Priority), noise % 500_000);
                write!(
                    text,
                    r#","ticket_id":"{key}","team":"{team}","priority":"{priority}","tags":["returns","delay"],"requester":{{"id":"C{requester:07}","lang":"de"}},"trace":"{noise:016x}""#
                )?;
                for measure in [Measure::HandleS, Measure::Csat] {
                    if let Some(value) = self.measure(measure) {
                        write!(text, r#","{}":{value}"#, measure.field())?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Ms since 1970, written as `2026-11-01T01:00:00.000Z`.
pub struct Instant(pub i64);

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, ms) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        // Howard Hinnant's civil_from_days: years begin in March, so that the leap day is their last.
        let (era, of_era) = ((days + 719_468).div_euclid(146_097), (days + 719_468).rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let (day, month) = (of_year - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_rfc_3339() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_793_494_799_999, "2026-11-01T00:59:59.999Z"),
            (1_798_761_599_001, "2026-12-31T23:59:59.001Z"),
        ] {
            assert_eq!(Instant(ms).to_string(), text);
        }
    }
}
