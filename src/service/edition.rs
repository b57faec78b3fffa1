//! An edition: a book with the files it was read from, as the store keeps it, so that a restart can score by it although it is no longer on disk.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::book::{self, Book, Fault, SourceFile};

/// Reads the book on disk again; the faults as people read them.
pub type BookSource = Arc<dyn Fn() -> Result<LoadedBook, Vec<String>> + Send + Sync>;

/// A book with its text, as it is recorded in the store.
#[derive(Clone, Debug)]
pub struct LoadedBook {
    /// The book.
    pub book: Arc<Book>,
    /// Its files, as JSON: `[{"name": …, "text": …}]`.
    pub text: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    name: String,
    text: String,
}

impl LoadedBook {
    /// The book of these files.
    ///
    /// # Errors
    /// All of its faults.
    pub fn of(sources: &[SourceFile]) -> Result<LoadedBook, Vec<Fault>> {
        let book = Arc::new(book::load(sources)?.book);
        let files: Vec<File> =
            sources.iter().map(|source| File { name: source.name.clone(), text: source.text.clone() }).collect();
        // Two texts a file: nothing that JSON could not hold.
        Ok(LoadedBook { book, text: serde_json::to_string(&files).unwrap_or_default() })
    }

    /// The book that the store has recorded.
    ///
    /// # Errors
    /// Why this version cannot read it.
    pub fn stored(text: &str) -> Result<LoadedBook, String> {
        // Before there were editions, the text of one file was kept as it is.
        let files: Vec<File> = serde_json::from_str(text)
            .unwrap_or_else(|_| vec![File { name: "the stored book".to_owned(), text: text.to_owned() }]);
        let sources: Vec<SourceFile> =
            files.into_iter().map(|file| SourceFile { name: file.name, text: file.text }).collect();
        LoadedBook::of(&sources).map_err(|faults| book::render(&faults, &sources, false))
    }
}
