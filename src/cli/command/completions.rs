//! `sumcheck completions`

use clap::CommandFactory as _;

use crate::cli::args::{Args, CompletionsArgs};
use crate::cli::exit::Exit;
use crate::cli::render::plain_out;

pub(in crate::cli) fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut command = Args::command();
    clap_complete::generate(args.shell, &mut command, "sumcheck", &mut plain_out());
    Ok(Exit::Ok)
}
