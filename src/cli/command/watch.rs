//! `sumcheck watch`

mod daemon;
mod once;
pub(super) mod plan;
#[cfg(feature = "otel")]
mod telemetry;
mod test_alarm;
mod told;
pub(super) mod view;

use std::sync::Arc;

use anyhow::bail;

use crate::cli::args::GlobalArgs;
use crate::cli::args::watch::{WatchAction, WatchArgs};
use crate::cli::exit::Exit;
use crate::cli::settings::Settings;
use crate::cli::world;
use crate::io::clock::Clock;
use crate::io::home::Home;
use crate::prover::Progress;
use crate::status::Counts;
use crate::watch::{Outside, Watch};

pub(in crate::cli) fn run(global: &GlobalArgs, args: &WatchArgs) -> anyhow::Result<Exit> {
    let Opened {
        settings,
        watch,
        progress,
        counts,
    } = open(global, args)?;
    world::show_warnings(&settings.told);
    if let Some(WatchAction::TestAlarm) = args.action {
        return test_alarm::run(&watch);
    }
    let home = Home::open(&settings.home)?;
    let Some(_lock) = home.lock_watch()? else {
        bail!(
            "another sumcheck watch is at work in {}: one is enough for a home",
            home.path().display()
        );
    };
    #[cfg(feature = "otel")]
    let _telemetry = telemetry::start()?;
    if args.once {
        once::run(global, &settings, &watch, &progress)
    } else {
        daemon::run(global, args, &settings, watch, counts)
    }
}

/// A watch, and what is seen of it from outside.
struct Opened {
    settings: Settings,
    watch: Watch,
    progress: Arc<Progress>,
    counts: Arc<Counts>,
}

/// A watch by the settings.
fn open(global: &GlobalArgs, args: &WatchArgs) -> anyhow::Result<Opened> {
    let settings = Settings::load_from(global, args.config.config.as_deref())?;
    let plan = plan::of(&settings, args)?;
    let progress = Arc::new(Progress::default());
    let counts = Arc::new(Counts::default());
    let outside = Outside {
        home: Home::open(&settings.home)?,
        http: world::http_settings(global, &settings),
        environment: settings.environment.clone(),
        go: settings.go.clone(),
        offline: settings.offline,
        clock: Clock::System,
        progress: Arc::clone(&progress),
        counts: Arc::clone(&counts),
    };
    let watch = Watch::new(plan, outside)?;
    Ok(Opened {
        settings,
        watch,
        progress,
        counts,
    })
}
