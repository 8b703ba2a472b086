//! The files of a module version: from the cache if they are proven, else fetched and proven, once
//! for all who wait.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::account::{Decision, Facts, Verdict};
use super::arriving::{ArrivalFault, ArrivingZip};
use super::cache::read_small;
use super::client::Client;
use super::hashing::zip_h1;
use super::notary::Unproven;
use super::private::Checked;
use super::refusal::Refusal;
use super::target::ModuleFile;
use super::upstream::{Fetched, UpstreamError, Wanted};
use super::{Denial, Gate, Released, Reply};
use crate::golang::dirhash::H1;
use crate::golang::gosum::Kind;
use crate::golang::module::ModuleVersion;
use crate::golang::modzip::{MAX_ARCHIVE_BYTES, MAX_GO_MOD_BYTES};
use crate::golang::quoted::Quoted;
use crate::sumdb::record::AuthenticRecord;
use crate::sumdb::verdict::{Comparison, compare};

/// Version, time and origin: real ones have some hundred bytes.
pub(super) const MAX_INFO_BYTES: usize = 1 << 20;

type Outcome = Result<(), Denial>;

/// The downloads under way. Whoever asks for the same file waits for the same download, and what
/// went wrong is forgotten when it is over.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashMap<(ModuleVersion, ModuleFile), Download>>);

type Download = Shared<BoxFuture<'static, Outcome>>;

impl Gate {
    pub(super) async fn file(
        self: &Arc<Self>,
        client: &Client,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Result<Reply, Denial> {
        let policy = self.policy();
        let judged = policy.judge_name(module);
        if let Err(refusal) = judged.as_ref()
            && !policy.observe
        {
            return Err(Denial::Refused(refusal.clone()));
        }
        let known = self.released(module, file)?;
        self.metrics.looked_in_cache(file, known.is_some());
        if let Some(released) = known {
            return Ok(Reply::File(released));
        }
        self.may_be_asked(module.path())?;
        self.ready(client, module, file).await?;
        match self.released(module, file)? {
            Some(released) => Ok(Reply::File(released)),
            // Somebody writes to the cache just now.
            None => Err(Denial::Disk(format!(
                "{module}: the file changed while it was looked at"
            ))),
        }
    }

    /// The file in the cache, if it is just the one that was hashed.
    fn released(
        &self,
        module: &ModuleVersion,
        kind: ModuleFile,
    ) -> Result<Option<Released>, Denial> {
        let Some((file, stamp)) = self.cache.open(module, kind)? else {
            return Ok(None);
        };
        let is_hashed = self.cache.is_hashed(module, kind, stamp);
        Ok(is_hashed.then_some(Released { file, stamp, kind }))
    }

    /// Waits until the file is proven and in the cache, or it is known why not.
    async fn ready(
        self: &Arc<Self>,
        client: &Client,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Outcome {
        let key = (module.clone(), file);
        let download = {
            let mut in_flight = lock(&self.in_flight);
            let download = in_flight.entry(key.clone()).or_insert_with(|| {
                let (gate, client) = (Arc::clone(self), client.clone());
                let module = module.clone();
                // A task of its own: a client that goes away does not end it for the others.
                let task = tokio::spawn(async move {
                    let _forgotten = Forgotten(&gate.in_flight, (module.clone(), file));
                    gate.make_ready(&client, &module, file).await
                });
                task.map(|ended| ended.unwrap_or_else(|error| Err(Denial::Disk(error.to_string()))))
                    .boxed()
                    .shared()
            });
            download.clone()
        };
        download.await
    }

    async fn make_ready(
        &self,
        client: &Client,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Outcome {
        let outcome = match file {
            ModuleFile::Info => return self.info(module).await,
            ModuleFile::GoMod => self.go_mod(module).await,
            ModuleFile::Zip => self.zip(module).await,
        };
        let Judged {
            checked,
            observed,
            facts,
        } = outcome?;
        let observed = observed.or_else(|| self.policy().judge_name(module).err());
        let decision = Decision {
            module: module.clone(),
            file,
            verdict: match (observed, checked) {
                (Some(refusal), _) => Verdict::Observed(refusal),
                (None, Some(checked)) => Verdict::Private(checked),
                (None, None) => Verdict::Released,
            },
            facts,
        };
        self.decided(client, decision);
        Ok(())
    }

    /// The information about a version: nothing in the log vouches for it, but that it is about
    /// this version can be seen.
    async fn info(&self, module: &ModuleVersion) -> Outcome {
        if let Some((file, stamp)) = self.cache.open(module, ModuleFile::Info)? {
            let limit = u64::try_from(MAX_INFO_BYTES).unwrap_or(u64::MAX);
            let bytes = read_small(&file, limit);
            if bytes.is_ok_and(|bytes| about_version(module, &bytes, "the cache").is_ok()) {
                self.cache.set_hashed(module, ModuleFile::Info, stamp);
                return Ok(());
            }
            self.cache.set_aside(module, ModuleFile::Info)?;
            self.account.damaged();
        }
        match self
            .upstream
            .get(Wanted::File(module, ModuleFile::Info), MAX_INFO_BYTES)
            .await?
        {
            Fetched::Absent { words } => Err(Denial::absent(module, words)),
            Fetched::Found { content, source } => {
                about_version(module, &content, &source).map_err(Denial::Refused)?;
                self.keep(module, ModuleFile::Info, &content)
            }
        }
    }

    async fn go_mod(&self, module: &ModuleVersion) -> Result<Judged, Denial> {
        let kind = Kind::GoMod;
        if let Some((file, stamp)) = self.cache.open(module, ModuleFile::GoMod)? {
            let authority = self.authority(module).await?;
            let hash = read_small(&file, MAX_GO_MOD_BYTES).map(|bytes| H1::of_go_mod(&bytes));
            if let Ok(hash) = hash
                && let Some(judged) = self.as_before(&authority, module, kind, hash).await?
            {
                self.cache.set_hashed(module, ModuleFile::GoMod, stamp);
                return Ok(judged);
            }
            self.cache.set_aside(module, ModuleFile::GoMod)?;
            self.account.damaged();
        }
        let wanted = Wanted::File(module, ModuleFile::GoMod);
        let limit = usize::try_from(MAX_GO_MOD_BYTES).unwrap_or(usize::MAX);
        let (fetched, authority) =
            tokio::join!(self.upstream.get(wanted, limit), self.authority(module));
        match fetched? {
            Fetched::Absent { words } => Err(Denial::absent(module, words)),
            Fetched::Found { content, source } => {
                let hash = H1::of_go_mod(&content);
                let judged = self.judge(&authority?, module, kind, hash, &source).await?;
                self.keep(module, ModuleFile::GoMod, &content)?;
                Ok(judged)
            }
        }
    }

    async fn zip(&self, module: &ModuleVersion) -> Result<Judged, Denial> {
        let kind = Kind::Zip;
        if let Some((file, stamp)) = self.cache.open(module, ModuleFile::Zip)? {
            let authority = self.authority(module).await?;
            if let Ok(hash) = hash_zip(module, file).await
                && let Some(judged) = self.as_before(&authority, module, kind, hash).await?
            {
                self.cache.set_hashed(module, ModuleFile::Zip, stamp);
                return Ok(judged);
            }
            self.cache.set_aside(module, ModuleFile::Zip)?;
            self.account.damaged();
        }
        let mut arriving = ArrivingZip::new(module, self.cache.incoming()?)
            .map_err(|fault| unsound(module, &fault, "nobody"))?;
        let limit = usize::try_from(MAX_ARCHIVE_BYTES).unwrap_or(usize::MAX);
        let (fetched, authority) = tokio::join!(
            self.upstream.download_zip(module, limit, &mut arriving),
            self.authority(module)
        );
        let source = match fetched {
            Ok(Fetched::Found { source, .. }) => source,
            Ok(Fetched::Absent { words }) => return Err(Denial::absent(module, words)),
            Err(UpstreamError::Stopped { source_of_it }) => {
                return Err(match arriving.fault() {
                    Some(fault) => unsound(module, &fault, &source_of_it),
                    None => Denial::Disk("the transfer was given up".to_owned()),
                });
            }
            Err(error) => return Err(error.into()),
        };
        let (incoming, hash) = arriving
            .finish()
            .map_err(|fault| unsound(module, &fault, &source))?;
        let judged = self.judge(&authority?, module, kind, hash, &source).await?;
        self.cache.release(module, ModuleFile::Zip, &incoming)?;
        Ok(judged)
    }

    /// Who says what the hash must be. No name of a private module goes to the log.
    async fn authority(&self, module: &ModuleVersion) -> Result<Authority, Denial> {
        if self.private.matches(module.path().as_str()) {
            return Ok(Authority::Private);
        }
        let record = self.notary.record(module).await;
        let policy = self.policy();
        let record = match record.map_err(|unproven| not_proven(module, unproven)) {
            Ok(record) => record,
            Err(Denial::Refused(absent)) if policy.observe => return Ok(Authority::Nobody(absent)),
            Err(denial) => return Err(denial),
        };
        let dates = self.dates.as_ref();
        let too_young = match policy.judge_age(dates, module, record.index()).await {
            Err(Denial::Refused(refusal)) if policy.observe => Some(refusal),
            age => {
                age?;
                None
            }
        };
        Ok(Authority::Log(record, too_young))
    }

    /// The rule: what came must have the hash that the log recorded, or a private module's own.
    async fn judge(
        &self,
        authority: &Authority,
        module: &ModuleVersion,
        kind: Kind,
        hash: H1,
        source: &str,
    ) -> Result<Judged, Denial> {
        let mut facts = Facts {
            hash: Some(hash),
            source: Some(source.to_owned()),
            ..Facts::default()
        };
        let (mut checked, mut observed) = (None, None);
        match authority {
            Authority::Log(record, too_young) => {
                compare_with_log(record, module, kind, hash, source).map_err(Denial::Refused)?;
                facts.record = Some(record.index());
                facts.tree_size = Some(record.head().size());
                observed.clone_from(too_young);
            }
            Authority::Private => {
                checked = Some(self.private.judge(module, kind, hash, source).await?);
            }
            Authority::Nobody(absent) => observed = Some(absent.clone()),
        }
        Ok(Judged {
            checked,
            observed,
            facts,
        })
    }

    /// The same of a file in the cache. `None`: it is damaged.
    async fn as_before(
        &self,
        authority: &Authority,
        module: &ModuleVersion,
        kind: Kind,
        hash: H1,
    ) -> Result<Option<Judged>, Denial> {
        match self.judge(authority, module, kind, hash, "the cache").await {
            Ok(judged) => Ok(Some(judged)),
            Err(Denial::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn keep(&self, module: &ModuleVersion, file: ModuleFile, content: &[u8]) -> Outcome {
        let mut incoming = self.cache.incoming()?;
        incoming.file.write_all(content)?;
        Ok(self.cache.release(module, file, &incoming)?)
    }
}

/// A download is forgotten when it is over, however it ended.
struct Forgotten<'g>(&'g InFlight, (ModuleVersion, ModuleFile));

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        lock(self.0).remove(&self.1);
    }
}

fn lock(
    in_flight: &InFlight,
) -> std::sync::MutexGuard<'_, HashMap<(ModuleVersion, ModuleFile), Download>> {
    in_flight.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that may be given out.
struct Judged {
    /// How a private module's was checked.
    checked: Option<Checked>,
    /// Why it would have been refused.
    observed: Option<Refusal>,
    facts: Facts,
}

/// Who says what the hash of a file must be.
enum Authority {
    /// The log; and why the record is too young, if the policy is only observed.
    Log(Arc<AuthenticRecord>, Option<Refusal>),
    Private,
    /// Nobody: it would be refused, and the policy is only observed.
    Nobody(Refusal),
}

fn compare_with_log(
    record: &AuthenticRecord,
    module: &ModuleVersion,
    kind: Kind,
    hash: H1,
    source: &str,
) -> Result<(), Refusal> {
    match compare(record, module, kind, &hash) {
        Comparison::Equal => Ok(()),
        Comparison::Different { recorded } => Err(Refusal::Mismatch {
            module: module.clone(),
            kind,
            expected: recorded,
            found: hash,
            record: record.index(),
            tree_size: record.head().size(),
            source_of_it: source.to_owned(),
        }),
        Comparison::NotRecorded => Err(Refusal::NotRecorded {
            module: module.clone(),
            kind,
            record: record.index(),
        }),
    }
}

/// What a proxy has and the log does not is refused.
fn not_proven(module: &ModuleVersion, unproven: Unproven) -> Denial {
    match unproven {
        Unproven::Absent { status, words } => Denial::Refused(Refusal::Absent {
            module: module.clone(),
            status,
            words: words.trim().to_owned(),
        }),
        other => Denial::unproven(module, other),
    }
}

fn unsound(module: &ModuleVersion, fault: &ArrivalFault, source: &str) -> Denial {
    match fault {
        ArrivalFault::Unsound(reason) => Denial::Refused(Refusal::Unsound {
            module: module.clone(),
            reason: reason.to_string(),
            source_of_it: source.to_owned(),
        }),
        ArrivalFault::Disk(error) => Denial::Disk(error.to_string()),
    }
}

/// The hash of a zip on disk.
pub(super) async fn hash_zip(
    module: &ModuleVersion,
    mut file: std::fs::File,
) -> Result<H1, String> {
    let module = module.clone();
    let ended = tokio::task::spawn_blocking(move || zip_h1(&module, &mut file)).await;
    match ended {
        Ok(hash) => hash.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "Version")]
    version: String,
    #[serde(flatten)]
    others: HashMap<String, IgnoredAny>,
}

impl Info {
    /// Go takes a key in any letters, and of several the last.
    fn is_ambiguous(&self) -> bool {
        self.others
            .keys()
            .any(|key| key.to_uppercase() == "VERSION")
    }
}

/// The information must be about the version that was asked for.
pub(super) fn about_version(
    module: &ModuleVersion,
    bytes: &[u8],
    source: &str,
) -> Result<(), Refusal> {
    let info: Result<Info, _> = serde_json::from_slice(bytes);
    let found = match info {
        Ok(info) if info.is_ambiguous() => "which names its Version twice".to_owned(),
        Ok(info) if info.version == module.version().as_str() => return Ok(()),
        Ok(info) => Quoted::new(&info.version).to_string(),
        Err(_) => "which is no JSON with a Version".to_owned(),
    };
    Err(Refusal::OtherVersion {
        module: module.clone(),
        found,
        source_of_it: source.to_owned(),
    })
}
