//! `sumcheck gate -- CMD`: the gate for as long as a command runs.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::modcache::{self, OwnModuleCache, Prepared};
use super::{policy, prefetch};
use crate::cli::args::{ByteSize, GateArgs, GlobalArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, visible};
use crate::cli::settings::Settings;
use crate::gate::modcache::Inspection;
use crate::gate::private::{Checked, Sums};
use crate::gate::server::Site;
use crate::gate::trace::Trace;
use crate::gate::wrapper::{self, Ended};
use crate::gate::{Gate, Verdict};
use crate::io::serve::Server;

/// What is not removed by then is removed after the next command.
const LAST_TENDING: Duration = Duration::from_secs(5);

pub(super) async fn wrap(
    gate: Arc<Gate>,
    global: &GlobalArgs,
    settings: &Settings,
    args: &GateArgs,
    sums: &Sums,
    inspection: &mut Option<Inspection>,
    trace: Option<Arc<Trace>>,
) -> anyhow::Result<Exit> {
    let module_cache = match modcache::prepare(&gate, settings, args.modcache, sums).await? {
        Prepared::AsItIs => None,
        Prepared::Own(own) => Some(own),
        Prepared::Inspected(found, exit) => {
            *inspection = Some(found);
            match exit {
                Some(exit) => return Ok(exit),
                None => None,
            }
        }
    };
    let prefix = wrapper::secret_prefix().context("no randomness")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("cannot listen on 127.0.0.1")?;
    let site = Site::modules(Arc::clone(&gate), &prefix, trace);
    let server = Server::new(listener, Arc::new(site));
    let goproxy = format!(
        "http://{}{}",
        server.address()?,
        prefix.trim_end_matches('/')
    );
    let (stop, stopped) = oneshot::channel::<()>();
    // With the command's end there is nobody left to finish anything for.
    let stopped = async {
        let _ = stopped.await;
    };
    let serving = tokio::spawn(server.run(stopped, std::future::ready(())));
    let environment = wrapper::Environment {
        goproxy: &goproxy,
        gosumdb: &settings.gosumdb,
        gomodcache: module_cache.as_ref().map(OwnModuleCache::folder),
    };
    let module_cache = match &module_cache {
        Some(own) => Some(own.folder()),
        None => settings
            .go
            .gomodcache()
            .map(|folder| folder.value().as_path()),
    };
    if let Some(ahead) = prefetch::plan(settings, args, module_cache)? {
        gate.prefetch_when_asked(ahead);
    }
    let ended = wrapper::run(&environment, &args.command).await;
    gate.stop_prefetch();
    if let Some(ByteSize(limit)) = policy::cache_size(settings, args) {
        // Whoever waits for the command does not want to wait for this.
        let tended = tokio::time::timeout(LAST_TENDING, gate.trim(limit, None));
        if let Ok(Err(error)) = tended.await {
            render::warning(&format!("cannot keep the cache within its size: {error}"));
        }
    }
    drop(stop);
    let _ = serving.await;
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            render::error_line(&format!("the command could not be run: {error}"));
            return Ok(Exit::GateFailed);
        }
    };
    let refused = tell(&gate, ended == Ended::Code(0), global.quiet);
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
    let closed = gate.standing().closed();
    if let Some(closed) = &closed {
        render::error_line(&visible(&format!("THE LOG MISBEHAVED: {closed}")));
    }
    Ok(match ended {
        Ended::Code(0) if closed.is_some() => Exit::Misbehaviour,
        Ended::Code(0) if refused > 0 => Exit::Negative,
        ended => Exit::Command(ended.code()),
    })
}

/// The account at the end; how many files were refused.
fn tell(gate: &Gate, has_succeeded: bool, is_quiet: bool) -> u64 {
    let decisions = gate.account().decisions();
    let unlisted = gate.account().unlisted();
    let (mut released, mut observed, mut refused) = (0_usize, 0_u64, unlisted.refused);
    let mut failed = 0_u64;
    let mut private: BTreeMap<Checked, usize> = BTreeMap::new();
    for decision in &decisions {
        match &decision.judgement.verdict {
            Verdict::Released => released += 1,
            Verdict::Private(checked) => *private.entry(*checked).or_insert(0) += 1,
            Verdict::Absent | Verdict::Hint => {}
            Verdict::Observed(refusal) => {
                observed += 1;
                render::warning_lines(&format!(
                    "let through, since rules are only observed: {refusal}"
                ));
            }
            Verdict::Refused(refusal) => {
                refused += 1;
                render::error_lines(&refusal.to_string());
            }
            Verdict::Failed(why) => {
                failed += 1;
                // The go command asks for much that it can do without.
                if !has_succeeded {
                    render::warning_lines(why);
                }
            }
        }
    }
    let private: String = private
        .iter()
        .map(|(checked, count)| format!("{count} private {}, ", checked.as_str()))
        .collect();
    let observed = match observed {
        0 => String::new(),
        count => format!("{count} that the rules would refuse, "),
    };
    let failed = match failed {
        0 => String::new(),
        count => format!(", {count} could not be had"),
    };
    let unlisted = match unlisted.all {
        0 => String::new(),
        count => format!(", and {count} more that are not listed"),
    };
    let nothing_to_tell = refused == 0 && observed.is_empty() && failed.is_empty();
    if !(is_quiet && nothing_to_tell) {
        anstream::eprintln!(
            "sumcheck gate: {} proven and let through, {private}{observed}{refused} refused{failed}{unlisted}",
            count_of(released, "file")
        );
    }
    refused
}
