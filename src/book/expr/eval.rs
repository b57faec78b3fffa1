//! An expression over one row → its value, in SQL's three-valued logic. No allocation.
//!
//! | | TRUE | NULL | fault | FALSE |
//! |---|---|---|---|---|
//! | **TRUE AND** | TRUE | NULL | fault | FALSE |
//! | **NULL AND** | NULL | NULL | fault | FALSE |
//! | **fault AND** | fault | fault | fault | FALSE |
//! | **FALSE AND** | FALSE | FALSE | FALSE | FALSE |
//!
//! `OR` is the same with TRUE and FALSE swapped; `NOT NULL` is NULL. So the order of the two sides never matters: what decides, decides,
//! whatever the other side is, and of two faults the lesser one is reported. `IN` is the `OR` of its comparisons, `BETWEEN` the `AND`
//! of its two. `CASE` and `COALESCE` go from left to right and stop at the first that decides; a fault before it is theirs.
//!
//! | case | result |
//! |---|---|
//! | a comparison or arithmetic with NULL | NULL |
//! | numbers, texts, booleans of the same type | compared; texts by the bytes of their UTF-8, FALSE < TRUE |
//! | different types, `'5' = 5` | [`ValueFault::WrongType`]; 42 and "42" are not the same here |
//! | an array or object | [`ValueFault::WrongType`], but for IS NULL, which is FALSE |
//! | `1e999999999`, or a result beyond 10¹⁸ | [`ValueFault::OutOfRange`] |
//! | `a / 0`, `a % 0` | [`ValueFault::DivisionByZero`] |

use std::cmp::Ordering;

use super::{Comparison, Expr, Operator};
use crate::event::{FieldSlot, FieldValue, RowView};
use crate::fixed::{Fixed, NumberFault};

/// Why an expression has no value in a row. The input is NULL then, and the fault is counted. The order says which of two is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum ValueFault {
    /// A text, array or object where a number is needed, and the like.
    #[error("wrong type")]
    WrongType,
    /// A magnitude beyond [`crate::fixed::VALUE_MAX`].
    #[error("out of range")]
    OutOfRange,
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A key or header whose bytes are no text.
    #[error("invalid UTF-8")]
    NotText,
}

impl ValueFault {
    /// The text of metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            ValueFault::WrongType => "wrong_type",
            ValueFault::OutOfRange => "out_of_range",
            ValueFault::DivisionByZero => "division_by_zero",
            ValueFault::NotText => "invalid_utf8",
        }
    }
}

impl From<NumberFault> for ValueFault {
    fn from(fault: NumberFault) -> ValueFault {
        match fault {
            NumberFault::NotANumber => ValueFault::WrongType,
            NumberFault::OutOfRange => ValueFault::OutOfRange,
            NumberFault::DivisionByZero => ValueFault::DivisionByZero,
        }
    }
}

/// A value, borrowed from the expression or the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluated<'a> {
    /// SQL NULL.
    Null,
    /// TRUE or FALSE.
    Bool(bool),
    /// A number.
    Number(Fixed),
    /// A text.
    Text(&'a str),
}

/// Whether a filter takes the row: only TRUE does.
///
/// # Errors
/// Where the filter has no truth value.
#[inline]
pub fn accepts(filter: &Expr, row: RowView<'_>) -> Result<bool, ValueFault> {
    // Most filters are `type = 'order.created'`, asked of every record: no need to walk a tree for that.
    if let Expr::Compare(Comparison::Equal, a, b) = filter
        && let (Expr::Field(slot), Expr::Text(text)) = (&**a, &**b)
        && let FieldValue::Text(value) = row.value(*slot)
    {
        return Ok(value == &**text);
    }
    truth(filter, row).map(|truth| truth == Some(true))
}

/// Whether a filter turns the row down for certain: where it is FALSE, and neither NULL nor a fault.
pub fn rejects(filter: &Expr, row: RowView<'_>) -> bool {
    truth(filter, row) == Ok(Some(false))
}

/// The number that an expression yields; `None` for NULL.
///
/// # Errors
/// Where it yields something else, or nothing.
#[inline]
pub fn number(expr: &Expr, row: RowView<'_>) -> Result<Option<Fixed>, ValueFault> {
    // Most values are a field.
    if let Expr::Field(slot) = expr
        && let FieldValue::Number(text) = row.value(*slot)
    {
        return Ok(Some(Fixed::parse(text)?));
    }
    number_of_any(expr, row)
}

#[inline(never)]
fn number_of_any(expr: &Expr, row: RowView<'_>) -> Result<Option<Fixed>, ValueFault> {
    match evaluate(expr, row)? {
        Evaluated::Null => Ok(None),
        Evaluated::Number(number) => Ok(Some(number)),
        Evaluated::Bool(_) | Evaluated::Text(_) => Err(ValueFault::WrongType),
    }
}

/// The value of an expression in a row.
///
/// # Errors
/// As the tables of this module say.
pub fn evaluate<'a>(expr: &'a Expr, row: RowView<'a>) -> Result<Evaluated<'a>, ValueFault> {
    match expr {
        Expr::Field(slot) => field(*slot, row),
        Expr::Null => Ok(Evaluated::Null),
        Expr::Bool(truth) => Ok(Evaluated::Bool(*truth)),
        Expr::Number(number) => Ok(Evaluated::Number(*number)),
        Expr::Text(text) => Ok(Evaluated::Text(text)),
        Expr::Arithmetic(operator, a, b) => arithmetic(*operator, number(a, row), number(b, row)),
        Expr::Negate(a) => match number(a, row)? {
            Some(a) => Ok(Evaluated::Number(a.checked_neg()?)),
            None => Ok(Evaluated::Null),
        },
        Expr::Case(branches, otherwise) => {
            for (condition, result) in branches {
                if truth(condition, row)? == Some(true) {
                    return evaluate(result, row);
                }
            }
            evaluate(otherwise, row)
        }
        Expr::Coalesce(arguments) => {
            for argument in arguments {
                match evaluate(argument, row)? {
                    Evaluated::Null => {}
                    found => return Ok(found),
                }
            }
            Ok(Evaluated::Null)
        }
        _ => Ok(truth(expr, row)?.map_or(Evaluated::Null, Evaluated::Bool)),
    }
}

fn field(slot: FieldSlot, row: RowView<'_>) -> Result<Evaluated<'_>, ValueFault> {
    match row.value(slot) {
        FieldValue::Null => Ok(Evaluated::Null),
        FieldValue::Bool(truth) => Ok(Evaluated::Bool(truth)),
        FieldValue::Number(text) => Ok(Evaluated::Number(Fixed::parse(text)?)),
        FieldValue::Text(text) => Ok(Evaluated::Text(text)),
        FieldValue::Composite => Err(ValueFault::WrongType),
        FieldValue::NotText => Err(ValueFault::NotText),
    }
}

/// TRUE, FALSE or NULL.
type Truth = Result<Option<bool>, ValueFault>;

fn truth(expr: &Expr, row: RowView<'_>) -> Truth {
    match expr {
        Expr::And(a, b) => decided_by(false, truth(a, row), || truth(b, row)),
        Expr::Or(a, b) => decided_by(true, truth(a, row), || truth(b, row)),
        Expr::Not(a) => Ok(truth(a, row)?.map(|truth| !truth)),
        Expr::Compare(comparison, a, b) => compare(*comparison, evaluate(a, row), evaluate(b, row)),
        Expr::IsNull(a) => match **a {
            // Presence is enough: a number out of range and an array are there.
            Expr::Field(slot) => Ok(Some(row.value(slot) == FieldValue::Null)),
            ref other => Ok(Some(evaluate(other, row)? == Evaluated::Null)),
        },
        Expr::In(a, items) => {
            let a = evaluate(a, row);
            let mut found = Ok(Some(false));
            for item in items {
                found = decided_by(true, found, || compare(Comparison::Equal, a, evaluate(item, row)));
                if found == Ok(Some(true)) {
                    break;
                }
            }
            found
        }
        Expr::Between(a, low, high) => {
            let a = evaluate(a, row);
            let low = compare(Comparison::GreaterOrEqual, a, evaluate(low, row));
            decided_by(false, low, || compare(Comparison::LessOrEqual, a, evaluate(high, row)))
        }
        Expr::Like(a, pattern) => match evaluate(a, row)? {
            Evaluated::Null => Ok(None),
            Evaluated::Text(text) => Ok(Some(pattern.matches(text))),
            Evaluated::Bool(_) | Evaluated::Number(_) => Err(ValueFault::WrongType),
        },
        _ => match evaluate(expr, row)? {
            Evaluated::Null => Ok(None),
            Evaluated::Bool(truth) => Ok(Some(truth)),
            Evaluated::Number(_) | Evaluated::Text(_) => Err(ValueFault::WrongType),
        },
    }
}

/// AND (decided by FALSE) or OR (decided by TRUE); the second side is looked at only if the first does not decide.
fn decided_by(decisive: bool, a: Truth, b: impl FnOnce() -> Truth) -> Truth {
    if a == Ok(Some(decisive)) {
        return a;
    }
    match (a, b()) {
        (_, Ok(Some(b))) if b == decisive => Ok(Some(b)),
        (Err(a), Err(b)) => Err(a.min(b)),
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
        (Ok(None), _) | (_, Ok(None)) => Ok(None),
        (Ok(Some(_)), Ok(Some(_))) => Ok(Some(!decisive)),
    }
}

type Side<T> = Result<T, ValueFault>;

/// Both sides, or the lesser of their faults.
fn both<T>(a: Side<T>, b: Side<T>) -> Result<(T, T), ValueFault> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(a), Err(b)) => Err(a.min(b)),
        (Err(fault), _) | (_, Err(fault)) => Err(fault),
    }
}

fn compare(comparison: Comparison, a: Side<Evaluated<'_>>, b: Side<Evaluated<'_>>) -> Truth {
    let order = match both(a, b)? {
        (Evaluated::Null, _) | (_, Evaluated::Null) => return Ok(None),
        (Evaluated::Number(a), Evaluated::Number(b)) => a.cmp(&b),
        (Evaluated::Text(a), Evaluated::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Evaluated::Bool(a), Evaluated::Bool(b)) => a.cmp(&b),
        _ => return Err(ValueFault::WrongType),
    };
    Ok(Some(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    }))
}

fn arithmetic<'a>(
    operator: Operator,
    a: Side<Option<Fixed>>,
    b: Side<Option<Fixed>>,
) -> Result<Evaluated<'a>, ValueFault> {
    let (Some(a), Some(b)) = both(a, b)? else { return Ok(Evaluated::Null) };
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Modulo => a.checked_rem(b),
    };
    Ok(Evaluated::Number(result?))
}
