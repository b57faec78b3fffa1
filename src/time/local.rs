//! Times without an offset, by the clocks of a zone.
//!
//! | text, in America/New_York | instant |
//! |---|---|
//! | `2026-07-01T12:00:00`, `2026-07-01 12:00:00.25`, `2026-07-01T12:00` | by the zone's offset then: 16:00 UTC |
//! | `2026-07-01T12:00:00Z`, `…+08:00` | a text that carries an offset keeps it, as RFC 3339 |
//! | `2026-03-08T02:30:00`: skipped, clocks went from 02:00 to 03:00 | by the offset of before: 07:30 UTC, which clocks showed as 03:30 |
//! | `2026-11-01T01:30:00`: shown twice | the first of the two: 05:30 UTC |
//! | `….1234567`, `…:60` | as RFC 3339 has them |
//! | `2026-07-01`, `20260701120000`, `01.07.2026 12:00` | none |
//!
//! That is what RFC 5545 (iCalendar), Java and JavaScript's Temporal do. Such texts cannot tell the two hours of a fold apart: who needs
//! them writes the offset.

use jiff::Timestamp as JiffTimestamp;
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;

use super::text::{civil_from_days, in_range, offset_seconds, parse_clock, split_fraction};
use super::{Timestamp, Zone};

/// How many hours a clock remembers: events of a few days, from several partitions at once.
const HOURS_REMEMBERED: usize = 64;

const SECONDS_PER_HOUR: i64 = 3_600;
const SECONDS_PER_DAY: i64 = 86_400;

/// Reads the local times of one zone, and remembers the offsets of the hours it has met.
#[derive(Clone, Debug)]
pub struct LocalClock {
    zone: Zone,
    /// Hours since 1970 of the local clock, and the one offset that holds throughout; by the hour's last digits.
    hours: Box<[Option<(i64, i64)>; HOURS_REMEMBERED]>,
}

impl LocalClock {
    /// A clock of that zone.
    pub fn new(zone: Zone) -> LocalClock {
        LocalClock { zone, hours: Box::new([None; HOURS_REMEMBERED]) }
    }

    /// The instant that a text names; see the table of this module.
    pub fn parse(&mut self, text: &str) -> Option<Timestamp> {
        let bytes = text.as_bytes();
        let (clock, leap_second, tail) = match bytes.split_first_chunk::<19>() {
            Some((head, tail)) => {
                let (clock, leap_second) = parse_clock(head)?;
                (clock, leap_second, tail)
            }
            None => {
                let minutes: &[u8; 16] = bytes.try_into().ok()?;
                let mut head = *b"0000-00-00T00:00:00";
                head[..16].copy_from_slice(minutes);
                let (clock, leap_second) = parse_clock(&head)?;
                (clock, leap_second, &[][..])
            }
        };
        let (micros, tail) = split_fraction(tail)?;
        let micros = if leap_second { 999_999 } else { micros };
        let offset = if tail.is_empty() { self.offset(clock)? } else { offset_seconds(tail)? };
        in_range(Timestamp((clock - offset) * 1_000_000 + i64::from(micros)))
    }

    /// What the clock is ahead of UTC when it shows so many seconds since 1970.
    fn offset(&mut self, clock: i64) -> Option<i64> {
        let hour = clock.div_euclid(SECONDS_PER_HOUR);
        let place = hour.rem_euclid(HOURS_REMEMBERED as i64) as usize;
        if let Some((_, offset)) = self.hours[place].filter(|(known, _)| *known == hour) {
            return Some(offset);
        }
        let begin = hour * SECONDS_PER_HOUR;
        if let Some(offset) = self.steady_offset(begin) {
            self.hours[place] = Some((hour, offset));
            return Some(offset);
        }
        match self.ambiguous(clock)? {
            AmbiguousOffset::Unambiguous { offset }
            | AmbiguousOffset::Gap { before: offset, .. }
            | AmbiguousOffset::Fold { before: offset, .. } => Some(i64::from(offset.seconds())),
        }
    }

    /// The offset of a whole local hour, where it is one.
    fn steady_offset(&self, begin: i64) -> Option<i64> {
        let AmbiguousOffset::Unambiguous { offset: first } = self.ambiguous(begin)? else { return None };
        let AmbiguousOffset::Unambiguous { offset: last } = self.ambiguous(begin + SECONDS_PER_HOUR - 1)? else {
            return None;
        };
        let offset = i64::from(first.seconds());
        // Clocks may go forth and back within an hour: nothing may change from its first second to its last.
        let from = JiffTimestamp::from_second(begin - offset).ok()?;
        let to = JiffTimestamp::from_second(begin - offset + SECONDS_PER_HOUR - 1).ok()?;
        let next = self.zone.zone.following(from).next();
        (first == last && next.is_none_or(|next| next.timestamp() > to)).then_some(offset)
    }

    fn ambiguous(&self, clock: i64) -> Option<AmbiguousOffset> {
        let (year, month, day) = civil_from_days(clock.div_euclid(SECONDS_PER_DAY));
        let second = clock.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let year = i16::try_from(year).ok()?;
        let shown = DateTime::new(year, month as i8, day as i8, hour as i8, minute as i8, second as i8, 0).ok()?;
        Some(self.zone.zone.to_ambiguous_timestamp(shown).offset())
    }
}
