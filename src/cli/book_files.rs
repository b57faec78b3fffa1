//! Reads a book from a file, or from a folder whose `*.yaml` files are merged in the order of their names.

use std::io::{IsTerminal, Read};
use std::path::Path;

use crate::book::{self, Loaded, SourceFile};

use super::{Failure, say};

/// The files of a book together may hold this much.
const BOOK_BYTES_MAX: u64 = 16 << 20;

/// The files of the book at `path`.
///
/// # Errors
/// A sentence, where nothing can be read.
pub(super) fn read(path: &Path) -> Result<Vec<SourceFile>, Failure> {
    let wrong =
        |path: &Path, error: &dyn std::fmt::Display| Failure::Usage(format!("book {}: {error}", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| wrong(path, &error))?;
    let mut paths = vec![path.to_owned()];
    if metadata.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| wrong(path, &error))?;
        let is_yaml = |path: &std::path::PathBuf| {
            !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
                && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
                && path.is_file()
        };
        paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(is_yaml).collect();
        paths.sort();
        if paths.is_empty() {
            return Err(wrong(path, &"the folder has no *.yaml file"));
        }
    }
    let mut bytes_left = BOOK_BYTES_MAX;
    let mut sources = Vec::new();
    for path in paths {
        let length = std::fs::metadata(&path).map_err(|error| wrong(&path, &error))?.len();
        bytes_left = bytes_left
            .checked_sub(length)
            .ok_or_else(|| wrong(&path, &format!("the book is larger than {BOOK_BYTES_MAX} bytes")))?;
        let mut bytes = Vec::new();
        // The length that was told is not what is read: a device has none and never ends.
        let file = std::fs::File::open(&path).map_err(|error| wrong(&path, &error))?;
        file.take(BOOK_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| wrong(&path, &error))?;
        if bytes.len() as u64 > BOOK_BYTES_MAX {
            return Err(wrong(&path, &format!("the book is larger than {BOOK_BYTES_MAX} bytes")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| wrong(&path, &format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to())))?;
        sources.push(SourceFile { name: path.display().to_string(), text });
    }
    Ok(sources)
}

/// The book at `path`; every fault goes to stderr, and is a "no".
pub(super) fn load(path: &Path) -> Result<Loaded, Failure> {
    let sources = read(path)?;
    book::load(&sources).map_err(|faults| {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        say(book::render(&faults, &sources, colour).trim_end());
        let count = faults.len();
        Failure::Because(format!("the book has {count} fault{}", if count == 1 { "" } else { "s" }))
    })
}
