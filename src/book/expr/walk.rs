//! Walks over the parts of expressions and formulas.

use super::Expr;
use crate::book::model::{Formula, MetricIndex};
use crate::event::FieldSlot;

impl Expr {
    /// Calls `change` with every field, in the order of the text.
    pub(in crate::book) fn map_fields(&mut self, change: &mut dyn FnMut(&mut FieldSlot)) {
        match self {
            Expr::Field(slot) => change(slot),
            Expr::Null | Expr::Bool(_) | Expr::Number(_) | Expr::Text(_) => {}
            Expr::Not(a) | Expr::IsNull(a) | Expr::Like(a, _) | Expr::Negate(a) => a.map_fields(change),
            Expr::And(a, b) | Expr::Or(a, b) | Expr::Compare(_, a, b) | Expr::Arithmetic(_, a, b) => {
                a.map_fields(change);
                b.map_fields(change);
            }
            Expr::Between(a, low, high) => {
                a.map_fields(change);
                low.map_fields(change);
                high.map_fields(change);
            }
            Expr::In(a, items) => {
                a.map_fields(change);
                items.iter_mut().for_each(|item| item.map_fields(change));
            }
            Expr::Coalesce(arguments) => arguments.iter_mut().for_each(|argument| argument.map_fields(change)),
            Expr::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    condition.map_fields(change);
                    result.map_fields(change);
                }
                otherwise.map_fields(change);
            }
        }
    }
}

impl Formula {
    /// Calls `visit` with every metric that the formula reads, in the order of the text; one that is read twice comes twice.
    pub fn metrics(&self, visit: &mut dyn FnMut(MetricIndex)) {
        match self {
            Formula::Metric(metric) => visit(*metric),
            Formula::Number(_) => {}
            Formula::Negate(a) => a.metrics(visit),
            Formula::Arithmetic(_, a, b) => {
                a.metrics(visit);
                b.metrics(visit);
            }
        }
    }
}
