//! Event time: instants and spans in microseconds, local midnights, periods and buckets. No clock: time is an argument.
//!
//! Microseconds in an `i64` reach past the year 9999, which some systems write for "never"; finer fractions are cut off.

use std::ops::{Add, Sub};

use jiff::tz::TimeZone;

mod bucket_set;
mod calendar;
mod interval;
mod local;
mod span;
#[cfg(test)]
mod tests;
mod text;
mod zone;

pub use bucket_set::BucketSet;
pub use calendar::{Calendar, ClockHours, grain as calendar_grain, held as calendar_buckets};
pub use interval::Interval;
pub use local::LocalClock;
pub use span::SpanFault;
pub use text::Minute;

/// An instant: microseconds since 1970-01-01T00:00:00Z. Sums and differences stop at [`Timestamp::MIN`] and [`Timestamp::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// 0000-01-01T00:00:00Z, the earliest time that is read.
    pub const MIN: Timestamp = Timestamp(-62_167_219_200_000_000);
    /// 9999-12-31T23:59:59.999999Z, the latest time that is read.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999_999);

    /// `self + span`, or `None` outside years 0..=9999.
    pub fn checked_add(self, span: Span) -> Option<Timestamp> {
        self.0.checked_add(span.0).map(Timestamp).filter(|at| (Timestamp::MIN..=Timestamp::MAX).contains(at))
    }

    /// `self − span`, or `None` outside years 0..=9999.
    pub fn checked_sub(self, span: Span) -> Option<Timestamp> {
        self.0.checked_sub(span.0).map(Timestamp).filter(|at| (Timestamp::MIN..=Timestamp::MAX).contains(at))
    }
}

impl Add<Span> for Timestamp {
    type Output = Timestamp;

    fn add(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0)).clamp(Timestamp::MIN, Timestamp::MAX)
    }
}

impl Sub<Span> for Timestamp {
    type Output = Timestamp;

    fn sub(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_sub(span.0)).clamp(Timestamp::MIN, Timestamp::MAX)
    }
}

/// The time from `earlier` to `self`; negative if that is later.
impl Sub for Timestamp {
    type Output = Span;

    fn sub(self, earlier: Timestamp) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A length of time in microseconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

impl Span {
    /// One second.
    pub const SECOND: Span = Span(1_000_000);
    /// One minute.
    pub const MINUTE: Span = Span(60 * Span::SECOND.0);
    /// One hour.
    pub const HOUR: Span = Span(60 * Span::MINUTE.0);
    /// 24 hours, whatever the zone does.
    pub const DAY: Span = Span(24 * Span::HOUR.0);
    /// Seven times 24 hours.
    pub const WEEK: Span = Span(7 * Span::DAY.0);
}

/// The unit of a numeric time field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds; cut to microseconds.
    Nanos,
}

/// How a time field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeFormat {
    /// RFC 3339 text with an offset.
    Rfc3339,
    /// A number (or its text) since the epoch.
    Unix(TimeUnit),
    /// Text without an offset, by the clocks of that zone; text with one is RFC 3339 all the same.
    Local(ZoneIndex),
}

/// Position of a zone in the list that goes with a [`TimeFormat`]: [`crate::book::Book::zones`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneIndex(pub u16);

/// A time zone out of the bundled database, never the machine's: the same everywhere.
#[derive(Clone, Debug)]
pub struct Zone {
    /// IANA name, as the book writes it.
    pub name: String,
    pub(crate) zone: TimeZone,
}

/// Index of a bucket: its start is `index · grain` in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(pub i32);

impl Bucket {
    /// Before every bucket that holds anything.
    pub const FIRST: Bucket = Bucket(i32::MIN);
    /// After every one.
    pub const NONE: Bucket = Bucket(i32::MAX);
}

/// The width of buckets: one hour, or 30 or 15 minutes where a zone's offsets need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grain(pub Span);

impl Grain {
    /// One hour.
    pub const HOUR: Grain = Grain(Span::HOUR);
    /// 30 minutes.
    pub const HALF_HOUR: Grain = Grain(Span(30 * Span::MINUTE.0));
    /// 15 minutes.
    pub const QUARTER_HOUR: Grain = Grain(Span(15 * Span::MINUTE.0));

    /// The bucket that holds `at`.
    pub fn bucket(self, at: Timestamp) -> Bucket {
        // i64 µs / 15 min is at most 1.03e10 in theory; times are limited to years 0..=9999 when they are read, which fits.
        Bucket(at.0.div_euclid(self.0.0) as i32)
    }

    /// The instant at which `bucket` begins.
    pub fn start(self, bucket: Bucket) -> Timestamp {
        Timestamp(i64::from(bucket.0) * self.0.0)
    }

    /// The instant at which `bucket` ends, which is not in it.
    pub fn end(self, bucket: Bucket) -> Timestamp {
        Timestamp((i64::from(bucket.0) + 1) * self.0.0)
    }

    /// The instant at which the bucket that holds `at` begins.
    pub fn floor(self, at: Timestamp) -> Timestamp {
        Timestamp(at.0 - at.0.rem_euclid(self.0.0))
    }

    /// `at` if a bucket begins there, else the next beginning.
    pub fn ceil(self, at: Timestamp) -> Timestamp {
        Timestamp(at.0.div_euclid(self.0.0) * self.0.0 + if at.0.rem_euclid(self.0.0) == 0 { 0 } else { self.0.0 })
    }
}

/// Calendar periods of `to_date` windows. Weeks begin on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A local day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// January–March and so on.
    Quarter,
}
