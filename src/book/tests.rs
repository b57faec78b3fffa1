//! Books in, messages or books out.

mod advice;
mod domain;
mod example;
mod faults;
mod schema;

use super::{Loaded, SourceFile, load, render, render_advice};

/// Files `a.yaml`, `b.yaml`, … of these texts.
fn sources(texts: &[&str]) -> Vec<SourceFile> {
    let name = |at: usize| format!("{}.yaml", char::from(b'a' + at as u8));
    texts.iter().enumerate().map(|(at, text)| SourceFile { name: name(at), text: (*text).to_owned() }).collect()
}

/// The book that these files are, or a panic with its faults.
fn loaded(texts: &[&str]) -> Loaded {
    let sources = sources(texts);
    load(&sources).unwrap_or_else(|faults| panic!("{}", render(&faults, &sources, false)))
}

/// `line:column message` of each fault; `loads` where there is none.
fn faults(texts: &[&str]) -> Vec<String> {
    match load(&sources(texts)) {
        Ok(_) => vec!["loads".to_owned()],
        Err(faults) => faults.iter().map(|f| format!("{}:{} {}", f.line, f.column, f.message)).collect(),
    }
}
