//! The log: tracing to stderr, as text or JSON. One line a change of life, nothing per event.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::settings::{Log, LogFormat};

/// Starts the log. A second start in one process changes nothing.
///
/// # Errors
/// A `level` that is no filter.
pub fn start(log: &Log) -> Result<(), String> {
    let levels = log.level.split(',').map(|part| part.rsplit_once('=').map_or(part, |(_, level)| level).trim());
    if let Some(unknown) = levels.into_iter().find(|level| level.parse::<LevelFilter>().is_err()) {
        return Err(format!("settings: log.level: \"{unknown}\" is none of off, error, warn, info, debug, trace"));
    }
    let filter =
        EnvFilter::try_new(&log.level).map_err(|error| format!("settings: log.level: \"{}\": {error}", log.level))?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .log_internal_errors(false);
    // An error here only says that a log is running already, which a test may have started.
    let _ = match log.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
