//! Fixed-point numbers: 128-bit integers with 9 decimals, in which every sum is exact.
//!
//! | text | value |
//! |---|---|
//! | `0.1` ten times | 1 exactly |
//! | `1e-10` | 0 (half-even to 9 decimals) |
//! | `1e18` | the largest magnitude a single value may have ([`VALUE_MAX`]) |
//! | `1e999999999` | [`NumberFault::OutOfRange`], found without computing it |
//! | `0e999999999`, `1e-999999999` | 0, found without computing it |

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::time::Span;

mod rational;
#[cfg(test)]
mod tests;

pub use rational::Rational;

/// Units in one: 10⁹, so nine decimals.
pub const SCALE: i128 = 1_000_000_000;

/// Decimals that a [`Fixed`] keeps.
const DECIMALS: usize = 9;

/// The largest magnitude of a single value, 10¹⁸. A sum of up to 1.7 · 10¹¹ such values fits the 128 bits.
pub const VALUE_MAX: Fixed = Fixed(1_000_000_000_000_000_000 * SCALE);

/// A number in units of 10⁻⁹.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fixed(pub i128);

/// Why a text or a result is no number that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum NumberFault {
    /// Not a number at all.
    #[error("not a number")]
    NotANumber,
    /// Its magnitude is beyond [`VALUE_MAX`].
    #[error("out of range: a value may be at most 1e18 in magnitude")]
    OutOfRange,
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
}

impl Fixed {
    /// Zero.
    pub const ZERO: Fixed = Fixed(0);
    /// One.
    pub const ONE: Fixed = Fixed(SCALE);

    /// The per cents of a share; beyond what fits, as many as fit.
    pub const fn percent(self) -> Fixed {
        Fixed(self.0.saturating_mul(100))
    }

    /// A whole number.
    pub const fn from_int(value: i64) -> Fixed {
        Fixed(value as i128 * SCALE)
    }

    /// A length of time in seconds, exactly.
    pub const fn from_seconds(span: Span) -> Fixed {
        Fixed(span.0 as i128 * 1_000)
    }

    /// The number that `text` writes: optional sign, digits, optional fraction, optional exponent (JSON's grammar, to which a leading
    /// `+` and leading zeros are added). Half-even to 9 decimals, however many digits follow; the bound of [`VALUE_MAX`] is held
    /// against the rounded number. Takes time linear in the text's length, whatever the exponent, and allocates nothing.
    ///
    /// # Errors
    /// [`NumberFault::NotANumber`] for any other text, [`NumberFault::OutOfRange`] beyond [`VALUE_MAX`].
    #[inline]
    pub fn parse(text: &str) -> Result<Fixed, NumberFault> {
        match parse_plain(text.as_bytes()) {
            Some(plain) => Ok(plain),
            None => Fixed::parse_within(text, VALUE_MAX),
        }
    }

    /// [`Fixed::parse`] with another bound; `max` is at most 10³⁷ units, so that one more digit fits the 128 bits.
    pub(crate) fn parse_within(text: &str, max: Fixed) -> Result<Fixed, NumberFault> {
        debug_assert!(max.0 >= 0 && max.0 <= 10_i128.pow(37), "one more digit must fit");
        let number = NumberText::split(text).ok_or(NumberFault::NotANumber)?;
        let magnitude = number.units(max.0)?;
        Ok(Fixed(if number.negative { -magnitude } else { magnitude }))
    }

    /// The exact rational.
    pub fn to_rational(self) -> Rational {
        Rational::from(self)
    }

    /// The nearest number of 9 decimals, half-even; `None` beyond 128 bits. Not held against [`VALUE_MAX`]: a sum may be larger.
    pub fn round(exact: &Rational) -> Option<Fixed> {
        exact.round()
    }

    /// In units of the last of so many decimals (at most 9), half-even: 1.235 to 2 decimals is 124.
    pub fn units_to(self, decimals: u32) -> i128 {
        divide_half_even(self.0, 10_i128.pow(9 - decimals.min(9)))
    }

    /// The nearest double. Exactly the one that this number's decimal text stands for.
    pub fn to_f64(self) -> f64 {
        const EXACT_MAX: u128 = 1 << 53;
        if self.0.unsigned_abs() <= EXACT_MAX {
            // Both are exact doubles, so their quotient is rounded once.
            return self.0 as f64 / SCALE as f64;
        }
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// `self + other`, exactly.
    ///
    /// # Errors
    /// [`NumberFault::OutOfRange`] if the result is beyond [`VALUE_MAX`]; so in all of these operations.
    pub fn checked_add(self, other: Fixed) -> Result<Fixed, NumberFault> {
        bounded(self.0.checked_add(other.0))
    }

    /// `self − other`, exactly.
    ///
    /// # Errors
    /// [`NumberFault::OutOfRange`].
    pub fn checked_sub(self, other: Fixed) -> Result<Fixed, NumberFault> {
        bounded(self.0.checked_sub(other.0))
    }

    /// `self · other`: the exact product, half-even to 9 decimals.
    ///
    /// # Errors
    /// [`NumberFault::OutOfRange`].
    pub fn checked_mul(self, other: Fixed) -> Result<Fixed, NumberFault> {
        // A product past 128 bits is past 1.7e38 / 1e9 units = 1.7e20, so out of range whatever its digits: no wider integer is needed.
        let product = self.0.checked_mul(other.0).ok_or(NumberFault::OutOfRange)?;
        bounded(Some(divide_half_even(product, SCALE)))
    }

    /// `self / other`: the exact quotient, half-even to 9 decimals.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::OutOfRange`].
    pub fn checked_div(self, other: Fixed) -> Result<Fixed, NumberFault> {
        if other.0 == 0 {
            return Err(NumberFault::DivisionByZero);
        }
        match self.0.checked_mul(SCALE) {
            Some(dividend) if dividend != i128::MIN => bounded(Some(divide_half_even(dividend, other.0))),
            // Only sums beyond VALUE_MAX come here.
            _ => {
                let quotient = self.to_rational().checked_div(&other.to_rational());
                bounded(quotient.and_then(|quotient| Fixed::round(&quotient)).map(|quotient| quotient.0))
            }
        }
    }

    /// `self % other` as in SQL: the remainder of the quotient cut to a whole number, with the sign of `self`; exact.
    ///
    /// # Errors
    /// [`NumberFault::DivisionByZero`], [`NumberFault::OutOfRange`].
    pub fn checked_rem(self, other: Fixed) -> Result<Fixed, NumberFault> {
        if other.0 == 0 {
            return Err(NumberFault::DivisionByZero);
        }
        // The one quotient that overflows is MIN / −1, whose remainder is 0.
        bounded(Some(self.0.checked_rem(other.0).unwrap_or(0)))
    }

    /// `−self`.
    ///
    /// # Errors
    /// [`NumberFault::OutOfRange`].
    pub fn checked_neg(self) -> Result<Fixed, NumberFault> {
        bounded(self.0.checked_neg())
    }
}

fn bounded(units: Option<i128>) -> Result<Fixed, NumberFault> {
    match units {
        Some(units) if units.unsigned_abs() <= VALUE_MAX.0.unsigned_abs() => Ok(Fixed(units)),
        _ => Err(NumberFault::OutOfRange),
    }
}

/// `dividend / divisor`, half-even. The caller excludes a zero divisor and `i128::MIN` as the dividend.
fn divide_half_even(dividend: i128, divisor: i128) -> i128 {
    let quotient = dividend / divisor;
    // |remainder| < |divisor| ≤ 2¹²⁷, so its double fits 128 unsigned bits.
    // Multiplied back, for a division of 128 bits is far slower.
    let twice = (dividend - quotient * divisor).unsigned_abs() * 2;
    let away = match twice.cmp(&divisor.unsigned_abs()) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => quotient & 1 == 1,
    };
    match (away, (dividend < 0) == (divisor < 0)) {
        (false, _) => quotient,
        (true, true) => quotient + 1,
        (true, false) => quotient - 1,
    }
}

/// The short numbers that nearly all records hold: at most 18 digits, at most 9 decimals, no exponent. `None`: take the long way.
#[inline]
fn parse_plain(text: &[u8]) -> Option<Fixed> {
    const POWERS: [u64; DECIMALS + 1] =
        [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let (negative, unsigned) = match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        unsigned => (false, unsigned),
    };
    if unsigned.len() > 18 {
        return None;
    }
    let (mut mantissa, mut decimals) = (0_u64, 0);
    let mut rest = digits_into(&mut mantissa, unsigned);
    // Neither "" nor ".5" nor "5." is a number.
    if rest.len() == unsigned.len() {
        return None;
    }
    if let [b'.', fraction @ ..] = rest {
        rest = digits_into(&mut mantissa, fraction);
        decimals = fraction.len() - rest.len();
        if decimals == 0 {
            return None;
        }
    }
    if !rest.is_empty() {
        return None;
    }
    let magnitude = i128::from(mantissa) * i128::from(*POWERS.get(decimals)?);
    Some(Fixed(if negative { -magnitude } else { magnitude }))
}

/// Appends the digits that `text` begins with; what follows them.
#[inline(always)]
fn digits_into<'t>(number: &mut u64, mut text: &'t [u8]) -> &'t [u8] {
    while let [byte @ b'0'..=b'9', rest @ ..] = text {
        *number = *number * 10 + u64::from(byte - b'0');
        text = rest;
    }
    text
}

/// A number's text, taken apart but not computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberText<'a> {
    /// Begins with `-`.
    pub(crate) negative: bool,
    /// The digits before the point; at least one.
    pub(crate) whole: &'a [u8],
    /// The digits behind the point; may be none.
    pub(crate) fraction: &'a [u8],
    /// The exponent, held within ±[`EXPONENT_MAX`].
    pub(crate) exponent: i64,
}

/// Where exponents are cut: far past any text's length, so that a cut one means the same, and far from overflow in sums with lengths.
pub(crate) const EXPONENT_MAX: i64 = 1 << 48;

impl<'a> NumberText<'a> {
    /// `None` if `text` is no number.
    pub(crate) fn split(text: &'a str) -> Option<NumberText<'a>> {
        let text = text.as_bytes();
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (whole, rest) = split_digits(rest);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => split_digits(rest),
            rest => (&[][..], rest),
        };
        let point_alone = fraction.is_empty() && text.contains(&b'.');
        if whole.is_empty() || point_alone {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', b'-', digits @ ..] => -parse_exponent(digits)?,
            [b'e' | b'E', b'+', digits @ ..] | [b'e' | b'E', digits @ ..] => parse_exponent(digits)?,
            _ => return None,
        };
        Some(NumberText { negative, whole, fraction, exponent })
    }

    /// All digits, whole and fraction, from the left.
    pub(crate) fn digits(&self) -> impl Iterator<Item = u8> + 'a {
        self.whole.iter().chain(self.fraction).map(|byte| byte - b'0')
    }

    /// The magnitude in units of 10⁻⁹, half-even; an error past `max`.
    fn units(&self, max: i128) -> Result<i128, NumberFault> {
        // How many of the digits stand at 10⁻⁹ or above; it may be negative, or more than there are.
        let kept = self.whole.len() as i64 + self.exponent + DECIMALS as i64;
        let mut units = 0_i128;
        let mut rest = self.digits();
        let mut taken = 0;
        while taken < kept {
            let Some(digit) = rest.next() else { break };
            units = units * 10 + i128::from(digit);
            taken += 1;
            if units > max {
                return Err(NumberFault::OutOfRange);
            }
        }
        // Zeros that the text leaves out; at most 38 rounds, for a number that is not 0 soon passes `max`.
        while taken < kept && units != 0 {
            units *= 10;
            taken += 1;
            if units > max {
                return Err(NumberFault::OutOfRange);
            }
        }
        // With `kept` negative even a first digit of 9 is below a tenth of a unit.
        let up = kept >= 0
            && match rest.next() {
                None => false,
                Some(digit) => match digit.cmp(&5) {
                    Ordering::Less => false,
                    Ordering::Greater => true,
                    Ordering::Equal => units & 1 == 1 || rest.any(|digit| digit != 0),
                },
            };
        units += i128::from(up);
        if units > max { Err(NumberFault::OutOfRange) } else { Ok(units) }
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn parse_exponent(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_i64, |exponent, byte| {
        byte.is_ascii_digit().then(|| (exponent * 10 + i64::from(byte - b'0')).min(EXPONENT_MAX))
    })
}

/// Plain decimals, as short as they can be: no exponent, no trailing zeros, never `-0`.
impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let (whole, units) = (magnitude / SCALE.unsigned_abs(), magnitude % SCALE.unsigned_abs());
        let sign = if self.0 < 0 { "-" } else { "" };
        if units == 0 {
            return write!(f, "{sign}{whole}");
        }
        let (mut fraction, mut width) = (units as u32, DECIMALS);
        while fraction % 10 == 0 {
            fraction /= 10;
            width -= 1;
        }
        write!(f, "{sign}{whole}.{fraction:0width$}")
    }
}

impl FromStr for Fixed {
    type Err = NumberFault;

    fn from_str(text: &str) -> Result<Fixed, NumberFault> {
        Fixed::parse(text)
    }
}

/// A JSON number with exactly the digits of [`Display`](fmt::Display). For `serde_json`'s writers only (`to_string`, `to_writer`, …):
/// the digits travel as its raw value. `serde_json::to_value` would read them back as a double; write documents without it.
impl Serialize for Fixed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(self.0 / SCALE) {
            Ok(whole) if self.0 % SCALE == 0 => serializer.serialize_i64(whole),
            _ => RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer),
        }
    }
}
