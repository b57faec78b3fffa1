//! What shall be seen: how each figure of the company goes over the quarter, and what the peak does to it.
//!
//! | figure | from → to over the quarter | how fast | at the peak |
//! |---|---|---|---|
//! | pick accuracy | 96 % → 99 % | well | a dip |
//! | pick errors that reach a customer | 1.04 % → 0.7 % of picks | well, but too many at first | nearly doubled, as customers tell days later: at risk |
//! | orders a day | 700 → 840 | well | 2.4 times |
//! | automation | 45 % → 70 % | well | |
//! | fulfilment | 5 d → 3 d | well | a sixth longer: at risk for two weeks after it |
//! | orders of peaks within 24 h | 60 % → 95 % | well | a dip |
//! | processing | 10 h → 6 h | well | longer |
//! | handle time | 9.5 min → 3 min | well | longer |
//! | satisfied customers | 88 % → 95 % | well | a dip |
//! | complaints | 2.6 % → 1.69 % of orders | well | more |
//! | manual operations | 48 % → 30 % | hardly: they wait for the integration, which is late | |
//! | certified staff | 0 → 100 % | well | |

use crate::time::{Span, Timestamp};

/// The longest history: one week less than the quarter has.
pub const WEEKS_MAX: u32 = 12;

/// Days before the quarter's start in which the company works already, so that windows reach back into something.
const WARM_UP: Span = Span::WEEK;

/// When the demo's company lives, and which of all possible companies it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The same seed makes the same company.
    pub seed: u64,
    /// The first instant of the quarter: a local midnight.
    pub start: Timestamp,
    /// The end of the quarter.
    pub end: Timestamp,
    /// Weeks of the quarter that are history.
    pub weeks: u32,
}

impl Setting {
    /// The first instant at which the company does anything.
    pub fn begin(&self) -> Timestamp {
        self.start - WARM_UP
    }

    /// The first instant of the peak's day: nine days before the history ends, so that its stress shows in the last week's figures and its
    /// number of orders does not; in a single week, its middle.
    pub fn peak(&self) -> Timestamp {
        let days = (i64::from(self.weeks) * 7 - 9).max(3);
        self.start + Span(days * Span::DAY.0)
    }

    /// Share of the quarter that lies behind, 0..1.
    fn elapsed(&self, at: Timestamp) -> f64 {
        ((at.0 - self.start.0) as f64 / (self.end.0 - self.start.0) as f64).clamp(0.0, 1.0)
    }

    /// A figure on its way `from` → `to`, which it would reach at the quarter's end if `pace` were 1.
    fn towards(&self, at: Timestamp, from: f64, to: f64, pace: f64) -> f64 {
        from + (to - from) * (pace * self.elapsed(at)).min(1.05)
    }

    /// How much the peak weighs on everyone: 1 on its day, then ebbing away.
    fn stress(&self, at: Timestamp) -> f64 {
        let days = (at.0 - self.peak().0) as f64 / Span::DAY.0 as f64;
        match days {
            d if d < -1.0 => 0.0,
            d if d < 0.0 => 0.3,
            d if d < 1.0 => 1.0,
            d => (-(d - 1.0) / 2.0).exp(),
        }
    }

    /// Local days since 1970, and the local hour. The company's zone has no daylight saving time.
    fn local(at: Timestamp) -> (i64, usize) {
        let hours = (at.0 + 8 * Span::HOUR.0).div_euclid(Span::HOUR.0);
        (hours.div_euclid(24), hours.rem_euclid(24) as usize)
    }

    /// Whether the order system marks an order of that instant as one of a peak.
    pub(super) fn is_peak(&self, at: Timestamp) -> bool {
        let (day, _) = Setting::local(at);
        let (peak, _) = Setting::local(self.peak());
        // 1970-01-01 was a Thursday: Saturday and Sunday are the days 2 and 3 of its weeks.
        matches!(day.rem_euclid(7), 2 | 3) || (day - peak).abs() <= 1
    }

    /// How busy customers are at that instant; 1 is the average of a week.
    pub(super) fn customers(&self, at: Timestamp) -> f64 {
        let (day, hour) = Setting::local(at);
        let weekend = if matches!(day.rem_euclid(7), 2 | 3) { 1.15 } else { 0.94 };
        weekend * CUSTOMER_HOURS[hour] / CUSTOMER_HOURS.iter().sum::<f64>() * 24.0
    }

    /// How busy the staff is at that instant; 1 is the average of a week.
    pub(super) fn staff(&self, at: Timestamp) -> f64 {
        let (day, hour) = Setting::local(at);
        let weekend = if matches!(day.rem_euclid(7), 2 | 3) { 0.86 } else { 1.056 };
        weekend * STAFF_HOURS[hour] / STAFF_HOURS.iter().sum::<f64>() * 24.0
    }

    /// Orders a day, hours and weekdays evened out.
    pub(super) fn orders_per_day(&self, at: Timestamp) -> f64 {
        let days = (at.0 - self.peak().0) as f64 / Span::DAY.0 as f64;
        let peak = match days {
            d if (-1.0..0.0).contains(&d) => 1.25,
            d if (0.0..1.0).contains(&d) => 2.4,
            d if (1.0..2.0).contains(&d) => 1.3,
            _ => 1.0,
        };
        peak * self.towards(at, 700.0, 840.0, 1.1)
    }

    pub(super) fn mispick_share(&self, at: Timestamp) -> f64 {
        self.towards(at, 0.04, 0.01, 1.06) * (1.0 + 0.2 * self.stress(at))
    }

    /// Of all picks, those whose error a customer finds.
    pub(super) fn escape_share(&self, at: Timestamp) -> f64 {
        self.towards(at, 0.0104, 0.007, 2.0) * (1.0 + 0.9 * self.stress(at))
    }

    pub(super) fn automated_share(&self, at: Timestamp) -> f64 {
        self.towards(at, 0.45, 0.70, 0.88)
    }

    pub(super) fn manual_share(&self, at: Timestamp) -> f64 {
        self.towards(at, 0.48, 0.30, 0.25)
    }

    pub(super) fn fulfilment_days(&self, at: Timestamp) -> f64 {
        self.towards(at, 5.0, 3.0, 1.3) * (1.0 + 0.16 * self.stress(at))
    }

    pub(super) fn dispatched_share(&self, at: Timestamp) -> f64 {
        self.towards(at, 0.60, 0.95, 1.5) * (1.0 - 0.08 * self.stress(at))
    }

    pub(super) fn processing_hours(&self, at: Timestamp) -> f64 {
        self.towards(at, 10.0, 6.0, 1.3) * (1.0 + 0.2 * self.stress(at))
    }

    pub(super) fn handle_minutes(&self, at: Timestamp) -> f64 {
        self.towards(at, 9.5, 3.0, 1.15) * (1.0 + 0.25 * self.stress(at))
    }

    pub(super) fn satisfied_share(&self, at: Timestamp) -> f64 {
        self.towards(at, 0.88, 0.95, 1.15) - 0.02 * self.stress(at)
    }

    /// Complaints for each order.
    pub(super) fn complaint_share(&self, at: Timestamp) -> f64 {
        self.towards(at, 0.026, 0.0169, 1.3) * (1.0 + 0.25 * self.stress(at))
    }
}

/// How customers' orders spread over the local hours of a day.
const CUSTOMER_HOURS: [f64; 24] =
    [3., 2., 1., 1., 1., 1., 2., 3., 5., 7., 9., 8., 7., 6., 6., 6., 6., 6., 7., 9., 11., 12., 9., 6.];

/// How the shifts' work spreads over the local hours of a day.
const STAFF_HOURS: [f64; 24] =
    [2., 2., 1., 1., 1., 1., 2., 5., 8., 9., 9., 8., 5., 8., 9., 9., 9., 8., 6., 6., 6., 5., 4., 3.];
