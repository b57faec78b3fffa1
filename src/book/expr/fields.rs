//! Names in SQL → fields: `sqlparser`'s identifiers, chains with dots and `$` names, by the rules of [`crate::book::Field`].

use sqlparser::ast;
use sqlparser::ast::Spanned as _;
use sqlparser::tokenizer::Location;

use super::parse::{ExprFault, field_name, start_of};
use crate::book::field::{self, Field, Part};

/// The field that `tree` names; `None` if it is no name at all.
pub(super) fn field(tree: &ast::Expr) -> Option<Result<Field, ExprFault>> {
    let mut parts = Vec::new();
    let read = match tree {
        ast::Expr::Identifier(ident) => part(ident, &mut parts),
        ast::Expr::CompoundIdentifier(idents) => idents.iter().try_for_each(|ident| part(ident, &mut parts)),
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(name), .. }) => {
            parts.push(Part { text: name.clone(), quoted: false, at: 0 });
            Ok(())
        }
        ast::Expr::CompoundFieldAccess { root, access_chain } => chain(root, access_chain, &mut parts),
        _ => return None,
    };
    let start = start_of(tree);
    Some(read.and_then(|()| {
        field::field(&parts).map_err(|fault| ExprFault::at(start, fault.message, fault.mend.unwrap_or_default()))
    }))
}

fn part(ident: &ast::Ident, parts: &mut Vec<Part>) -> Result<(), ExprFault> {
    parts.push(Part { text: field_name(ident)?, quoted: ident.quote_style.is_some(), at: 0 });
    Ok(())
}

/// `$header.NAME`, and what is no field although it begins like one.
fn chain(root: &ast::Expr, chain: &[ast::AccessExpr], parts: &mut Vec<Part>) -> Result<(), ExprFault> {
    match root {
        ast::Expr::Identifier(ident) => part(ident, parts)?,
        ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(name), .. }) => {
            parts.push(Part { text: name.clone(), quoted: false, at: 0 });
        }
        ast::Expr::Function(function) if matches!(function.args, ast::FunctionArguments::None) => {
            let mend = format!("if it is a field, quote it: \"{}\"", function.name);
            return Err(no_field(start_of(root), &mend));
        }
        _ => return Err(no_field(start_of(root), "a path is written `customer.region`")),
    }
    for access in chain {
        match access {
            ast::AccessExpr::Dot(ast::Expr::Identifier(ident)) => part(ident, parts)?,
            ast::AccessExpr::Dot(other) => return Err(no_field(other.span().start, "quote the key: customer.\"…\"")),
            ast::AccessExpr::Subscript(_) => {
                return Err(ExprFault::at(
                    start_of(root),
                    "`[` in a path: an array has no fields",
                    "`each: PATH` makes a row of every element of an array",
                ));
            }
        }
    }
    Ok(())
}

fn no_field(at: Location, mend: &str) -> ExprFault {
    ExprFault::at(at, "a path that begins or goes on with something else than a name", mend)
}
