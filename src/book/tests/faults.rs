//! Each kind of fault by its least case: what is changed in a book without faults, and all that is said about it.
//!
//! The cases stand in `faults.txt`: `- what is replaced`, `+ by what` (`⏎` is a new line), then the faults that the edited book has.

use proptest::prelude::*;

use super::{faults, sources};
use crate::book::{self, render};

pub(super) const BASE: &str = include_str!("base.yaml");

#[test]
fn the_base_has_none() {
    assert_eq!(faults(&[BASE]), ["loads"]);
}

#[test]
fn each_kind_of_fault_is_found_in_its_place() {
    let golden = include_str!("faults.txt");
    let mut found = String::new();
    let mut from = "";
    for line in golden.lines() {
        if let Some(text) = line.strip_prefix("- ") {
            from = text;
        } else if let Some(to) = line.strip_prefix("+ ").or((line == "+").then_some("")) {
            let newlines = |text: &str| text.replace('⏎', "\n");
            assert!(BASE.contains(&newlines(from)), "the base has no {from}");
            let edited = sources(&[&BASE.replacen(&newlines(from), &newlines(to), 1)]);
            found += &format!("- {from}\n+ {to}").replace("+ \n", "+\n");
            found = found.trim_end().to_owned() + "\n";
            match book::load(&edited) {
                Ok(_) => found += "loads\n",
                Err(faults) => {
                    for fault in faults {
                        found += &format!("{}:{} {}", fault.line, fault.column, fault.message);
                        found += &fault.mend.map_or("\n".to_owned(), |mend| format!(" | {mend}\n"));
                    }
                }
            }
        } else if line.is_empty() || line.starts_with('#') {
            found += &format!("{line}\n");
        }
    }
    assert!(found == golden, "faults.txt should be:\n{found}");
}

#[test]
fn files_are_bounded() {
    let deep = format!("apiVersion: krscore/v1\nnotes: {}x{}\n", "[".repeat(40), "]".repeat(40));
    assert_eq!(faults(&[&deep]), ["2:39 nested deeper than 32 levels"]);
    assert_eq!(faults(&[""]), ["1:1 the file is empty"]);
    assert_eq!(faults(&["# nothing\n"]), ["1:1 the file is empty"]);
    assert_eq!(faults(&["- a"]), ["1:1 `book` must be a mapping, not a list"]);
    assert_eq!(faults(&[]), ["1:1 a book without files"]);
    assert_eq!(faults(&[&format!("\u{feff}{BASE}")]), ["loads"]);
    assert_eq!(
        faults(&[&"#".repeat((4 << 20) + 1)]),
        ["1:1 a book's file may have at most 4194304 bytes, this one has 4194305"]
    );
    let same = format!("apiVersion: krscore/v1\n{}", "a: b\n".repeat(100_000));
    let found = faults(&[&same]);
    assert_eq!(found.len(), 501);
    assert!(found[500].ends_with("and 199500 more faults"), "{}", found[500]);
    let mut bomb = "apiVersion: krscore/v1\nx0: &x0 [a]\n".to_owned();
    for n in 1..9 {
        bomb += &format!("x{n}: &x{n} [{}]\n", vec![format!("*x{}", n - 1); 10].join(", "));
    }
    assert!(faults(&[&bomb]).iter().any(|fault| fault.ends_with("more than 500000 values once aliases are resolved")));
}

#[test]
fn files_of_a_folder_are_one_book() {
    let (head, tail) = BASE.split_at(BASE.find("objectives:").unwrap_or(0));
    let tail = format!("apiVersion: krscore/v1\n{tail}");
    assert_eq!(faults(&[head, &tail]), ["loads"]);
    let again = "apiVersion: krscore/v1\nmetrics:\n  good: { type: count, event: ordered }\n";
    assert_eq!(faults(&[head, &tail, again]), ["3:3 `good` is defined twice: first in a.yaml:12:3"]);
    let threshold = "apiVersion: krscore/v1\nthresholds: { on_track_gap: 1% }\n";
    assert_eq!(faults(&[head, &tail, threshold]), ["loads"]);
    assert_eq!(faults(&[head, threshold, &tail, threshold]), ["2:1 `thresholds` is there twice: first in b.yaml:2:1"]);
}

#[test]
fn twenty_faults_are_twenty_messages() {
    let sources = sources(&[include_str!("many.yaml")]);
    let found = book::load(&sources).map(|_| ()).unwrap_err();
    let rendered = render(&found, &sources, false);
    assert!(rendered == include_str!("many.txt"), "many.txt should be:\n{rendered}");
    assert!(found.len() > 20);
    let coloured = render(&found, &sources, true);
    assert!(coloured.contains("\u{1b}[1;31mfault: \u{1b}[0m"));
}

proptest! {
    #[test]
    fn a_book_with_anything_in_it_never_panics(
        at in 0..BASE.len(),
        cut in 0..40usize,
        put in "\\PC{0,8}|[\\[\\]{}:,&*!|>'\"%@`\n\t #0-9a-z-]{0,12}",
    ) {
        let ends = |at: usize| (at..=BASE.len()).find(|at| BASE.is_char_boundary(*at)).unwrap_or(BASE.len());
        let (from, to) = (ends(at), ends((at + cut).min(BASE.len())));
        let sources = sources(&[&format!("{}{put}{}", &BASE[..from], &BASE[to..])]);
        if let Err(found) = book::load(&sources) {
            prop_assert!(!found.is_empty());
            render(&found, &sources, true);
        }
    }

    #[test]
    fn any_text_is_a_book_or_faults(text in "\\PC{0,200}|[\\[\\]{}:,&*!|>'\"%@`\n\t #0-9a-z-]{0,80}") {
        let sources = sources(&[&text]);
        if let Err(found) = book::load(&sources) {
            prop_assert!(!found.is_empty());
            render(&found, &sources, false);
        }
    }
}
