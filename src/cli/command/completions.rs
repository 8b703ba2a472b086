//! `sumcheck completions`

use clap::CommandFactory as _;

use crate::cli::args::{Args, CompletionsArgs};
use crate::cli::exit::Exit;

pub(in crate::cli) fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut command = Args::command();
    clap_complete::generate(args.shell, &mut command, "sumcheck", &mut std::io::stdout());
    Ok(Exit::Ok)
}
