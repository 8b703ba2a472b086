//! `sumcheck mirror`

use super::audit::tell;
use super::replay;
use crate::audit::Options;
use crate::cli::args::{GlobalArgs, MirrorArgs};
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &MirrorArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let options = Options {
        to: args.replay.to,
        from: None,
        hashes_only: args.replay.hashes_only,
        check_tiles: args.replay.check_tiles,
        mirror: true,
    };
    let (prover, replayed) = replay::run(global, &settings, &args.replay, &options)?;
    tell(global, &settings, &prover, &replayed, &options, false)
}
