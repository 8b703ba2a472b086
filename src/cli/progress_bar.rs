//! A bar for those who wait at a terminal; nothing for what is quick. Where there is no terminal, a
//! line a minute of a long replay, so that a log of it shows that it is alive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::render::grouped;
use crate::prover::Progress;

/// Who is done sooner needs no bar.
const SHOW_AFTER: Duration = Duration::from_millis(500);

/// Ten times a second looks alive and costs nothing.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// One line a minute.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Shows progress for as long as it is polled; never ends by itself.
pub(super) async fn show(progress: Arc<Progress>) -> std::convert::Infallible {
    tokio::time::sleep(SHOW_AFTER).await;
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    bar.set_style(
        ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} ({elapsed})")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> "),
    );
    let _clear = ClearOnDrop(bar.clone());
    let mut pace = Pace::default();
    loop {
        if let Some((replayed, records)) = progress.records() {
            bar.set_style(
                ProgressStyle::with_template("{msg} [{bar:30}] {percent}%")
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            );
            bar.set_message(pace.tell(replayed, records));
            bar.set_length(records);
            bar.set_position(replayed);
            bar.tick();
            tokio::time::sleep(REDRAW_EVERY).await;
            continue;
        }
        bar.set_message(progress.phase());
        bar.set_length(progress.expected() as u64);
        bar.set_position(progress.done() as u64);
        bar.tick();
        tokio::time::sleep(REDRAW_EVERY).await;
    }
}

/// Tells how far a replay is; never ends by itself.
pub(super) async fn tell(progress: Arc<Progress>) -> std::convert::Infallible {
    let mut pace = Pace::default();
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        if let Some((replayed, records)) = progress.records() {
            anstream::eprintln!("{}", pace.tell(replayed, records));
        }
    }
}

/// How fast a replay goes, since it began.
#[derive(Default)]
struct Pace {
    began: Option<(Instant, u64)>,
}

impl Pace {
    /// What is done, how fast, and how long it will take.
    fn tell(&mut self, replayed: u64, records: u64) -> String {
        let (began, first) = *self.began.get_or_insert_with(|| (Instant::now(), replayed));
        let seconds = began.elapsed().as_secs_f64();
        let done = format!("{} of {} records", grouped(replayed), grouped(records));
        let rate = (replayed - first) as f64 / seconds;
        if rate < 1.0 || !rate.is_finite() {
            return done;
        }
        let left = Duration::from_secs_f64((records - replayed) as f64 / rate);
        format!(
            "{done}, {} a second, {} left",
            grouped(rate as u64),
            in_words(left)
        )
    }
}

fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// The bar makes room for the result, also when the run ends early.
struct ClearOnDrop(ProgressBar);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_told_once_there_is_one() {
        let mut pace = Pace::default();
        assert_eq!(pace.tell(0, 72_000_000), "0 of 72,000,000 records");
        let began = Instant::now().checked_sub(Duration::from_secs(10));
        pace.began = began.map(|began| (began, 0));
        let told = pace.tell(20_000_000, 72_000_000);
        assert!(
            told.starts_with("20,000,000 of 72,000,000 records, 1,99"),
            "{told}"
        );
        assert!(told.ends_with(" a second, 26 s left"), "{told}");
        assert_eq!(in_words(Duration::from_secs(61)), "1 min 1 s");
        assert_eq!(in_words(Duration::from_secs(7322)), "2 h 2 min");
    }
}
