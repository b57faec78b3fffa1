//! The books of a story: one text, and what edits change in it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use krscore::book::Book;

use super::broker::Chance;
use crate::world;

const BOOK: &str = include_str!("book.yaml");

/// Key results that a book may lack; of `csat-p90` the metric gains its p90, of `csat` its topic.
const OPTIONAL: [&str; 7] = ["accuracy", "csat", "csat-p90", "last", "first", "within", "on-time"];

/// What a book may have otherwise: the text, and what stands for it. The first of the key results have bits of their own.
const CHANGES: [(&str, &str); 5] = [
    (", by: [warehouse]", ""),
    (", by: [channel]", ""),
    ("where: \"bad\"", "where: \"bad OR warehouse = 'SH1'\""),
    ("where: \"type = 'created'\"", "where: \"type = 'created' AND amount > 1\""),
    ("title: All kinds of values", "title: Everything"),
];

/// Whether the topic of surveys is read; without it there is nothing that needs it.
const SURVEYS: u32 = (OPTIONAL.len() + CHANGES.len()) as u32;

/// Whether no key result falls silent.
const NEVER_SILENT: u32 = SURVEYS + 1;

/// Which book: a bit for each of the above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edition(u32);

impl Edition {
    /// The book as it is in the file.
    pub const WHOLE: Edition = Edition(((1 << OPTIONAL.len()) - 1) | (1 << SURVEYS));

    /// Any of them.
    pub fn any(chance: &mut Chance) -> Edition {
        Edition(chance.below(1 << NEVER_SILENT) as u32)
    }

    /// The same without silence, which is told from records that retention may have taken.
    pub fn never_silent(self) -> Edition {
        Edition(self.0 | 1 << NEVER_SILENT)
    }

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// One edit.
    pub fn edited(self, chance: &mut Chance) -> Edition {
        let first_change = OPTIONAL.len() as u64;
        let changed = match chance.below(8) {
            // Key results come and go.
            0..3 => 1 << chance.below(first_change) | 1 << chance.below(first_change),
            3 | 4 => 1 << (first_change + chance.below(CHANGES.len() as u64 - 1)),
            5 => 1 << (SURVEYS - 1),
            6 => 1 << SURVEYS,
            _ => return Edition(self.0 & !((1 << NEVER_SILENT) - 1) | Edition::any(chance).0),
        };
        Edition(self.0 ^ changed)
    }

    fn text(self) -> String {
        let stays = |line: &&str| {
            let line = line.trim_start();
            let optional = (0..).zip(OPTIONAL);
            let lacks =
                optional.filter(|(bit, _)| !self.has(*bit)).any(|(_, id)| line.starts_with(&format!("- {{ id: {id},")));
            let asks = line.contains("metric: csat") || line.starts_with("csat:") || line.starts_with("surveyed:");
            !lacks && (self.has(SURVEYS) || !asks)
        };
        let mut text: String = BOOK.lines().filter(stays).map(|line| format!("{line}\n")).collect();
        for (bit, (from, to)) in (OPTIONAL.len() as u32..).zip(CHANGES) {
            assert!(BOOK.contains(from), "{from}");
            if self.has(bit) {
                text = text.replace(from, to);
            }
        }
        if self.has(NEVER_SILENT) {
            text = text.replace("baseline: 1, target: 5 }", "baseline: 1, target: 5, silent_after: never }");
        }
        text
    }

    pub fn book(self) -> Arc<Book> {
        thread_local!(static KNOWN: RefCell<HashMap<Edition, Arc<Book>>> = RefCell::default());
        KNOWN.with(|known| Arc::clone(known.borrow_mut().entry(self).or_insert_with(|| world::book(&self.text()))))
    }
}
