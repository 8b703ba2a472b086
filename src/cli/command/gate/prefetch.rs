//! What is fetched before anybody asks for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::sums;
use crate::cli::args::GateArgs;
use crate::cli::settings::Settings;
use crate::gate::modcache::ModuleCache;
use crate::gate::prefetch::Ahead;
use crate::gate::target::ModuleFile;
use crate::golang::go_mod::{Requirement, requirements};
use crate::golang::module::ModuleVersion;
use crate::verify::input::Document;

/// A go.mod has some kilobytes; of a larger one the beginning will do.
const MAX_GO_MOD_BYTES: u64 = 1 << 20;

/// What is to be fetched, if anything is. What the go command has in its module cache it does not ask
/// for.
pub(super) fn plan(
    settings: &Settings,
    args: &GateArgs,
    module_cache: Option<&Path>,
) -> anyhow::Result<Option<Ahead>> {
    let is_wanted = args.listen.is_none() || !args.prefetch.is_empty();
    if args.no_prefetch || !is_wanted {
        return Ok(None);
    }
    let documents = sums::documents(settings, &args.prefetch)?;
    let requirements = documents.iter().flat_map(requirements_beside).collect();
    let mut ahead = Ahead::new(&sums::hashes(&documents), &requirements);
    if let Some(folder) = module_cache {
        let cache = ModuleCache::new(folder.to_owned(), false);
        ahead
            .files
            .retain(|(module, file)| !cache.has(module, *file));
        ahead
            .records
            .retain(|module| !cache.has(module, ModuleFile::GoMod));
    }
    Ok((!ahead.files.is_empty()).then_some(ahead))
}

/// What the go.mod beside a go.sum requires, if there is one.
fn requirements_beside(document: &Document) -> BTreeMap<ModuleVersion, Requirement> {
    let mut text = Vec::new();
    let read = File::open(Path::new(document.name()).with_extension("mod"))
        .and_then(|file| file.take(MAX_GO_MOD_BYTES).read_to_end(&mut text));
    match read {
        Ok(_) => requirements(&String::from_utf8_lossy(&text)),
        Err(_) => BTreeMap::new(),
    }
}
