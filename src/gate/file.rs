//! The files of a module version: from the cache if they are proven, else fetched and proven, once
//! for all who wait.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::account::{Decision, Judgement, Subject, Verdict};
use super::arriving::{ArrivalFault, ArrivingZip};
use super::cache::{Cache, Era, read_small};
use super::client::Client;
use super::facts::Facts;
use super::hashing::{HashingError, zip_h1};
use super::interest::Interest;
use super::notary::Unproven;
use super::refusal::Refusal;
use super::target::ModuleFile;
use super::upstream::{Fetched, UpstreamError};
use super::wanted::Wanted;
use super::{Denial, Gate, Released};
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

/// `None`: nobody waited for it, and it was given up.
type Ended = Option<Outcome>;

/// The downloads under way. Whoever asks for the same file under the same rules waits for the same
/// download, and what went wrong is forgotten when it is over.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashMap<Key, Download>>);

type Key = (ModuleVersion, ModuleFile, Era);

#[derive(Debug, Clone)]
struct Download {
    ended: Shared<BoxFuture<'static, Ended>>,
    interest: Arc<Interest>,
}

/// Rules may change while a file is judged, and the disk: then it is judged again, so many times.
const ATTEMPTS: usize = 3;

/// What a file out of the cache came from.
const THE_CACHE: &str = "the cache";

impl Gate {
    pub(super) async fn file(
        self: &Arc<Self>,
        client: &Client,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Result<Released, Denial> {
        for attempt in 0..ATTEMPTS {
            let policy = self.policy();
            let judged = policy.judge_name(module, file);
            if let Err(refusal) = &judged
                && !policy.observe
            {
                return Err(Denial::Refused(refusal.clone()));
            }
            let known = self.released(module, file).await?;
            if attempt == 0 {
                self.metrics.looked_in_cache(file, known.is_some());
            }
            if let Some(released) = known {
                self.released_to(client, module, &released, judged.err());
                return Ok(released);
            }
            self.may_be_asked(module.path())?;
            self.asked_for(module, file);
            self.ready(module, file).await?;
        }
        // Somebody writes to the cache all the time.
        Err(Denial::Disk(format!(
            "{module}: the file changed while it was looked at"
        )))
    }

    /// Writes down who got a file, once an hour.
    fn released_to(
        &self,
        client: &Client,
        module: &ModuleVersion,
        released: &Released,
        observed: Option<Refusal>,
    ) {
        let era = self.cache.era();
        if !self
            .told
            .is_first((&client.name, module, released.kind, era))
        {
            return;
        }
        let mut judgement = Judgement::clone(&released.judgement);
        if let Some(refusal) = observed {
            judgement.verdict = Verdict::Observed(refusal);
        }
        let subject = Subject {
            module: module.path().clone(),
            version: module.version().as_str().to_owned(),
            file: released.kind.extension(),
        };
        self.decided(client, Decision { subject, judgement });
    }

    /// The file in the cache, if it is just the one that was hashed.
    pub(super) async fn released(
        &self,
        module: &ModuleVersion,
        kind: ModuleFile,
    ) -> Result<Option<Released>, Denial> {
        let caches = [
            Some(&self.cache),
            self.policy().observe.then_some(&self.observed),
        ];
        for cache in caches.into_iter().flatten() {
            let Some((file, stamp)) = cache.open(module, kind)? else {
                continue;
            };
            let Some(judgement) = cache.judgement(module, kind, stamp) else {
                continue;
            };
            let released = Released {
                file,
                stamp,
                kind,
                judgement,
            };
            if self.is_still_right(module, &released).await? {
                return Ok(Some(released));
            }
            cache.forget(module, kind);
        }
        Ok(None)
    }

    /// What a private module is compared with can change at any time: somebody may have corrected
    /// its pin.
    async fn is_still_right(
        &self,
        module: &ModuleVersion,
        released: &Released,
    ) -> Result<bool, Denial> {
        let (Some(kind), Some(hash)) = (released.kind.hashed(), released.judgement.facts.hash)
        else {
            return Ok(true);
        };
        if !self.private.matches(module.path().as_str()) {
            return Ok(true);
        }
        self.private.is_still_right(module, kind, hash)
    }

    /// Waits until the file is proven and in the cache, or it is known why not.
    pub(super) async fn ready(
        self: &Arc<Self>,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Outcome {
        loop {
            let (download, waiter) = {
                let key = (module.clone(), file, self.cache.era());
                let mut in_flight = lock(&self.in_flight);
                let download = in_flight
                    .entry(key.clone())
                    .or_insert_with(|| self.begin(key));
                let waiter = download.interest.waiter();
                (download.clone(), waiter)
            };
            let ended = download.ended.await;
            drop(waiter);
            // Else it was given up just before we came.
            if let Some(outcome) = ended {
                return outcome;
            }
        }
    }

    /// A task of its own: a client that goes away does not end it for the others.
    fn begin(self: &Arc<Self>, key: Key) -> Download {
        let interest = Arc::<Interest>::default();
        let (gate, watched) = (Arc::clone(self), Arc::clone(&interest));
        let task = tokio::spawn(async move {
            let (module, file, era) = key.clone();
            let _forgotten = Forgotten(&gate.in_flight, key);
            tokio::select! {
                outcome = gate.make_ready(&module, file, era, &watched) => Some(outcome),
                () = watched.lost() => None,
            }
        });
        let failed = |error: tokio::task::JoinError| Some(Err(Denial::Disk(error.to_string())));
        let ended = task.map(move |ended| ended.unwrap_or_else(failed));
        Download {
            ended: ended.boxed().shared(),
            interest,
        }
    }

    async fn make_ready(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
        era: Era,
        interest: &Interest,
    ) -> Outcome {
        if file == ModuleFile::Info {
            return self.info(module, era).await;
        }
        if self.judge_again(module, file, era).await? {
            return Ok(());
        }
        match file {
            ModuleFile::Info | ModuleFile::GoMod => self.go_mod(module, era).await,
            ModuleFile::Zip => self.zip(module, era, interest).await,
        }
    }

    /// The information about a version: nothing in the log vouches for it, but that it is about
    /// this version can be seen.
    async fn info(&self, module: &ModuleVersion, era: Era) -> Outcome {
        if self.policy().cooldown_days > 0 && !self.private.matches(module.path().as_str()) {
            // It would only lead to files that are refused.
            self.authority(module).await?;
        }
        let hint = |source: &str| Judgement {
            verdict: Verdict::Hint,
            facts: Facts {
                source: Some(source.to_owned()),
                ..Facts::default()
            },
        };
        let file = ModuleFile::Info;
        if let Some((opened, stamp)) = self.cache.open(module, file)? {
            let limit = u64::try_from(MAX_INFO_BYTES).unwrap_or(u64::MAX);
            let bytes = read_small(&opened, limit);
            if bytes.is_ok_and(|bytes| about_version(module, &bytes, THE_CACHE).is_ok()) {
                self.cache
                    .set_judged(module, file, stamp, era, hint(THE_CACHE));
                return Ok(());
            }
            self.damaged(&self.cache, module, file)?;
        }
        match self
            .upstream
            .get(Wanted::File(module, file), MAX_INFO_BYTES)
            .await?
        {
            Fetched::Absent { words } => Err(Denial::absent(module, words)),
            Fetched::Found { content, source } => {
                about_version(module, &content, &source).map_err(Denial::Refused)?;
                keep(&self.cache, module, file, &content, era, hint(&source))
            }
        }
    }

    /// Judges the file that is in the cache. `false`: there is none, or none any more, since it was
    /// damaged.
    async fn judge_again(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
        era: Era,
    ) -> Result<bool, Denial> {
        let Some(kind) = file.hashed() else {
            return Ok(false);
        };
        let is_there = |cache: &Cache| Ok::<_, Denial>(cache.open(module, file)?.is_some());
        if !is_there(&self.cache)? && !is_there(&self.observed)? {
            return Ok(false);
        }
        let authority = self.authority(module).await?;
        let cache = self.cache_of(&authority);
        let Some((opened, stamp)) = cache.open(module, file)? else {
            return Ok(false);
        };
        if let Authority::Private = authority
            && !self.private.has_pin_for(module, kind)?
        {
            // Somebody has removed the pin, so that the file that is now there is pinned.
            cache.discard(module, file)?;
            return Ok(false);
        }
        if let Some(hash) = hash_of(module, kind, opened).await? {
            match self.judge(&authority, module, kind, hash, THE_CACHE).await {
                Ok(judgement) => {
                    cache.set_judged(module, file, stamp, era, judgement);
                    return Ok(true);
                }
                Err(Denial::Refused(refusal)) if refusal.is_of_the_bytes() => {}
                Err(denial) => return Err(denial),
            }
        }
        self.damaged(cache, module, file)?;
        Ok(false)
    }

    fn damaged(&self, cache: &Cache, module: &ModuleVersion, file: ModuleFile) -> Outcome {
        cache.set_aside(module, file)?;
        self.account.damaged();
        Ok(())
    }

    async fn go_mod(&self, module: &ModuleVersion, era: Era) -> Outcome {
        let file = ModuleFile::GoMod;
        let limit = usize::try_from(MAX_GO_MOD_BYTES).unwrap_or(usize::MAX);
        let fetch = self.upstream.get(Wanted::File(module, file), limit);
        let (fetched, authority) = self.beside_authority(module, fetch).await?;
        match fetched? {
            Fetched::Absent { words } => Err(Denial::absent(module, words)),
            Fetched::Found { content, source } => {
                let (authority, hash) = (authority?, H1::of_go_mod(&content));
                let judged = self.judge(&authority, module, Kind::GoMod, hash, &source);
                let judgement = judged.await?;
                let cache = self.cache_of(&authority);
                keep(cache, module, file, &content, era, judgement)
            }
        }
    }

    async fn zip(&self, module: &ModuleVersion, era: Era, interest: &Interest) -> Outcome {
        let limit = usize::try_from(MAX_ARCHIVE_BYTES).unwrap_or(usize::MAX);
        let fetch = async {
            // It is never closed.
            let _turn = self.downloads.acquire().await;
            interest.set_under_way();
            let mut arriving = ArrivingZip::new(module, self.cache.incoming()?)
                .map_err(|fault| unsound(module, &fault, "nobody"))?;
            let upstream = &self.upstream;
            let fetched = upstream.download_zip(module, limit, &mut arriving).await;
            Ok::<_, Denial>((fetched, arriving))
        };
        let (fetched, authority) = self.beside_authority(module, fetch).await?;
        let (fetched, arriving) = fetched?;
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
        let authority = authority?;
        let judged = self.judge(&authority, module, Kind::Zip, hash, &source);
        let judgement = judged.await?;
        let cache = self.cache_of(&authority);
        cache.release(module, ModuleFile::Zip, &incoming, era, judgement)?;
        Ok(())
    }

    /// Fetches while it is found out who says what the hash must be. What the rules refuse is refused,
    /// whether the proxies have it or not, and fetched no further.
    async fn beside_authority<T>(
        &self,
        module: &ModuleVersion,
        fetch: impl Future<Output = T>,
    ) -> Result<(T, Result<Authority, Denial>), Denial> {
        let authority = async {
            match self.authority(module).await {
                Err(denial @ Denial::Refused(Refusal::Policy { .. })) => Err(denial),
                authority => Ok(authority),
            }
        };
        tokio::try_join!(async { Ok(fetch.await) }, authority)
    }

    /// What nothing proves is kept apart from what is proven.
    fn cache_of(&self, authority: &Authority) -> &Cache {
        match authority {
            Authority::Log(..) | Authority::Private => &self.cache,
            Authority::Nobody(_) => &self.observed,
        }
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
    ) -> Result<Judgement, Denial> {
        let mut facts = Facts {
            hash: Some(hash),
            source: Some(source.to_owned()),
            ..Facts::default()
        };
        let verdict = match authority {
            Authority::Log(record, too_young) => {
                compare_with_log(record, module, kind, hash, source).map_err(Denial::Refused)?;
                facts.record = Some(record.index());
                facts.tree_size = Some(record.head().size());
                too_young
                    .clone()
                    .map_or(Verdict::Released, Verdict::Observed)
            }
            Authority::Private => {
                Verdict::Private(self.private.judge(module, kind, hash, source).await?)
            }
            Authority::Nobody(absent) => Verdict::Observed(absent.clone()),
        };
        Ok(Judgement { verdict, facts })
    }
}

fn keep(
    cache: &Cache,
    module: &ModuleVersion,
    file: ModuleFile,
    content: &[u8],
    era: Era,
    judgement: Judgement,
) -> Outcome {
    let mut incoming = cache.incoming()?;
    incoming.file.write_all(content)?;
    Ok(cache.release(module, file, &incoming, era, judgement)?)
}

/// A download is forgotten when it is over, however it ended.
struct Forgotten<'g>(&'g InFlight, Key);

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        lock(self.0).remove(&self.1);
    }
}

fn lock(in_flight: &InFlight) -> MutexGuard<'_, HashMap<Key, Download>> {
    in_flight.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The hash of a file on disk. `None`: it has none, since it is not what it should be.
pub(super) async fn hash_of(
    module: &ModuleVersion,
    kind: Kind,
    mut file: File,
) -> Result<Option<H1>, Denial> {
    let module = module.clone();
    let work = move || match kind {
        Kind::Zip => zip_h1(&module, &mut file),
        Kind::GoMod => Ok(H1::of_go_mod(&read_small(&file, MAX_GO_MOD_BYTES)?)),
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(hash)) => Ok(Some(hash)),
        Ok(Err(HashingError::Io(error))) if error.kind() != io::ErrorKind::FileTooLarge => {
            Err(error.into())
        }
        Ok(Err(_)) => Ok(None),
        Err(error) => Err(Denial::Disk(error.to_string())),
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
