//! Spans as people write them: `9m30s`, `5d`, `1.5h`.
//!
//! | text | span |
//! |---|---|
//! | `90s`, `1m30s`, `1m 30s`, `1.5m` | 90 seconds, printed `1m30s` |
//! | `1w`, `7d`, `168h` | 168 hours, printed `7d` |
//! | `1_000ms` | one second |
//! | `90` | [`SpanFault::NoUnit`]; only `0` needs none |
//! | `30s9m`, `9m9m` | [`SpanFault::Order`] |

use std::fmt;

use super::Span;

/// The units in falling order, and their microseconds.
const UNITS: [(&str, i64); 7] = [
    ("w", Span::WEEK.0),
    ("d", Span::DAY.0),
    ("h", Span::HOUR.0),
    ("m", Span::MINUTE.0),
    ("s", Span::SECOND.0),
    ("ms", 1_000),
    ("us", 1),
];

/// More decimals than any unit has microseconds; it keeps the arithmetic within 128 bits.
const DECIMALS_MAX: usize = 15;

/// Why a text is no span, with what it should have been.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanFault {
    /// Nothing written.
    #[error("empty: write a number and a unit, such as 9m30s, 24h or 3d")]
    Empty,
    /// A part does not begin with a number.
    #[error("{0:?} is no span: write a number and a unit, such as 9m30s, 24h or 3d")]
    NotANumber(String),
    /// A number without a unit.
    #[error("{0} has no unit: write {0}s, {0}m, {0}h or {0}d for seconds, minutes, hours or days")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("unknown unit {0:?}: the units are w, d, h, m, s, ms, us")]
    UnknownUnit(String),
    /// Parts that do not fall.
    #[error("{0:?} stands after a unit that is not larger: write parts from the largest to the smallest, such as 3d4h")]
    Order(String),
    /// A fraction in another part than the last.
    #[error("only the last part may have a fraction, such as 1h30.5s")]
    FractionNotLast,
    /// Less than a microsecond.
    #[error("{0:?} is finer than a microsecond")]
    TooFine(String),
    /// More than 64 bits of microseconds hold.
    #[error("too long: a span may be at most 290000 years")]
    TooLong,
}

impl Span {
    /// The span that `text` writes: numbers with units `w d h m s ms us`, the largest first, the last one perhaps with a fraction,
    /// spaces allowed between parts and `_` between digits, `-` in front for a negative one.
    ///
    /// # Errors
    /// A [`SpanFault`] that says how to mend it.
    pub fn parse(text: &str) -> Result<Span, SpanFault> {
        let text = text.trim();
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.is_empty() {
            return Err(SpanFault::Empty);
        }
        if rest == "0" {
            return Ok(Span(0));
        }
        let mut micros = 0_i128;
        let mut next_unit = 0;
        let mut fraction_seen = false;
        while !rest.is_empty() {
            if fraction_seen {
                return Err(SpanFault::FractionNotLast);
            }
            let part = Part::split(rest)?;
            let unit = part.unit_position()?;
            if unit < next_unit {
                return Err(SpanFault::Order(part.text.to_owned()));
            }
            next_unit = unit + 1;
            fraction_seen = part.number.contains('.');
            micros += part.micros(UNITS[unit].1)?;
            rest = part.rest.trim_start();
        }
        let micros = i64::try_from(micros).map_err(|_| SpanFault::TooLong)?;
        Ok(Span(if negative { -micros } else { micros }))
    }
}

/// One number with its unit, and what follows.
struct Part<'a> {
    text: &'a str,
    number: &'a str,
    unit: &'a str,
    rest: &'a str,
}

impl<'a> Part<'a> {
    fn split(text: &'a str) -> Result<Part<'a>, SpanFault> {
        let of_number = |c: char| c.is_ascii_digit() || c == '.' || c == '_';
        let number_end = text.find(|c| !of_number(c)).unwrap_or(text.len());
        let (number, behind) = text.split_at(number_end);
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(SpanFault::NotANumber(text.to_owned()));
        }
        let unit_end = behind.find(|c: char| c == ' ' || of_number(c)).unwrap_or(behind.len());
        let (unit, rest) = behind.split_at(unit_end);
        Ok(Part { text: &text[..number_end + unit_end], number, unit, rest })
    }

    fn unit_position(&self) -> Result<usize, SpanFault> {
        if self.unit.is_empty() {
            return Err(SpanFault::NoUnit(self.number.to_owned()));
        }
        UNITS
            .iter()
            .position(|(name, _)| *name == self.unit)
            .ok_or_else(|| SpanFault::UnknownUnit(self.unit.to_owned()))
    }

    /// The part's length, exactly.
    fn micros(&self, unit: i64) -> Result<i128, SpanFault> {
        let unit = i128::from(unit);
        let (whole, fraction) = match self.number.split_once('.') {
            Some((whole, fraction)) => (digits(whole), digits(fraction).filter(|_| !fraction.contains('_'))),
            None => (digits(self.number), Some(String::new())),
        };
        let (Some(whole), Some(fraction)) = (whole, fraction) else {
            return Err(SpanFault::NotANumber(self.text.to_owned()));
        };
        if self.number.contains('.') && fraction.is_empty() {
            return Err(SpanFault::NotANumber(self.text.to_owned()));
        }
        if whole.len() > 19 {
            return Err(SpanFault::TooLong);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > DECIMALS_MAX {
            return Err(SpanFault::TooFine(self.text.to_owned()));
        }
        let power = 10_i128.pow(fraction.len() as u32);
        let number = |text: &str| text.parse::<i128>().unwrap_or(0);
        let below_one = number(fraction) * unit;
        if below_one % power != 0 {
            return Err(SpanFault::TooFine(self.text.to_owned()));
        }
        Ok(number(&whole) * unit + below_one / power)
    }
}

/// The digits without `_`, which may only stand between two digits; `None` for anything else.
fn digits(text: &str) -> Option<String> {
    let separated = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    let digits = text.replace('_', "");
    (!separated && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

impl Span {
    /// What its text is made of: numbers with their units, in falling order; the first one has the sign.
    pub fn parts(self) -> Vec<(String, &'static str)> {
        let (mut rest, second) = (self.0.unsigned_abs(), Span::SECOND.0.unsigned_abs());
        let mut parts = Vec::new();
        if rest > 0 && rest < second {
            parts.push((decimal(rest / 1_000, rest % 1_000, 3), "ms"));
        } else {
            for (name, unit) in &UNITS[1..4] {
                let unit = unit.unsigned_abs();
                if rest >= unit {
                    parts.push(((rest / unit).to_string(), *name));
                    rest %= unit;
                }
            }
            if rest > 0 || parts.is_empty() {
                parts.push((decimal(rest / second, rest % second, 6), "s"));
            }
        }
        if let Some((first, _)) = parts.first_mut().filter(|_| self.0 < 0) {
            first.insert(0, '-');
        }
        parts
    }
}

fn decimal(whole: u64, fraction: u64, width: usize) -> String {
    let mut text = whole.to_string();
    // Writing to a String does not fail.
    _ = super::text::write_fraction(&mut text, fraction, width);
    text
}

/// As people write it, and as [`Span::parse`] reads it: `9m30s`, `3d4h`, `0s`, `-1h`, `1m0.25s`, `1.5ms`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}
