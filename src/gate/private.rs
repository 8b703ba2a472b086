//! Private modules, of which the log must not know: checked against what was seen before and
//! against the go.sum files at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::Denial;
use super::refusal::Refusal;
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;
use crate::golang::pattern::PatternList;
use crate::io::store::{PinKind, Pinned, Store};

/// The hashes that go.sum files give: of one file there are several if they contradict each other.
pub type Sums = BTreeMap<(ModuleVersion, Kind), BTreeSet<H1>>;

/// What a private module's file must be to be let through.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum PrivateMode {
    /// What it was when it was first seen, and what the go.sum files at hand say.
    #[default]
    Pin,
    /// What the go.sum files at hand say; a file that they do not name is refused.
    GoSum,
    /// None is let through.
    Deny,
    /// Whatever it is.
    Trust,
}

/// The private modules and what is known of them.
#[derive(Debug)]
pub struct Private {
    patterns: PatternList,
    rules: RwLock<Arc<PrivateRules>>,
    pins: Arc<Pins>,
}

/// How private modules are checked.
#[derive(Debug, Default, Clone)]
pub struct PrivateRules {
    /// In which way.
    pub mode: PrivateMode,
    /// The hashes in the go.sum files at hand.
    pub sums: Sums,
}

/// The pins of a home.
struct Pins(Mutex<Store>);

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pins").finish_non_exhaustive()
    }
}

/// How a private module's file was found to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checked {
    /// Seen for the first time, and pinned.
    First,
    /// As it was when it was first seen.
    Pinned,
    /// As a go.sum says.
    GoSum,
    /// Not at all.
    Trusted,
}

impl Checked {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "seen for the first time",
            Self::Pinned => "as pinned",
            Self::GoSum => "as in go.sum",
            Self::Trusted => "not checked",
        }
    }
}

impl Private {
    /// The modules that these patterns match, checked in this way.
    #[must_use]
    pub fn new(patterns: PatternList, rules: PrivateRules, store: Store) -> Self {
        Self {
            patterns,
            rules: RwLock::new(Arc::new(rules)),
            pins: Arc::new(Pins(Mutex::new(store))),
        }
    }

    /// Which modules are private.
    #[must_use]
    pub const fn patterns(&self) -> &PatternList {
        &self.patterns
    }

    /// Whether a module is private.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.patterns.matches(path)
    }

    /// Whether none is let through.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.rules().mode == PrivateMode::Deny
    }

    /// Judges a file by its hash; a first one is pinned.
    pub(super) async fn judge(
        &self,
        module: &ModuleVersion,
        kind: Kind,
        hash: H1,
        source: &str,
    ) -> Result<Checked, Denial> {
        let rules = self.rules();
        let in_go_sum = match rules.mode {
            PrivateMode::Trust => return Ok(Checked::Trusted),
            PrivateMode::Deny => {
                return Err(Denial::Refused(Refusal::PrivateDenied {
                    path: module.path().clone(),
                }));
            }
            PrivateMode::Pin | PrivateMode::GoSum => rules.is_in_go_sum(module, kind, hash, source),
        };
        let in_go_sum = in_go_sum.map_err(Denial::Refused)?;
        if rules.mode == PrivateMode::GoSum {
            return Ok(Checked::GoSum);
        }
        match self
            .pin(module.clone(), kind, hash, source.to_owned())
            .await?
        {
            Pinned::First | Pinned::Same if in_go_sum => Ok(Checked::GoSum),
            Pinned::First => Ok(Checked::First),
            Pinned::Same => Ok(Checked::Pinned),
            Pinned::Other(pin) => Err(Denial::Refused(Refusal::PinMismatch {
                module: module.clone(),
                kind,
                pinned: pin.hash,
                pinned_at: pin.pinned_at,
                found: hash,
                source_of_it: source.to_owned(),
            })),
        }
    }

    /// What is pinned of a file, if anything is.
    pub(super) fn pinned(
        &self,
        module: &ModuleVersion,
        kind: Kind,
    ) -> Result<Option<String>, Denial> {
        let store = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (path, version) = (module.path().as_str(), module.version().as_str());
        match store.pin_of(path, version, pin_kind(kind)) {
            Ok(pin) => Ok(pin.map(|pin| pin.hash)),
            Err(error) => Err(Denial::Disk(error.to_string())),
        }
    }

    /// Whether a file that is in the cache can be compared with its pin; where there is no need to,
    /// it can.
    pub(super) fn has_pin_for(&self, module: &ModuleVersion, kind: Kind) -> Result<bool, Denial> {
        Ok(self.rules().mode != PrivateMode::Pin || self.pinned(module, kind)?.is_some())
    }

    /// Whether a file that was judged before would be let through now, without pinning anything.
    pub(super) fn is_still_right(
        &self,
        module: &ModuleVersion,
        kind: Kind,
        hash: H1,
    ) -> Result<bool, Denial> {
        let rules = self.rules();
        Ok(match rules.mode {
            PrivateMode::Trust => true,
            PrivateMode::Deny => false,
            PrivateMode::GoSum => rules.is_in_go_sum(module, kind, hash, "").is_ok(),
            PrivateMode::Pin => {
                rules.is_in_go_sum(module, kind, hash, "").is_ok()
                    && self.pinned(module, kind)? == Some(hash.to_string())
            }
        })
    }

    fn rules(&self) -> Arc<PrivateRules> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&rules)
    }

    /// From now on they are checked in this way.
    pub(super) fn set_rules(&self, new: PrivateRules) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        *rules = Arc::new(new);
    }
}

impl PrivateRules {
    /// Whether a go.sum has this hash of the file; an error if one has another.
    fn is_in_go_sum(
        &self,
        module: &ModuleVersion,
        kind: Kind,
        hash: H1,
        source: &str,
    ) -> Result<bool, Refusal> {
        let expected = self.sums.get(&(module.clone(), kind));
        match expected {
            Some(expected) if expected.iter().eq([&hash]) => Ok(true),
            None if self.mode == PrivateMode::Pin => Ok(false),
            _ => Err(Refusal::NotInGoSum {
                module: module.clone(),
                kind,
                expected: expected.cloned().unwrap_or_default(),
                found: hash,
                source_of_it: source.to_owned(),
            }),
        }
    }
}

impl Private {
    async fn pin(
        &self,
        module: ModuleVersion,
        kind: Kind,
        hash: H1,
        source: String,
    ) -> Result<Pinned, Denial> {
        let pins = Arc::clone(&self.pins);
        let work = move || {
            let mut store = pins.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (path, version) = (module.path().as_str(), module.version().as_str());
            store.pin(path, version, pin_kind(kind), &hash.to_string(), &source)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(pinned) => pinned.map_err(|error| Denial::Disk(error.to_string())),
            Err(error) => Err(Denial::Disk(error.to_string())),
        }
    }
}

const fn pin_kind(kind: Kind) -> PinKind {
    match kind {
        Kind::Zip => PinKind::Zip,
        Kind::GoMod => PinKind::GoMod,
    }
}
