//! `krscore check`: all faults of a book, then advice.

use std::path::PathBuf;

use super::{Failure, Shape, against, book_files, print, say};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The book: a YAML file, or a folder of them
    book: PathBuf,
    /// Also say what this edit will recompute: the URL of a running service (http://…), or of a store (sqlite://…, postgres://…)
    #[arg(long, value_name = "URL|STORE")]
    against: Option<String>,
    /// `table` for people, `json` for machines
    #[arg(long, value_enum, default_value = "table")]
    format: Shape,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.format == Shape::Json {
        return json(&arguments);
    }
    let loaded = book_files::load(&arguments.book)?;
    for advice in &loaded.advice {
        say(&format!("advice: {advice}"));
    }
    let book = &loaded.book;
    let key_results: usize = book.objectives.iter().map(|objective| objective.key_results.len()).sum();
    print(&format!(
        "{}: no faults. {} objectives, {key_results} key results, {} metrics, {} events of {} topics\n",
        arguments.book.display(),
        book.objectives.len(),
        book.metrics.len(),
        book.events.len(),
        book.topics.len(),
    ))?;
    match &arguments.against {
        Some(target) => print(&against::table(&against::consequences(book, target)?)),
        None => Ok(()),
    }
}

fn json(arguments: &Arguments) -> Result<(), Failure> {
    let sources = book_files::read(&arguments.book)?;
    let (faults, advice, book) = match crate::book::load(&sources) {
        Ok(loaded) => (Vec::new(), loaded.advice, Some(loaded.book)),
        Err(faults) => (faults, Vec::new(), None),
    };
    let consequences = match (&book, &arguments.against) {
        (Some(book), Some(target)) => Some(against::consequences(book, target)?),
        _ => None,
    };
    let hash = book.map(|book| book.hash);
    let faults: Vec<_> = (faults.iter())
        .map(|fault| {
            serde_json::json!({
                "file": fault.file, "line": fault.line, "column": fault.column,
                "message": fault.message, "mend": fault.mend,
            })
        })
        .collect();
    let advice: Vec<String> = advice.iter().map(ToString::to_string).collect();
    let mut document = serde_json::json!({ "book": hash, "faults": faults, "advice": advice });
    if let Some(consequences) = consequences {
        document["against"] = serde_json::to_value(consequences).map_err(Failure::because)?;
    }
    print(&format!("{document:#}\n"))?;
    if faults.is_empty() { Ok(()) } else { Err(Failure::No) }
}
