//! What the go command keeps of a checksum database: replies, tiles and its newest head. It is
//! as untrusted as the network.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::golang::module::ModuleVersion;

/// No file of this kind is larger; the go command wrote what a server sent.
const MAX_FILE_BYTES: u64 = 1 << 21;

/// The go command's files for one database.
#[derive(Debug, Clone)]
pub struct GoCache {
    download: PathBuf,
    config: PathBuf,
}

impl GoCache {
    /// The files for the database `name`: replies and tiles below `download_sumdb` (that is
    /// `GOMODCACHE/cache/download/sumdb`), the newest head below `config_sumdb` (`GOPATH/pkg/sumdb`).
    #[must_use]
    pub fn new(download_sumdb: &Path, config_sumdb: &Path, name: &str) -> Self {
        Self {
            download: download_sumdb.join(name),
            config: config_sumdb.join(name),
        }
    }

    /// The folder whose `tile/…` files hold tiles.
    #[must_use]
    pub fn tile_folder(&self) -> &Path {
        &self.download
    }

    /// The reply that the go command once got for a module version.
    #[must_use]
    pub fn lookup(&self, module: &ModuleVersion) -> Option<Vec<u8>> {
        read_small_file(&self.download.join("lookup").join(module.escaped()))
    }

    /// The newest head that the go command has seen.
    #[must_use]
    pub fn latest(&self) -> Option<Vec<u8>> {
        read_small_file(&self.config.join("latest"))
    }
}

/// Whatever cannot be read is as if it were not there: the network is asked then.
fn read_small_file(path: &Path) -> Option<Vec<u8>> {
    // A pipe in a hostile cache would block the reader, so look before opening.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let read = File::open(path)
        .ok()?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    (u64::try_from(read).ok()? <= MAX_FILE_BYTES).then_some(bytes)
}
