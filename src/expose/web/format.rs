//! Numbers, lengths of time and instants as people read them. All in integers: what is shown is what was scored, rounded once.
//!
//! | unit | base units | English | Chinese |
//! |---|---|---|---|
//! | ratio | 0.964 | 96.4 % | 96.4% |
//! | ratio | 0.99962 | 99.96 % | 99.96% |
//! | ratio | 0.999999 | 99.9999 % | 99.9999% |
//! | seconds | 0.25 | 250 ms | 250 毫秒 |
//! | seconds | 12.34 | 12.3 s | 12.3 秒 |
//! | seconds | 161 | 2 m 41 s | 2 分 41 秒 |
//! | seconds | 18720 | 5 h 12 m | 5 小时 12 分 |
//! | seconds | 276480 | 3.2 d | 3.2 天 |
//! | count | 12345 | 12,345 | 12,345 |
//! | points | 4.354 | 4.35 points | 4.35 分 |

use super::text::{Language, Text};
use crate::book::Unit;
use crate::fixed::{Fixed, SCALE};
use crate::time::{Span, Timestamp, Zone};

/// Space that never breaks and is narrow: between a number and its unit.
const THIN: char = '\u{202f}';

/// `value` rounded half-even to `decimals` (at most 9), trailing zeros left out, thousands grouped.
pub(crate) fn decimal(value: Fixed, decimals: u32) -> String {
    let text = Fixed(round_to(value.0, decimals)).to_string();
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(whole, fraction)| (whole, Some(fraction)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if sign.is_empty() { "" } else { "−" };
    fraction.map_or_else(|| format!("{sign}{grouped}"), |fraction| format!("{sign}{grouped}.{fraction}"))
}

fn round_to(units: i128, decimals: u32) -> i128 {
    Fixed(units).units_to(decimals).saturating_mul(10_i128.pow(9 - decimals.min(9)))
}

/// A count, thousands grouped.
pub(crate) fn whole(count: u64) -> String {
    decimal(Fixed(i128::from(count) * SCALE), 0)
}

/// A score of 0..1 with two decimals, both always shown: columns of them align.
pub(crate) fn score(value: Fixed) -> String {
    let units = value.units_to(2);
    let sign = if units < 0 { "−" } else { "" };
    let units = units.unsigned_abs();
    format!("{sign}{}.{:02}", units / 100, units % 100)
}

/// A share as percent.
pub(crate) fn percent(value: Fixed, text: &Text) -> String {
    format!("{}{}%", percent_number(value), text.percent_space)
}

/// One decimal as a rule; more where one would show 100 for less, or 0 for more.
fn percent_number(value: Fixed) -> String {
    let hundred = value.percent();
    let edge = value.0 > SCALE * 99 / 100 && value.0 < SCALE || value.0 != 0 && value.0.abs() < SCALE / 100;
    let mut decimals = if edge { 2 } else { 1 };
    while decimals < 7 {
        let shown = round_to(hundred.0, decimals);
        if !(edge && (shown == 0 || shown == SCALE * 100)) {
            break;
        }
        decimals += 1;
    }
    decimal(hundred, decimals)
}

/// A value in its unit.
pub(crate) fn value(value: Fixed, unit: &Unit, language: Language) -> String {
    let text = language.text();
    match unit {
        Unit::Ratio => percent(value, text),
        Unit::Seconds => seconds(value, language),
        Unit::Count => decimal(value, 2),
        Unit::Named(name) if name.is_empty() => decimal(value, named_decimals(value)),
        Unit::Named(name) => {
            format!("{}{THIN}{}", decimal(value, named_decimals(value)), unit_name(name, text))
        }
    }
}

/// A unit's name, of those that krscore gives itself in the reader's language.
pub(crate) fn unit_name<'a>(name: &'a str, text: &'a Text) -> &'a str {
    match name {
        "points" => text.unit_points,
        "count/hour" => text.per_hour,
        "count/day" => text.per_day,
        "count/week" => text.per_week,
        name => name,
    }
}

fn named_decimals(value: Fixed) -> u32 {
    if value.0.abs() < SCALE { 3 } else { 2 }
}

/// A difference of two values, with its sign; of ratios in percentage points.
pub(crate) fn change(difference: Fixed, unit: &Unit, language: Language) -> String {
    let sign = if difference.0 > 0 { "+" } else { "" };
    let text = language.text();
    match unit {
        Unit::Ratio => {
            let points = difference.percent();
            let decimals = if points.0.abs() < SCALE { 2 } else { 1 };
            format!("{sign}{}{THIN}{}", decimal(points, decimals), text.percentage_points)
        }
        _ => format!("{sign}{}", value(difference, unit, language)),
    }
}

/// A difference of two scores, with its sign.
pub(crate) fn score_change(difference: Fixed) -> String {
    let sign = if difference.units_to(2) > 0 { "+" } else { "" };
    format!("{sign}{}", score(difference))
}

/// A length of time in its two greatest units, days with a decimal.
pub(crate) fn seconds(value: Fixed, language: Language) -> String {
    let text = language.text();
    let sign = if value.0 < 0 { "−" } else { "" };
    let magnitude = Fixed(value.0.saturating_abs());
    let whole = magnitude.units_to(0).unsigned_abs();
    let unit = |number: String, name: &str| format!("{number}{}{name}", gap(name));
    let two = |first: u128, first_name: &str, second: u128, second_name: &str| {
        let first = unit(first.to_string(), first_name);
        if second == 0 { first } else { format!("{first} {}", unit(second.to_string(), second_name)) }
    };
    let shown = match whole {
        _ if magnitude.0 > 0 && magnitude.0 < SCALE => unit(decimal(Fixed(magnitude.0 * 1_000), 0), text.millisecond),
        0..60 => unit(decimal(magnitude, 1), text.second),
        60..3_600 => two(whole / 60, text.minute, whole % 60, text.second),
        3_600..86_400 => two(whole / 3_600, text.hour, whole % 3_600 / 60, text.minute),
        _ => unit(decimal(Fixed(magnitude.0 / 86_400), 1), text.day),
    };
    format!("{sign}{shown}")
}

/// Chinese units bring their own space.
fn gap(name: &str) -> &'static str {
    if name.starts_with(' ') { "" } else { "\u{202f}" }
}

/// How long ago, in one unit: what is coarse changes seldom.
pub(crate) fn age(length: Span, language: Language) -> String {
    let text = language.text();
    let seconds = length.0.max(0) / Span::SECOND.0;
    let (number, name) = match seconds {
        0..60 => (seconds, text.second),
        60..3_600 => (seconds / 60, text.minute),
        3_600..172_800 => (seconds / 3_600, text.hour),
        _ => (seconds / 86_400, text.day),
    };
    let name = if name == text.minute && language == Language::English { "min" } else { name };
    format!("{number}{}{name}", gap(name))
}

/// An instant on the local clock to the minute: `2026-12-01 09:00`.
pub(crate) fn instant(at: Timestamp, zone: &Zone) -> String {
    let text = zone.format(at);
    text.get(..16).map_or(text.clone(), |minute| minute.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: &str, unit: &Unit, english: &str, chinese: &str) {
        let number = Fixed::parse(number).expect("a number");
        assert_eq!(value(number, unit, Language::English).replace(THIN, " "), english);
        assert_eq!(value(number, unit, Language::Chinese).replace(THIN, " "), chinese);
    }

    #[test]
    fn the_table_of_values() {
        let points = Unit::Named("points".into());
        check("0.964", &Unit::Ratio, "96.4 %", "96.4%");
        check("0.96", &Unit::Ratio, "96 %", "96%");
        check("0.99962", &Unit::Ratio, "99.96 %", "99.96%");
        check("0.999999", &Unit::Ratio, "99.9999 %", "99.9999%");
        check("0.00004", &Unit::Ratio, "0.004 %", "0.004%");
        check("1", &Unit::Ratio, "100 %", "100%");
        check("0", &Unit::Ratio, "0 %", "0%");
        check("-0.385", &Unit::Ratio, "−38.5 %", "−38.5%");
        check("0.25", &Unit::Seconds, "250 ms", "250 毫秒");
        check("12.34", &Unit::Seconds, "12.3 s", "12.3 秒");
        check("161", &Unit::Seconds, "2 m 41 s", "2 分 41 秒");
        check("180", &Unit::Seconds, "3 m", "3 分");
        check("59.99", &Unit::Seconds, "1 m", "1 分");
        check("18720", &Unit::Seconds, "5 h 12 m", "5 小时 12 分");
        check("276480", &Unit::Seconds, "3.2 d", "3.2 天");
        check("-60", &Unit::Seconds, "−1 m", "−1 分");
        check("12345", &Unit::Count, "12,345", "12,345");
        check("-1234567.5", &Unit::Count, "−1,234,567.5", "−1,234,567.5");
        check("4.354", &points, "4.35 points", "4.35 分");
        check("712.5", &Unit::Named("count/day".into()), "712.5 a day", "712.5 次/天");
        check("90.25", &Unit::Named("CNY/hour".into()), "90.25 CNY/hour", "90.25 CNY/hour");
        check("0.0625", &Unit::Named(String::new()), "0.062", "0.062");
    }

    #[test]
    fn changes_and_ages() {
        let ratio = |text: &str| {
            change(Fixed::parse(text).expect("a number"), &Unit::Ratio, Language::English).replace(THIN, " ")
        };
        assert_eq!(ratio("0.002"), "+0.2 pp");
        assert_eq!(ratio("-0.0213"), "−2.1 pp");
        assert_eq!(ratio("0"), "0 pp");
        assert_eq!(score_change(Fixed(66_666_667)), "+0.07");
        assert_eq!(score_change(Fixed(-4_000_000)), "0.00");
        for (span, english, chinese) in [
            (Span(12 * Span::SECOND.0), "12 s", "12 秒"),
            (Span(3 * Span::MINUTE.0), "3 min", "3 分"),
            (Span(47 * Span::HOUR.0), "47 h", "47 小时"),
            (Span(3 * Span::DAY.0), "3 d", "3 天"),
            (Span(-1), "0 s", "0 秒"),
        ] {
            assert_eq!(age(span, Language::English).replace(THIN, " "), english);
            assert_eq!(age(span, Language::Chinese), chinese);
        }
    }

    #[test]
    fn instants_are_local() {
        let zone = Zone::named("Asia/Shanghai").expect("bundled");
        assert_eq!(instant(Timestamp(1_796_054_400_000_000), &zone), "2026-12-01 00:00");
    }
}
