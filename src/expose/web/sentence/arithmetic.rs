//! The steps of a score's arithmetic.

use super::{exact_length, interval};
use crate::book::Unit;
use crate::expose::web::format::unit_name;
use crate::expose::web::text::Language;
use crate::fixed::Fixed;
use crate::snapshot::arithmetic::{
    Amount, ArithmeticStep, Comparison, Expectation, Quotient, Stage, Terms, at_or_past, between, subtracted,
};

impl Language {
    /// A step of a score's arithmetic, in one line.
    pub(crate) fn arithmetic(self, step: &ArithmeticStep) -> String {
        match self {
            Language::English => step.to_string(),
            Language::Chinese => chinese(step),
        }
    }
}

fn chinese(step: &ArithmeticStep) -> String {
    match step {
        ArithmeticStep::Value { of, value, interval } => {
            let interval = interval.as_ref().map_or_else(String::new, |(from, to)| format!("，取自 {from} 至 {to}"));
            format!("当前值 = {}{}{interval}", equals(of.as_ref().map(quotient)), amount(value))
        }
        ArithmeticStep::Part { metric, value, n } => {
            let value = value.map_or_else(|| NO_VALUE.to_owned(), |value| value.to_string());
            format!("{metric} = {value}{}", rows(*n))
        }
        ArithmeticStep::Baseline { value, n, from, to, stage } => {
            let (value, stage) = (or_no_value(value.as_ref()), self::stage(stage));
            format!("基线 = {value}{}，测量期为 {from} 至 {to}，{stage}", rows(*n))
        }
        ArithmeticStep::Target { baseline, change, target } => {
            let sign = if *change < Fixed::ZERO { "−" } else { "+" };
            format!("目标值 = {baseline} {sign} {}% = {target}", Fixed(change.0.saturating_abs()).percent())
        }
        ArithmeticStep::Attainment { of, attainment } => {
            format!("完成度 = {}{attainment}", equals(of.as_ref().map(comparison)))
        }
        ArithmeticStep::Score { score, clamped, success } => {
            let clamped = clamped.map_or_else(String::new, |attainment| format!("，由 {attainment} 限定到 0..1"));
            format!("得分 = {score}{clamped}；达成线为 {success}")
        }
        ArithmeticStep::Original { target, attainment } => {
            let of = |number: &Option<Fixed>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
            format!("按原目标 {}：完成度 = {}", of(target), of(attainment))
        }
        ArithmeticStep::Revision { target, date, why, by } => {
            let by = by.as_ref().map_or_else(String::new, |by| format!("（{by}）"));
            format!("{date} 起目标改为 {target}：{why}{by}")
        }
        ArithmeticStep::Expected { of, expected } => {
            format!("预期 = {}{expected}", equals(of.as_ref().map(expectation)))
        }
    }
}

const NO_VALUE: &str = "没有数值";

fn equals(formula: Option<String>) -> String {
    formula.map_or_else(String::new, |formula| format!("{formula} = "))
}

fn rows(n: Option<i64>) -> String {
    n.map_or_else(String::new, |n| format!("，n = {n}"))
}

fn or_no_value(value: Option<&Amount>) -> String {
    value.map_or_else(|| NO_VALUE.to_owned(), amount)
}

fn amount(amount: &Amount) -> String {
    let value = amount.value;
    match &amount.unit {
        Unit::Ratio => format!("{value}（{}%）", value.percent()),
        Unit::Seconds => {
            let length = amount.span().map_or_else(String::new, |span| format!("（{}）", exact_length(span)));
            format!("{value} 秒{length}")
        }
        Unit::Count => value.to_string(),
        Unit::Named(name) if name.is_empty() => value.to_string(),
        Unit::Named(name) => format!("{value} {}", unit_name(name, Language::Chinese.text())),
    }
}

fn quotient(quotient: &Quotient) -> String {
    let Quotient { numerator, denominator, terms } = quotient;
    let words = match terms {
        Terms::Rate(per) => format!("（总量 / {}数）", interval(*per)),
        Terms::Weights => "（已完成权重 / 全部权重）".to_owned(),
        Terms::WithoutBad => return quotient.to_string(),
        Terms::Parts => String::new(),
        Terms::Judged => "（达标 / 已评判）".to_owned(),
        Terms::Mean => "（总和 / n）".to_owned(),
    };
    format!("{numerator} / {denominator}{words}")
}

fn comparison(comparison: &Comparison) -> String {
    let words = |holds: bool| if holds { "成立" } else { "不成立" };
    match *comparison {
        Comparison::Way { value, baseline, target } => {
            let minus = subtracted(baseline);
            format!("({value} − {minus}) / ({target} − {minus})")
        }
        Comparison::AtTarget { value, baseline, target, direction, holds } => {
            format!("基线 {baseline} 已达到目标；{value} {} {target} {}", at_or_past(direction), words(holds))
        }
        Comparison::Days { in_band, judged } => format!("{in_band} / {judged}（达标天数 / 已评判天数）"),
        Comparison::Band { value, at_least, at_most, holds } => {
            format!("{} {}", between(value, at_least, at_most), words(holds))
        }
    }
}

fn stage(stage: &Stage) -> String {
    match stage {
        Stage::Measuring => "仍在测量".to_owned(),
        Stage::Provisional { until } => format!("在 {until} 之前为暂定"),
        Stage::Frozen { on } => format!("已于 {on} 冻结"),
        Stage::Differs { on, now: Some(now) } => format!("已于 {on} 冻结；按当前数据则为 {}", amount(now)),
        Stage::Differs { on, now: None } => format!("已于 {on} 冻结；按当前数据则没有数值"),
    }
}

fn expectation(expectation: &Expectation) -> String {
    match expectation {
        Expectation::WeightDue => "到期权重 / 全部权重".to_owned(),
        Expectation::Pace => "按设定的进度".to_owned(),
        Expectation::Elapsed { success, gone, all } => {
            format!("{success} · {} / {}", exact_length(*gone), exact_length(*all))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Direction;
    use crate::time::{Interval, Span};

    fn number(text: &str) -> Fixed {
        Fixed::parse(text).unwrap()
    }

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn check(step: ArithmeticStep, english: &str, chinese: &str) {
        assert_eq!(Language::English.arithmetic(&step), english);
        assert_eq!(Language::Chinese.arithmetic(&step), chinese);
    }

    #[test]
    fn the_table_of_values() {
        let of = |terms, numerator, denominator| {
            let (numerator, denominator) = (number(numerator), number(denominator));
            Some(Quotient { numerator, denominator, terms })
        };
        let check = |of, value, unit: Unit, english, chinese| {
            let value = Amount { value: number(value), unit };
            check(ArithmeticStep::Value { of, value, interval: None }, english, chinese)
        };
        check(None, "12", Unit::Count, "value = 12", "当前值 = 12");
        check(None, "12.5", Unit::Named(text("EUR")), "value = 12.5 EUR", "当前值 = 12.5 EUR");
        check(None, "12.5", Unit::Named(text("points")), "value = 12.5 points", "当前值 = 12.5 分");
        check(None, "12.5", Unit::Named(String::new()), "value = 12.5", "当前值 = 12.5");
        check(
            of(Terms::Parts, "9", "10"),
            "0.9",
            Unit::Ratio,
            "value = 9 / 10 = 0.9 (90 %)",
            "当前值 = 9 / 10 = 0.9（90%）",
        );
        check(
            of(Terms::WithoutBad, "99", "100"),
            "0.99",
            Unit::Ratio,
            "value = 1 − 1 / 100 = 99 / 100 = 0.99 (99 %)",
            "当前值 = 1 − 1 / 100 = 99 / 100 = 0.99（99%）",
        );
        check(
            of(Terms::Mean, "322.5", "2"),
            "161.25",
            Unit::Seconds,
            "value = 322.5 / 2 (sum / n) = 161.25 s (2m41s)",
            "当前值 = 322.5 / 2（总和 / n） = 161.25 秒（2 分 41 秒）",
        );
        check(
            of(Terms::Judged, "3", "4"),
            "0.75",
            Unit::Ratio,
            "value = 3 / 4 (good / judged) = 0.75 (75 %)",
            "当前值 = 3 / 4（达标 / 已评判） = 0.75（75%）",
        );
        check(
            of(Terms::Weights, "1", "4"),
            "0.25",
            Unit::Ratio,
            "value = 1 / 4 (weight done / all weight) = 0.25 (25 %)",
            "当前值 = 1 / 4（已完成权重 / 全部权重） = 0.25（25%）",
        );
        check(
            of(Terms::Rate(Interval::Hour), "8", "4"),
            "2",
            Unit::Named(String::new()),
            "value = 8 / 4 (amount / hours) = 2",
            "当前值 = 8 / 4（总量 / 小时数） = 2",
        );
        let value = Amount { value: number("7"), unit: Unit::Count };
        let step = ArithmeticStep::Value { of: None, value, interval: Some((text("A"), text("B"))) };
        self::check(step, "value = 7, from A to B", "当前值 = 7，取自 A 至 B");
    }

    #[test]
    fn the_table_of_parts_baselines_and_targets() {
        check(
            ArithmeticStep::Part { metric: text("csat"), value: Some(number("4.5")), n: Some(2) },
            "csat = 4.5, n = 2",
            "csat = 4.5，n = 2",
        );
        check(
            ArithmeticStep::Part { metric: text("csat"), value: None, n: None },
            "csat = no value",
            "csat = 没有数值",
        );
        let baseline = |value: Option<&str>, n, stage| ArithmeticStep::Baseline {
            value: value.map(|value| Amount { value: number(value), unit: Unit::Ratio }),
            n,
            from: text("A"),
            to: text("B"),
            stage,
        };
        check(
            baseline(None, None, Stage::Measuring),
            "baseline = no value, measured from A to B, still being measured",
            "基线 = 没有数值，测量期为 A 至 B，仍在测量",
        );
        check(
            baseline(Some("0.5"), Some(4), Stage::Provisional { until: text("C") }),
            "baseline = 0.5 (50 %), n = 4, measured from A to B, provisional until C",
            "基线 = 0.5（50%），n = 4，测量期为 A 至 B，在 C 之前为暂定",
        );
        check(
            baseline(Some("0.5"), Some(4), Stage::Frozen { on: text("C") }),
            "baseline = 0.5 (50 %), n = 4, measured from A to B, frozen on C",
            "基线 = 0.5（50%），n = 4，测量期为 A 至 B，已于 C 冻结",
        );
        check(
            baseline(Some("0.5"), Some(4), Stage::Differs { on: text("C"), now: None }),
            "baseline = 0.5 (50 %), n = 4, measured from A to B, frozen on C; today's facts would say no value",
            "基线 = 0.5（50%），n = 4，测量期为 A 至 B，已于 C 冻结；按当前数据则没有数值",
        );
        check(
            ArithmeticStep::Target { baseline: number("0.5"), change: number("-0.2"), target: number("0.4") },
            "target = 0.5 − 20 % = 0.4",
            "目标值 = 0.5 − 20% = 0.4",
        );
        check(
            ArithmeticStep::Original { target: Some(number("0.9")), attainment: None },
            "against the original target 0.9: attainment = –",
            "按原目标 0.9：完成度 = –",
        );
        check(
            ArithmeticStep::Revision {
                target: number("0.8"),
                date: jiff::civil::date(2026, 11, 1),
                why: text("strike"),
                by: Some(text("Ann")),
            },
            "target revised to 0.8 on 2026-11-01: strike, by Ann",
            "2026-11-01 起目标改为 0.8：strike（Ann）",
        );
    }

    #[test]
    fn the_table_of_scores() {
        let (value, baseline, target) = (number("0.9"), number("-1"), number("1"));
        let attainment =
            |of, attainment: &str| ArithmeticStep::Attainment { of: Some(of), attainment: number(attainment) };
        check(
            attainment(Comparison::Way { value, baseline, target }, "0.95"),
            "attainment = (0.9 − (-1)) / (1 − (-1)) = 0.95",
            "完成度 = (0.9 − (-1)) / (1 − (-1)) = 0.95",
        );
        check(
            attainment(
                Comparison::AtTarget { value, baseline: target, target, direction: Direction::Up, holds: false },
                "0",
            ),
            "attainment = the baseline 1 is at its target already; 0.9 ≥ 1 does not hold = 0",
            "完成度 = 基线 1 已达到目标；0.9 ≥ 1 不成立 = 0",
        );
        check(
            attainment(Comparison::Days { in_band: 3, judged: 4 }, "0.75"),
            "attainment = 3 / 4 (days in band / days judged) = 0.75",
            "完成度 = 3 / 4（达标天数 / 已评判天数） = 0.75",
        );
        check(
            attainment(Comparison::Band { value, at_least: None, at_most: Some(target), holds: true }, "1"),
            "attainment = 0.9 ≤ 1 holds = 1",
            "完成度 = 0.9 ≤ 1 成立 = 1",
        );
        check(
            ArithmeticStep::Score { score: number("1"), clamped: Some(number("1.2")), success: number("0.7") },
            "score = 1, 1.2 clamped to 0..1; 0.7 counts as success",
            "得分 = 1，由 1.2 限定到 0..1；达成线为 0.7",
        );
        let expected = |of| ArithmeticStep::Expected { of: Some(of), expected: number("0.35") };
        check(
            expected(Expectation::Elapsed { success: number("0.7"), gone: Span::DAY, all: Span(2 * Span::DAY.0) }),
            "expected = 0.7 · 1d / 2d = 0.35",
            "预期 = 0.7 · 1 天 / 2 天 = 0.35",
        );
        check(expected(Expectation::Pace), "expected = by its pace = 0.35", "预期 = 按设定的进度 = 0.35");
        check(
            expected(Expectation::WeightDue),
            "expected = weight due / all weight = 0.35",
            "预期 = 到期权重 / 全部权重 = 0.35",
        );
    }
}
