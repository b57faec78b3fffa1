//! Local days, weeks, months and quarters of a zone as instants.
//!
//! A local day begins at the first instant that shows its date and lasts until the next day's begin, whatever the clock does:
//!
//! | what the clock does | the day |
//! |---|---|
//! | jumps over midnight (America/Sao_Paulo until 2018) | begins at the instant of the jump, shown as 01:00 |
//! | falls back to or over midnight (America/Havana; America/St_Johns until 2011) | begins at the first midnight; what shows the old date again belongs to the new day |
//! | skips a whole date (Pacific/Apia, 2011-12-30) | is empty, and not among [`Zone::days`] |

use jiff::civil::Date;
use jiff::tz::AmbiguousOffset;

use super::text::{civil_from_days, days_from_civil, write_clock};
use super::{Grain, Period, Span, Timestamp, Zone};

impl Zone {
    /// The zone of that IANA name, if the bundled database has it.
    pub fn named(name: &str) -> Option<Zone> {
        let database = jiff::tz::TimeZoneDatabase::bundled();
        Some(Zone { name: name.to_owned(), zone: database.get(name).ok()? })
    }

    /// What local clocks are ahead of UTC at that instant.
    pub fn offset(&self, at: Timestamp) -> Span {
        Span(i64::from(self.zone.to_offset(jiff_timestamp(at)).seconds()) * Span::SECOND.0)
    }

    /// The first instant of that local date; `None` outside years 0..=9999 of UTC.
    pub fn midnight(&self, date: Date) -> Option<Timestamp> {
        let local =
            Timestamp(days_from_civil(i64::from(date.year()), date.month() as u32, date.day() as u32) * Span::DAY.0);
        let utc = |offset: jiff::tz::Offset| Timestamp(local.0 - i64::from(offset.seconds()) * Span::SECOND.0);
        let ambiguous = self.zone.to_ambiguous_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
        let first = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => utc(offset),
            AmbiguousOffset::Fold { before, .. } => utc(before),
            // Read with the offset of after the jump, a skipped time lies before the jump; the jump itself is the next transition.
            AmbiguousOffset::Gap { before, after } => {
                let jump = self.zone.following(jiff_timestamp(utc(after))).next();
                jump.map_or_else(|| utc(before), |jump| Timestamp(jump.timestamp().as_microsecond()))
            }
        };
        (Timestamp::MIN..=Timestamp::MAX).contains(&first).then_some(first)
    }

    /// The local date whose day holds `at`: the one with `midnight(date) ≤ at < midnight(next date)`.
    pub fn date_of(&self, at: Timestamp) -> Date {
        let local = at.0.saturating_add(self.offset(at).0);
        let (year, month, day) = civil_from_days(local.div_euclid(Span::DAY.0));
        let shown = i16::try_from(year).ok().and_then(|year| Date::new(year, month as i8, day as i8).ok());
        let Some(shown) = shown else {
            return if at.0 < 0 { Date::MIN } else { Date::MAX };
        };
        // Only where clocks fall back over midnight is the next day's first instant already past.
        match shown.tomorrow() {
            Ok(next) if self.midnight(next).is_some_and(|begin| begin <= at) => next,
            _ => shown,
        }
    }

    /// The first instant of the local day that holds `at`.
    pub fn day_start(&self, at: Timestamp) -> Timestamp {
        self.period_start(at, Period::Day)
    }

    /// The first instant of the next local day.
    pub fn day_end(&self, at: Timestamp) -> Timestamp {
        self.next_period_start(at, Period::Day)
    }

    /// The first instant of the local period that holds `at`; [`Timestamp::MIN`] if it lies before year 0.
    pub fn period_start(&self, at: Timestamp, period: Period) -> Timestamp {
        self.midnight(period.first_day(self.date_of(at))).unwrap_or(Timestamp::MIN)
    }

    /// The first instant of the local period after the one that holds `at`, which is the end of that one; [`Timestamp::MAX`] if it lies
    /// after year 9999.
    pub fn next_period_start(&self, at: Timestamp, period: Period) -> Timestamp {
        let next = period.next_first_day(self.date_of(at));
        next.and_then(|next| self.midnight(next)).unwrap_or(Timestamp::MAX)
    }

    /// Start and end of the local period that holds the last instant before `as_of`: on the first instant of a month, the month that
    /// has just ended, so that a `to_date` window is never empty.
    pub fn period_holding_last_instant_before(&self, as_of: Timestamp, period: Period) -> (Timestamp, Timestamp) {
        let last = as_of - Span(1);
        (self.period_start(last, period), self.next_period_start(last, period))
    }

    /// The local days from `start` to before `end`, each with its first instant and its end; skipped dates are left out.
    pub fn days(&self, start: Date, end: Date) -> impl Iterator<Item = (Date, Timestamp, Timestamp)> + '_ {
        let dates = std::iter::successors(Some(start), |date| date.tomorrow().ok()).take_while(move |date| *date < end);
        dates.filter_map(|date| {
            let (from, to) = (self.midnight(date)?, self.midnight(date.tomorrow().ok()?)?);
            (from < to).then_some((date, from, to))
        })
    }

    /// The coarsest of an hour, 30 and 15 minutes of which every offset that the zone has from `from` to `to`, both included, is a
    /// multiple; 15 minutes where even these do not divide one (local mean times of the 19th century).
    pub fn grain(&self, from: Timestamp, to: Timestamp) -> Grain {
        let last = jiff_timestamp(to);
        let transitions =
            self.zone.following(jiff_timestamp(from)).take_while(|transition| transition.timestamp() <= last);
        let offsets = transitions.map(|transition| i64::from(transition.offset().seconds()) * Span::SECOND.0);
        let divisor = offsets.fold(num_integer::gcd(self.offset(from).0, Grain::HOUR.0.0), num_integer::gcd);
        match divisor {
            divisor if divisor == Span::HOUR.0 => Grain::HOUR,
            divisor if divisor % Grain::HALF_HOUR.0.0 == 0 => Grain::HALF_HOUR,
            _ => Grain::QUARTER_HOUR,
        }
    }

    /// RFC 3339 with the zone's offset: `2026-12-01T00:00:00+08:00`. RFC 3339 has no offsets in seconds: one of before standard time is
    /// cut to minutes and the clock shown with it, so that the instant is exact. In UTC (`Z`) where the local year is not 0..=9999.
    pub fn format(&self, at: Timestamp) -> String {
        let minutes = self.offset(at).0 / Span::MINUTE.0;
        let Some(local) = at.checked_add(Span(minutes * Span::MINUTE.0)) else {
            return at.to_string();
        };
        let mut text = String::with_capacity(32);
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
        // Writing to a String does not fail.
        let _ = write_clock(&mut text, local.0);
        let _ = std::fmt::Write::write_fmt(&mut text, format_args!("{sign}{hours:02}:{minutes:02}"));
        text
    }
}

/// Nearest instant that jiff can hold: it ends a day before ours, and no zone changes there.
fn jiff_timestamp(at: Timestamp) -> jiff::Timestamp {
    let end = if at.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(at.0).unwrap_or(end)
}

impl Period {
    /// The first day of the period that holds `date`.
    pub fn first_day(self, date: Date) -> Date {
        match self {
            Period::Day => date,
            Period::Week => {
                let since_monday = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(jiff::Span::new().days(since_monday)).unwrap_or(Date::MIN)
            }
            Period::Month => date.first_of_month(),
            Period::Quarter => {
                let first_month = (date.month() - 1) / 3 * 3 + 1;
                Date::new(date.year(), first_month, 1).unwrap_or(Date::MIN)
            }
        }
    }

    /// The first day of the period after the one that holds `date`; `None` after year 9999.
    pub fn next_first_day(self, date: Date) -> Option<Date> {
        let length = match self {
            Period::Day => jiff::Span::new().days(1),
            Period::Week => jiff::Span::new().days(7),
            Period::Month => jiff::Span::new().months(1),
            Period::Quarter => jiff::Span::new().months(3),
        };
        self.first_day(date).checked_add(length).ok()
    }
}
