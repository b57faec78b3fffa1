//! `krscore checkin`: what a person says of a key result, into the store.

use std::path::PathBuf;

use super::run::block_on;
use super::{Failure, book_files, instant, say};
use crate::book::amount;
use crate::fixed::Fixed;
use crate::score::CheckIn;
use crate::settings;
use crate::store::{OpenMode, Store, StoreOptions};

/// The longest text of a note or blocker, in characters; the API's limit too.
const TEXT_CHARS_MAX: usize = 4_000;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What it speaks of: OBJECTIVE/KEY_RESULT
    #[arg(value_name = "OBJECTIVE/KEY_RESULT")]
    key_result: String,
    /// The value, as people write it: 80%, 3m, 4.5
    #[arg(long, allow_hyphen_values = true)]
    value: Option<String>,
    /// How sure you are that it will be reached, 0 to 1
    #[arg(long)]
    confidence: Option<String>,
    /// A note
    #[arg(long)]
    note: Option<String>,
    /// What stands in the way
    #[arg(long)]
    blocker: Option<String>,
    /// Who says so; default: the user's name
    #[arg(long)]
    author: Option<String>,
    /// The instant it speaks of, in RFC 3339; default: now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The settings; default: config/krscore.toml, if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The book; default: what the settings say
    #[arg(long, value_name = "PATH")]
    book: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = settings::read(arguments.config.as_deref(), std::env::vars())
        .map_err(|fault| Failure::Usage(fault.to_string()))?;
    let book = book_files::load(&arguments.book.clone().unwrap_or_else(|| settings.book.clone()))?.book;
    let check_in = check_in(&book, arguments)?;
    let options = StoreOptions::from(&settings.store);
    block_on(async move {
        let store = Store::open(&options, OpenMode::Reader).await.map_err(Failure::because)?;
        store.add_check_in(&check_in).await.map_err(Failure::because)?;
        say("recorded; a running service shows it within seconds");
        store.close().await;
        Ok(())
    })
}

fn check_in(book: &crate::book::Book, arguments: Arguments) -> Result<CheckIn, Failure> {
    let unknown = || Failure::Because(format!("{}: the book has no such OBJECTIVE/KEY_RESULT", arguments.key_result));
    let (objective, key_result) = arguments.key_result.split_once('/').ok_or_else(unknown)?;
    let found = book.objectives.iter().find(|known| known.id == objective).ok_or_else(unknown)?;
    let found = found.key_results.iter().find(|known| known.id == key_result).ok_or_else(unknown)?;
    for (name, text) in [("--note", &arguments.note), ("--blocker", &arguments.blocker)] {
        if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            return Err(Failure::Usage(format!("{name}: at most {TEXT_CHARS_MAX} characters")));
        }
    }
    let value = arguments
        .value
        .as_deref()
        .map(|text| amount(text, &found.unit).map_err(|fault| Failure::Usage(format!("--value {text}: {fault}"))));
    let confidence = arguments.confidence.as_deref().map(|text| {
        Fixed::parse(text).map_err(|_| Failure::Usage(format!("--confidence {text}: a number from 0 to 1")))
    });
    let now = crate::clock::now();
    let at = arguments.at.as_deref().map(instant);
    let check_in = CheckIn {
        objective: objective.to_owned(),
        key_result: key_result.to_owned(),
        at: at.transpose()?.unwrap_or(now),
        recorded_at: now,
        value: value.transpose()?,
        confidence: confidence.transpose()?,
        note: said(arguments.note),
        blocker: said(arguments.blocker),
        author: arguments.author.or_else(|| std::env::var("USER").ok()),
    };
    check_in.fits(book).map_err(Failure::Usage)?;
    Ok(check_in)
}

/// A text that says something; control characters but line ends are taken out, for it will be shown on terminals.
fn said(text: Option<String>) -> Option<String> {
    let text: String = text?.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
