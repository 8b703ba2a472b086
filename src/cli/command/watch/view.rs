//! What is to be seen of a watch, and by whom.

use std::net::IpAddr;
use std::sync::Arc;

use crate::cli::render;
use crate::cli::settings::Settings;
use crate::io::clock::Clock;
use crate::status::{Counts, View};
use crate::watch::plan::LogPlan;

/// With no log named, all that the home knows.
pub(in crate::cli) fn of(settings: &Settings, logs: &[LogPlan], counts: &Arc<Counts>) -> View {
    View {
        home: settings.home.clone(),
        watched: logs.iter().map(|log| log.key.to_string()).collect(),
        private: settings.private_patterns(),
        clock: Clock::System,
        counts: Arc::clone(counts),
    }
}

/// Says that there is no login.
pub(in crate::cli) fn warn_of_others(address: IpAddr) {
    if !address.is_loopback() {
        render::warning(
            "whoever can connect to this address can see all of the page: there is no login",
        );
    }
}
