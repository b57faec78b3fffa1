//! Instants as text and as numbers: RFC 3339, and Unix time in any unit.
//!
//! | text | instant |
//! |---|---|
//! | `2026-12-01T00:00:00+08:00`, `2026-11-30 16:00:00z` | the same; the separator is `T`, `t` or a space |
//! | `….1234567Z` | cut to microseconds, not rounded: an event never moves into a later bucket |
//! | `…T23:59:60Z` | a leap second, anywhere: the last microsecond of its minute, so that it stays in its day |
//! | `…-00:00` | as `Z` |
//! | `2026-02-29T…`, `…T24:00:00Z`, `…+0800`, `…+24:00`, no offset | none |
//! | an instant outside years 0..=9999 in UTC | none |

use std::fmt;

use super::{Span, TimeUnit, Timestamp};

impl Timestamp {
    /// The instant that an RFC 3339 text names; see the table of this module for the edges.
    pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
        let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
        let (clock, leap_second) = parse_clock(head)?;
        instant(clock, leap_second, tail)
    }

    /// The instant `billionths` · 10⁻⁹ units after the epoch (what a [`crate::fixed::Fixed`] holds), cut down to microseconds;
    /// `None` outside years 0..=9999.
    pub fn from_unix(billionths: i128, unit: TimeUnit) -> Option<Timestamp> {
        let billionths_per_micro = match unit {
            TimeUnit::Seconds => 1_000,
            TimeUnit::Millis => 1_000_000,
            TimeUnit::Micros => 1_000_000_000,
            TimeUnit::Nanos => 1_000_000_000_000,
        };
        i64::try_from(billionths.div_euclid(billionths_per_micro)).ok().map(Timestamp).and_then(in_range)
    }
}

/// Reads RFC 3339 texts, most of which lie in the minute of the one before: up to there they are compared, and not read again.
#[derive(Clone, Debug)]
pub struct Minute {
    text: [u8; 16],
    /// Seconds since 1970 of a clock that shows UTC.
    start: i64,
}

impl Default for Minute {
    fn default() -> Minute {
        Minute { text: *b"1970-01-01T00:00", start: 0 }
    }
}

impl Minute {
    /// What [`Timestamp::parse_rfc3339`] says.
    pub fn parse_rfc3339(&mut self, text: &str) -> Option<Timestamp> {
        let (minute, rest) = text.as_bytes().split_first_chunk::<16>()?;
        if *minute == self.text {
            // As most are written.
            if let Ok(eight) = rest.try_into()
                && let Some([_, second @ 0..60, _, _, hundreds_and_tens, tens_and_ones, ..]) =
                    laid_out(eight, b":00.000Z")
            {
                let millis = hundreds_and_tens * 10 + tens_and_ones % 10;
                return in_range(Timestamp((self.start + i64::from(second)) * 1_000_000 + i64::from(millis) * 1_000));
            }
            if let [b':', tens, ones, tail @ ..] = rest
                && let Some(second @ 0..60) = two_digits(*tens, *ones)
            {
                return instant(self.start + i64::from(second), false, tail);
            }
        }
        let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
        let (clock, leap_second) = parse_clock(head)?;
        (self.text, self.start) = (*minute, clock - clock.rem_euclid(60));
        instant(clock, leap_second, tail)
    }
}

/// The instant when a clock shows so many seconds since 1970, with the fraction and the offset that `tail` names.
#[inline(always)]
fn instant(clock: i64, leap_second: bool, tail: &[u8]) -> Option<Timestamp> {
    let (micros, tail) = split_fraction(tail)?;
    let micros = if leap_second { 999_999 } else { micros };
    let seconds = clock - offset_seconds(tail)?;
    in_range(Timestamp(seconds * 1_000_000 + i64::from(micros)))
}

/// `2026-12-01T00:00:00` as seconds since 1970 of a clock that shows UTC, and whether it is a leap second, of which the 59th is given.
#[inline(always)]
pub(super) fn parse_clock(text: &[u8; 19]) -> Option<(i64, bool)> {
    let (year_and_month, rest) = text.split_first_chunk::<8>()?;
    let (&[day_tens, day_ones, separator], clock) = rest.split_first_chunk::<3>()?;
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let [century, _, year, _, _, month, ..] = laid_out(year_and_month, b"0000-00-")?;
    let day = two_digits(day_tens, day_ones)?;
    let [hour, _, _, minute, _, _, second, _] = laid_out(clock.first_chunk::<8>()?, b"00:00:00")?;
    let year = century * 100 + year;
    if !(1..=12).contains(&month) || day < 1 || day > 28 && day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(i64::from(year), month, day);
    Some((days * 86_400 + i64::from(hour * 3_600 + minute * 60 + second.min(59)), second == 60))
}

pub(super) fn in_range(at: Timestamp) -> Option<Timestamp> {
    (Timestamp::MIN..=Timestamp::MAX).contains(&at).then_some(at)
}

/// The number of two digits that begins at each byte of a text laid out as `layout`, where `0` is any digit and all else stands for
/// itself: all eight bytes are checked and combined at once. Where no two digits stand, the number means nothing.
#[inline(always)]
fn laid_out(text: &[u8; 8], layout: &[u8; 8]) -> Option<[u32; 8]> {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    // What is as laid out becomes 0 to 9 where a digit stands, and 0 elsewhere.
    let values = u64::from_le_bytes(*text) ^ u64::from_le_bytes(*layout);
    // So much more, and the high bit is set. Only a byte whose high bit was set before can carry into the next.
    let room = u64::from_le_bytes(layout.map(|byte| if byte == b'0' { 0x7f - 9 } else { 0x7f }));
    if (values | values.wrapping_add(room)) & HIGH_BITS != 0 {
        return None;
    }
    // At most 99 in each byte.
    Some((values * 10 + (values >> 8)).to_le_bytes().map(u32::from))
}

fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// The microseconds of a fraction, if there is one, and what follows it.
#[inline(always)]
pub(super) fn split_fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    const SCALES: [u32; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let [b'.', digits @ ..] = text else {
        return Some((0, text));
    };
    let (mut micros, mut kept, mut rest) = (0, 0, digits);
    while let [byte @ b'0'..=b'9', behind @ ..] = rest {
        if kept < SCALES.len() - 1 {
            micros = micros * 10 + u32::from(byte - b'0');
            kept += 1;
        }
        rest = behind;
    }
    (kept > 0).then(|| (micros * SCALES[kept], rest))
}

pub(super) fn offset_seconds(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (two_digits(h0, h1)?, two_digits(m0, m1)?);
            let seconds = i64::from(hours * 3_600 + minutes * 60);
            (hours <= 23 && minutes <= 59).then_some(if sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 0000-03-01 to 1970-01-01. Years counted from March end with the leap day, which makes both conversions plain divisions.
const EPOCH_FROM_MARCH_0000: i64 = 719_468;

const DAYS_PER_400_YEARS: i64 = 146_097;

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, from the year -9999 on.
pub(super) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    // Counted from so much earlier there is no sign, and unsigned divisions by constants are cheap.
    const ERAS: i64 = 25;
    let (years_back, month_from_march) = if month < 3 { (1, month + 9) } else { (0, month - 3) };
    let march_year = (year + ERAS * 400 - years_back) as u32;
    let century = march_year / 100;
    let leap_days = march_year / 4 - century + century / 4;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    i64::from(march_year * 365 + leap_days + day_of_year) - (EPOCH_FROM_MARCH_0000 + ERAS * DAYS_PER_400_YEARS)
}

/// The date (year, month, day) of a day since 1970-01-01.
pub(super) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + EPOCH_FROM_MARCH_0000;
    let (era, day_of_era) = (days.div_euclid(DAYS_PER_400_YEARS), days.rem_euclid(DAYS_PER_400_YEARS));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month < 3);
    (year, month as u32, day as u32)
}

/// `.` and the digits of `fraction` (of `width` places) without trailing zeros; nothing for 0.
pub(super) fn write_fraction(out: &mut impl fmt::Write, mut fraction: u64, mut width: usize) -> fmt::Result {
    if fraction == 0 {
        return Ok(());
    }
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        width -= 1;
    }
    write!(out, ".{fraction:0width$}")
}

/// Date and time of day of `micros` as a UTC clock would show it, without an offset.
pub(super) fn write_clock(out: &mut impl fmt::Write, micros: i64) -> fmt::Result {
    let (year, month, day) = civil_from_days(micros.div_euclid(Span::DAY.0));
    let within_day = micros.rem_euclid(Span::DAY.0);
    let seconds = within_day / Span::SECOND.0;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
    write_fraction(out, (within_day % Span::SECOND.0).unsigned_abs(), 6)
}

/// RFC 3339 in UTC with the shortest fraction: `2026-11-30T16:00:00Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_clock(f, self.0)?;
        f.write_str("Z")
    }
}
