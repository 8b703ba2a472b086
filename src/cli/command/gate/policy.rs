//! The rules of the gate, out of the `[gate]` table and the options.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum as _;

use super::sums;
use crate::cli::args::{ByteSize, GateArgs, PrivateModules};
use crate::cli::config_file::RuleInFile;
use crate::cli::render::{grouped, out, visible};
use crate::cli::settings::Settings;
use crate::gate::DEFAULT_DOWNLOADS;
use crate::gate::policy::{Policy, Rule};
use crate::golang::pattern::PatternList;

pub(super) fn read(settings: &Settings, args: &GateArgs) -> anyhow::Result<Policy> {
    let table = settings.gate.clone();
    let only = only(settings, args);
    Ok(Policy {
        deny: table.deny.iter().map(rule).collect::<Result<_, _>>()?,
        allow: table.allow.iter().map(rule).collect::<Result<_, _>>()?,
        only: match only {
            None => None,
            // Without files, those around would be meant.
            Some(files) if files.is_empty() => Some(BTreeSet::new()),
            Some(files) => Some(sums::read(settings, &files)?.into_keys().collect()),
        },
        cooldown_days: table.cooldown_days.unwrap_or(0),
        toolchains: table.toolchains,
        observe: args.observe || table.observe.unwrap_or(false),
    })
}

/// How private modules are checked.
pub(super) fn private(settings: &Settings, args: &GateArgs) -> PrivateModules {
    let how = args.private.or(settings.gate.private);
    how.unwrap_or_default()
}

/// How much of the cache is kept.
pub(super) fn cache_size(settings: &Settings, args: &GateArgs) -> Option<ByteSize> {
    args.cache_size.or(settings.gate.cache_size)
}

/// How many files are fetched at the same time.
pub(super) fn downloads(settings: &Settings, args: &GateArgs) -> usize {
    let downloads = args.downloads.or(settings.gate.downloads);
    downloads.map_or(DEFAULT_DOWNLOADS, usize::from)
}

/// The go.sum files outside of which nothing is let in, if there is such a rule.
pub(super) fn only(settings: &Settings, args: &GateArgs) -> Option<Vec<PathBuf>> {
    if args.only.is_empty() {
        settings.gate.only.clone()
    } else {
        Some(args.only.clone())
    }
}

/// A pattern that matches nothing would let in what it is there to refuse.
fn rule(in_file: &RuleInFile) -> anyhow::Result<Rule> {
    let modules = PatternList::parse(&in_file.modules);
    if modules.patterns().next().is_none() {
        bail!("a rule of the [gate] table names no modules");
    }
    if let Some(malformed) = modules.first_malformed() {
        bail!("a rule of the [gate] table has the malformed pattern {malformed:?}");
    }
    Ok(Rule {
        modules,
        reason: in_file
            .reason
            .clone()
            .unwrap_or_else(|| format!("{} is not let in", in_file.modules)),
    })
}

/// What is in force, one rule in a line.
pub(super) fn show(settings: &Settings, args: &GateArgs, policy: &Policy) -> std::io::Result<()> {
    use std::io::Write as _;

    let mut out = out();
    let table = &settings.gate;
    let from = match table.paths.as_slice() {
        [] => "no [gate] table in any settings file".to_owned(),
        paths => {
            let paths = paths.iter().map(|path| path.display().to_string());
            paths.collect::<Vec<_>>().join(", ")
        }
    };
    let mut line = |name: &str, value: String| writeln!(out, "{name:<14}{}", visible(&value));
    line("rules", from)?;
    line(
        "observe",
        if policy.observe {
            "nothing is refused for these rules".to_owned()
        } else {
            "no: these rules are in force".to_owned()
        },
    )?;
    for (name, rules) in [("deny", &table.deny), ("allow", &table.allow)] {
        for rule in rules {
            let reason = rule.reason.as_deref().unwrap_or("no reason is given");
            line(name, format!("{} ({reason})", rule.modules))?;
        }
    }
    if let Some(only) = &policy.only {
        let files = self::only(settings, args).unwrap_or_default();
        let files: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        line(
            "only",
            format!(
                "{} files of the modules in {}",
                only.len(),
                files.join(", ")
            ),
        )?;
    }
    if policy.cooldown_days > 0 {
        line("cooldown", format!("{} days", policy.cooldown_days))?;
    }
    if let Some(toolchains) = &policy.toolchains {
        line("toolchains", toolchains.join(", "))?;
    }
    let private = settings.go.gonosumdb();
    line(
        "private",
        format!("{} ({})", private.value(), private.origin()),
    )?;
    let how = self::private(settings, args).to_possible_value();
    line(
        "checked by",
        how.map_or_else(String::new, |how| how.get_name().to_owned()),
    )?;
    line("downloads", downloads(settings, args).to_string())?;
    if let Some(ByteSize(bytes)) = cache_size(settings, args) {
        line("cache size", format!("{} bytes", grouped(bytes)))?;
    }
    out.flush()
}
