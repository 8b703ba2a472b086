//! What a company lets in, beside what is proven: its own rules.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Denial;
use super::refusal::Refusal;
use super::target::ModuleFile;
use crate::golang::gosum::Kind;
use crate::golang::module::{ModulePath, ModuleVersion};
use crate::golang::pattern::PatternList;
use crate::io::store::Store;

/// The module whose versions are Go toolchains.
const TOOLCHAIN: &str = "golang.org/toolchain";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Modules that one rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// As in GOPRIVATE.
    pub modules: PatternList,
    /// Why, for whoever is refused.
    pub reason: String,
}

/// All rules. Without any, everything that is proven is let in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Modules that are refused.
    pub deny: Vec<Rule>,
    /// If there are any: nothing else is let in.
    pub allow: Vec<Rule>,
    /// If it is there: nothing is let in but these files, and the toolchains that are let in by
    /// name.
    pub only: Option<BTreeSet<(ModuleVersion, Kind)>>,
    /// A public version is let in so many days after it entered the log.
    pub cooldown_days: u32,
    /// Go toolchains that are let in, as `go1.26` or `go1.26.*`. None: all.
    pub toolchains: Option<Vec<String>>,
    /// Nothing is refused for these rules, or for being absent from the log: it is only written down.
    pub observe: bool,
}

/// The tree heads that this home has seen, and when.
pub struct Dates {
    store: Arc<Mutex<Store>>,
    verifier_key: String,
}

impl std::fmt::Debug for Dates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dates").finish_non_exhaustive()
    }
}

impl Policy {
    /// What can be said of a file by its name.
    ///
    /// # Errors
    /// [`Refusal::Policy`]
    pub(super) fn judge_name(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Result<(), Refusal> {
        let refused = |reason: String| {
            Err(Refusal::Policy {
                what: module.to_string(),
                reason,
            })
        };
        self.judge_path(module.path())?;
        if let Some(toolchains) = &self.toolchains
            && module.path().as_str() == TOOLCHAIN
        {
            let version = module.version().as_str();
            if toolchains.iter().any(|name| is_toolchain(name, version)) {
                return Ok(());
            }
            let toolchains = toolchains.join(", ");
            return refused(format!("of Go toolchains, {toolchains} are let in"));
        }
        if let Some(only) = &self.only {
            let is_named = |kind| only.contains(&(module.clone(), kind));
            let is_let_in = match file {
                ModuleFile::Info => is_named(Kind::GoMod) || is_named(Kind::Zip),
                ModuleFile::GoMod => is_named(Kind::GoMod),
                ModuleFile::Zip => is_named(Kind::Zip),
            };
            if !is_let_in {
                return refused(format!(
                    "no go.sum that this gate was given names its {} file",
                    file.extension()
                ));
            }
        }
        Ok(())
    }

    /// What can be said of a module.
    ///
    /// # Errors
    /// [`Refusal::Policy`]
    pub(super) fn judge_path(&self, module: &ModulePath) -> Result<(), Refusal> {
        let matches = |rule: &&Rule| rule.modules.matches(module.as_str());
        let reason = match self.deny.iter().find(matches) {
            Some(rule) => rule.reason.clone(),
            None if self.allow.is_empty() || self.allow.iter().any(|rule| matches(&rule)) => {
                return Ok(());
            }
            None => "it is not among the modules that are let in".to_owned(),
        };
        Err(Refusal::Policy {
            what: module.as_str().to_owned(),
            reason,
        })
    }

    /// What can be said of a record by its index in the log: the time of a commit is set by its
    /// author, that of a head by this home's own clock.
    pub(super) async fn judge_age(
        &self,
        dates: Option<&Dates>,
        module: &ModuleVersion,
        record: u64,
    ) -> Result<(), Denial> {
        let (Some(dates), 1..) = (dates, self.cooldown_days) else {
            return Ok(());
        };
        let known_for = dates.known_for(record).await?;
        let wanted = DAY.saturating_mul(self.cooldown_days);
        let age = match known_for {
            Some(known_for) if known_for >= wanted => return Ok(()),
            Some(known_for) => format!(
                "this gate knows of it for {} of these days",
                known_for.as_secs() / DAY.as_secs()
            ),
            None => "when it entered is not known here".to_owned(),
        };
        Err(Denial::Refused(Refusal::Policy {
            what: module.to_string(),
            reason: format!(
                "versions are let in {} days after they entered the log, and {age} (record {record})",
                self.cooldown_days
            ),
        }))
    }

    /// Whether the policy is about hints on this module as well.
    pub(super) fn hides(&self, module: &ModulePath) -> Result<(), Refusal> {
        if self.observe {
            return Ok(());
        }
        self.judge_path(module)
    }
}

impl Dates {
    /// The heads of the log with this key, in this database.
    #[must_use]
    pub fn new(store: Store, verifier_key: String) -> Self {
        Self {
            store: Arc::new(Mutex::new(store)),
            verifier_key,
        }
    }

    /// For how long this home has known of a head that contains the record.
    async fn known_for(&self, record: u64) -> Result<Option<Duration>, Denial> {
        let (store, key) = (Arc::clone(&self.store), self.verifier_key.clone());
        let work = move || {
            let store = store.lock().unwrap_or_else(PoisonError::into_inner);
            store.first_seen(&key, record)
        };
        let seen = match tokio::task::spawn_blocking(work).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(error)) => return Err(Denial::Disk(error.to_string())),
            Err(error) => return Err(Denial::Disk(error.to_string())),
        };
        let seen = seen.and_then(|seen| seen.parse::<Timestamp>().ok());
        let known_for = |seen| Timestamp::now().duration_since(seen).unsigned_abs();
        // A clock that was set back says nothing.
        Ok(seen.filter(|seen| *seen <= Timestamp::now()).map(known_for))
    }
}

/// `v0.0.1-go1.26.1.linux-amd64` is the toolchain `go1.26.1`.
fn is_toolchain(allowed: &str, version: &str) -> bool {
    let Some(name) = version
        .strip_prefix("v0.0.1-")
        .and_then(|name| name.rsplit_once('.'))
        .map(|(name, _system)| name)
    else {
        return false;
    };
    match allowed.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(modules: &str) -> Rule {
        Rule {
            modules: PatternList::parse(modules),
            reason: "not here".to_owned(),
        }
    }

    fn judge(policy: &Policy, module: &str) -> Result<(), String> {
        let module = ModuleVersion::parse(module).unwrap();
        policy
            .judge_name(&module, ModuleFile::Zip)
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_denied_module_is_refused_whatever_is_allowed() {
        let policy = Policy {
            deny: vec![rule("example.com/evil")],
            allow: vec![rule("example.com")],
            ..Policy::default()
        };
        assert_eq!(judge(&policy, "example.com/good@v1.0.0"), Ok(()));
        let refused = judge(&policy, "example.com/evil/x@v1.0.0").unwrap_err();
        assert!(refused.contains("example.com/evil/x") && refused.contains("not here"));
        assert!(judge(&policy, "example.org/x@v1.0.0").is_err());
        assert_eq!(judge(&Policy::default(), "example.org/x@v1.0.0"), Ok(()));
    }

    #[test]
    fn only_the_files_that_were_named_are_let_in() {
        let module = |module| ModuleVersion::parse(module).unwrap();
        let both = module("example.com/both@v1.0.0");
        let alone = module("example.com/alone@v1.0.0");
        let toolchain = module("golang.org/toolchain@v0.0.1-go1.26.1.linux-amd64");
        let mut policy = Policy {
            only: Some(
                [
                    (both.clone(), Kind::Zip),
                    (both.clone(), Kind::GoMod),
                    (alone.clone(), Kind::GoMod),
                ]
                .into(),
            ),
            ..Policy::default()
        };
        for file in [ModuleFile::Info, ModuleFile::GoMod, ModuleFile::Zip] {
            assert_eq!(policy.judge_name(&both, file), Ok(()));
            let other = module("example.com/both@v1.0.1");
            assert!(policy.judge_name(&other, file).is_err());
            let is_zip = file == ModuleFile::Zip;
            assert_eq!(policy.judge_name(&alone, file).is_err(), is_zip);
        }
        // go.sum never names a toolchain; who lets some in by name means these.
        assert!(policy.judge_name(&toolchain, ModuleFile::Zip).is_err());
        policy.toolchains = Some(vec!["go1.26.*".to_owned()]);
        assert_eq!(policy.judge_name(&toolchain, ModuleFile::Zip), Ok(()));
    }

    #[test]
    fn toolchains_are_known_by_their_names() {
        let policy = |allowed: &str| Policy {
            toolchains: Some(vec![allowed.to_owned()]),
            ..Policy::default()
        };
        let toolchain = "golang.org/toolchain@v0.0.1-go1.26.1.linux-amd64";
        for allowed in ["go1.26.1", "go1.26.*", "go1.26*", "go1.*", "*"] {
            assert_eq!(judge(&policy(allowed), toolchain), Ok(()), "{allowed}");
        }
        for other in [
            "go1.26",
            "go1.26.10",
            "go1.27.*",
            "",
            "go1.26.1.linux-amd64",
        ] {
            assert!(judge(&policy(other), toolchain).is_err(), "{other}");
        }
        assert_eq!(judge(&policy("go1.27"), "example.com/x@v1.0.0"), Ok(()));
    }
}
