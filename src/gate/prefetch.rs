//! Files that are fetched and proven before anybody asks for them: what a go.sum names is asked for
//! soon.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join_all;

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

/// The files of go.sum files in the order in which the go command asks for them: it walks through
/// the go.mod files first, and begins with what the module itself requires. Of what a go.sum names
/// and its go.mod does not require, much is never asked for, so that it is left out; without any
/// requirements nothing is known of that.
#[must_use]
pub fn in_order(
    sums: &Sums,
    requirements: &BTreeMap<ModuleVersion, Requirement>,
) -> Vec<(ModuleVersion, ModuleFile)> {
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
    files.sort_by_cached_key(|(module, file)| (*file, requirements.get(module).copied()));
    files
}

impl Gate {
    /// Brings these files into the cache, as far as rules and proxies let them in. What fails is
    /// tried again when somebody asks for it, and told then; here nobody is there to be told.
    pub async fn prefetch(self: Arc<Self>, files: Vec<(ModuleVersion, ModuleFile)>) {
        let policy = self.policy();
        let files: Vec<_> = files
            .into_iter()
            .filter(|(module, file)| policy.judge_name(module, *file).is_ok())
            .collect();
        let mut modules: Vec<ModuleVersion> = Vec::new();
        for (module, _) in &files {
            if modules.last() != Some(module) && !self.private.matches(module.path().as_str()) {
                modules.push(module.clone());
            }
        }
        tokio::join!(self.prove_ahead(&modules), self.fetch_all_ahead(files));
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
        if self.standing().closed().is_some() {
            return;
        }
        if let Ok(None) = self.released(module, file).await
            && self.may_be_asked(module.path()).is_ok()
        {
            let _ = self.ready(module, file).await;
        }
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
        let expected = [
            (direct.clone(), ModuleFile::GoMod),
            (indirect.clone(), ModuleFile::GoMod),
            (direct, ModuleFile::Zip),
            (indirect, ModuleFile::Zip),
        ];
        assert_eq!(in_order(&sums, &requirements.into()), expected);
        let all = in_order(&sums, &BTreeMap::new());
        assert_eq!(all.len(), 6);
        assert!(all.contains(&(other, ModuleFile::Zip)));
    }
}
