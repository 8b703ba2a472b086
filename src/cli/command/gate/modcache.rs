//! The go command's module cache, before the command that will use it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::args::ModuleCacheUse;
use crate::cli::exit::Exit;
use crate::cli::render::{self, visible};
use crate::cli::settings::Settings;
use crate::gate::Gate;
use crate::gate::modcache::{Inspection, ModuleCache};
use crate::gate::private::Sums;

/// More of one kind than this are counted and not told.
const MAX_TOLD: usize = 20;

/// Beside the folder of the same name.
const LOCK: &str = "lock";

/// A module cache for the command alone, removed when it is dropped. It is locked for as long as
/// somebody uses it.
pub(super) struct OwnModuleCache {
    folder: PathBuf,
    lock: File,
}

impl OwnModuleCache {
    fn new(home: &Path) -> io::Result<Self> {
        let caches = home.join("modcache");
        std::fs::create_dir_all(&caches)?;
        sweep(&caches);
        let folder = caches.join(format!("{:016x}", fastrand::u64(..)));
        let lock = File::create_new(folder.with_extension(LOCK))?;
        lock.try_lock()?;
        std::fs::create_dir(&folder)?;
        Ok(Self { folder, lock })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for OwnModuleCache {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder, &self.lock) {
            render::warning(&visible(&format!(
                "cannot remove {}: {error}",
                self.folder.display()
            )));
        }
    }
}

/// Removes the module caches of those who were killed: their locks went with them.
fn sweep(caches: &Path) {
    let Ok(entries) = std::fs::read_dir(caches) else {
        return;
    };
    let paths = entries.flatten().map(|entry| entry.path());
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == LOCK)) {
        if let Ok(lock) = File::open(&path)
            && lock.try_lock().is_ok()
        {
            // What cannot be removed now will be tried again.
            let _ = remove(&path.with_extension(""), &lock);
        }
    }
}

/// The file goes last, and its lock with it.
fn remove(folder: &Path, _lock: &File) -> io::Result<()> {
    if folder.exists() {
        remove_folder(folder)?;
    }
    std::fs::remove_file(folder.with_extension(LOCK))
}

/// The go command makes its folders read-only.
fn remove_folder(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        }
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    std::fs::remove_dir_all(folder)
}

/// What the command may use, or why it must not begin.
pub(super) enum Prepared {
    /// The user's own module cache.
    AsItIs,
    Own(OwnModuleCache),
    /// The user's own, after a look at it; the exit code if the command must not begin.
    Inspected(Inspection, Option<Exit>),
}

pub(super) async fn prepare(
    gate: &Gate,
    settings: &Settings,
    how: ModuleCacheUse,
    sums: &Sums,
) -> anyhow::Result<Prepared> {
    let deep = match how {
        ModuleCacheUse::Trust => return Ok(Prepared::AsItIs),
        ModuleCacheUse::Ignore => {
            let own = OwnModuleCache::new(&settings.home);
            return Ok(Prepared::Own(own.context("cannot make a module cache")?));
        }
        ModuleCacheUse::Check => false,
        ModuleCacheUse::Deep => true,
    };
    let Some(folder) = settings.go.gomodcache() else {
        return Ok(Prepared::AsItIs);
    };
    if sums.is_empty() {
        return Ok(Prepared::AsItIs);
    }
    let cache = ModuleCache::new(folder.value().clone(), deep);
    let inspection = gate.inspect(&cache, sums).await;
    tell(&inspection);
    let exit = if gate.standing().closed().is_some() {
        Some(Exit::Misbehaviour)
    } else if !inspection.poisoned.is_empty() {
        Some(Exit::Negative)
    } else if !inspection.unproven.is_empty() {
        Some(Exit::GateFailed)
    } else {
        None
    };
    Ok(Prepared::Inspected(inspection, exit))
}

fn tell(inspection: &Inspection) {
    for poisoned in inspection.poisoned.iter().take(MAX_TOLD) {
        render::error_line(&visible(&poisoned.to_string()));
    }
    for (module, why) in inspection.unproven.iter().take(MAX_TOLD) {
        render::error_line(&visible(&format!(
            "{module} in the module cache cannot be proven now: {why}"
        )));
    }
    if let Some(first) = inspection.unchecked.first() {
        render::warning(&visible(&format!(
            "in the module cache are private modules that no go.sum here names with a hash: {} of \
             them, the first is {first}",
            inspection.unchecked.len()
        )));
    }
    if !inspection.poisoned.is_empty() {
        render::error_line(&format!(
            "nothing was run: of the module cache, {} are not what the log recorded: remove them \
             (or all of it: go clean -modcache), and find out who wrote them; --modcache=ignore \
             runs with an empty module cache",
            inspection.poisoned.len()
        ));
    } else if !inspection.unproven.is_empty() {
        render::error_line(
            "nothing was run: try again when the checksum database can be reached; \
             --modcache=ignore runs with an empty module cache, --modcache=trust with this one as \
             it is",
        );
    }
}
