//! Calendars: named sets of local time, laid out as the buckets that lie in them.
//!
//! | a calendar's | holds |
//! |---|---|
//! | `weekdays`, `dates` | the days that either list names; every day where neither is written |
//! | `hours: ["08:00-20:00"]` | of these days, what a local clock shows from the first to before the second |
//! | `hours: ["22:00-06:00"]` | nights: each belongs to the day on which it begins, and reaches into the next |
//! | `except` a date, or a calendar of whole days | takes days away, and with each the night that begins on it |
//! | `except` a calendar that has hours | takes its time away |
//! | several calendars together | what lies in any of them |
//!
//! Where clocks change, an hour that is shown twice is in twice, and one that is skipped is not there.

use std::fmt;
use std::ops::Range;

use jiff::civil::Date;

use super::bucket_set::BucketSet;
use super::{Grain, Span, Timestamp, Zone};

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// A set of local time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// As the book names it.
    pub name: String,
    /// Days of every week, from Monday.
    pub weekdays: [bool; 7],
    /// First and last day of each range, both included.
    pub dates: Vec<(Date, Date)>,
    /// Hours of its days; empty: whole days.
    pub hours: Vec<ClockHours>,
    /// Days that are not in it: first and last, both included.
    pub except_dates: Vec<(Date, Date)>,
    /// Calendars that are not in it: positions in the same list, all before its own.
    pub except: Vec<usize>,
}

/// A part of the day as a clock shows it: minutes after midnight, the second not included. Where the second is not after the first,
/// it is of the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockHours {
    /// 0..1440
    pub from: u16,
    /// 0..=1440
    pub to: u16,
}

impl ClockHours {
    /// Whether a clock that shows `minute` is in it; `today`, `yesterday`: whether that day is in the calendar.
    fn hold(self, minute: u16, today: bool, yesterday: bool) -> bool {
        match self.from < self.to {
            true => today && (self.from..self.to).contains(&minute),
            false => (today && minute >= self.from) || (yesterday && minute < self.to),
        }
    }
}

/// As the book writes it: `08:00-20:00`.
impl fmt::Display for ClockHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from, self.to);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// One calendar laid out.
#[derive(Default)]
struct Held {
    /// By local day.
    days: Vec<bool>,
    buckets: BucketSet,
    whole_days: bool,
}

/// The buckets between the local days that hold `from` and `to`, both included, that lie in any of the calendars `which`.
pub fn held(
    calendars: &[Calendar],
    which: &[usize],
    zone: &Zone,
    grain: Grain,
    (from, to): (Timestamp, Timestamp),
) -> BucketSet {
    // One day more in front, for the night that began on it.
    let first = zone.date_of(from).yesterday().unwrap_or(Date::MIN);
    let end = zone.date_of(to).tomorrow().unwrap_or(Date::MAX);
    let days: Vec<(Date, Range<Timestamp>)> =
        zone.days(first, end).map(|(date, start, end)| (date, start..end)).collect();
    let mut all: Vec<Held> = Vec::with_capacity(calendars.len());
    for (calendar, needed) in calendars.iter().zip(needed(calendars, which)) {
        let held = if needed { calendar.held(&all, &days, zone, grain) } else { Held::default() };
        all.push(held);
    }
    which.iter().filter_map(|at| all.get(*at)).fold(BucketSet::default(), |union, held| union.union(&held.buckets))
}

/// The coarsest grain, no coarser than `grain`, on which all edges of the calendars `which` lie.
pub fn grain(calendars: &[Calendar], which: &[usize], grain: Grain) -> Grain {
    let theirs = calendars.iter().zip(needed(calendars, which)).filter(|(_, needed)| *needed);
    let edges = theirs.flat_map(|(calendar, _)| &calendar.hours).flat_map(|hours| [hours.from, hours.to]);
    let of_edge = |minute: u16| match minute {
        minute if minute % 60 == 0 => Grain::HOUR,
        minute if minute % 30 == 0 => Grain::HALF_HOUR,
        _ => Grain::QUARTER_HOUR,
    };
    edges.map(of_edge).fold(grain, Grain::min)
}

/// Which calendars `which` are made of, themselves included.
fn needed(calendars: &[Calendar], which: &[usize]) -> Vec<bool> {
    let mut needed = vec![false; calendars.len()];
    which.iter().filter(|at| **at < calendars.len()).for_each(|at| needed[*at] = true);
    for at in (0..calendars.len()).rev().filter(|at| !calendars[*at].except.is_empty()) {
        if needed[at] {
            calendars[at].except.iter().for_each(|other| needed[*other] = true);
        }
    }
    needed
}

impl Calendar {
    fn held(&self, before: &[Held], days: &[(Date, Range<Timestamp>)], zone: &Zone, grain: Grain) -> Held {
        let (of_days, of_hours): (Vec<&Held>, Vec<&Held>) =
            self.except.iter().filter_map(|at| before.get(*at)).partition(|held| held.whole_days);
        let has = |(at, (date, _)): (usize, &(Date, Range<Timestamp>))| {
            self.names(*date) && !of_days.iter().any(|held| held.days[at])
        };
        let held: Vec<bool> = days.iter().enumerate().map(has).collect();
        let mut buckets = BucketSet::default();
        for (at, (_, day)) in days.iter().enumerate().skip(1) {
            match self.hours.is_empty() {
                true if held[at] => buckets.push(grain.bucket(day.start)..grain.bucket(day.end)),
                false if held[at] || held[at - 1] => {
                    self.push_hours(day, (held[at], held[at - 1]), zone, grain, &mut buckets);
                }
                _ => {}
            }
        }
        let buckets = of_hours.iter().fold(buckets, |left, held| left.minus(&held.buckets));
        Held { days: held, buckets, whole_days: self.hours.is_empty() && of_hours.is_empty() }
    }

    /// Whether its own lists name the day.
    fn names(&self, date: Date) -> bool {
        let among = |ranges: &[(Date, Date)]| ranges.iter().any(|(first, last)| (*first..=*last).contains(&date));
        let every = !self.weekdays.contains(&true) && self.dates.is_empty();
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        (every || self.weekdays[weekday] || among(&self.dates)) && !among(&self.except_dates)
    }

    fn push_hours(
        &self,
        day: &Range<Timestamp>,
        (today, yesterday): (bool, bool),
        zone: &Zone,
        grain: Grain,
        buckets: &mut BucketSet,
    ) {
        let first = zone.offset(day.start);
        // Looked up a bucket at a time only on the days on which it changes.
        let changes = zone.offset(day.end - Span(1)) != first;
        for bucket in grain.bucket(day.start).0..grain.bucket(day.end).0 {
            let bucket = super::Bucket(bucket);
            let start = grain.start(bucket);
            let offset = if changes { zone.offset(start) } else { first };
            let minute = (start.0 + offset.0).div_euclid(Span::MINUTE.0).rem_euclid(i64::from(DAY_MINUTES)) as u16;
            if self.hours.iter().any(|hours| hours.hold(minute, today, yesterday)) {
                buckets.push(bucket..super::Bucket(bucket.0 + 1));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> ClockHours {
        let minutes = |text: &str| {
            let (hours, minutes) = text.split_once(':').expect("hh:mm");
            hours.parse::<u16>().expect("hours") * 60 + minutes.parse::<u16>().expect("minutes")
        };
        let (from, to) = text.split_once('-').expect("a range");
        ClockHours { from: minutes(from), to: minutes(to) }
    }

    fn date(text: &str) -> Date {
        text.parse().expect("a date")
    }

    /// `mon fri`, `2026-10-01`, `2026-10-01..2026-10-05`, `08:00-20:00`, `!2026-10-01`, `!0`: the first calendar is not in it.
    fn calendar(text: &str) -> Calendar {
        let mut calendar = Calendar::default();
        for word in text.split_whitespace() {
            let range = |text: &str| {
                let (first, last) = text.split_once("..").unwrap_or((text, text));
                (date(first), date(last))
            };
            match word.strip_prefix('!') {
                Some(position) if position.len() < 3 => calendar.except.push(position.parse().expect("a position")),
                Some(dates) => calendar.except_dates.push(range(dates)),
                None if word.contains(':') => calendar.hours.push(hours(word)),
                None if word.starts_with("20") => calendar.dates.push(range(word)),
                None => {
                    let at = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|day| *day == word);
                    calendar.weekdays[at.expect("a weekday")] = true;
                }
            }
        }
        calendar
    }

    /// The runs of the last calendar from a local day to another, both included, as local clocks show them.
    fn runs(zone: &str, calendars: &[&str], from: &str, to: &str) -> String {
        let zone = Zone::named(zone).expect("a zone");
        let calendars: Vec<Calendar> = calendars.iter().map(|text| calendar(text)).collect();
        let last = calendars.len() - 1;
        let midnight = |text: &str| zone.midnight(date(text)).expect("a midnight");
        let (from, to) = (midnight(from), midnight(to));
        let grain = grain(&calendars, &[last], zone.grain(from, to));
        let set = held(&calendars, &[last], &zone, grain, (from, to));
        let all = super::super::Bucket::FIRST..super::super::Bucket::NONE;
        let shown = |at: Timestamp| {
            let text = zone.format(at);
            format!("{}T{}", &text[8..10], &text[11..16])
        };
        let runs =
            set.within(&all).map(|run| format!("{}–{}", shown(grain.start(run.start)), shown(grain.start(run.end))));
        runs.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn calendars_hold_what_the_table_says() {
        // 2026-10-01 is a Thursday.
        let table: [(&[&str], &str); 14] = [
            (&["sat sun"], "03T00:00–05T00:00"),
            (&["2026-10-02 2026-10-05..2026-10-06"], "02T00:00–03T00:00 05T00:00–07T00:00"),
            (&["sat 2026-10-05"], "03T00:00–04T00:00 05T00:00–06T00:00"),
            (&["sat sun !2026-10-04"], "03T00:00–04T00:00"),
            (&["sat sun 08:00-20:00"], "03T08:00–03T20:00 04T08:00–04T20:00"),
            (&["sat 00:00-24:00"], "03T00:00–04T00:00"),
            (&["sat 08:00-10:00 09:00-12:00 12:00-13:00 14:00-15:00"], "03T08:00–03T13:00 03T14:00–03T15:00"),
            (&["fri 22:00-06:00"], "02T22:00–03T06:00"),
            (&["fri sat 22:00-00:00"], "02T22:00–03T00:00 03T22:00–04T00:00"),
            // The night before the first day reaches into it.
            (&["wed 22:00-06:00"], "01T00:00–01T06:00"),
            (&["fri sat 22:00-06:00 !2026-10-02"], "03T22:00–04T06:00"),
            (&["2026-10-03", "fri sat sun 22:00-06:00 !0"], "02T22:00–03T06:00 04T22:00–05T06:00"),
            (&["sat 12:00-14:00", "sat sun !0"], "03T00:00–03T12:00 03T14:00–05T00:00"),
            (
                &["sun", "!0 2026-10-03..2026-10-05", "2026-10-01..2026-10-06 !1"],
                "01T00:00–03T00:00 04T00:00–05T00:00 06T00:00–07T00:00",
            ),
        ];
        for (calendars, expected) in table {
            assert_eq!(runs("Asia/Shanghai", calendars, "2026-10-01", "2026-10-06"), expected, "{calendars:?}");
        }
    }

    #[test]
    fn several_calendars_together_hold_what_lies_in_any() {
        let calendars = [calendar("sat"), calendar("2026-10-05"), calendar("sun")];
        let zone = Zone::named("Etc/UTC").expect("a zone");
        let range = (zone.midnight(date("2026-10-01")), zone.midnight(date("2026-10-06")));
        let range = (range.0.expect("a midnight"), range.1.expect("a midnight"));
        let both = held(&calendars, &[2, 1], &zone, Grain::HOUR, range);
        assert_eq!(both.length(Grain::HOUR, range.0, range.1), Span(2 * Span::DAY.0));
        assert_eq!(held(&calendars, &[], &zone, Grain::HOUR, range), BucketSet::default());
    }

    #[test]
    fn hours_follow_the_local_clock_when_it_changes() {
        let table = [
            // zone, calendar, from, to, runs
            (
                "Europe/Berlin",
                "02:00-03:00",
                "2026-10-24",
                "2026-10-26",
                "24T02:00–24T03:00 25T02:00–25T03:00 26T02:00–26T03:00",
            ),
            ("Europe/Berlin", "02:00-03:00", "2026-03-28", "2026-03-30", "28T02:00–28T03:00 30T02:00–30T03:00"),
            ("Europe/Berlin", "sat 22:00-06:00", "2026-10-24", "2026-10-25", "24T22:00–25T06:00"),
            ("Australia/Lord_Howe", "01:30-02:30", "2026-10-03", "2026-10-04", "03T01:30–03T02:30 04T01:30–04T02:30"),
            (
                "America/Sao_Paulo",
                "00:00-02:00",
                "2018-11-03",
                "2018-11-05",
                "03T00:00–03T02:00 04T01:00–04T02:00 05T00:00–05T02:00",
            ),
            ("Asia/Kathmandu", "sun", "2026-10-01", "2026-10-06", "04T00:00–05T00:00"),
            ("Pacific/Chatham", "sun 08:00-09:00", "2026-09-26", "2026-09-28", "27T08:00–27T09:00"),
        ];
        for (zone, calendar, from, to, expected) in table {
            assert_eq!(runs(zone, &[calendar], from, to), expected, "{zone} {calendar} {from}");
        }
        // Twice 02:00 to 03:00: the run above is two hours long.
        let berlin = Zone::named("Europe/Berlin").expect("a zone");
        let day = (berlin.midnight(date("2026-10-25")), berlin.midnight(date("2026-10-26")));
        let day = (day.0.expect("a midnight"), day.1.expect("a midnight"));
        let set = held(&[calendar("02:00-03:00")], &[0], &berlin, Grain::HOUR, (day.0, day.0));
        assert_eq!(set.length(Grain::HOUR, day.0, day.1), Span(2 * Span::HOUR.0));
    }

    #[test]
    fn the_grain_is_as_fine_as_the_edges_need() {
        let table = [
            ("08:00-20:00", Grain::HOUR, Grain::HOUR),
            ("08:30-20:00", Grain::HOUR, Grain::HALF_HOUR),
            ("08:00-20:45", Grain::HOUR, Grain::QUARTER_HOUR),
            ("08:00-20:00", Grain::QUARTER_HOUR, Grain::QUARTER_HOUR),
            ("sat", Grain::HALF_HOUR, Grain::HALF_HOUR),
        ];
        for (text, coarsest, expected) in table {
            assert_eq!(grain(&[calendar(text)], &[0], coarsest), expected, "{text}");
        }
        let calendars = [calendar("08:15-09:00"), calendar("!0"), calendar("sat")];
        assert_eq!(grain(&calendars, &[1], Grain::HOUR), Grain::QUARTER_HOUR);
        assert_eq!(grain(&calendars, &[2], Grain::HOUR), Grain::HOUR);
    }
}
