//! `sumcheck mirror serve`

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::kinds;
use crate::cli::args::GlobalArgs;
use crate::cli::exit::Exit;
use crate::cli::render;
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::io::serve::{Server, raise_file_limit};
use crate::io::shutdown::{Signal, signal};
use crate::mirror;
use crate::prover::Prover;

pub(super) fn run(
    global: &GlobalArgs,
    settings: &Settings,
    listen: SocketAddr,
    asks: bool,
) -> anyhow::Result<Exit> {
    let prover = world::prover_without_end(global, settings, None)?;
    if kinds(&prover)?.is_empty() && !asks {
        bail!(
            "this home has no mirror of {}: run sumcheck mirror first, or serve with --sparse",
            prover.key.name()
        );
    }
    world::show_warnings(&settings.told);
    raise_file_limit();
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    runtime.block_on(serve(&prover, settings, listen, asks, global.quiet))
}

async fn serve(
    prover: &Prover,
    settings: &Settings,
    listen: SocketAddr,
    asks: bool,
    is_quiet: bool,
) -> anyhow::Result<Exit> {
    let (site, keeper) = mirror::open(prover, settings.private_patterns(), asks)?;
    if !asks && !keeper.has_records() {
        render::warning(
            "the mirror has no records: only lookups that it has as files are answered",
        );
    }
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
    let server = Server::new(listener, Arc::new(site));
    let address = server.address()?;
    if !is_quiet {
        let key = &prover.key;
        anstream::eprintln!("sumcheck mirror: GOSUMDB=\"{key} http://{address}\"");
        anstream::eprintln!("sumcheck mirror: or before others in GOPROXY=http://{address}");
    }
    let (asked, stopping) = watch::channel(0_u8);
    let stopped = |times: u8| {
        let mut stopping = stopping.clone();
        async move {
            let _ = stopping.wait_for(|asked| *asked >= times).await;
        }
    };
    let by = async {
        let by = signal().await;
        let _ = asked.send(1);
        by
    };
    let hurried = async {
        stopped(1).await;
        // Whoever asks twice does not want to wait.
        signal().await;
    };
    let served = async { tokio::join!(server.run(stopped(1), hurried), by).1 };
    let by = either(served, keeper.run(|what: &str| render::warning(what))).await;
    Ok(match by {
        Signal::Interrupt => Exit::Interrupted,
        Signal::Terminate => Exit::Terminated,
    })
}

/// The first one, beside which the second goes on for as long.
async fn either<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> T {
    let second = async {
        second.await;
        std::future::pending().await
    };
    tokio::select! {
        ended = first => ended,
        never = second => never,
    }
}
