//! `krscore run`: the service, until a signal ends it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Failure, book_files};
use crate::service::{self, BookSource, LoadedBook};
use crate::{settings, telemetry};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The settings; default: config/krscore.toml, if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The book: a YAML file, or a folder of them; default: what the settings say
    #[arg(long, value_name = "PATH")]
    book: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = settings::read(arguments.config.as_deref(), std::env::vars())
        .map_err(|fault| Failure::Usage(fault.to_string()))?;
    telemetry::start(&settings.log).map_err(Failure::Usage)?;
    // The book before anything else: a wrong one is told before any socket is opened.
    let path = arguments.book.unwrap_or_else(|| settings.book.clone());
    book_files::load(&path)?;
    let loaded = read(&path).map_err(|faults| Failure::Because(faults.join("; ")))?;
    let source: BookSource = Arc::new(move || read(&path));
    block_on(async {
        let mut running = service::start(settings, loaded, Some(source)).await.map_err(failure)?;
        let stop = running.stopper();
        tokio::spawn(hang_ups(running.rereader()));
        tokio::spawn(async move {
            signal().await;
            tracing::info!("told to stop: draining");
            stop();
            // Some supervisors signal a process and its group at once: that is one word, not two.
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            signal().await;
            tracing::warn!("told twice: ending at once; what was not committed will be read again");
            std::process::exit(1);
        });
        running.finished().await.map_err(failure)
    })
}

/// Wrong settings are wrong use; all else is a "no".
fn failure(fault: service::ServiceError) -> Failure {
    if fault.is_wrong_use { Failure::Usage(fault.to_string()) } else { Failure::because(fault) }
}

/// The book at `path`; else each fault in a line of its own.
fn read(path: &Path) -> Result<LoadedBook, Vec<String>> {
    let sources = book_files::read(path).map_err(|failure| vec![failure.sentence()])?;
    LoadedBook::of(&sources).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// Has the book read again at each SIGHUP.
async fn hang_ups(reread: impl Fn()) {
    use tokio::signal::unix::{SignalKind, signal};
    // Without a handler the signal ends the process, as it would any other.
    if let Ok(mut hang_up) = signal(SignalKind::hangup()) {
        while hang_up.recv().await.is_some() {
            reread();
        }
    }
}

/// Runs a future on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(Failure::because)?.block_on(future)
}

/// Waits for SIGINT or SIGTERM.
pub(super) async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        // Without handlers the signals end the process, as they would any other.
        _ => std::future::pending().await,
    }
}
