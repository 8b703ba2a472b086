//! `sumcheck gate --listen`: a module proxy until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::reload::Reloadable;
use super::{policy, prefetch};
use crate::cli::args::{ByteSize, GateArgs, GlobalArgs, ListenAt};
use crate::cli::command::watch::view;
use crate::cli::exit::Exit;
use crate::cli::render::{self, visible};
use crate::cli::settings::Settings;
use crate::gate::Gate;
use crate::gate::server::Site;
use crate::gate::server::tokens::Tokens;
use crate::gate::trace::Trace;
use crate::io::serve::{Server, raise_file_limit, tls};
use crate::io::shutdown::{Signal, hang_ups, signal};
use crate::status::{Hosts, StatusSite};

pub(super) async fn serve(
    gate: Arc<Gate>,
    listen: ListenAt,
    global: &GlobalArgs,
    settings: &Settings,
    args: &GateArgs,
    trace: Option<Arc<Trace>>,
) -> anyhow::Result<Exit> {
    raise_file_limit();
    // From here on a hang-up ends nothing.
    let hang_ups = hang_ups();
    let gate_of_rules = Arc::clone(&gate);
    let site = Arc::new(Site::modules(Arc::clone(&gate), "/", trace));
    if let Some(path) = &args.token_file {
        site.set_tokens(Tokens::read(path)?);
    }
    let mut server = Server::new(bind(listen).await?, Arc::clone(&site));
    let certificate = match (&args.tls_cert, &args.tls_key) {
        (Some(chain), Some(key)) => Some(server.set_tls(tls::read(chain, key)?)),
        _ => None,
    };
    let address = server.address()?;
    let status = match args.metrics {
        Some(address) => {
            let listener = bind(ListenAt::Address(address)).await?;
            let pages = StatusSite::new(view::of(settings, &[], &Arc::default()));
            let address = listener.local_addr()?.ip();
            pages.set_hosts(Hosts::at(address, &settings.watch.hosts));
            view::warn_of_others(address);
            let site = Site::status(Arc::clone(&gate), pages);
            Some(Server::new(listener, Arc::new(site)))
        }
        None => None,
    };
    warn_of_clear_text(address, args);
    let scheme = if certificate.is_some() {
        "https"
    } else {
        "http"
    };
    anstream::eprintln!("sumcheck gate: GOPROXY={scheme}://{address}");
    if let Some(status) = &status {
        let address = status.address()?;
        anstream::eprintln!(
            "sumcheck gate: state at http://{address}/, metrics at http://{address}/metrics"
        );
    }

    if let Some(ahead) = prefetch::plan(settings, args, None)? {
        gate_of_rules.prefetch(ahead);
    }
    let tending = policy::cache_size(settings, args).map(|ByteSize(limit)| {
        let complain = |what: &str| render::warning(&visible(what));
        tokio::spawn(Arc::clone(&gate_of_rules).tend(limit, complain))
    });
    let reloadable = Reloadable::new(gate_of_rules, site, certificate, global, settings, args)?;
    let reloading = tokio::spawn(reloadable.reload_when_told(hang_ups));
    let watchdog = tokio::spawn(feed_watchdog());
    let (asked, stopping) = watch::channel(0_u8);
    let stopped = |times: u8| {
        let mut stopping = stopping.clone();
        async move {
            let _ = stopping.wait_for(|asked| *asked >= times).await;
        }
    };
    // The state of the gate can be seen for as long as it works.
    let status = status.map(|status| tokio::spawn(status.run(stopped(2), stopped(2))));
    let by = async {
        let by = signal().await;
        notify(&[NotifyState::Stopping]);
        let _ = asked.send(1);
        by
    };
    let hurried = async {
        stopped(1).await;
        // Whoever asks twice does not want to wait.
        signal().await;
    };
    notify(&[NotifyState::Ready]);
    let ((), by) = tokio::join!(server.run(stopped(1), hurried), by);
    let _ = asked.send(2);
    reloading.abort();
    watchdog.abort();
    if let Some(tending) = tending {
        tending.abort();
    }
    if let Some(status) = status {
        status.abort();
    }
    Ok(match by {
        Signal::Interrupt => Exit::Interrupted,
        Signal::Terminate => Exit::Terminated,
    })
}

async fn bind(listen: ListenAt) -> anyhow::Result<TcpListener> {
    match listen {
        ListenAt::Address(address) => TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}")),
        ListenAt::Systemd => {
            let listener = listenfd::ListenFd::from_env()
                .take_tcp_listener(0)
                .context("the first socket that systemd passed cannot be used")?
                .context(
                    "systemd passed no socket: is there a .socket unit that starts this service?",
                )?;
            listener.set_nonblocking(true)?;
            Ok(TcpListener::from_std(listener)?)
        }
    }
}

/// Tells systemd, if it is there.
fn notify(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

fn warn_of_clear_text(address: SocketAddr, args: &GateArgs) {
    if args.token_file.is_some() && args.tls_cert.is_none() && !address.ip().is_loopback() {
        render::warning(
            "tokens travel in the clear, and the go command sends none without https: give \
             --tls-cert and --tls-key, or put the gate behind a server that speaks TLS",
        );
    }
    if args.token_file.is_none() && !address.ip().is_loopback() {
        render::warning(
            "there is no --token-file, so private modules are given to nobody at this address",
        );
    }
}

/// Half as often as systemd would restart us: it does if this process cannot even do that.
async fn feed_watchdog() {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return;
    };
    let mut ticks = interval((patience / 2).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        notify(&[NotifyState::Watchdog]);
    }
}
