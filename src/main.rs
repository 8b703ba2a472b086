//! The `sumcheck` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    sumcheck::cli::run().into()
}
