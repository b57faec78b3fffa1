//! Hours, days and weeks of a zone: what a rate is by, and what a best or worst one is chosen from.
//!
//! | interval | in a zone |
//! |---|---|
//! | hour | 60 minutes each, from the local midnight on; what a day of 23.5 h has over is none |
//! | day | from a local midnight to the next: 23 or 25 hours when clocks change |
//! | week | from Monday's local midnight to the next Monday's |

use std::fmt;
use std::ops::Range;

use super::{Period, Span, Timestamp, Zone};

/// An hour, a day or a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// 60 minutes.
    Hour,
    /// A local day; 24 hours where only its length counts.
    Day,
    /// Monday to Sunday; 168 hours where only its length counts.
    Week,
}

impl Interval {
    /// All, as the book writes them.
    pub const WORDS: &'static [&'static str] = &["hour", "day", "week"];

    /// The interval of that word.
    pub fn of(word: &str) -> Option<Interval> {
        match word {
            "hour" => Some(Interval::Hour),
            "day" => Some(Interval::Day),
            "week" => Some(Interval::Week),
            _ => None,
        }
    }

    /// Its length where no clock changes.
    pub fn span(self) -> Span {
        match self {
            Interval::Hour => Span::HOUR,
            Interval::Day => Span::DAY,
            Interval::Week => Span::WEEK,
        }
    }
}

/// As the book writes it.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Interval::Hour => "hour",
            Interval::Day => "day",
            Interval::Week => "week",
        })
    }
}

impl Zone {
    /// The intervals that lie in `[from, to)` as a whole, in order of time.
    pub fn intervals(&self, interval: Interval, from: Timestamp, to: Timestamp) -> Vec<Range<Timestamp>> {
        let period = if interval == Interval::Week { Period::Week } else { Period::Day };
        let mut found = Vec::new();
        let mut start = self.period_start(from, period);
        while start < to {
            let end = self.next_period_start(start, period);
            match interval {
                Interval::Hour => {
                    let hours = std::iter::successors(Some(start), |hour| hour.checked_add(Span::HOUR));
                    found.extend(hours.map(|hour| hour..hour + Span::HOUR).take_while(|hour| hour.end <= end));
                }
                Interval::Day | Interval::Week => found.push(start..end),
            }
            if end <= start {
                break; // past year 9999
            }
            start = end;
        }
        found.retain(|interval| from <= interval.start && interval.end <= to);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, interval: Interval, from: &str, to: &str, expected: &str) {
        let zone = Zone::named(zone).expect("a zone");
        let at = |text: &str| Timestamp::parse_rfc3339(text).expect("a time");
        let found = zone.intervals(interval, at(from), at(to));
        let lengths: Vec<String> = found.iter().map(|interval| (interval.end - interval.start).to_string()).collect();
        let first = found.first().map(|first| zone.format(first.start)).unwrap_or_default();
        let mut runs: Vec<(String, u32)> = Vec::new();
        for length in lengths {
            match runs.last_mut() {
                Some((last, count)) if *last == length => *count += 1,
                _ => runs.push((length, 1)),
            }
        }
        let runs: Vec<String> = runs.iter().map(|(length, count)| format!("{count}×{length}")).collect();
        assert_eq!(format!("{first} {}", runs.join(" ")).trim(), expected, "{interval} {zone:?} {from}");
    }

    #[test]
    fn intervals_lie_in_the_range_as_a_whole() {
        use Interval::*;
        let (from, to) = ("2026-10-01T05:30:00Z", "2026-10-20T00:00:00Z");
        check("Etc/UTC", Hour, from, "2026-10-01T08:00:00Z", "2026-10-01T06:00:00+00:00 2×1h");
        check("Etc/UTC", Day, from, to, "2026-10-02T00:00:00+00:00 18×1d");
        check("Etc/UTC", Week, from, to, "2026-10-05T00:00:00+00:00 2×7d");
        check("Asia/Kathmandu", Hour, from, "2026-10-01T07:20:00Z", "2026-10-01T12:00:00+05:45 1×1h");
        check("Etc/UTC", Week, from, "2026-10-11T23:00:00Z", "");
    }

    #[test]
    fn days_on_which_clocks_change_have_other_hours() {
        use Interval::*;
        // Berlin ends summer time on 2026-10-25, Lord Howe begins it by half an hour on 2026-10-04, São Paulo at midnight of 2018-11-04.
        let berlin = ("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z");
        check("Europe/Berlin", Day, berlin.0, berlin.1, "2026-10-24T00:00:00+02:00 1×1d 1×1d1h 1×1d");
        check("Europe/Berlin", Hour, berlin.0, berlin.1, "2026-10-24T00:00:00+02:00 73×1h");
        let howe = ("2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z");
        check("Australia/Lord_Howe", Day, howe.0, howe.1, "2026-10-04T00:00:00+10:30 1×23h30m");
        check("Australia/Lord_Howe", Hour, howe.0, howe.1, "2026-10-04T00:00:00+10:30 23×1h");
        let paulo = ("2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z");
        check("America/Sao_Paulo", Hour, paulo.0, paulo.1, "2018-11-04T01:00:00-02:00 23×1h");
    }
}
