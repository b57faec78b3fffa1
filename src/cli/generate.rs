//! `krscore generate`: what Prometheus, Grafana and editors load. Generic: a book's edit needs no new ones.

use std::path::PathBuf;

use super::{Failure, print, say};
use crate::{book, expose};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Prometheus alert rules
    Alerts(Output),
    /// Grafana dashboards
    Dashboards(Output),
    /// The JSON Schema of a book, for editors
    Schema(Output),
}

#[derive(Debug, clap::Args)]
struct Output {
    /// The folder to write into, made if it is missing; default: stdout
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.what {
        What::Alerts(output) => write(output, "krscore-alerts.yaml", &expose::generate::alerts::rules()),
        What::Dashboards(output) => write(output, "krscore-okr.json", &expose::generate::dashboards::dashboard()),
        What::Schema(output) => write(output, "krscore-book.schema.json", &book::schema()),
    }
}

fn write(output: Output, name: &str, text: &str) -> Result<(), Failure> {
    let Some(folder) = output.output else { return print(text) };
    let path = folder.join(name);
    let wrong = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(&folder).map_err(wrong)?;
    std::fs::write(&path, text).map_err(wrong)?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}
