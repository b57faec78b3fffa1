//! SQL text → [`Expr`]: `sqlparser` reads it, an allow list lowers it, everything else is refused by name.

use sqlparser::ast;
use sqlparser::ast::Spanned as _;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token};

use super::types::check_types;
use super::{Comparison, Expr, LikePattern, Operator, fields};
use crate::book::fault::ascii_of;
use crate::book::field::Field;
use crate::event::FieldSlot;
use crate::fixed::Fixed;

/// Longest text of an expression or formula, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// Deepest nesting of parentheses and prefix operators that `sqlparser` follows.
const RECURSION_MAX: usize = 64;
/// Deepest tree that is lowered; also the longest chain like `a OR b OR c`, which leans to the left.
pub const DEPTH_MAX: usize = 256;

/// Why a text is no expression, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExprFault {
    /// What is wrong.
    pub message: String,
    /// Line in the text, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How to mend it.
    pub mend: Option<String>,
}

impl ExprFault {
    pub(in crate::book) fn at(at: Location, message: impl Into<String>, mend: impl Into<String>) -> ExprFault {
        let short = |n: u64| u32::try_from(n.max(1)).unwrap_or(u32::MAX);
        ExprFault { message: message.into(), line: short(at.line), column: short(at.column), mend: Some(mend.into()) }
    }
}

/// What an expression is for, and so what it must yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A filter: TRUE takes the row.
    Filter,
    /// A number a row.
    Number,
    /// Anything.
    Any,
}

/// Reads an expression; `slot` numbers the fields that it names.
///
/// # Errors
/// The first thing in the text that is no SQL, not on the allow list, or of the wrong type.
pub fn parse(text: &str, purpose: Purpose, slot: &mut dyn FnMut(Field) -> FieldSlot) -> Result<Expr, ExprFault> {
    let tree = tree(text)?;
    let expr = Lower { slot }.lower(&tree, 0)?;
    check_types(&expr, purpose).map_err(|(message, mend)| ExprFault::at(start_of(&tree), message, mend))?;
    Ok(expr)
}

/// `sqlparser`'s tree of the whole text.
pub(in crate::book) fn tree(text: &str) -> Result<ast::Expr, ExprFault> {
    let start = Location { line: 1, column: 1 };
    if text.len() > EXPRESSION_BYTES_MAX {
        let message =
            format!("an expression may have at most {EXPRESSION_BYTES_MAX} bytes, this one has {}", text.len());
        return Err(ExprFault::at(start, message, "shorten it; several metrics may share the work"));
    }
    if let Some(fault) = wide_mark(text) {
        return Err(fault);
    }
    let dialect = PostgreSqlDialect {};
    let parser = Parser::new(&dialect).with_recursion_limit(RECURSION_MAX);
    let mut parser = parser.try_with_sql(text).map_err(|error| syntax(text, &error, start))?;
    let tree = parser.parse_expr().map_err(|error| syntax(text, &error, parser.peek_token_ref().span.start))?;
    let next = parser.peek_token_ref();
    if next.token != Token::EOF {
        let message = format!("`{}` after the end of the expression", next.token);
        return Err(ExprFault::at(next.span.start, message, "an expression is one comparison, AND/OR chain or number"));
    }
    Ok(tree)
}

/// The first full-width mark outside quotes; `sqlparser` would take it for a letter.
fn wide_mark(text: &str) -> Option<ExprFault> {
    let (mut quote, mut line, mut column) = (None, 1, 0);
    for c in text.chars() {
        column += 1;
        match quote {
            Some(open) if open == c => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None => {
                if let Some(ascii) = ascii_of(c) {
                    let at = Location { line, column };
                    return Some(ExprFault::at(
                        at,
                        format!("full-width `{c}` where `{ascii}` is meant"),
                        format!("write `{ascii}`"),
                    ));
                }
            }
        }
        if c == '\n' {
            (line, column) = (line + 1, 0);
        }
    }
    None
}

/// The parser's own words, with the place that it hides in them.
fn syntax(text: &str, error: &ParserError, fallback: Location) -> ExprFault {
    let (ParserError::ParserError(words) | ParserError::TokenizerError(words)) = error else {
        return ExprFault::at(fallback, "nested too deeply", "shorten it; several metrics may share the work");
    };
    let located = words.rsplit_once(" at Line: ").and_then(|(words, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((words, Location { line: line.parse().ok()?, column: column.parse().ok()? }))
    });
    let (words, mut at) = located.unwrap_or((words, fallback));
    if words.ends_with("found: EOF") || at.line == 0 {
        let last = text.lines().last().unwrap_or_default();
        at = Location { line: text.lines().count() as u64, column: last.trim_end().chars().count() as u64 + 1 };
    }
    let words = words.strip_prefix("Expected: ").map_or_else(|| words.to_owned(), |rest| format!("expected {rest}"));
    let mend = "write texts in '…', and fields that are SQL words, like end or user, in \"…\"";
    ExprFault::at(at, format!("not SQL: {words}"), mend)
}

/// Where an expression begins: at its leftmost leaf. `sqlparser` would walk all of it, and overflow the stack of a chain of thousands.
pub(in crate::book) fn start_of(tree: &ast::Expr) -> Location {
    let mut leftmost = tree;
    while let ast::Expr::BinaryOp { left: inner, .. } | ast::Expr::IsNull(inner) | ast::Expr::IsNotNull(inner) =
        leftmost
    {
        leftmost = inner;
    }
    leftmost.span().start
}

const ALLOWED: &str =
    "allowed are = <> < <= > >=, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, + - * / %, CASE and COALESCE";

struct Lower<'f> {
    slot: &'f mut dyn FnMut(Field) -> FieldSlot,
}

impl Lower<'_> {
    fn lower(&mut self, tree: &ast::Expr, depth: usize) -> Result<Expr, ExprFault> {
        if depth > DEPTH_MAX {
            let message = format!("nested or chained deeper than {DEPTH_MAX}");
            return Err(ExprFault::at(start_of(tree), message, "use IN for long lists"));
        }
        let refuse = |what: &str| Err(ExprFault::at(start_of(tree), format!("{what} cannot be used here"), ALLOWED));
        let negate = |negated: bool, expr| if negated { Expr::Not(Box::new(expr)) } else { expr };
        if let Some(field) = fields::field(tree) {
            return Ok(Expr::Field((self.slot)(field?)));
        }
        match tree {
            ast::Expr::Nested(inner) => self.lower(inner, depth + 1),
            ast::Expr::Value(value) => literal(value),
            ast::Expr::IsNull(inner) => Ok(Expr::IsNull(self.boxed(inner, depth)?)),
            ast::Expr::IsNotNull(inner) => Ok(negate(true, Expr::IsNull(self.boxed(inner, depth)?))),
            ast::Expr::In { expr, target: ast::InTarget::List(items), negated, global: false } => {
                let expr = self.boxed(expr, depth)?;
                let items = items.iter().map(|item| self.lower(item, depth + 1)).collect::<Result<_, _>>()?;
                Ok(negate(*negated, Expr::In(expr, items)))
            }
            ast::Expr::Between { expr, negated, low, high } => {
                let parts = [expr, low, high].map(|part| self.boxed(part, depth));
                let [expr, low, high] = parts;
                Ok(negate(*negated, Expr::Between(expr?, low?, high?)))
            }
            ast::Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let expr = self.boxed(expr, depth)?;
                Ok(negate(*negated, Expr::Like(expr, like_pattern(pattern)?)))
            }
            ast::Expr::BinaryOp { left, op, right } => self.binary(left, op, right, tree, depth),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => Ok(negate(true, self.lower(expr, depth + 1)?)),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => Ok(match self.lower(expr, depth + 1)? {
                Expr::Number(number) => Expr::Number(Fixed(-number.0)),
                inner => Expr::Negate(Box::new(inner)),
            }),
            ast::Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), depth)
            }
            ast::Expr::Function(function) => self.coalesce(function, depth),
            other => refuse(name_of(other)),
        }
    }

    fn boxed(&mut self, tree: &ast::Expr, depth: usize) -> Result<Box<Expr>, ExprFault> {
        self.lower(tree, depth + 1).map(Box::new)
    }

    fn binary(
        &mut self,
        left: &ast::Expr,
        op: &ast::BinaryOperator,
        right: &ast::Expr,
        tree: &ast::Expr,
        depth: usize,
    ) -> Result<Expr, ExprFault> {
        use ast::BinaryOperator as Op;
        // The operator is looked at first, so that `a || b` is refused for `||`, whatever its sides hold.
        let build: fn(Box<Expr>, Box<Expr>) -> Expr = match op {
            Op::And => Expr::And,
            Op::Or => Expr::Or,
            Op::Eq => |a, b| Expr::Compare(Comparison::Equal, a, b),
            Op::NotEq => |a, b| Expr::Compare(Comparison::NotEqual, a, b),
            Op::Lt => |a, b| Expr::Compare(Comparison::Less, a, b),
            Op::LtEq => |a, b| Expr::Compare(Comparison::LessOrEqual, a, b),
            Op::Gt => |a, b| Expr::Compare(Comparison::Greater, a, b),
            Op::GtEq => |a, b| Expr::Compare(Comparison::GreaterOrEqual, a, b),
            Op::Plus => |a, b| Expr::Arithmetic(Operator::Add, a, b),
            Op::Minus => |a, b| Expr::Arithmetic(Operator::Subtract, a, b),
            Op::Multiply => |a, b| Expr::Arithmetic(Operator::Multiply, a, b),
            Op::Divide => |a, b| Expr::Arithmetic(Operator::Divide, a, b),
            Op::Modulo => |a, b| Expr::Arithmetic(Operator::Modulo, a, b),
            other => {
                return Err(ExprFault::at(
                    start_of(tree),
                    format!("the operator `{other}` cannot be used here"),
                    ALLOWED,
                ));
            }
        };
        let (left, at) = (self.boxed(left, depth)?, start_of(right));
        let right = self.boxed(right, depth)?;
        if matches!(op, Op::Divide | Op::Modulo) && *right == Expr::Number(Fixed::ZERO) {
            return Err(ExprFault::at(at, "a division by zero", "divide by a field, or by another number"));
        }
        Ok(build(left, right))
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        depth: usize,
    ) -> Result<Expr, ExprFault> {
        // The operand is compared once a branch: only a field is cheap to repeat, and nested ones would grow without bound.
        if let Some(operand) = operand.filter(|operand| fields::field(operand).is_none()) {
            let message = "a CASE over something else than a field";
            return Err(ExprFault::at(start_of(operand), message, "write CASE WHEN condition THEN …"));
        }
        let operand = operand.map(|operand| self.boxed(operand, depth)).transpose()?;
        let mut branches = Vec::with_capacity(conditions.len());
        for when in conditions {
            let condition = self.lower(&when.condition, depth + 1)?;
            let condition = match &operand {
                Some(operand) => Expr::Compare(Comparison::Equal, operand.clone(), Box::new(condition)),
                None => condition,
            };
            branches.push((condition, self.lower(&when.result, depth + 1)?));
        }
        let otherwise = otherwise.map_or(Ok(Expr::Null), |tree| self.lower(tree, depth + 1))?;
        Ok(Expr::Case(branches, Box::new(otherwise)))
    }

    fn coalesce(&mut self, function: &ast::Function, depth: usize) -> Result<Expr, ExprFault> {
        let name = function.name.to_string();
        let at = function.name.span().start;
        let ast::FunctionArguments::List(list) = &function.args else {
            let mend = format!("if it is a field, quote it: \"{name}\"; {ALLOWED}");
            return Err(ExprFault::at(at, format!("the function `{name}` cannot be used here"), mend));
        };
        let plain = list.duplicate_treatment.is_none()
            && list.clauses.is_empty()
            && function.over.is_none()
            && function.filter.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty()
            && !function.uses_odbc_syntax
            && matches!(function.parameters, ast::FunctionArguments::None);
        if !name.eq_ignore_ascii_case("coalesce") || !plain {
            return Err(ExprFault::at(at, format!("the function `{name}` cannot be used here"), ALLOWED));
        }
        let mut arguments = Vec::with_capacity(list.args.len());
        for argument in &list.args {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(tree)) = argument else {
                return Err(ExprFault::at(
                    at,
                    format!("`{argument}` is no argument of COALESCE"),
                    "write COALESCE(field, 0)",
                ));
            };
            arguments.push(self.lower(tree, depth + 1)?);
        }
        if arguments.is_empty() {
            return Err(ExprFault::at(at, "COALESCE without arguments", "write COALESCE(field, 0)"));
        }
        Ok(Expr::Coalesce(arguments))
    }
}

/// The field's name exactly as the records spell it; SQL's folding of case would never find `orderId`.
pub(in crate::book) fn field_name(ident: &ast::Ident) -> Result<String, ExprFault> {
    match ident.quote_style {
        None | Some('"') if !ident.value.is_empty() => Ok(ident.value.clone()),
        _ => Err(ExprFault::at(ident.span.start, format!("`{ident}` is no field"), "write fields plainly or in \"…\"")),
    }
}

fn literal(value: &ast::ValueWithSpan) -> Result<Expr, ExprFault> {
    let at = value.span.start;
    match &value.value {
        ast::Value::Null => Ok(Expr::Null),
        ast::Value::Boolean(truth) => Ok(Expr::Bool(*truth)),
        ast::Value::SingleQuotedString(text) => Ok(Expr::Text(text.clone())),
        ast::Value::Number(text, false) => number(text, at).map(Expr::Number),
        other => Err(ExprFault::at(
            at,
            format!("the literal {other} cannot be used here"),
            "write numbers, TRUE, FALSE, NULL or '…'",
        )),
    }
}

pub(in crate::book) fn number(text: &str, at: Location) -> Result<Fixed, ExprFault> {
    Fixed::parse(text)
        .map_err(|fault| ExprFault::at(at, format!("`{text}`: {fault}"), "write a plain number, like 42 or 0.5"))
}

fn like_pattern(pattern: &ast::Expr) -> Result<LikePattern, ExprFault> {
    let mend = "write it like LIKE 'SH%': `%` is any text, `_` any one character";
    let ast::Expr::Value(ast::ValueWithSpan { value: ast::Value::SingleQuotedString(text), .. }) = pattern else {
        return Err(ExprFault::at(start_of(pattern), "the pattern of LIKE must be a text", mend));
    };
    if text.contains('\\') {
        let message = "not supported yet: `\\` in the pattern of LIKE";
        return Err(ExprFault::at(start_of(pattern), message, "use `_` for the character that would be escaped"));
    }
    Ok(LikePattern { pattern: text.clone() })
}

/// What messages call a construct that is not on the allow list.
fn name_of(tree: &ast::Expr) -> &'static str {
    match tree {
        ast::Expr::Subquery(_) | ast::Expr::Exists { .. } | ast::Expr::In { .. } => "a subquery",
        ast::Expr::Cast { .. } | ast::Expr::Convert { .. } => "a cast",
        ast::Expr::ILike { .. } => "ILIKE",
        ast::Expr::Like { .. } => "LIKE with ANY or ESCAPE",
        ast::Expr::SimilarTo { .. } | ast::Expr::RLike { .. } => "a regular expression",
        ast::Expr::IsTrue(_) | ast::Expr::IsNotTrue(_) | ast::Expr::IsFalse(_) | ast::Expr::IsNotFalse(_) => {
            "IS TRUE or IS FALSE"
        }
        ast::Expr::IsUnknown(_) | ast::Expr::IsNotUnknown(_) => "IS UNKNOWN",
        ast::Expr::IsDistinctFrom(..) | ast::Expr::IsNotDistinctFrom(..) => "IS DISTINCT FROM",
        ast::Expr::UnaryOp { .. } => "this prefix operator",
        ast::Expr::AnyOp { .. } | ast::Expr::AllOp { .. } => "ANY or ALL",
        ast::Expr::Tuple(_) => "a tuple",
        ast::Expr::Array(_) => "an array",
        ast::Expr::Interval(_) => "an interval",
        ast::Expr::TypedString { .. } => "a typed text like DATE '…'",
        ast::Expr::Extract { .. } => "EXTRACT",
        ast::Expr::Ceil { .. } | ast::Expr::Floor { .. } => "CEIL or FLOOR",
        ast::Expr::Substring { .. }
        | ast::Expr::Trim { .. }
        | ast::Expr::Position { .. }
        | ast::Expr::Overlay { .. } => "a text function",
        ast::Expr::JsonAccess { .. } | ast::Expr::CompoundFieldAccess { .. } => "access into arrays or objects",
        ast::Expr::Collate { .. } => "COLLATE",
        ast::Expr::AtTimeZone { .. } => "AT TIME ZONE",
        ast::Expr::Wildcard(_) | ast::Expr::QualifiedWildcard(..) => "`*`",
        _ => "this construct",
    }
}
