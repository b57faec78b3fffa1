//! `krscore explain`: where a key result's score comes from, out of files or a running service.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Failure, Shape, book_files, print, replay};
use crate::snapshot;

/// How long the service's answer is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The book: a YAML file, or a folder of them
    book: PathBuf,
    /// What to explain: OBJECTIVE/KEY_RESULT
    #[arg(required = true, value_name = "OBJECTIVE/KEY_RESULT")]
    key_results: Vec<String>,
    #[command(flatten)]
    events: replay::Events,
    /// The running service that is asked where no --events are given
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9464", conflicts_with = "events")]
    url: String,
    /// How it is written
    #[arg(long, value_enum, default_value = "table")]
    format: Shape,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let book = Arc::new(book_files::load(&arguments.book)?.book);
    let mut wanted = Vec::new();
    for name in &arguments.key_results {
        let parts = name.split_once('/').filter(|(objective, key_result)| {
            let objective = book.objectives.iter().find(|known| known.id == *objective);
            objective.is_some_and(|objective| objective.key_results.iter().any(|known| known.id == *key_result))
        });
        wanted
            .push(parts.ok_or_else(|| Failure::Because(format!("{name}: the book has no such OBJECTIVE/KEY_RESULT")))?);
    }
    let mut texts = Vec::new();
    if arguments.events.events.is_empty() {
        for (objective, key_result) in wanted {
            texts.push(ask(&arguments.url, objective, key_result, arguments.format)?);
        }
    } else {
        let scored = replay::score(&book, &arguments.events)?;
        for (objective, key_result) in wanted {
            let explanation = snapshot::explain(&scored, objective, key_result)
                .ok_or_else(|| Failure::Because(format!("{objective}/{key_result}: nothing is known of it")))?;
            texts.push(match arguments.format {
                Shape::Table => explanation.to_string(),
                Shape::Json => explanation.to_json(),
            });
        }
    }
    let together = match arguments.format {
        Shape::Table => texts.join("\n"),
        Shape::Json if texts.len() == 1 => format!("{}\n", texts.concat().trim_end()),
        Shape::Json => format!("[{}]\n", texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join(",")),
    };
    print(&together)
}

/// What the service at `url` says.
fn ask(url: &str, objective: &str, key_result: &str, format: Shape) -> Result<String, Failure> {
    let url = format!("{}/api/v1/explain/{objective}/{key_result}", url.trim_end_matches('/'));
    let accept = match format {
        Shape::Table => "text/plain",
        Shape::Json => "application/json",
    };
    let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_TIMEOUT)).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let because = |fault: ureq::Error| match fault {
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => Failure::Usage(format!("--url {url}: {fault}")),
        fault => Failure::Because(format!("{url}: {fault}; is the service running? --events reads files")),
    };
    let mut answer = agent.get(&url).header("Accept", accept).call().map_err(because)?;
    let refused = !answer.status().is_success();
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().map_err(because)?;
    // What the service says of itself, such as what it still waits for, is the best word there is.
    if refused { Err(Failure::Because(format!("{url}: {}", text.trim()))) } else { Ok(text) }
}
