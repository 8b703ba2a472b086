//! What is under packaging/ is what the daemon understands, and what it says.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::skipped;
use support::sumcheck::Home;

fn packaging() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(packaging().join(path)).unwrap()
}

/// Runs a program in packaging/; `None` if this machine has none.
fn run(program: &str, args: &[&str]) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    let output = command.args(args).current_dir(packaging()).output();
    let Ok(output) = output else {
        skipped(&format!("{program} is not installed"));
        return None;
    };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some((output.status.success(), said))
}

#[test]
fn the_alerts_fire_when_they_should_and_only_then() {
    for args in [
        ["check", "rules", "prometheus-alerts.yml"],
        ["test", "rules", "prometheus-alerts-test.yml"],
    ] {
        let Some((is_well, said)) = run("promtool", &args) else {
            return;
        };
        assert!(is_well, "{said}");
    }
}

/// The words of a text that begin as the names of our metrics do.
fn names(text: &str) -> BTreeSet<String> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_of_name(c));
    let words = words.filter(|word| word.starts_with("sumcheck_"));
    words.map(str::to_owned).collect()
}

#[test]
fn the_alerts_are_about_metrics_that_there_are() {
    // docs/watch.md lists them, and tests/watch/page.rs sees that it lists what is served.
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/watch.md");
    let documented = names(&std::fs::read_to_string(docs).unwrap());
    let rules = read("prometheus-alerts.yml");
    let used: BTreeSet<String> = rules
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(names)
        .collect();
    assert!(used.len() > 5, "{used:?}");
    for name in used {
        assert!(documented.contains(&name), "{name}");
    }
}

#[test]
fn the_settings_are_settings() {
    let home = Home::new();
    let config = packaging().join("sumcheck.toml");
    // As it is, and with everything that is commented out.
    let all: String = read("sumcheck.toml")
        .lines()
        .map(|line| {
            let plain = line.strip_prefix("# ").or_else(|| line.strip_prefix('#'));
            match plain {
                Some(plain) if plain.contains(" = ") || plain.starts_with("[[") => plain,
                _ => line,
            }
        })
        // An interval is one way, a schedule the other.
        .filter(|line| !line.trim_start().starts_with("schedule"))
        .map(|line| format!("{line}\n"))
        .collect();
    let secret = home.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let all = all.replace(
        "/etc/sumcheck/webhook.secret",
        &secret.display().to_string(),
    );
    assert!(all.contains("\n[[watch.webhook]]") && all.contains("\n[[watch.program]]"));
    let whole = home.path().join("whole.toml");
    std::fs::write(&whole, all).unwrap();
    for config in [config, whole] {
        let config = config.display().to_string();
        let arguments = ["watch", "--once", "--offline", "--config", config.as_str()];
        let run = home.sumcheck(arguments).run();
        assert_eq!(run.code, 3, "{config}: {run:?}");
    }
}

#[test]
fn systemd_understands_the_units_and_finds_little_to_fear() {
    let units = [
        "systemd/sumcheck-watch.service",
        "systemd/sumcheck-watch-once.service",
    ];
    for unit in units {
        let args = ["security", "--offline=true", "--threshold=20", unit];
        let Some((is_well, said)) = run("systemd-analyze", &args) else {
            return;
        };
        assert!(is_well, "{unit}: {said}");
    }
}
