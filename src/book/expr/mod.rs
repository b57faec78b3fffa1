//! SQL expressions over a row, lowered once to a small enum, with SQL's three-valued logic.

mod canonical;
mod eval;
mod fields;
mod like;
pub(in crate::book) mod parse;
#[cfg(test)]
mod tests;
mod types;
mod walk;

pub use canonical::{canonical, canonical_formula};
pub use eval::{Evaluated, ValueFault, accepts, evaluate, number, rejects};
pub use parse::{ExprFault, Purpose, parse};

use crate::event::FieldSlot;
use crate::fixed::Fixed;

/// An expression over the fields of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A field's value.
    Field(FieldSlot),
    /// SQL NULL.
    Null,
    /// TRUE or FALSE.
    Bool(bool),
    /// A number.
    Number(Fixed),
    /// A string.
    Text(String),
    /// `a AND b`.
    And(Box<Expr>, Box<Expr>),
    /// `a OR b`.
    Or(Box<Expr>, Box<Expr>),
    /// `NOT a`.
    Not(Box<Expr>),
    /// `a = b` and its kin.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a IS NULL`.
    IsNull(Box<Expr>),
    /// `a IN (…)`.
    In(Box<Expr>, Vec<Expr>),
    /// `a BETWEEN low AND high`.
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `a LIKE 'pattern'`, with `%` and `_`.
    Like(Box<Expr>, LikePattern),
    /// `a + b` and its kin.
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    /// `-a`.
    Negate(Box<Expr>),
    /// `CASE WHEN condition THEN result … ELSE otherwise END`.
    Case(Vec<(Expr, Expr)>, Box<Expr>),
    /// `COALESCE(a, b, …)`.
    Coalesce(Vec<Expr>),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

/// A LIKE pattern, split once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LikePattern {
    /// As written.
    pub pattern: String,
}
