//! The pages in a real Chromium: on a desk and on a phone, by day and by night, without scripts.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::page::{Served, eventful};
use crate::support::skipped;
use crate::support::webdriver::Browser;

/// Folder in which screenshots are left for whoever wants to look at them.
const SHOTS: &str = "SUMCHECK_TEST_SHOTS";

const PAGES: [&str; 8] = [
    "/",
    "/heads",
    "/findings",
    "/modules",
    "/rounds",
    "/events",
    "/decisions",
    "/module/example.com/m1@v1.0.1",
];

fn browser(with_scripts: bool) -> Option<Browser> {
    let browser = Browser::start(with_scripts);
    if browser.is_none() {
        skipped("chromedriver and Chromium are not installed: no page was seen in a browser");
    }
    browser
}

fn shoot(browser: &Browser, name: &str) {
    let shot = browser.screenshot();
    assert!(shot.len() > 5_000, "{name} is empty");
    if let Some(folder) = std::env::var_os(SHOTS) {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            std::path::Path::new(&folder).join(format!("{name}.png")),
            shot,
        )
        .unwrap();
    }
}

fn is_clean(browser: &Browser, address: SocketAddr) {
    let console = browser.console();
    assert!(console.is_empty(), "{console:?}");
    let own = format!("http://{address}/");
    let requested = browser.requested();
    assert!(!requested.is_empty());
    for url in requested {
        assert!(url.starts_with(&own), "{url}");
    }
}

fn window(browser: &Browser, width: u32, height: u32, scheme: &str) {
    let metrics = json!({
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600,
    });
    browser.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
    browser.devtools("Emulation.setEmulatedMedia", &media);
}

#[test]
fn somebody_finds_their_way_without_any_script() {
    let Some(browser) = browser(false) else {
        return;
    };
    let world = eventful();
    let served = Served::new(world.view());
    browser.open(&format!("http://{}/", served.address));
    assert_eq!(browser.title(), "Overview · sumcheck");
    assert!(browser.text("h1").contains("A log misbehaved"));
    browser.follow("Findings");
    assert!(
        browser
            .text("article h2")
            .starts_with("Finding 1, sum.example.com: two tree heads")
    );
    browser.follow("Tree heads");
    assert!(browser.text("tbody tr th").contains("1\u{202f}602"));
    browser.follow("Modules");
    assert!(browser.text("main").contains("<script>alert(1)"));
    browser.fill("input[name=m]", "example.com/m1@v1.0.1");
    browser.click("form button");
    assert!(
        browser.url().ends_with("/module/example.com/m1@v1.0.1"),
        "{}",
        browser.url()
    );
    assert!(browser.text("main").contains("What the log says"));
    assert!(browser.text("pre").starts_with("example.com/m1 v1.0.1 h1:"));
    browser.follow("Decisions");
    browser.fill("input[name=module]", "example.com/o");
    browser.click("form button");
    let rows = browser.text("tbody");
    assert!(
        rows.contains("example.com/other") && !rows.contains("corp.example"),
        "{rows}"
    );
    browser.follow("Rounds");
    browser.follow("Events");
    assert!(browser.text("tbody").contains("THE LOG MISBEHAVED"));
    // The state is on every page, and leads back.
    browser.click("header .state");
    assert!(browser.url().ends_with(&format!("{}/", served.address)));
    is_clean(&browser, served.address);
}

#[test]
fn pages_fit_a_desk_and_a_phone_by_day_and_by_night() {
    let Some(browser) = browser(true) else {
        return;
    };
    let world = eventful();
    let served = Served::new(world.view());
    for (name, width, height) in [("desk", 1200, 1500), ("phone", 390, 1600)] {
        for scheme in ["light", "dark"] {
            window(&browser, width, height, scheme);
            for path in PAGES {
                browser.open(&format!("http://{}{path}", served.address));
                // Nothing is wider than the window, however long its words are.
                let wide = browser.evaluate("document.documentElement.scrollWidth");
                assert!(
                    wide.as_u64().unwrap() <= u64::from(width),
                    "{path} {name}: {wide}"
                );
                let ground =
                    browser.evaluate("getComputedStyle(document.documentElement).backgroundColor");
                let is_dark = ground.as_str().unwrap() != "rgb(255, 255, 255)";
                assert_eq!(is_dark, scheme == "dark", "{ground}");
                let page = path.replace('/', "-");
                shoot(&browser, &format!("{name}-{scheme}{page}"));
            }
        }
    }
    is_clean(&browser, served.address);
}

/// Relative luminance (WCAG 2.2, "relative luminance") of `rgb(r, g, b)`.
fn luminance(color: &str) -> f64 {
    let inside = color.trim_start_matches("rgb(").trim_end_matches(')');
    let linear = |part: &str| {
        let part = part.trim().parse::<f64>().unwrap() / 255.0;
        if part <= 0.04045 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    let parts: Vec<f64> = inside.split(',').map(linear).collect();
    0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
}

#[test]
fn a_screen_reader_has_names_for_everything_and_colours_have_contrast() {
    let Some(browser) = browser(true) else {
        return;
    };
    let world = eventful();
    let served = Served::new(world.view());
    for path in PAGES {
        browser.open(&format!("http://{}{path}", served.address));
        let tree = browser.devtools("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap();
        let of_role = |role: &str| -> Vec<&Value> {
            let nodes = nodes.iter().filter(|node| node["ignored"] != true);
            nodes.filter(|node| node["role"]["value"] == role).collect()
        };
        for role in ["banner", "navigation", "main", "contentinfo"] {
            assert_eq!(of_role(role).len(), 1, "{path}: {role}");
        }
        for role in [
            "link",
            "button",
            "textbox",
            "searchbox",
            "combobox",
            "image",
            "img",
            "region",
        ] {
            for node in of_role(role) {
                let name = node["name"]["value"].as_str().unwrap_or_default();
                assert!(
                    !name.trim().is_empty(),
                    "{path}: a {role} without a name: {node}"
                );
            }
        }
        let headings = browser.evaluate("document.querySelectorAll('h1').length");
        assert_eq!(headings, 1, "{path}");
        // WCAG 2.2 success criterion 1.4.3: 4.5 to 1, against the ground and what is raised from it.
        for scheme in ["light", "dark"] {
            window(&browser, 1200, 900, scheme);
            let colors = browser.evaluate(
                "(() => { const of = (e) => getComputedStyle(e);
                    const grounds = (e) => { for (; e; e = e.parentElement) {
                        const c = of(e).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } };
                    const seen = {};
                    for (const e of document.querySelectorAll('body *:not(svg *)')) {
                        if ([...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
                            seen[of(e).color + '|' + grounds(e)] = e.outerHTML.slice(0, 80);
                    } return JSON.stringify(seen); })()",
            );
            let colors: Value = serde_json::from_str(colors.as_str().unwrap()).unwrap();
            let pairs = colors.as_object().unwrap();
            assert!(pairs.len() > 2, "{pairs:?}");
            for (pair, element) in pairs {
                let (ink, ground) = pair.split_once('|').unwrap();
                let (ink, ground) = (luminance(ink), luminance(ground));
                let contrast = (ink.max(ground) + 0.05) / (ink.min(ground) + 0.05);
                assert!(
                    contrast >= 4.5,
                    "{path} {scheme}: {contrast:.2} {pair} {element}"
                );
            }
        }
    }
}
