//! `sumcheck watch test-alarm`

use std::io::Write as _;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};

use crate::cli::exit::Exit;
use crate::cli::render::{self, out, visible};
use crate::watch::Watch;

pub(super) fn run(watch: &Watch) -> anyhow::Result<Exit> {
    let plan = watch.plan();
    let names: Vec<&str> = (plan.sinks.iter()).map(|sink| sink.name.as_str()).collect();
    if names.is_empty() {
        bail!("nobody is told of alarms: add a [[watch.program]] or [[watch.webhook]]");
    }
    watch.test_alarm()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let (_, failed) = runtime.block_on(watch.deliver_all(&AtomicBool::new(false)))?;
    for failed in &failed {
        render::error_line(failed);
    }
    if !failed.is_empty() {
        return Ok(Exit::Unverified);
    }
    writeln!(out(), "told: {}", visible(&names.join(", ")))?;
    Ok(Exit::Ok)
}
