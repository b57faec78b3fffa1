//! Expressions as text in, values or messages out.

use proptest::prelude::*;

use super::*;
use crate::book::field::Field;
use crate::event::{FieldValue, Row, RowView, Slot, SlotKind};

const FIELDS: [&str; 12] = ["n", "five", "zero", "huge", "text", "num_text", "t", "f", "null", "list", "end", "地区"];
const VALUES: [FieldValue<'static>; 12] = [
    FieldValue::Number("-1.5"),
    FieldValue::Number("5.0"),
    FieldValue::Number("0"),
    FieldValue::Number("1e999999999"),
    FieldValue::Text("SH1 东"),
    FieldValue::Text("5"),
    FieldValue::Bool(true),
    FieldValue::Bool(false),
    FieldValue::Null,
    FieldValue::Composite,
    FieldValue::Text("end"),
    FieldValue::Text("华东"),
];

/// A row that holds the values, and the text that it borrows from.
fn row(values: &[FieldValue<'_>]) -> (Row, String) {
    let (mut row, mut payload) = (Row::new(values.len()), String::new());
    for (slot, value) in row.slots.iter_mut().zip(values) {
        let start = payload.len() as u32;
        let kind = match value {
            FieldValue::Null => SlotKind::Null,
            FieldValue::Bool(true) => SlotKind::True,
            FieldValue::Bool(false) => SlotKind::False,
            FieldValue::Number(_) => SlotKind::Number,
            FieldValue::Text(_) => SlotKind::Text,
            FieldValue::Composite => SlotKind::Composite,
            FieldValue::NotText => SlotKind::NotText,
        };
        if let FieldValue::Number(text) | FieldValue::Text(text) = value {
            payload += text;
        }
        *slot = Slot { kind, start, end: payload.len() as u32 };
    }
    (row, payload)
}

fn slot(field: Field) -> FieldSlot {
    FieldSlot(FIELDS.iter().position(|name| *name == field.to_string()).unwrap_or(99) as u16)
}

fn check(text: &str, expected: &str) {
    let found = match parse(text, Purpose::Any, &mut slot) {
        Err(fault) => format!("{}:{} {}", fault.line, fault.column, fault.message),
        Ok(expr) => {
            let (row, payload) = row(&VALUES);
            match evaluate(&expr, RowView { row: &row, payload: &payload }) {
                Ok(Evaluated::Null) => "NULL".to_owned(),
                Ok(Evaluated::Bool(truth)) => truth.to_string().to_uppercase(),
                Ok(Evaluated::Number(number)) => number.to_string(),
                Ok(Evaluated::Text(text)) => format!("'{text}'"),
                Err(fault) => fault.to_string(),
            }
        }
    };
    assert_eq!(found, expected, "{text}");
}

#[test]
fn expressions_have_the_values_of_sql() {
    for (text, expected) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * -3", "-9"),
        ("n * 2 - five / 4", "-4.25"),
        ("five % 3", "2"),
        ("five / zero", "division by zero"),
        ("five % zero", "division by zero"),
        ("null / zero", "NULL"),
        ("huge + 1", "out of range"),
        ("1e18 * 1e18", "out of range"),
        ("huge IS NULL", "FALSE"),
        ("list IS NULL", "FALSE"),
        ("list = 1", "wrong type"),
        ("COALESCE(list, 1)", "wrong type"),
        ("null IS NULL", "TRUE"),
        ("null IS NOT NULL", "FALSE"),
        ("null = null", "NULL"),
        ("null = 'x'", "NULL"),
        ("five = 5", "TRUE"),
        ("five <> 5.000", "FALSE"),
        ("num_text = 5", "wrong type"),
        ("num_text = '5'", "TRUE"),
        ("num_text + 1", "wrong type"),
        ("text < 'SH2'", "TRUE"),
        ("'Z' < 'a' AND 'z' < '东'", "TRUE"),
        ("t > f", "TRUE"),
        ("t", "TRUE"),
        ("NOT f", "TRUE"),
        ("NOT null", "NULL"),
        ("five AND t", "wrong type"),
        ("five IN (1, 5)", "TRUE"),
        ("five IN (1, null)", "NULL"),
        ("five NOT IN (1, null)", "NULL"),
        ("five IN (huge, 5)", "TRUE"),
        ("five IN (5, huge)", "TRUE"),
        ("five IN (1, huge)", "out of range"),
        ("five BETWEEN 5 AND 6", "TRUE"),
        ("five NOT BETWEEN 5 AND 6", "FALSE"),
        ("five BETWEEN null AND 4", "FALSE"),
        ("five BETWEEN null AND 6", "NULL"),
        ("text LIKE 'SH_ %'", "TRUE"),
        ("text NOT LIKE '%西'", "TRUE"),
        ("null LIKE '%'", "NULL"),
        ("five LIKE '%'", "wrong type"),
        ("CASE WHEN null THEN 1 WHEN five > 4 THEN 2 ELSE 3 END", "2"),
        ("CASE WHEN f THEN 1 END", "NULL"),
        ("CASE five WHEN 4 THEN 'four' WHEN 5 THEN 'five' END", "'five'"),
        ("CASE WHEN t THEN 1 ELSE huge END", "1"),
        ("CASE WHEN huge > 1 THEN 1 ELSE 2 END", "out of range"),
        ("coalesce(null, n, huge)", "-1.5"),
        ("'it''s'", "'it's'"),
        ("地区 = '华东'", "TRUE"),
        ("\"end\" = 'end'", "TRUE"),
        ("missing IS NULL", "TRUE"),
        ("- - five", "5"),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_decides_decides_whatever_the_other_side_is() {
    // The table of `eval`: T, N, x (a fault), F.
    let sides = [("t", "TRUE"), ("null", "NULL"), ("(huge > 0)", "out of range"), ("f", "FALSE")];
    for (i, (a, a_value)) in sides.iter().enumerate() {
        for (j, (b, b_value)) in sides.iter().enumerate() {
            // Weakest first: the stronger of the two is the answer.
            check(&format!("{a} AND {b}"), if i >= j { a_value } else { b_value });
            let or = [1, 2, 3, 0].map(|rank| sides[rank].1);
            let rank = |value: &str| ["FALSE", "NULL", "out of range", "TRUE"].iter().position(|v| *v == value);
            assert_eq!(or.len(), 4);
            check(&format!("{a} OR {b}"), if rank(a_value) >= rank(b_value) { a_value } else { b_value });
        }
    }
    check("(huge > 0) AND (five / zero > 1)", "out of range");
    check("(five / zero > 1) AND (huge > 0)", "out of range");
}

#[test]
fn what_is_not_allowed_is_refused_by_name_and_place() {
    for (text, expected) in [
        ("", "1:1 not SQL: expected an expression, found: EOF"),
        ("n = ", "1:4 not SQL: expected an expression, found: EOF"),
        ("n = 1; DROP TABLE x", "1:6 `;` after the end of the expression"),
        ("n = 1 n", "1:7 `n` after the end of the expression"),
        ("lower(text) = 'a'", "1:1 the function `lower` cannot be used here"),
        ("n = 1 AND now() > 5", "1:11 the function `now` cannot be used here"),
        ("user = 'a'", "1:1 the function `user` cannot be used here"),
        ("n IN (SELECT 1)", "1:1 a subquery cannot be used here"),
        ("(SELECT 1) = n", "1:2 a subquery cannot be used here"),
        ("CAST(n AS INT) = 1", "1:6 a cast cannot be used here"),
        ("n::int = 1", "1:1 a cast cannot be used here"),
        ("text ILIKE 'a'", "1:1 ILIKE cannot be used here"),
        ("text || 'a' = 'b'", "1:1 the operator `||` cannot be used here"),
        ("text LIKE n", "1:11 the pattern of LIKE must be a text"),
        ("items[0] = 1", "1:1 `[` in a path: an array has no fields"),
        ("items[0].sku = 1", "1:1 `[` in a path: an array has no fields"),
        ("a.0 = 1", "1:2 `.0` after the end of the expression"),
        ("n = $id", "1:5 there is no `$id`"),
        ("$key.a = 'x'", "1:1 `$key` is one value and has no fields"),
        ("$header = 'x'", "1:1 `$header` without a name"),
        ("a.'b' = 1", "1:3 `'b'` is no field"),
        ("user.name = 'x'", "1:1 a path that begins or goes on with something else than a name"),
        ("(n).a = 1", "1:2 a path that begins or goes on with something else than a name"),
        ("n ＝ 1", "1:3 full-width `＝` where `=` is meant"),
        ("text = ‘a’", "1:8 full-width `‘` where `'` is meant"),
        ("text = 'a，b'", "FALSE"),
        ("n = 'a'", "wrong type"),
        ("1 = 'a'", "1:1 a comparison of a number and a text"),
        ("1 + 'a'", "1:1 + takes a number, not a text"),
        ("n = 1 AND 2", "1:1 AND takes true or false, not a number"),
        ("n IN (1, 'a')", "1:1 IN of a number and a text"),
        ("CASE WHEN t THEN 1 ELSE 'a' END = 1", "1:1 a CASE with results of a number and a text"),
        ("CASE n + 1 WHEN 1 THEN 2 END", "1:6 a CASE over something else than a field"),
        ("n = 1e19", "1:5 `1e19`: out of range: a value may be at most 1e18 in magnitude"),
    ] {
        check(text, expected);
    }
    let purpose = |text, purpose| parse(text, purpose, &mut slot).map(drop).map_err(|fault| fault.message);
    assert_eq!(purpose("n + 1", Purpose::Filter), Err("the expression is a number, not true or false".to_owned()));
    assert_eq!(purpose("'abc'", Purpose::Number), Err("the expression is a text, not a number".to_owned()));
    assert_eq!(purpose("n", Purpose::Number), Ok(()));
    assert_eq!(purpose("t", Purpose::Filter), Ok(()));
}

#[test]
fn depth_and_length_are_bounded() {
    let fault = |text: String| parse(&text, Purpose::Any, &mut slot).map(drop).map_err(|fault| fault.message);
    assert_eq!(fault(format!("{}1{}", "(".repeat(500), ")".repeat(500))), Err("nested too deeply".to_owned()));
    assert_eq!(fault(vec!["n"; 2000].join("+")), Err("nested or chained deeper than 256".to_owned()));
    assert_eq!(fault(vec!["t"; 200].join(" OR ")), Ok(()));
    assert_eq!(
        fault("n = 1 OR ".repeat(1000)),
        Err("an expression may have at most 4096 bytes, this one has 9000".to_owned())
    );
}

#[test]
fn like_is_by_characters() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("%", "", true),
        ("_", "东", true),
        ("__", "东", false),
        ("a%b%c", "axxbxxc", true),
        ("a%b%c", "axxcxxb", false),
        ("%aab", "aaab", true),
        ("%a_b%", "xxabacbx", true),
        ("%a_b%", "xxabacx", false),
        ("ab%ba", "aba", false),
        ("a.c", "abc", false),
        ("%%", "anything", true),
        ("SH%", "sh1", false),
    ] {
        assert_eq!(LikePattern { pattern: pattern.to_owned() }.matches(text), expected, "{text} LIKE {pattern}");
    }
}

#[test]
fn canonical_text_is_golden() {
    for (text, expected) in [
        ("n=1 and t or not f", r#"((("n" = 1) AND "t") OR (NOT "f"))"#),
        ("n != 1.500", r#"("n" <> 1.5)"#),
        ("a.b IS NULL", r#"("a"."b" IS NULL)"#),
        ("\"a.b\" IS NULL", r#"("a.b" IS NULL)"#),
        ("a.\"b.c\".d = 1", r#"("a"."b.c"."d" = 1)"#),
        ("created.$date = 1", r#"("created"."$date" = 1)"#),
        ("$key = 'x' and \"$key\" = 'y'", r#"(($key = 'x') AND ("$key" = 'y'))"#),
        ("$timestamp - at_ms > 1e3", r#"(($timestamp - "at_ms") > 1000)"#),
        ("$header.source = 'a'", r#"($header."source" = 'a')"#),
        ("$header.\"content-type\" like 'a%'", r#"($header."content-type" LIKE 'a%')"#),
        ("$header.trace.id is null", r#"($header."trace.id" IS NULL)"#),
        ("case a.b when 1 then 2 end", r#"(CASE WHEN ("a"."b" = 1) THEN 2 ELSE NULL END)"#),
        ("\"we\"\"ird\" is not null", r#"(NOT ("we""ird" IS NULL))"#),
        ("text not in ('it''s', null)", r#"(NOT ("text" IN ('it''s', NULL)))"#),
        ("n between -1e-3 and 1e3", r#"("n" BETWEEN -0.001 AND 1000)"#),
        ("text like 'a''%'", r#"("text" LIKE 'a''%')"#),
        ("-n * 2 % 3", r#"(((- "n") * 2) % 3)"#),
        ("case when t then 1 end", r#"(CASE WHEN "t" THEN 1 ELSE NULL END)"#),
        ("case n when 1 then true else false end", r#"(CASE WHEN ("n" = 1) THEN TRUE ELSE FALSE END)"#),
        ("coalesce(n, 0) >= five - 1 - 1", r#"(COALESCE("n", 0) >= (("five" - 1) - 1))"#),
    ] {
        let mut fields = Vec::new();
        let parsed = parse(text, Purpose::Any, &mut |field| {
            fields.push(field.canonical());
            FieldSlot(fields.len() as u16 - 1)
        });
        let name = |slot: FieldSlot| fields[usize::from(slot.0)].clone();
        let found = parsed.map_or("fault".to_owned(), |expr| canonical(&expr, &name));
        assert_eq!(found, expected, "{text}");
    }
}

/// Expressions over booleans whose values an oracle knows: 1 TRUE, 0 NULL, -1 FALSE.
fn logic() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![Just(Expr::Bool(true)), Just(Expr::Bool(false)), Just(Expr::Null)];
    leaf.prop_recursive(5, 64, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            (boxed.clone(), boxed.clone()).prop_map(|(a, b)| Expr::And(a, b)),
            (boxed.clone(), boxed.clone()).prop_map(|(a, b)| Expr::Or(a, b)),
            boxed.clone().prop_map(Expr::Not),
            boxed.clone().prop_map(Expr::IsNull),
            (boxed.clone(), proptest::collection::vec(inner.clone(), 1..4)).prop_map(|(a, b)| Expr::In(a, b)),
            (boxed.clone(), boxed.clone(), boxed.clone()).prop_map(|(a, b, c)| Expr::Between(a, b, c)),
            (inner.clone(), inner.clone(), boxed).prop_map(|(a, b, c)| Expr::Case(vec![(a, b)], c)),
            proptest::collection::vec(inner, 1..4).prop_map(Expr::Coalesce),
        ]
    })
}

fn oracle(expr: &Expr) -> i8 {
    let equal = |a: i8, b: i8| {
        if a == 0 || b == 0 {
            0
        } else if a == b {
            1
        } else {
            -1
        }
    };
    let at_least = |a: i8, b: i8| {
        if a == 0 || b == 0 {
            0
        } else if a >= b {
            1
        } else {
            -1
        }
    };
    match expr {
        Expr::Bool(true) => 1,
        Expr::Bool(false) => -1,
        Expr::And(a, b) => oracle(a).min(oracle(b)),
        Expr::Or(a, b) => oracle(a).max(oracle(b)),
        Expr::Not(a) => -oracle(a),
        Expr::IsNull(a) => {
            if oracle(a) == 0 {
                1
            } else {
                -1
            }
        }
        Expr::In(a, items) => items.iter().map(|item| equal(oracle(a), oracle(item))).max().unwrap_or(-1),
        Expr::Between(a, b, c) => at_least(oracle(a), oracle(b)).min(at_least(oracle(c), oracle(a))),
        Expr::Case(branches, otherwise) => {
            if oracle(&branches[0].0) == 1 {
                oracle(&branches[0].1)
            } else {
                oracle(otherwise)
            }
        }
        Expr::Coalesce(arguments) => arguments.iter().map(oracle).find(|found| *found != 0).unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn logic_agrees_with_a_truth_table(expr in logic()) {
        let (row, payload) = row(&[]);
        let found = match evaluate(&expr, RowView { row: &row, payload: &payload }) {
            Ok(Evaluated::Bool(true)) => 1,
            Ok(Evaluated::Null) => 0,
            Ok(Evaluated::Bool(false)) => -1,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(found, oracle(&expr));
    }

    #[test]
    fn canonical_text_reads_back_as_the_same(expr in logic()) {
        let text = canonical(&expr, &|_| "\"n\"".to_owned());
        // Short ones only: in full parentheses a deep one is beyond what the parser follows.
        if let Ok(read) = parse(&text, Purpose::Any, &mut slot) {
            prop_assert_eq!(read, expr);
        }
    }

    #[test]
    fn no_text_panics(text in "[a-z0-9'\"()+*/%<>=,. $-]{0,60}|\\PC{0,40}") {
        if let Ok(expr) = parse(&text, Purpose::Any, &mut slot) {
            let (row, payload) = row(&VALUES);
            let _ = evaluate(&expr, RowView { row: &row, payload: &payload });
        }
    }
}
