//! Times out of a row's values. Numbers are read by the expressions of [`crate::book::expr`].

use crate::event::FieldValue;
use crate::fixed::{Fixed, NumberFault};
use crate::time::{LocalClock, Minute, TimeFormat, Timestamp, Zone};

/// The largest Unix time that is tried, 10²¹ units: beyond the year 9999 in nanoseconds, which is beyond [`crate::fixed::VALUE_MAX`].
const UNIX_MAX: Fixed = Fixed(1_000_000_000_000_000_000_000 * crate::fixed::SCALE);

/// Why a row has no event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum TimeFault {
    /// Absent or `null`.
    #[error("no time")]
    Missing,
    /// Not in the format that the book names, or no date of the calendar.
    #[error("a time that is not in the format that the book names")]
    Unreadable,
    /// Readable, but outside years 0..=9999.
    #[error("a time outside the years 0 to 9999")]
    OutOfRange,
}

impl TimeFault {
    /// The text of metric labels and dead letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            TimeFault::Missing => "time_missing",
            TimeFault::Unreadable => "time_unreadable",
            TimeFault::OutOfRange => "time_out_of_range",
        }
    }
}

/// Reads times. Remembers the minute of the last one, in which the next mostly lies.
#[derive(Clone, Debug, Default)]
pub struct TimeReader {
    clocks: Vec<LocalClock>,
    minute: Minute,
}

impl TimeReader {
    /// One that reads local times by the clocks of these zones, which [`TimeFormat::Local`] numbers.
    pub fn new(zones: &[Zone]) -> TimeReader {
        TimeReader { clocks: zones.iter().cloned().map(LocalClock::new).collect(), minute: Minute::default() }
    }

    /// The instant in a time field: RFC 3339 text, or local text, or a Unix time as a number or as its text, which is read half-even to 9
    /// decimals and then cut to microseconds.
    ///
    /// # Errors
    /// [`TimeFault`]; a text whose offset leads out of years 0..=9999 counts as unreadable.
    pub fn read(&mut self, value: FieldValue<'_>, format: TimeFormat) -> Result<Timestamp, TimeFault> {
        match (format, value) {
            (_, FieldValue::Null) => Err(TimeFault::Missing),
            (TimeFormat::Rfc3339, FieldValue::Text(text)) => {
                self.minute.parse_rfc3339(text).ok_or(TimeFault::Unreadable)
            }
            (TimeFormat::Local(zone), FieldValue::Text(text)) => {
                let clock = self.clocks.get_mut(usize::from(zone.0));
                clock.and_then(|clock| clock.parse(text)).ok_or(TimeFault::Unreadable)
            }
            (TimeFormat::Unix(unit), FieldValue::Number(text) | FieldValue::Text(text)) => {
                let since_epoch = match Fixed::parse_within(text, UNIX_MAX) {
                    Ok(number) => number,
                    Err(NumberFault::OutOfRange) => return Err(TimeFault::OutOfRange),
                    Err(_) => return Err(TimeFault::Unreadable),
                };
                Timestamp::from_unix(since_epoch.0, unit).ok_or(TimeFault::OutOfRange)
            }
            _ => Err(TimeFault::Unreadable),
        }
    }
}
