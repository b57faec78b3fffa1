//! Amounts as people write them → exact numbers and spans.
//!
//! | text | amount |
//! |---|---|
//! | `4.5`, `1_000`, `-3` | a number |
//! | `96%`, `0.5%`, `+20%` | a share of one: 0.96, 0.005, 0.2 |
//! | `3m`, `9m30s`, `1.5h`, `5d`, `250ms` | a span, as [`Span::parse`] reads them |
//!
//! Nothing is rounded: more decimals than a number or a microsecond holds are refused.

use std::fmt;

use jiff::civil::Date;

use super::fault::ascii_of;
use super::model::Unit;
use crate::fixed::Fixed;
use crate::time::{ClockHours, Span};

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// A plain number.
    Number(Fixed),
    /// A percentage, as a share of one.
    Percent(Fixed),
    /// A length of time.
    Span(Span),
}

/// Why a text is not what stands in its place, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFault {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub mend: Option<String>,
    /// The character at fault, from 0.
    pub at: usize,
}

impl TextFault {
    pub(super) fn new(message: impl Into<String>, mend: impl Into<String>) -> TextFault {
        TextFault { message: message.into(), mend: Some(mend.into()), at: 0 }
    }
}

/// `message; mend`, in one line.
impl fmt::Display for TextFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.mend.as_ref().map_or(Ok(()), |mend| write!(f, "; {mend}"))
    }
}

impl std::error::Error for TextFault {}

/// Longest span a book may write: a hundred years of 365 days.
const SPAN_MAX: Span = Span(36_500 * Span::DAY.0);

/// The first full-width mark where ASCII is meant.
pub(super) fn wide(text: &str) -> Option<TextFault> {
    let (at, wide, ascii) = text.chars().enumerate().find_map(|(at, c)| Some((at, c, ascii_of(c)?)))?;
    let ascii = if ascii == ' ' { "a space".to_owned() } else { format!("`{ascii}`") };
    Some(TextFault {
        message: format!("full-width `{wide}` where {ascii} is meant"),
        mend: Some(format!("write {ascii}")),
        at,
    })
}

/// Reads any amount.
pub(super) fn read(text: &str) -> Result<Amount, TextFault> {
    if let Some(fault) = wide(text) {
        return Err(fault);
    }
    if let Some(number) = text.strip_suffix('%') {
        let Fixed(units) = decimal(text, number)?;
        if units % 100 != 0 {
            return Err(TextFault::new(
                format!("`{text}` has too many decimals"),
                "a percentage has at most 7 decimals",
            ));
        }
        return Ok(Amount::Percent(Fixed(units / 100)));
    }
    // `.5h` is a span; `.inf` and `.nan`, which YAML knows as numbers, are no amounts at all.
    let begins_with_digits = text.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
    if text.ends_with(|c: char| c.is_ascii_alphabetic()) && begins_with_digits {
        return span(text).map(Amount::Span);
    }
    decimal(text, text).map(Amount::Number)
}

/// Reads a number without unit or `%`.
pub(super) fn number(text: &str) -> Result<Fixed, TextFault> {
    match read(text)? {
        Amount::Number(number) => Ok(number),
        Amount::Percent(_) | Amount::Span(_) => {
            Err(TextFault::new(format!("`{text}` is not a plain number"), "write it without a unit, like `1.5`"))
        }
    }
}

/// Reads a share of one: `0.9` or `90%`.
pub(super) fn share(text: &str) -> Result<Fixed, TextFault> {
    let (Amount::Number(share) | Amount::Percent(share)) = read(text)? else {
        return Err(TextFault::new(format!("`{text}` is a length of time, not a share"), "write it like `90%`"));
    };
    if share < Fixed::ZERO || share > Fixed::ONE {
        return Err(TextFault::new(format!("`{text}` is not between 0 and 1"), "write a share like `90%` or `0.9`"));
    }
    Ok(share)
}

/// Reads a whole number from 0.
pub(super) fn count(text: &str) -> Result<u64, TextFault> {
    let Fixed(units) = number(text)?;
    let whole = (units % Fixed::ONE.0 == 0).then_some(units / Fixed::ONE.0);
    whole
        .and_then(|whole| u64::try_from(whole).ok())
        .ok_or_else(|| TextFault::new(format!("`{text}` is not a whole number from 0"), "write it like `500`"))
}

/// Digits, one `.`, `_` between digits, a sign in front; `whole` is the text that messages show.
fn decimal(whole: &str, text: &str) -> Result<Fixed, TextFault> {
    let wrong = || {
        TextFault::new(
            format!("`{whole}` is not an amount"),
            "amounts are written like `96%`, `4.5`, `1_000`, `3m` or `9m30s`",
        )
    };
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (integer, decimals) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let grouped = |part: &str| {
        !part.is_empty() && part.split('_').all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_digit()))
    };
    if !grouped(integer) || !grouped(decimals) {
        return Err(wrong());
    }
    if decimals.bytes().filter(|b| *b != b'_').collect::<Vec<u8>>().trim_ascii_end().len() > 9 {
        return Err(TextFault::new(format!("`{whole}` has too many decimals"), "a number has at most 9 decimals"));
    }
    let integer = match integer.trim_start_matches(['0', '_']) {
        "" => "0",
        digits => digits,
    };
    let sign = if text.starts_with('-') { "-" } else { "" };
    let plain: String = format!("{sign}{integer}.{decimals}").chars().filter(|c| *c != '_').collect();
    Fixed::parse(&plain).map_err(|fault| TextFault::new(format!("`{whole}`: {fault}"), "write a smaller number"))
}

/// Reads a length of time, longer than zero.
pub(super) fn span(text: &str) -> Result<Span, TextFault> {
    if let Some(fault) = wide(text) {
        return Err(fault);
    }
    match Span::parse(text) {
        Ok(span) if span > SPAN_MAX => {
            Err(TextFault::new(format!("`{text}` is longer than a hundred years"), "write a shorter one"))
        }
        Ok(span) if span > Span(0) => Ok(span),
        Ok(_) => Err(TextFault::new(format!("`{text}` is not above zero"), "write a length like `3m` or `5d`")),
        Err(fault) => {
            let words = fault.to_string();
            let mend = words.split_once(": ").map_or("write it like `3m`, `9m30s`, `36h` or `5d`", |(_, mend)| mend);
            Err(TextFault::new(format!("`{text}` is not a length of time"), mend))
        }
    }
}

/// Reads a date.
pub(super) fn date(text: &str) -> Result<Date, TextFault> {
    if let Some(fault) = wide(text) {
        return Err(fault);
    }
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    let parsed = if shape { text.parse::<Date>().ok() } else { None };
    parsed.ok_or_else(|| TextFault::new(format!("`{text}` is not a date"), "write it as YYYY-MM-DD, like `2026-10-01`"))
}

/// Reads a part of the day, `08:00-20:00`; the second is of the next day where it is not after the first.
pub(super) fn hours(text: &str) -> Result<ClockHours, TextFault> {
    if let Some(fault) = wide(text) {
        return Err(fault);
    }
    let minutes = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let digits = |text: &str, most: usize| {
            ((1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
                .then(|| text.parse::<u16>().ok())?
        };
        let minute = digits(minutes, 2).filter(|_| minutes.len() == 2)?;
        (minute < 60).then_some(digits(hours, 2)? * 60 + minute)
    };
    let ends = text.split_once('-').and_then(|(from, to)| Some((minutes(from.trim())?, minutes(to.trim())?)));
    let Some((from, to)) = ends.filter(|(from, to)| *from < 24 * 60 && *to <= 24 * 60) else {
        return Err(TextFault::new(format!("`{text}` is no part of a day"), "write it like `08:00-20:00`"));
    };
    if from == to {
        let mend = "write `00:00-24:00` for the whole day";
        return Err(TextFault::new(format!("`{text}` ends where it begins"), mend));
    }
    if from % 15 != 0 || to % 15 != 0 {
        let mend = "write whole hours, half or quarter hours: facts are kept in buckets of 15 minutes at least";
        return Err(TextFault::new(format!("`{text}` is finer than a quarter of an hour"), mend));
    }
    Ok(ClockHours { from, to })
}

/// An amount in the base unit of what is measured: shares of one, seconds, plain numbers.
///
/// | unit | written as | refused |
/// |---|---|---|
/// | ratio | `96%`, `0.96` | spans |
/// | seconds | `3m` | numbers, percents |
/// | count | `200` | percents, spans, below zero |
/// | named | `4.5` | percents, spans |
///
/// # Errors
/// What is wrong with the text, and how to mend it.
pub fn amount(text: &str, unit: &Unit) -> Result<Fixed, TextFault> {
    let wrong = |message: String, mend: &str| Err(TextFault::new(message, mend));
    match (unit, read(text)?) {
        (Unit::Ratio, Amount::Percent(value) | Amount::Number(value)) => Ok(value),
        (Unit::Ratio, Amount::Span(_)) => {
            wrong(format!("`{text}` is a length of time, but a ratio is measured"), "write it like `96%`")
        }
        (Unit::Seconds, Amount::Span(span)) => Ok(Fixed::from_seconds(span)),
        (Unit::Seconds, _) => wrong(
            format!("`{text}` has no unit of time, but a duration is measured"),
            "write it like `3m`, `90s` or `5d`",
        ),
        (Unit::Count, Amount::Number(value)) if value < Fixed::ZERO => {
            wrong(format!("`{text}`: a count is never below zero"), "write a number from 0")
        }
        (Unit::Count | Unit::Named(_), Amount::Number(value)) => Ok(value),
        (unit, Amount::Percent(_)) => wrong(
            format!("`{text}` is a percentage, but {} measured", measured(unit)),
            "write a plain number; if the metric is a share, give it `unit: ratio`",
        ),
        (unit, Amount::Span(_)) => wrong(
            format!("`{text}` is a length of time, but {} measured", measured(unit)),
            "write a plain number; if the metric is a time, give it `unit: seconds`",
        ),
    }
}

fn measured(unit: &Unit) -> String {
    match unit {
        Unit::Count => "a count is".to_owned(),
        Unit::Named(name) if name.is_empty() => "a number without unit is".to_owned(),
        other => format!("{} are", other.as_str()),
    }
}
