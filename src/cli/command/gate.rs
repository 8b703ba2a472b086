//! `sumcheck gate`

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cli::args::{GateArgs, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, visible};
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::gate::cache::Cache;
use crate::gate::notary::Notary;
use crate::gate::server::Server;
use crate::gate::upstream::Upstream;
use crate::gate::wrapper::{self, Ended};
use crate::gate::{Gate, Verdict};
use crate::io::home::Home;
use crate::io::shutdown::{Signal, signal};

pub(in crate::cli) fn run(global: &GlobalArgs, args: &GateArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let gate = Arc::new(open(global, &settings)?);
    world::show_warnings(&settings.told);
    runtime.block_on(async {
        let ended = match args.listen {
            Some(address) => serve(Arc::clone(&gate), address).await,
            None => wrap(Arc::clone(&gate), args).await,
        };
        gate.close().await;
        ended
    })
}

fn open(global: &GlobalArgs, settings: &Settings) -> anyhow::Result<Gate> {
    let home = Home::open(&settings.home)?;
    let notary = Notary::start(world::prover_without_end(global, settings)?)?;
    Ok(Gate::new(
        notary,
        Upstream::new(
            world::http_client(global, settings, None),
            settings.address.proxies.clone(),
        ),
        Cache::new(&home),
        settings.key.name().to_owned(),
        settings.private_patterns(),
    ))
}

async fn serve(gate: Arc<Gate>, address: SocketAddr) -> anyhow::Result<Exit> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    let server = Server::new(listener, gate, "/");
    anstream::eprintln!("sumcheck gate: GOPROXY=http://{}", server.address()?);
    let (stopped_by, by) = oneshot::channel();
    server
        .run(async {
            let _ = stopped_by.send(signal().await);
        })
        .await;
    Ok(match by.await {
        Ok(Signal::Interrupt) => Exit::Interrupted,
        Ok(Signal::Terminate) | Err(_) => Exit::Terminated,
    })
}

async fn wrap(gate: Arc<Gate>, args: &GateArgs) -> anyhow::Result<Exit> {
    let prefix = wrapper::secret_prefix().context("no randomness")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("cannot listen on 127.0.0.1")?;
    let server = Server::new(listener, Arc::clone(&gate), &prefix);
    let goproxy = format!(
        "http://{}{}",
        server.address()?,
        prefix.trim_end_matches('/')
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    let ended = wrapper::run(&goproxy, &args.command).await;
    drop(stop);
    serving.abort();
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            render::error_line(&format!("the command could not be run: {error}"));
            return Ok(Exit::GateFailed);
        }
    };
    let refused = tell(&gate);
    let program = args
        .command
        .first()
        .map(|program| program.to_string_lossy());
    match ended {
        Ended::NotFound => render::error_line(&visible(&format!(
            "{}: command not found",
            program.unwrap_or_default()
        ))),
        Ended::NotExecutable => render::error_line(&visible(&format!(
            "{}: cannot be run",
            program.unwrap_or_default()
        ))),
        Ended::Code(_) => {}
    }
    Ok(match ended {
        Ended::Code(0) if refused > 0 => Exit::Negative,
        ended => Exit::Command(ended.code()),
    })
}

/// The account at the end; how many files were refused.
fn tell(gate: &Gate) -> usize {
    let decisions = gate.account().decisions();
    let (mut released, mut refused) = (0, 0);
    for decision in &decisions {
        match &decision.verdict {
            Verdict::Released => released += 1,
            Verdict::Absent => {}
            Verdict::Refused(refusal) => {
                refused += 1;
                render::error_line(&refusal.to_string());
            }
            Verdict::Failed(why) => render::warning(why),
        }
    }
    anstream::eprintln!(
        "sumcheck gate: {released} files proven and let through, {refused} refused"
    );
    refused
}
