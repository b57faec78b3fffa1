//! The `krscore` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    krscore::cli::run(std::env::args_os())
}
