//! Arguments of `sumcheck watch` and `sumcheck status`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use serde::Deserialize;

use super::address;

/// Audit on a schedule, compare what different places serve, and tell whoever is to be told
///
/// Each round asks for the newest tree heads, ties them into the timeline, audits what is new and compares
/// the places that show heads. What was found is told by programs, webhooks, lines on standard error and a
/// feed. Without --once it goes on until it is interrupted, and serves a page with all that is known.
#[derive(Debug, Default, Clone, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck watch                              every hour, with a page at http://127.0.0.1:9480/
  sumcheck watch --config /etc/sumcheck.toml  all settings of docs/watch.md
  sumcheck watch --once                       one round now, for cron and CI
  sumcheck watch --every 10m --listen 127.0.0.1:8000
  sumcheck watch test-alarm                   tell everybody that this is a test

Exit codes of --once: 0 all is well, 1 the log contradicts a go.sum, 3 something could not be \
                  verified,\n4 the log misbehaved, or has and nobody has acknowledged it: see sumcheck findings.")]
pub(in crate::cli) struct WatchArgs {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<WatchAction>,

    #[command(flatten)]
    pub(in crate::cli) config: ConfigArg,

    /// One round of each log now, and then an end
    #[arg(long)]
    pub(in crate::cli) once: bool,

    /// A round so long after the begin of the last one, as 90s, 15m, 6h or 1d [default: 1h]
    #[arg(long, value_name = "DURATION")]
    pub(in crate::cli) every: Option<DurationArg>,

    /// Rounds at these times, in the syntax of cron and in UTC
    #[arg(long, value_name = "CRON", conflicts_with = "every")]
    pub(in crate::cli) schedule: Option<String>,

    /// Where the page, the API and the metrics are served; off for nowhere [default: 127.0.0.1:9480]
    #[arg(long, value_name = "ADDR|off")]
    pub(in crate::cli) listen: Option<ListenArg>,
}

#[derive(Debug, Default, Clone, ClapArgs)]
pub(in crate::cli) struct ConfigArg {
    /// Read settings from this file, and not from those of the project and the user
    #[arg(long, global = true, value_name = "FILE")]
    pub(in crate::cli) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Subcommand)]
pub(in crate::cli) enum WatchAction {
    /// Tell everybody who is told of alarms that this is a test
    TestAlarm,
}

/// Show whether all is well, as far as this home knows
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = "Examples:
  sumcheck status
  sumcheck status --json | jq '.logs[].head.size'
  sumcheck status --config /etc/sumcheck.toml

Exit codes: 0 all is well, 1 a log contradicts a go.sum, 3 the last good round is too old or there \
                  was\nnone, 4 a log misbehaved and nobody has acknowledged it.")]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    pub(in crate::cli) config: ConfigArg,

    /// The same as --format json
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Where to listen, if anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::cli) enum ListenArg {
    Off,
    Address(std::net::SocketAddr),
}

impl TryFrom<String> for ListenArg {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for ListenArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => match address(text) {
                Ok(address) => Ok(Self::Address(address)),
                Err(error) => Err(format!("{text:?}: {error}")),
            },
        }
    }
}

/// A hundred years: longer times are mistakes, and what reckons with them would overflow.
const LONGEST_SECONDS: u64 = 100 * 365 * 24 * 3600;

/// A time with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::cli) struct DurationArg(pub(in crate::cli) Duration);

impl TryFrom<String> for DurationArg {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for DurationArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit: Option<u64> = match unit.trim_start() {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3600),
            "d" => Some(24 * 3600),
            _ => None,
        };
        let number: Option<u64> = number.parse().ok();
        let seconds = number
            .zip(unit)
            .and_then(|(number, unit)| number.checked_mul(unit));
        match seconds {
            Some(seconds) if seconds <= LONGEST_SECONDS => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(format!(
                "{text:?} is no time: write it as 90s, 15m, 6h or 1d"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, seconds) in [
            ("0s", Some(0)),
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("6 h", Some(6 * 3600)),
            ("1d", Some(86400)),
            ("", None),
            ("90", None),
            ("s", None),
            ("1w", None),
            ("-1s", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
            ("999999999d", None),
        ] {
            let parsed: Result<DurationArg, _> = text.parse();
            let parsed = parsed.ok().map(|DurationArg(time)| time.as_secs());
            assert_eq!(parsed, seconds, "{text:?}");
        }
    }
}
