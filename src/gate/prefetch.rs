//! Files that are fetched and proven before anybody asks for them: what a go.sum names is asked for
//! soon.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt as _;

use super::Gate;
use super::private::Sums;
use super::target::ModuleFile;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;

/// Beside what clients ask for themselves.
const AT_ONCE: usize = 8;

/// The files of go.sum files in the order in which the go command asks for them: it walks through
/// the go.mod files first, and begins with what the module itself requires.
#[must_use]
pub fn in_order(
    sums: &Sums,
    direct_requirements: &BTreeSet<ModuleVersion>,
) -> Vec<(ModuleVersion, ModuleFile)> {
    let mut files: Vec<(ModuleVersion, ModuleFile)> = sums
        .keys()
        .map(|(module, kind)| {
            let file = match kind {
                Kind::GoMod => ModuleFile::GoMod,
                Kind::Zip => ModuleFile::Zip,
            };
            (module.clone(), file)
        })
        .collect();
    files.sort_by_cached_key(|(module, file)| (*file, !direct_requirements.contains(module)));
    files
}

impl Gate {
    /// Brings these files into the cache, as far as rules and proxies let them in. What fails is
    /// tried again when somebody asks for it, and told then; here nobody is there to be told.
    pub async fn prefetch(self: Arc<Self>, files: Vec<(ModuleVersion, ModuleFile)>) {
        let fetches = files.into_iter().map(|(module, file)| {
            let gate = Arc::clone(&self);
            async move { gate.fetch_ahead(&module, file).await }
        });
        futures_util::stream::iter(fetches)
            .buffer_unordered(AT_ONCE)
            .for_each(|()| std::future::ready(()))
            .await;
    }

    async fn fetch_ahead(self: &Arc<Self>, module: &ModuleVersion, file: ModuleFile) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_module_itself_requires_comes_first_and_zips_come_last() {
        let module = |module| ModuleVersion::parse(module).unwrap();
        let (indirect, direct) = (
            module("example.com/a@v1.0.0"),
            module("example.com/b@v1.0.0"),
        );
        let mut sums = Sums::new();
        for module in [&indirect, &direct] {
            for kind in [Kind::Zip, Kind::GoMod] {
                sums.insert((module.clone(), kind), BTreeSet::new());
            }
        }
        let order = in_order(&sums, &[direct.clone()].into());
        let expected = [
            (direct.clone(), ModuleFile::GoMod),
            (indirect.clone(), ModuleFile::GoMod),
            (direct, ModuleFile::Zip),
            (indirect, ModuleFile::Zip),
        ];
        assert_eq!(order, expected);
    }
}
