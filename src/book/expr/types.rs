//! Types of expressions as far as they are known before any row: a `where` that is no truth, a `value` that is a text.

use super::parse::Purpose;
use super::{Expr, Operator};

/// What is known of an expression's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    /// A field or NULL: only a row can tell.
    Unknown,
    Bool,
    Number,
    Text,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Type::Unknown => "unknown",
            Type::Bool => "true or false",
            Type::Number => "a number",
            Type::Text => "a text",
        }
    }
}

type TypeFault = (String, String);

/// Checks that the expression's parts fit together and that it yields what it is for. An error is a message and its mend.
pub(super) fn check_types(expr: &Expr, purpose: Purpose) -> Result<(), TypeFault> {
    let found = type_of(expr)?;
    let (wanted, mend) = match purpose {
        Purpose::Any => return Ok(()),
        Purpose::Filter => (Type::Bool, "write a comparison, like status = 'paid'"),
        Purpose::Number => (Type::Number, "name a numeric field, or compute one"),
    };
    if found == wanted || found == Type::Unknown {
        return Ok(());
    }
    Err((format!("the expression is {}, not {}", found.name(), wanted.name()), mend.to_owned()))
}

fn expect(expr: &Expr, wanted: Type, whose: &str) -> Result<(), TypeFault> {
    let found = type_of(expr)?;
    if found == wanted || found == Type::Unknown {
        return Ok(());
    }
    let mend = match (wanted, found) {
        (Type::Number, Type::Text) => "write numbers without quotes",
        (Type::Bool, _) => "write a comparison there",
        _ => "use values of the same type",
    };
    Err((format!("{whose} takes {}, not {}", wanted.name(), found.name()), mend.to_owned()))
}

/// The one type of all; comparing a number with a text would fault on every row.
fn unify<'e>(exprs: impl IntoIterator<Item = &'e Expr>, whose: &str) -> Result<Type, TypeFault> {
    let mut known = Type::Unknown;
    for expr in exprs {
        match (known, type_of(expr)?) {
            (_, Type::Unknown) => {}
            (Type::Unknown, found) => known = found,
            (a, b) if a == b => {}
            (a, b) => {
                let message = format!("{whose} of {} and {}", a.name(), b.name());
                return Err((message, "use values of the same type: texts in '…', numbers without quotes".to_owned()));
            }
        }
    }
    Ok(known)
}

fn type_of(expr: &Expr) -> Result<Type, TypeFault> {
    Ok(match expr {
        Expr::Field(_) | Expr::Null => Type::Unknown,
        Expr::Bool(_) => Type::Bool,
        Expr::Number(_) => Type::Number,
        Expr::Text(_) => Type::Text,
        Expr::And(a, b) => {
            expect(a, Type::Bool, "AND")?;
            expect(b, Type::Bool, "AND")?;
            Type::Bool
        }
        Expr::Or(a, b) => {
            expect(a, Type::Bool, "OR")?;
            expect(b, Type::Bool, "OR")?;
            Type::Bool
        }
        Expr::Not(a) => {
            expect(a, Type::Bool, "NOT")?;
            Type::Bool
        }
        Expr::Compare(_, a, b) => {
            unify([&**a, &**b], "a comparison")?;
            Type::Bool
        }
        Expr::IsNull(a) => {
            type_of(a)?;
            Type::Bool
        }
        Expr::In(a, items) => {
            unify(std::iter::once(&**a).chain(items), "IN")?;
            Type::Bool
        }
        Expr::Between(a, low, high) => {
            unify([&**a, &**low, &**high], "BETWEEN")?;
            Type::Bool
        }
        Expr::Like(a, _) => {
            expect(a, Type::Text, "LIKE")?;
            Type::Bool
        }
        Expr::Arithmetic(operator, a, b) => {
            expect(a, Type::Number, symbol(*operator))?;
            expect(b, Type::Number, symbol(*operator))?;
            Type::Number
        }
        Expr::Negate(a) => {
            expect(a, Type::Number, "-")?;
            Type::Number
        }
        Expr::Case(branches, otherwise) => {
            for (condition, _) in branches {
                expect(condition, Type::Bool, "WHEN")?;
            }
            unify(branches.iter().map(|(_, result)| result).chain([&**otherwise]), "a CASE with results")?
        }
        Expr::Coalesce(arguments) => unify(arguments, "COALESCE")?,
    })
}

/// The operator as SQL spells it.
pub(super) fn symbol(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::Subtract => "-",
        Operator::Multiply => "*",
        Operator::Divide => "/",
        Operator::Modulo => "%",
    }
}
