//! Text → expression → its canonical text → the same expression, and no row makes it panic.
//!
//! The canonical text has more parentheses than what people write, so it alone may be longer or deeper than the parser's limits.
#![no_main]

use krscore::book::Field;
use krscore::book::expr::{Expr, Purpose, accepts, canonical, evaluate, number, parse};
use krscore::decode::Decoder;
use krscore::event::{FieldSlot, Row, RowView};
use libfuzzer_sys::fuzz_target;

/// What the first fields of every expression hold; the next ones hold the same again.
const VALUES: [&str; 12] = [
    "-1.5",
    "5.0",
    "0",
    "1e999999999",
    "\"SH1 东\"",
    "\"5\"",
    "true",
    "false",
    "null",
    "[1]",
    "999999999999999999.999999999",
    "\"2026-10-05T10:00:00Z\"",
];

/// Fields that an expression may name here.
const FIELDS_MAX: usize = 60;

fuzz_target!(|text: &str| {
    for purpose in [Purpose::Any, Purpose::Filter, Purpose::Number] {
        let mut names = Vec::new();
        match parse(text, purpose, &mut |field| slot(&mut names, field)) {
            Ok(expr) => check(&expr, &mut names, purpose),
            Err(fault) => {
                assert!(!fault.message.is_empty());
                let lines = text.lines().count().max(1) as u32 + 1;
                assert!((1..=lines).contains(&fault.line) && fault.column >= 1, "no place: {fault:?}");
            }
        }
    }
});

fn slot(names: &mut Vec<Field>, field: Field) -> FieldSlot {
    let known = names.iter().position(|known| *known == field).unwrap_or_else(|| {
        names.push(field);
        names.len() - 1
    });
    FieldSlot(known as u16)
}

fn check(expr: &Expr, names: &mut Vec<Field>, purpose: Purpose) {
    let written = canonical(expr, &|slot| names[usize::from(slot.0)].canonical());
    let count = names.len();
    let again = match parse(&written, purpose, &mut |field| slot(names, field)) {
        Ok(again) => again,
        Err(fault) => {
            let words = &fault.message;
            assert!(words.contains("nested") || words.contains("may have at most"), "{written}: {words}");
            return;
        }
    };
    assert_eq!(names.len(), count, "{written} names other fields");
    assert_eq!(canonical(&again, &|slot| names[usize::from(slot.0)].canonical()), written);
    if count > FIELDS_MAX {
        return;
    }
    let fields: Vec<Field> = (0..count).map(|field| Field::named(&field.to_string())).collect();
    let members: Vec<String> =
        (0..count).zip(VALUES.iter().cycle()).map(|(name, value)| format!("\"{name}\":{value}")).collect();
    let payload = format!("{{{}}}", members.join(","));
    let mut row = Row::new(0);
    let payload = Decoder::new(&fields).decode(payload.as_bytes(), &mut row).expect("an object");
    let view = RowView { row: &row, payload };
    assert_eq!(evaluate(expr, view), evaluate(&again, view), "{written}");
    let _ = (accepts(expr, view), number(expr, view));
}
