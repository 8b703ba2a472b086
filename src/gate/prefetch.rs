//! Files that are fetched and proven before anybody asks for them: what a go.sum names is asked for
//! soon.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::task::AbortHandle;

use super::Gate;
use super::private::Sums;
use super::target::ModuleFile;
use crate::golang::go_mod::Requirement;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;

/// Beside what clients ask for themselves.
const AT_ONCE: usize = 8;

/// Records that are asked for in one go.
const PROVEN_TOGETHER: usize = 128;

/// What to do ahead, in the order in which the go command asks for it: it walks through the go.mod
/// files first, and begins with what the module itself requires.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Records to prove.
    pub records: Vec<ModuleVersion>,
    /// Files to fetch.
    pub files: Vec<(ModuleVersion, ModuleFile)>,
}

impl Ahead {
    /// Every record of the go.sum files. Of what they name and their go.mod does not require, much is
    /// never asked for: these files are left out, unless nothing is known of any requirement.
    #[must_use]
    pub fn new(sums: &Sums, requirements: &BTreeMap<ModuleVersion, Requirement>) -> Self {
        let rank = |module: &ModuleVersion| {
            let requirement = requirements.get(module);
            requirement.map_or(usize::MAX, |requirement| match requirement {
                Requirement::Direct => 0,
                Requirement::Indirect => 1,
            })
        };
        let mut records: Vec<ModuleVersion> =
            sums.keys().map(|(module, _)| module.clone()).collect();
        records.dedup();
        records.sort_by_cached_key(|module| rank(module));
        let is_needed =
            |module: &ModuleVersion| requirements.is_empty() || requirements.contains_key(module);
        let mut files: Vec<(ModuleVersion, ModuleFile)> = sums
            .keys()
            .filter(|(module, _)| is_needed(module))
            .map(|(module, kind)| {
                let file = match kind {
                    Kind::GoMod => ModuleFile::GoMod,
                    Kind::Zip => ModuleFile::Zip,
                };
                (module.clone(), file)
            })
            .collect();
        files.sort_by_cached_key(|(module, file)| (*file, rank(module)));
        Self { records, files }
    }
}

/// What waits to be fetched, or is being fetched.
#[derive(Debug, Default)]
pub(super) struct Prefetching {
    waits: AtomicBool,
    ahead: Mutex<Option<Ahead>>,
    task: Mutex<Option<AbortHandle>>,
}

impl Gate {
    /// Begins with the first request for one of these files. A command that asks for none of them,
    /// since it has what it needs, has nobody asked.
    pub fn prefetch_when_asked(&self, ahead: Ahead) {
        let mut waiting = self.prefetching.ahead();
        *waiting = Some(ahead);
        self.prefetching.waits.store(true, Ordering::Release);
    }

    pub(super) fn asked_for(self: &Arc<Self>, module: &ModuleVersion, file: ModuleFile) {
        if !self.prefetching.waits.load(Ordering::Acquire) {
            return;
        }
        let names = |ahead: &Ahead| {
            let mut files = ahead.files.iter();
            files.any(|(its_module, its_file)| its_module == module && *its_file == file)
        };
        let ahead = self.prefetching.ahead().take_if(|ahead| names(ahead));
        if let Some(ahead) = ahead {
            self.prefetching.waits.store(false, Ordering::Release);
            self.prefetch(ahead);
        }
    }

    /// Proves these records and brings these files into the cache, as far as rules and proxies let
    /// them in. What fails is tried again when somebody asks for it, and told then; here nobody is
    /// there to be told.
    pub fn prefetch(self: &Arc<Self>, ahead: Ahead) {
        let task = tokio::spawn(Arc::clone(self).fetch_ahead_of(ahead));
        let before = self.prefetching.task().replace(task.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
    }

    /// Nobody will ask for what is still to be fetched.
    pub fn stop_prefetch(&self) {
        self.prefetching.waits.store(false, Ordering::Release);
        if let Some(task) = self.prefetching.task().take() {
            task.abort();
        }
    }

    async fn fetch_ahead_of(self: Arc<Self>, mut ahead: Ahead) {
        let policy = self.policy();
        let is_let_in = |module: &ModuleVersion, file| policy.judge_name(module, file).is_ok();
        ahead
            .files
            .retain(|(module, file)| is_let_in(module, *file));
        ahead.records.retain(|module| {
            is_let_in(module, ModuleFile::GoMod) && !self.private.matches(module.path().as_str())
        });
        tokio::join!(
            self.prove_ahead(&ahead.records),
            self.fetch_all_ahead(ahead.files)
        );
    }

    /// Many at once, so that they are proven together, and not all, so that the first ones do not
    /// wait for the last.
    async fn prove_ahead(&self, modules: &[ModuleVersion]) {
        for together in modules.chunks(PROVEN_TOGETHER) {
            join_all(together.iter().map(|module| self.notary.record(module))).await;
        }
    }

    async fn fetch_all_ahead(self: &Arc<Self>, files: Vec<(ModuleVersion, ModuleFile)>) {
        let fetches = files.into_iter().map(|(module, file)| {
            let gate = Arc::clone(self);
            async move { gate.fetch_ahead(&module, file).await }
        });
        futures_util::stream::iter(fetches)
            .buffer_unordered(AT_ONCE)
            .for_each(|()| std::future::ready(()))
            .await;
    }

    async fn fetch_ahead(self: &Arc<Self>, module: &ModuleVersion, file: ModuleFile) {
        // The rules may be others than when this began.
        let is_refused = self.policy().judge_name(module, file).is_err();
        if is_refused || self.standing().closed().is_some() {
            return;
        }
        if let Ok(None) = self.released(module, file).await
            && self.may_be_asked(module.path()).is_ok()
        {
            let _ = self.ready(module, file).await;
        }
    }
}

impl Prefetching {
    fn ahead(&self) -> MutexGuard<'_, Option<Ahead>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_the_module_itself_requires_comes_first_and_zips_come_last() {
        let modules = ["a", "b", "c"].map(|name| {
            let module = format!("example.com/{name}@v1.0.0");
            ModuleVersion::parse(&module).unwrap()
        });
        let mut sums = Sums::new();
        for module in &modules {
            for kind in [Kind::Zip, Kind::GoMod] {
                sums.insert((module.clone(), kind), BTreeSet::new());
            }
        }
        let [indirect, direct, other] = modules;
        let requirements = [
            (indirect.clone(), Requirement::Indirect),
            (direct.clone(), Requirement::Direct),
        ];
        let ahead = Ahead::new(&sums, &requirements.into());
        let files = [
            (direct.clone(), ModuleFile::GoMod),
            (indirect.clone(), ModuleFile::GoMod),
            (direct.clone(), ModuleFile::Zip),
            (indirect.clone(), ModuleFile::Zip),
        ];
        assert_eq!(ahead.files, files);
        assert_eq!(ahead.records, [direct, indirect, other.clone()]);
        let all = Ahead::new(&sums, &BTreeMap::new());
        assert_eq!((all.files.len(), all.records.len()), (6, 3));
        assert!(all.files.contains(&(other, ModuleFile::Zip)));
    }
}
