//! What is data elsewhere and a sentence on the page, in the reader's language. English is its own `Display`; the Chinese is here, one text
//! for each variant.
//!
//! Names of topics, metrics and settings, expressions, and the reasons of dead letters stay as the book, the settings and the metrics'
//! labels write them.

mod arithmetic;
mod counter;
mod definition;
mod reason;

use super::format;
use super::text::Language;
use crate::fixed::Fixed;
use crate::time::{Interval, Span};

/// A length as people say it, rounded.
fn length(span: Span) -> String {
    format::seconds(Fixed::from_seconds(span), Language::Chinese)
}

/// A length to its last digit: `92 天 4 小时`.
fn exact_length(span: Span) -> String {
    let chinese = |(number, unit): (String, &'static str)| {
        let unit = match unit {
            "d" => "天",
            "h" => "小时",
            "m" => "分",
            "s" => "秒",
            "ms" => "毫秒",
            other => other,
        };
        format!("{number} {unit}")
    };
    span.parts().into_iter().map(chinese).collect::<Vec<_>>().join(" ")
}

fn interval(interval: Interval) -> &'static str {
    match interval {
        Interval::Hour => "小时",
        Interval::Day => "天",
        Interval::Week => "周",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_exact_lengths() {
        for (micros, chinese) in [
            (0, "0 秒"),
            (1_500, "1.5 毫秒"),
            (61 * Span::SECOND.0, "1 分 1 秒"),
            (92 * Span::DAY.0 + 4 * Span::HOUR.0, "92 天 4 小时"),
            (Span::DAY.0 + 1, "1 天 0.000001 秒"),
            (-Span::HOUR.0, "-1 小时"),
        ] {
            assert_eq!(exact_length(Span(micros)), chinese);
        }
    }
}
