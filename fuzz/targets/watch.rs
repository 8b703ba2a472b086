//! What a watch reads: times and sizes of heads, schedules, and what its page is asked for.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Response, StatusCode, Uri};
use jiff::Timestamp;
use sumcheck::golang::pattern::PatternList;
use sumcheck::io::clock::Clock;
use sumcheck::status::growth::{Band, Growth, SLOTS, seen};
use sumcheck::status::{Counts, StatusSite, View};
use sumcheck::watch::schedule::Schedule;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::input::{Input, ok, text};

/// When it is, for all targets: 2026-11-28.
const NOW: i64 = 1_795_824_000;

/// Heads at any times: rates are numbers, and a band holds its median.
pub fn growth(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut times = Vec::new();
    while !input.is_empty() {
        let size = input.number() >> input.below(64);
        // Mostly within years of now; some rows are damaged.
        let offset = i64::from(u32::from_le_bytes(input.array())) - (1 << 31);
        let seen_at = match input.byte() {
            0 => Timestamp::MAX.to_string(),
            1 => Timestamp::MIN.to_string(),
            2 => "yesterday".to_owned(),
            _ => Timestamp::from_second(NOW + offset / 16)
                .unwrap()
                .to_string(),
        };
        times.push((size, seen_at));
    }
    for now in [
        Timestamp::from_second(NOW).unwrap(),
        Timestamp::MIN,
        Timestamp::MAX,
    ] {
        let heads = seen(&times, now);
        assert!(heads.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1));
        let growth = Growth::of(&heads);
        for stretch in growth.stretches() {
            assert!(stretch.rate.is_finite() && stretch.rate >= 0.0);
            assert!(stretch.hours > 0.0);
        }
        (0..SLOTS)
            .filter_map(|slot| growth.band(slot))
            .for_each(holds);
        if let Some((rate, band)) = growth.judged(now) {
            assert!(rate.is_finite());
            holds(band);
        }
    }
}

fn holds(band: Band) {
    assert!(0.0 <= band.low && band.low <= band.median);
    assert!(band.median <= band.high && band.high.is_finite());
    assert!(!band.excludes(band.median));
}

/// The next round comes after the last one, and the third not before the first.
pub fn schedule(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Some(schedule) = ok(Schedule::cron(text, Duration::from_secs(60))) else {
        return;
    };
    let now = Timestamp::from_second(NOW).unwrap();
    let next = schedule.next(now, 0.0);
    assert!(next > now, "{text:?}");
    assert!(schedule.next(now, 1.0) >= next, "{text:?}");
    assert!(schedule.after_rounds(now, 3) >= next, "{text:?}");
}

/// Whatever is asked for has an answer, and nothing of it acts on a browser.
pub fn status_request(bytes: &[u8]) {
    let Ok(uri) = Uri::try_from(bytes) else {
        return;
    };
    let (_home, runtime, site) = site();
    let response: Response<Vec<u8>> = runtime
        .block_on(site.get(&uri))
        .respond(|body| body.to_vec());
    assert!(
        !response.status().is_server_error() || uri.path() == "/readyz",
        "{uri}"
    );
    assert!(response.headers().contains_key("content-security-policy"));
    let media_type = response.headers()["content-type"].to_str().unwrap();
    if media_type.starts_with("text/html") {
        let page = std::str::from_utf8(response.body()).unwrap();
        assert!(
            !page.contains(|c: char| c.is_control() && c != '\n'),
            "{uri}"
        );
        assert!(!page.contains("<script"), "{uri}");
    }
    if let Some(location) = response.headers().get("location") {
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert!(location.to_str().unwrap().starts_with("/module/"), "{uri}");
    }
}

/// The pages of a home in which nothing is.
fn site() -> &'static (TempDir, Runtime, StatusSite) {
    static SITE: OnceLock<(TempDir, Runtime, StatusSite)> = OnceLock::new();
    SITE.get_or_init(|| {
        let home = TempDir::new().unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let site = StatusSite::new(View {
            home: home.path().join("home"),
            watched: Vec::new(),
            private: PatternList::default(),
            clock: Clock::System,
            counts: Arc::new(Counts::default()),
        });
        (home, runtime, site)
    })
}
