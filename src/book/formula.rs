//! A derived metric's formula: arithmetic over the names of metrics.

use sqlparser::ast;

use super::expr::Operator;
use super::expr::parse::{DEPTH_MAX, ExprFault, field_name, number, start_of, tree};
use super::fault::suggestion;
use super::model::{Formula, MetricIndex};
use crate::fixed::Fixed;

/// The names that a formula reads, in its order, each once.
///
/// # Errors
/// As [`parse`], but for unknown metrics.
pub(super) fn names(text: &str) -> Result<Vec<String>, ExprFault> {
    let mut names: Vec<String> = Vec::new();
    let parsed = lower(&tree(text)?, 0, &mut |name, _| {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        Ok(MetricIndex(0))
    })?;
    if names.is_empty() {
        let at = sqlparser::tokenizer::Location { line: 1, column: 1 };
        let _ = parsed;
        return Err(ExprFault::at(
            at,
            "a formula without any metric",
            "write it over metrics, like 1000 * mispicks / orders",
        ));
    }
    Ok(names)
}

/// Reads a formula over `metrics`, the known names and their positions.
///
/// # Errors
/// The first thing that is no arithmetic over known metrics.
pub(super) fn parse(text: &str, metrics: &[(&str, MetricIndex)]) -> Result<Formula, ExprFault> {
    lower(&tree(text)?, 0, &mut |name, at| {
        let known: Vec<&str> = metrics.iter().map(|(name, _)| *name).collect();
        metrics.iter().find(|(metric, _)| *metric == name).map(|(_, index)| *index).ok_or_else(|| {
            let mend = suggestion(name, &known).unwrap_or_else(|| "define it under `metrics`".to_owned());
            ExprFault::at(at, format!("there is no metric `{name}`"), mend)
        })
    })
}

type Resolve<'f> = dyn FnMut(&str, sqlparser::tokenizer::Location) -> Result<MetricIndex, ExprFault> + 'f;

fn lower(tree: &ast::Expr, depth: usize, metric: &mut Resolve<'_>) -> Result<Formula, ExprFault> {
    let at = start_of(tree);
    let refuse = |what: String| Err(ExprFault::at(at, what, "a formula has metrics, numbers, + - * / and parentheses"));
    if depth > DEPTH_MAX {
        return refuse(format!("nested or chained deeper than {DEPTH_MAX}"));
    }
    match tree {
        ast::Expr::Nested(inner) => lower(inner, depth + 1, metric),
        ast::Expr::Identifier(ident) => Ok(Formula::Metric(metric(&field_name(ident)?, ident.span.start)?)),
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Number(text, false), span }) => {
            number(text, span.start).map(Formula::Number)
        }
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => Ok(match lower(expr, depth + 1, metric)? {
            Formula::Number(number) => Formula::Number(Fixed(-number.0)),
            inner => Formula::Negate(Box::new(inner)),
        }),
        ast::Expr::BinaryOp { left, op, right } => {
            let operator = match op {
                ast::BinaryOperator::Plus => Operator::Add,
                ast::BinaryOperator::Minus => Operator::Subtract,
                ast::BinaryOperator::Multiply => Operator::Multiply,
                ast::BinaryOperator::Divide => Operator::Divide,
                other => return refuse(format!("the operator `{other}` in a formula")),
            };
            let (left, at) = (lower(left, depth + 1, metric)?, start_of(right));
            let right = lower(right, depth + 1, metric)?;
            if operator == Operator::Divide && right == Formula::Number(Fixed::ZERO) {
                return Err(ExprFault::at(at, "a division by zero", "divide by a metric, or by another number"));
            }
            Ok(Formula::Arithmetic(operator, Box::new(left), Box::new(right)))
        }
        other => refuse(format!("`{}` in a formula", shortened(&other.to_string()))),
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}
