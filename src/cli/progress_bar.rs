//! A bar for those who wait at a terminal; nothing on a pipe, nothing for what is quick.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::prover::Progress;

/// Who is done sooner needs no bar.
const SHOW_AFTER: Duration = Duration::from_millis(500);

/// Ten times a second looks alive and costs nothing.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

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
    loop {
        bar.set_message(progress.phase());
        bar.set_length(progress.expected() as u64);
        bar.set_position(progress.done() as u64);
        bar.tick();
        tokio::time::sleep(REDRAW_EVERY).await;
    }
}

/// The bar makes room for the result, also when the run ends early.
struct ClearOnDrop(ProgressBar);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
