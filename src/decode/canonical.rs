//! Canonical text: the one way to write a key, an id or a dimension's member, and its fingerprint. Both are part of the stored format.
//!
//! | value | canonical text |
//! |---|---|
//! | `"abc"`, `""`, `"042"`, `"42.0"` | as it is |
//! | `42`, `42.0`, `4.2e1`, `"42"` | `42` |
//! | `-0`, `0.000`, `0e9` | `0` |
//! | `0.10`, `1e-1` | `0.1` |
//! | a number of 30 digits | all 30: nothing is rounded |
//! | `1e400` | [`CanonicalFault::TooLong`] |
//! | `true`, `false` | `true`, `false` |
//! | `null`, absent | none |
//! | an array, an object | [`CanonicalFault::Composite`] |
//! | a key or header that is no UTF-8 | [`CanonicalFault::NotText`] |

use crate::event::FieldValue;
use crate::fixed::NumberText;

/// Digits that a number's canonical text may have; past a double's largest exponent, and short of a memory attack by `1e999999999`.
pub const TEXT_DIGITS_MAX: usize = 400;

/// Why a value has no canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum CanonicalFault {
    /// An array or an object.
    #[error("an array or object where text, a number or a boolean is needed")]
    Composite,
    /// A number of more than [`TEXT_DIGITS_MAX`] digits.
    #[error("a number of more than {TEXT_DIGITS_MAX} digits")]
    TooLong,
    /// Bytes that are no UTF-8.
    #[error("bytes that are no UTF-8")]
    NotText,
}

impl CanonicalFault {
    /// The text of metric labels and dead letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            CanonicalFault::Composite => "composite",
            CanonicalFault::TooLong => "too_many_digits",
            CanonicalFault::NotText => "invalid_utf8",
        }
    }
}

/// Replaces what `out` holds by the canonical text of `value`. `false` if there is none because the value is NULL; `out` is then empty.
///
/// # Errors
/// [`CanonicalFault`]; `out` is then empty.
pub fn canonical(value: FieldValue<'_>, out: &mut String) -> Result<bool, CanonicalFault> {
    out.clear();
    match value {
        FieldValue::Null => return Ok(false),
        FieldValue::Bool(true) => out.push_str("true"),
        FieldValue::Bool(false) => out.push_str("false"),
        FieldValue::Text(text) => out.push_str(text),
        FieldValue::Number(text) if is_canonical_integer(text.as_bytes()) => out.push_str(text),
        FieldValue::Number(text) => write_number(text, out)?,
        FieldValue::Composite => return Err(CanonicalFault::Composite),
        FieldValue::NotText => return Err(CanonicalFault::NotText),
    }
    Ok(true)
}

/// The canonical text of a value, `None` for NULL: a text as it stands, without a copy, and whatever else is written to `scratch`.
///
/// # Errors
/// [`CanonicalFault`].
#[inline]
pub fn canonical_text<'t>(value: FieldValue<'t>, scratch: &'t mut String) -> Result<Option<&'t str>, CanonicalFault> {
    if let FieldValue::Text(text) = value {
        return Ok(Some(text));
    }
    Ok(canonical(value, scratch)?.then_some(scratch))
}

/// XXH3-64 of a canonical text.
pub fn fingerprint(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// What nearly all numeric keys are: digits as they should be.
fn is_canonical_integer(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let begins_well = match digits {
        [b'1'..=b'9', ..] => true,
        [b'0'] => digits.len() == text.len(),
        _ => false,
    };
    begins_well && digits.len() <= TEXT_DIGITS_MAX && digits.iter().all(u8::is_ascii_digit)
}

/// Plain decimals without an exponent, without zeros that say nothing, never `-0`.
fn write_number(text: &str, out: &mut String) -> Result<(), CanonicalFault> {
    // A row's numbers have been checked; any other text would be a string, and strings stay as they are.
    let Some(number) = NumberText::split(text) else {
        out.push_str(text);
        return Ok(());
    };
    let leading_zeros = number.digits().take_while(|digit| *digit == 0).count();
    let all = number.whole.len() + number.fraction.len();
    if leading_zeros == all {
        out.push('0');
        return Ok(());
    }
    let from_the_right = number.fraction.iter().rev().chain(number.whole.iter().rev());
    let trailing_zeros = from_the_right.take_while(|byte| **byte == b'0').count();
    let significant = all - leading_zeros - trailing_zeros;
    // Where the point stands, counted in digits from the first significant one; may be negative or past the last.
    let point = number.whole.len() as i64 + number.exponent - leading_zeros as i64;
    let length = if point <= 0 { significant as i64 - point + 1 } else { point.max(significant as i64) };
    if length > TEXT_DIGITS_MAX as i64 {
        return Err(CanonicalFault::TooLong);
    }
    if number.negative {
        out.push('-');
    }
    if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
    }
    let digits = number.digits().skip(leading_zeros).take(significant);
    for (position, digit) in digits.enumerate() {
        if point > 0 && position as i64 == point {
            out.push('.');
        }
        out.push(char::from(b'0' + digit));
    }
    out.extend(std::iter::repeat_n('0', (point - significant as i64).max(0) as usize));
    Ok(())
}
