//! The tables of this module's documentation, walked; and the texts that are part of the stored format, as they were first written.

mod aggregator;
mod definition;
mod elements;
mod level;
mod pair;

use crate::book::{Book, SourceFile, load, render};

/// A book with these events, metrics and key results; each a line.
fn book(events: &str, metrics: &str, key_results: &str) -> Book {
    let indented =
        |lines: &str, by: &str| -> String { lines.lines().map(|line| format!("{by}{}\n", line.trim())).collect() };
    let text = format!(
        "apiVersion: krscore/v1\ncycles:\n  - {{ id: c, start: 2026-10-01, end: 2026-11-01, timezone: Etc/UTC }}\n\
         events:\n{}metrics:\n{}objectives:\n  - id: o\n    title: t\n    owner: w\n    key_results:\n{}",
        indented(events, "  "),
        indented(metrics, "  "),
        indented(key_results, "      "),
    );
    let sources = [SourceFile { name: "book.yaml".to_owned(), text }];
    match load(&sources) {
        Ok(loaded) => loaded.book,
        Err(faults) => panic!("{}", render(&faults, &sources, false)),
    }
}
