//! Expressions and formulas → one text each, which is part of the stored identity of an aggregate.
//!
//! The text says what is computed and nothing else: names instead of numbers, every operation in parentheses, numbers without exponent
//! or trailing zeros. **A change here re-identifies what is stored**; the golden test must not be edited to fit.

use super::types::symbol;
use super::{Comparison, Expr};
use crate::book::model::{Formula, MetricIndex};
use crate::event::FieldSlot;

/// The canonical text of an expression; `field_name` gives the field's, [`crate::book::Field::canonical`].
pub fn canonical(expr: &Expr, field_name: &dyn Fn(FieldSlot) -> String) -> String {
    let mut out = String::new();
    write_expr(&mut out, expr, field_name);
    out
}

/// The canonical text of a formula; `metric_name` gives what stands for the metric: its name, or its own definition.
pub fn canonical_formula<'n>(formula: &Formula, metric_name: &dyn Fn(MetricIndex) -> &'n str) -> String {
    match formula {
        Formula::Metric(metric) => quoted(metric_name(*metric), '"'),
        Formula::Number(number) => number.to_string(),
        Formula::Negate(a) => format!("(- {})", canonical_formula(a, metric_name)),
        Formula::Arithmetic(operator, a, b) => {
            let (a, b) = (canonical_formula(a, metric_name), canonical_formula(b, metric_name));
            format!("({a} {} {b})", symbol(*operator))
        }
    }
}

fn quoted(text: &str, quote: char) -> String {
    let doubled = text.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{doubled}{quote}")
}

fn write_expr(out: &mut String, expr: &Expr, field_name: &dyn Fn(FieldSlot) -> String) {
    let mut infix = |a: &Expr, word: &str, b: &Expr| {
        out.push('(');
        write_expr(out, a, field_name);
        *out += &format!(" {word} ");
        write_expr(out, b, field_name);
        out.push(')');
    };
    match expr {
        Expr::And(a, b) => infix(a, "AND", b),
        Expr::Or(a, b) => infix(a, "OR", b),
        Expr::Compare(comparison, a, b) => infix(a, comparison_symbol(*comparison), b),
        Expr::Arithmetic(operator, a, b) => infix(a, symbol(*operator), b),
        Expr::Field(slot) => *out += &field_name(*slot),
        Expr::Null => *out += "NULL",
        Expr::Bool(truth) => *out += if *truth { "TRUE" } else { "FALSE" },
        Expr::Number(number) => *out += &number.to_string(),
        Expr::Text(text) => *out += &quoted(text, '\''),
        Expr::Not(a) => write_around(out, "(NOT ", &[a], ")", field_name),
        Expr::IsNull(a) => write_around(out, "(", &[a], " IS NULL)", field_name),
        Expr::Negate(a) => write_around(out, "(- ", &[a], ")", field_name),
        Expr::Like(a, pattern) => {
            let end = format!(" LIKE {})", quoted(&pattern.pattern, '\''));
            write_around(out, "(", &[a], &end, field_name);
        }
        Expr::Between(a, low, high) => {
            write_around(out, "(", &[a], " BETWEEN ", field_name);
            write_around(out, "", &[low], " AND ", field_name);
            write_around(out, "", &[high], ")", field_name);
        }
        Expr::In(a, items) => {
            write_around(out, "(", &[a], " IN ", field_name);
            let items: Vec<&Expr> = items.iter().collect();
            write_around(out, "(", &items, "))", field_name);
        }
        Expr::Coalesce(arguments) => {
            let arguments: Vec<&Expr> = arguments.iter().collect();
            write_around(out, "COALESCE(", &arguments, ")", field_name);
        }
        Expr::Case(branches, otherwise) => {
            *out += "(CASE";
            for (condition, result) in branches {
                write_around(out, " WHEN ", &[condition], " THEN ", field_name);
                write_around(out, "", &[result], "", field_name);
            }
            write_around(out, " ELSE ", &[otherwise], " END)", field_name);
        }
    }
}

/// `before`, the parts with commas between them, `behind`.
fn write_around(
    out: &mut String,
    before: &str,
    parts: &[&Expr],
    behind: &str,
    field_name: &dyn Fn(FieldSlot) -> String,
) {
    *out += before;
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            *out += ", ";
        }
        write_expr(out, part, field_name);
    }
    *out += behind;
}

fn comparison_symbol(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}
