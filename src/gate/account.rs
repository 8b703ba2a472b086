//! What the gate let through and what it refused.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Denial;
use super::facts::Facts;
use super::private::Checked;
use super::refusal::Refusal;
use super::target::Target;
use crate::golang::module::ModulePath;

/// A command fetches some thousand files at most; what is more than this is counted and not listed.
pub const LISTED: usize = 100_000;

/// What was asked for of a module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Which module.
    pub module: ModulePath,
    /// Of which version, or by which branch or commit. Empty for a list or the latest version.
    pub version: String,
    /// `info`, `mod` or `zip`; `list`, `latest` or `query`.
    pub file: &'static str,
}

impl Subject {
    /// What a request is about. What is asked of a checksum database is about no module.
    #[must_use]
    pub fn of(target: &Target) -> Option<Self> {
        let version = match target {
            Target::File(module, _) => module.version().as_str(),
            Target::Query(_, query) => query,
            Target::List(_) | Target::Latest(_) => "",
            Target::Sumdb(..) => return None,
        };
        Some(Self {
            module: target.module_path()?.clone(),
            version: version.to_owned(),
            file: target.label(),
        })
    }
}

/// What was decided of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was asked for.
    pub subject: Subject,
    /// What became of it.
    pub judgement: Judgement,
}

/// A verdict and what it was made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What became of it.
    pub verdict: Verdict,
    /// As far as they are known.
    pub facts: Facts,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its hash is the log's: it was given out.
    Released,
    /// It is of a private module, and right by this.
    Private(Checked),
    /// The information about a version, of which nothing can be proven but which version it is.
    Hint,
    /// It was let through since the policy is observed and not enforced: this is why it would have
    /// been refused.
    Observed(Refusal),
    /// The proxies have no such version.
    Absent,
    /// It must not be used.
    Refused(Refusal),
    /// It could not be had or not be proven.
    Failed(String),
}

impl Verdict {
    /// The word for it in documents.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Private(_) => "private",
            Self::Hint => "hint",
            Self::Observed(_) => "observed",
            Self::Absent => "absent",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }

    /// Why, if it was not let through; for a private file, how it was checked.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Released | Self::Hint | Self::Absent => None,
            Self::Private(checked) => Some(checked.as_str().to_owned()),
            Self::Refused(refusal) | Self::Observed(refusal) => Some(refusal.to_string()),
            Self::Failed(why) => Some(why.clone()),
        }
    }
}

impl From<&Denial> for Judgement {
    fn from(denial: &Denial) -> Self {
        let verdict = match denial {
            Denial::Absent(_) => Verdict::Absent,
            Denial::Refused(refusal) => Verdict::Refused(refusal.clone()),
            other => Verdict::Failed(other.to_string()),
        };
        let facts = match denial {
            Denial::Refused(refusal) => refusal.facts(),
            _ => Facts::default(),
        };
        Self { verdict, facts }
    }
}

/// The last decision on each file; and the last refusal, which nothing that follows undoes.
#[derive(Debug, Default)]
pub struct Account {
    entries: Mutex<Entries>,
    listed: usize,
}

#[derive(Debug, Default)]
struct Entries {
    decisions: BTreeMap<(Subject, bool), Judgement>,
    unlisted: Unlisted,
    damaged: u64,
}

/// Decisions of which there are too many to list them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Unlisted {
    /// All of them.
    pub all: u64,
    /// Those that were refusals.
    pub refused: u64,
}

impl Account {
    /// An account that lists so many decisions.
    #[must_use]
    pub fn listing(listed: usize) -> Self {
        Self {
            entries: Mutex::default(),
            listed,
        }
    }

    pub(super) fn record(&self, decision: Decision) {
        let mut entries = self.entries();
        let Decision { subject, judgement } = decision;
        let is_refusal = matches!(judgement.verdict, Verdict::Refused(_));
        let key = (subject, is_refusal);
        if entries.decisions.len() < self.listed || entries.decisions.contains_key(&key) {
            entries.decisions.insert(key, judgement);
        } else {
            entries.unlisted.all += 1;
            entries.unlisted.refused += u64::from(is_refusal);
        }
    }

    /// A file of the cache was not what the log recorded.
    pub(super) fn damaged(&self) {
        self.entries().damaged += 1;
    }

    /// All decisions that are listed, by module version.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decision> {
        let entries = self.entries();
        let decisions = entries.decisions.iter();
        decisions
            .map(|((subject, _), judgement)| Decision {
                subject: subject.clone(),
                judgement: judgement.clone(),
            })
            .collect()
    }

    /// Those that are not.
    #[must_use]
    pub fn unlisted(&self) -> Unlisted {
        self.entries().unlisted
    }

    /// How many files of the cache were set aside.
    #[must_use]
    pub fn damaged_files(&self) -> u64 {
        self.entries().damaged
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(module: &str, verdict: Verdict) -> Decision {
        Decision {
            subject: Subject {
                module: ModulePath::parse(module).unwrap(),
                version: "v1.0.0".to_owned(),
                file: "zip",
            },
            judgement: Judgement {
                verdict,
                facts: Facts::default(),
            },
        }
    }

    fn refused() -> Verdict {
        Verdict::Refused(Refusal::Policy {
            what: "x".to_owned(),
            reason: "y".to_owned(),
        })
    }

    #[test]
    fn a_refusal_stays_whatever_follows() {
        let account = Account::listing(10);
        for verdict in [
            Verdict::Failed("down".to_owned()),
            refused(),
            refused(),
            Verdict::Released,
        ] {
            account.record(decision("example.com/x", verdict));
        }
        let words: Vec<&str> = account
            .decisions()
            .iter()
            .map(|decision| decision.judgement.verdict.as_str())
            .collect();
        assert_eq!(words, ["released", "refused"]);
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let account = Account::listing(1);
        account.record(decision("example.com/a", Verdict::Released));
        account.record(decision("example.com/a", Verdict::Released));
        account.record(decision("example.com/b", Verdict::Released));
        account.record(decision("example.com/b", refused()));
        assert_eq!(account.decisions().len(), 1);
        assert_eq!(account.unlisted(), Unlisted { all: 2, refused: 1 });
    }
}
