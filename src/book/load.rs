//! Sources → [`Loaded`], or every fault at once.

use std::rc::Rc;

use sha2::{Digest, Sha256};

use super::fault::{Advice, Fault, Report, SourceFile};
use super::keys::{self, Shape};
use super::model::Book;
use super::yaml::{self, Node, Place};
use super::{shape, validate};

/// Most files of one book.
pub const FILES_MAX: usize = 1_000;

/// A book that can be used, and what could be better about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The book.
    pub book: Book,
    /// By place.
    pub advice: Vec<Advice>,
}

/// Reads a book out of its files, which the caller gives in the order of their names. Pure.
///
/// # Errors
/// All faults of all files, by place; never an empty list.
pub fn load(sources: &[SourceFile]) -> Result<Loaded, Vec<Fault>> {
    let mut report = Report::new(sources);
    let start = Place { file: 0, line: 1, column: 1 };
    if sources.is_empty() {
        report.mend(start, "a book without files", "name a file, or a folder that holds *.yaml");
    }
    if sources.len() > FILES_MAX {
        report.fault(start, format!("a book may have at most {FILES_MAX} files, this one has {}", sources.len()));
        return Err(report.into_faults());
    }
    let roots: Vec<Rc<Node>> =
        (0u16..).zip(sources).filter_map(|(file, source)| yaml::read(file, &source.text, &mut report)).collect();
    for root in &roots {
        shape::check(root, &Shape::Object(&keys::BOOK), "book", root.place, &mut report);
    }
    // Where a file could not be read, what the others refer to may be in it: only what stands in one place is said.
    if roots.len() < sources.len() || roots.iter().any(|root| root.entries().is_empty()) {
        return Err(report.into_faults());
    }
    match validate::book(&validate::Sections::new(&roots), hash(sources), &mut report) {
        Some(book) if report.is_clean() => Ok(Loaded { book, advice: report.into_advice() }),
        _ => {
            if report.is_clean() {
                // Each part that fails says why; should one forget, the book is refused all the same.
                report.fault(start, "the book cannot be read");
            }
            Err(report.into_faults())
        }
    }
}

/// The identity of a book's text, wherever it lies. Lengths keep `ab`,`c` and `a`,`bc` apart.
fn hash(sources: &[SourceFile]) -> String {
    let mut digest = Sha256::new();
    for source in sources {
        digest.update((source.text.len() as u64).to_be_bytes());
        digest.update(source.text.as_bytes());
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
