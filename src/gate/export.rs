//! A folder with which a machine without network builds, and proves for itself what it builds:
//! modules in GOPROXY's layout, and of the checksum database the records, the head and the tiles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;

use super::client::Client;
use super::private::Sums;
use super::target::{ModuleFile, Target};
use super::{Denial, Gate, Reply};
use crate::golang::gosum::Kind;
use crate::golang::module::{ModulePath, ModuleVersion};
use crate::prover::HEIGHT;
use crate::sumdb::lookup::reply;
use crate::sumdb::target::SumdbTarget;
use crate::tlog::tile::Tile;
use crate::tlog::tile_auth::TilePlan;

/// Files that are fetched at once.
const AT_ONCE: usize = 16;

/// What was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Module versions.
    pub modules: usize,
    /// Their files.
    pub files: usize,
    /// Tiles of the checksum database.
    pub tiles: usize,
    /// The length of all of it in bytes.
    pub bytes: u64,
}

/// Why the folder is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Some files could not be had: each with what it is.
    #[error("{} of what should be in it could not be had", .0.len())]
    Denied(Vec<(String, Denial)>),
    /// It cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

impl Gate {
    /// Writes what is needed of these modules into a folder. What is there already stays, and is
    /// written over where it has the same name.
    ///
    /// # Errors
    /// [`ExportError`]; the folder then lacks something.
    pub async fn export(
        self: &Arc<Self>,
        folder: &Path,
        sums: &Sums,
    ) -> Result<Exported, ExportError> {
        let mut writer = Writer {
            folder,
            exported: Exported::default(),
        };
        let modules: BTreeSet<&ModuleVersion> = sums.keys().map(|(module, _)| module).collect();
        writer.exported.modules = modules.len();
        self.export_files(&mut writer, sums).await?;
        writer.lists(sums)?;
        let public = modules
            .into_iter()
            .filter(|module| !self.private.matches(module.path().as_str()));
        self.export_database(&mut writer, public).await?;
        Ok(writer.exported)
    }

    async fn export_files(
        self: &Arc<Self>,
        writer: &mut Writer<'_>,
        sums: &Sums,
    ) -> Result<(), ExportError> {
        let mut wanted: BTreeSet<(&ModuleVersion, ModuleFile)> = BTreeSet::new();
        for (module, kind) in sums.keys() {
            wanted.extend([(module, ModuleFile::Info), (module, ModuleFile::GoMod)]);
            if *kind == Kind::Zip {
                wanted.insert((module, ModuleFile::Zip));
            }
        }
        let client = Client::gate();
        let mut replies = futures_util::stream::iter(wanted)
            .map(|(module, file)| {
                let (client, target) = (&client, Target::File(module.clone(), file));
                async move { (module, file, self.answer(client, &target).await) }
            })
            .buffer_unordered(AT_ONCE);
        let mut denied = Vec::new();
        while let Some((module, file, reply)) = replies.next().await {
            let path = format!(
                "{}/@v/{}.{}",
                module.path().escaped(),
                module.version().escaped(),
                file.extension()
            );
            match reply {
                Ok(Reply::File(mut released)) => writer.copy(&path, &mut released.file)?,
                Ok(Reply::Text { body, .. }) => writer.write(&path, &body)?,
                Err(denial) => {
                    denied.push((format!("{module} {}", file.extension()), denial));
                    continue;
                }
            }
            writer.exported.files += 1;
        }
        if denied.is_empty() {
            Ok(())
        } else {
            denied.sort_by(|a, b| a.0.cmp(&b.0));
            Err(ExportError::Denied(denied))
        }
    }

    /// All records under one head, so that a client needs no proof between heads.
    async fn export_database<'m>(
        self: &Arc<Self>,
        writer: &mut Writer<'_>,
        modules: impl Iterator<Item = &'m ModuleVersion>,
    ) -> Result<(), ExportError> {
        let database = format!("sumdb/{}", self.sumdb_name);
        let denied =
            |what: &dyn ToString, denial| ExportError::Denied(vec![(what.to_string(), denial)]);
        writer.write(&format!("{database}/supported"), b"")?;
        let mut records = Vec::new();
        for module in modules {
            let record = self.notary.record(module).await;
            let record = record.map_err(|why| denied(module, Denial::unproven(module, why)))?;
            records.push((module, record));
        }
        // The newest, since a client that has seen a newer one would need more tiles.
        let head = self.notary.head(true).await;
        let head = head.map_err(|why| {
            let what = "the newest tree head";
            denied(&what, Denial::unproven(what, why))
        })?;
        let note = head.checkpoint().note().as_str();
        writer.write(&format!("{database}/latest"), note.as_bytes())?;
        let mut plan = TilePlan::for_tree(HEIGHT, head.tree_head().size());
        for (module, record) in &records {
            let path = format!("{database}/lookup/{}", module.escaped());
            writer.write(&path, reply(record, &head).as_bytes())?;
            // A proven record lies in the tree of the newest head.
            let _ = plan.add_record(record.index());
        }
        let tiles: Vec<Tile> = plan.tiles().collect();
        for tile in tiles {
            let target = Target::Sumdb(self.sumdb_name.clone(), SumdbTarget::Tile(tile));
            let reply = self.answer(&Client::gate(), &target).await;
            let Reply::Text { body, .. } = reply.map_err(|denial| denied(&tile, denial))? else {
                continue;
            };
            writer.write(&format!("{database}/{}", tile.path()), &body)?;
            writer.exported.tiles += 1;
        }
        Ok(())
    }
}

struct Writer<'f> {
    folder: &'f Path,
    exported: Exported,
}

impl Writer<'_> {
    /// `@v/list` of each module: the versions that are there with their source.
    fn lists(&mut self, sums: &Sums) -> Result<(), ExportError> {
        let mut lists: BTreeMap<&ModulePath, String> = BTreeMap::new();
        for (module, kind) in sums.keys() {
            if *kind == Kind::Zip {
                let list = lists.entry(module.path()).or_default();
                list.push_str(module.version().as_str());
                list.push('\n');
            }
        }
        for (path, list) in lists {
            self.write(&format!("{}/@v/list", path.escaped()), list.as_bytes())?;
        }
        Ok(())
    }

    fn write(&mut self, path: &str, content: &[u8]) -> Result<(), ExportError> {
        self.put(path, |file| file.write_all(content))
    }

    fn copy(&mut self, path: &str, from: &mut File) -> Result<(), ExportError> {
        self.put(path, |file| io::copy(from, file).map(drop))
    }

    /// By a temporary file: who reads the folder meanwhile sees no half of one.
    fn put(
        &mut self,
        path: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), ExportError> {
        let path = self.folder.join(path);
        let part = path.with_extension(format!("{:08x}.part", fastrand::u32(..)));
        let written = (|| {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = File::create_new(&part)?;
            fill(&mut file)?;
            fs::rename(&part, &path)?;
            file.metadata().map(|metadata| metadata.len())
        })();
        match written {
            Ok(bytes) => {
                self.exported.bytes += bytes;
                Ok(())
            }
            Err(cause) => {
                let _ = fs::remove_file(&part);
                Err(ExportError::Write { path, cause })
            }
        }
    }
}
