//! The module proxies behind the gate, asked as the go command asks them; nothing that they say is
//! believed here.

mod circuit;

use std::fs::File;
use std::io::{self, Read as _};

use bytes::Bytes;
use reqwest::Url;
use tokio::task::yield_now;

use self::circuit::{Circuit, Pass};
use super::cache::read_small;
use super::direct::{DirectError, GoCommand};
use super::target::ModuleFile;
use super::wanted::Wanted;
use crate::golang::base_url::BaseUrl;
use crate::golang::goproxy::{FallBack, ProxyEntry, ProxyKind, ProxyList};
use crate::golang::module::ModuleVersion;
use crate::golang::pattern::PatternList;
use crate::io::http::{Answer, Download, FetchError, HttpClient, ShownUrl, Sink, Stop, Timeout};

/// What is read of a file at once.
const CHUNK_BYTES: usize = 1 << 17;

/// What version control is called as a source.
const DIRECT: &str = "version control (direct)";

/// The user's list of module proxies.
#[derive(Debug)]
pub struct Upstream {
    http: HttpClient,
    proxies: ProxyList,
    circuits: Vec<Circuit<Unreachable>>,
    direct_only: PatternList,
    go: Option<GoCommand>,
    only_on_disk: bool,
}

/// What the proxies said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched<T> {
    /// It is there.
    Found {
        /// What came.
        content: T,
        /// Which proxy sent it, without credentials.
        source: String,
    },
    /// All that were asked say that there is no such thing.
    Absent {
        /// The words of the last one, not escaped.
        words: String,
    },
}

/// Why the proxies gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// A proxy failed, and the list does not allow to go on after that.
    #[error("{cause}")]
    Failed {
        /// What happened.
        cause: FetchError,
    },
    /// The list ends in `off`.
    #[error("GOPROXY ends in off, so that nobody may be asked for it")]
    Off,
    /// No packet may be sent.
    #[error("no folder in GOPROXY has it, and --offline forbids to ask anybody else")]
    Offline,
    /// The list leads to version control, and nobody here can ask it.
    #[error(
        "it has to come from version control (direct), and there is no go command on the PATH of \
         this gate to ask it"
    )]
    NoGoCommand,
    /// Version control gave nothing.
    #[error(transparent)]
    Direct(DirectError),
    /// The sink wanted no more.
    #[error("what {source_of_it} sent was refused")]
    Stopped {
        /// Who sent it, without credentials.
        source_of_it: String,
    },
    /// A proxy's URL cannot be used.
    #[error("{url} is not a URL: {cause}")]
    Url {
        /// The URL without its password.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Upstream {
    /// Asks these proxies.
    #[must_use]
    pub fn new(http: HttpClient, proxies: ProxyList) -> Self {
        let entries = proxies.entries().iter();
        Self {
            http,
            circuits: entries.map(|_| Circuit::default()).collect(),
            proxies,
            direct_only: PatternList::default(),
            go: None,
            only_on_disk: false,
        }
    }

    /// Asks version control through this go command where the list says `direct`, and for modules
    /// that `direct_only` matches (GONOPROXY) nobody else.
    #[must_use]
    pub fn with_direct(self, go: Option<GoCommand>, direct_only: PatternList) -> Self {
        Self {
            go,
            direct_only,
            ..self
        }
    }

    /// Asks nothing but folders (`file:` URLs): no packet leaves this machine.
    #[must_use]
    pub fn only_on_disk(self, only_on_disk: bool) -> Self {
        Self {
            only_on_disk,
            ..self
        }
    }

    /// A small answer, whole, with at most `limit_bytes`.
    ///
    /// # Errors
    /// [`UpstreamError`]
    pub(super) async fn get(
        &self,
        wanted: Wanted<'_>,
        limit_bytes: usize,
    ) -> Result<Fetched<Bytes>, UpstreamError> {
        let path = wanted.path();
        let mut so_far = SoFar::default();
        for (entry, circuit) in self.proxies_for(wanted) {
            if self.only_on_disk && !entry.is_folder() {
                continue;
            }
            let base = match &entry.kind {
                ProxyKind::Off => return Err(so_far.last_failure().unwrap_or(UpstreamError::Off)),
                ProxyKind::Direct => return self.get_directly(wanted, limit_bytes).await,
                ProxyKind::Url(base) => base,
            };
            let url = url(base, &path)?;
            match self.ask(circuit, &url, limit_bytes).await {
                Ok(Answer::Found(content)) => {
                    return Ok(Fetched::Found {
                        content,
                        source: entry.redacted(),
                    });
                }
                Ok(Answer::Absent { message, .. }) => so_far.absent(message),
                Err(cause) => so_far.failed(entry, cause)?,
            }
        }
        if self.only_on_disk {
            return Err(UpstreamError::Offline);
        }
        so_far.end()
    }

    /// The zip of a module version, of at most `limit_bytes`, given to the sink while it comes.
    ///
    /// # Errors
    /// [`UpstreamError`]
    pub(super) async fn download_zip(
        &self,
        module: &ModuleVersion,
        limit_bytes: usize,
        sink: &mut dyn Sink,
    ) -> Result<Fetched<()>, UpstreamError> {
        let wanted = Wanted::File(module, ModuleFile::Zip);
        let path = wanted.path();
        let mut so_far = SoFar::default();
        for (entry, circuit) in self.proxies_for(wanted) {
            if self.only_on_disk && !entry.is_folder() {
                continue;
            }
            let base = match &entry.kind {
                ProxyKind::Off => return Err(so_far.last_failure().unwrap_or(UpstreamError::Off)),
                ProxyKind::Direct => return self.copy_directly(module, sink).await,
                ProxyKind::Url(base) => base,
            };
            let url = url(base, &path)?;
            match self.download(circuit, &url, limit_bytes, sink).await {
                Ok(Download::Whole) => {
                    return Ok(Fetched::Found {
                        content: (),
                        source: entry.redacted(),
                    });
                }
                Ok(Download::Absent { message, .. }) => so_far.absent(message),
                // What the sink refuses is not looked for elsewhere: it was an answer.
                Err(FetchError::Stopped { url }) => {
                    return Err(UpstreamError::Stopped {
                        source_of_it: url.to_string(),
                    });
                }
                Err(cause) => so_far.failed(entry, cause)?,
            }
        }
        if self.only_on_disk {
            return Err(UpstreamError::Offline);
        }
        so_far.end()
    }

    async fn ask(
        &self,
        circuit: Option<&Circuit<Unreachable>>,
        url: &Url,
        limit_bytes: usize,
    ) -> Result<Answer, FetchError> {
        let Some(circuit) = circuit else {
            return self.http.get(url, limit_bytes).await;
        };
        let pass = circuit.enter().await.map_err(|cause| cause.at(url))?;
        let outcome = self.http.get(url, limit_bytes).await;
        settle(pass, &outcome);
        outcome
    }

    async fn download(
        &self,
        circuit: Option<&Circuit<Unreachable>>,
        url: &Url,
        limit_bytes: usize,
        sink: &mut dyn Sink,
    ) -> Result<Download, FetchError> {
        let Some(circuit) = circuit else {
            return self.http.download(url, limit_bytes, sink).await;
        };
        let mut watched = WatchedSink {
            sink,
            pass: circuit.enter().await.map_err(|cause| cause.at(url))?,
        };
        let outcome = self.http.download(url, limit_bytes, &mut watched).await;
        settle(watched.pass, &outcome);
        outcome
    }

    fn proxies_for(
        &self,
        wanted: Wanted<'_>,
    ) -> impl Iterator<Item = (&ProxyEntry, Option<&Circuit<Unreachable>>)> {
        const DIRECT: [ProxyEntry; 1] = [ProxyEntry {
            kind: ProxyKind::Direct,
            fall_back: FallBack::NotFound,
        }];
        let entries = if self.direct_only.matches(wanted.module().as_str()) {
            &DIRECT
        } else {
            self.proxies.entries()
        };
        let circuit = |entry: &ProxyEntry, circuit| (!entry.is_folder()).then_some(circuit);
        entries.iter().enumerate().map(move |(index, entry)| {
            let of_it = self.circuits.get(index);
            (entry, of_it.and_then(|of_it| circuit(entry, of_it)))
        })
    }

    async fn get_directly(
        &self,
        wanted: Wanted<'_>,
        limit_bytes: usize,
    ) -> Result<Fetched<Bytes>, UpstreamError> {
        let go = self.go.as_ref().ok_or(UpstreamError::NoGoCommand)?;
        let content = match wanted {
            Wanted::File(module, file) => go.file(module, file).await.and_then(|file| {
                let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX);
                let content = read_small(&file, limit);
                Ok(content.map_err(|error| unreadable(&error))?.into())
            }),
            Wanted::List(module) => go.list(module).await,
            Wanted::Latest(module) => go.query(module, "latest").await,
            Wanted::Query(module, query) => go.query(module, query).await,
        };
        directly(content)
    }

    async fn copy_directly(
        &self,
        module: &ModuleVersion,
        sink: &mut dyn Sink,
    ) -> Result<Fetched<()>, UpstreamError> {
        let go = self.go.as_ref().ok_or(UpstreamError::NoGoCommand)?;
        match go.file(module, ModuleFile::Zip).await {
            Ok(file) => copy(file, sink).await?,
            Err(error) => return directly(Err(error)),
        }
        directly(Ok(()))
    }

    /// Keeps what version control has brought within so many bytes.
    pub(super) async fn trim(&self, limit_bytes: u64) {
        if let Some(go) = &self.go {
            go.trim(limit_bytes).await;
        }
    }

    /// The proxies, as they may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        let entries = self.proxies.entries().iter().map(ProxyEntry::redacted);
        entries.collect::<Vec<_>>().join(", ")
    }
}

/// Tells the circuit that the proxy answers as soon as it does: a large file may take long then.
struct WatchedSink<'s, 'c> {
    sink: &'s mut dyn Sink,
    pass: Pass<'c, Unreachable>,
}

impl Sink for WatchedSink<'_, '_> {
    fn begin(&mut self, length: Option<u64>) -> Result<(), Stop> {
        self.pass.answered();
        self.sink.begin(length)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.sink.take(bytes)
    }
}

/// Why a server cannot be reached, whatever is asked of it.
#[derive(Debug, Clone)]
enum Unreachable {
    Connect(String),
    Tls(String),
    Timeout,
}

impl Unreachable {
    /// `None`: it was reached, or says nothing about other requests.
    fn of(failure: &FetchError) -> Option<Self> {
        match failure {
            FetchError::Connect { cause, .. } => Some(Self::Connect(cause.clone())),
            FetchError::Tls { cause, .. } => Some(Self::Tls(cause.clone())),
            FetchError::Timeout {
                timeout: Timeout::Connect,
                ..
            } => Some(Self::Timeout),
            _ => None,
        }
    }

    /// The failure of another request: what the first one asked for is nobody else's business.
    fn at(self, url: &Url) -> FetchError {
        let url = ShownUrl::new(url);
        match self {
            Self::Connect(cause) => FetchError::Connect { url, cause },
            Self::Tls(cause) => FetchError::Tls { url, cause },
            Self::Timeout => FetchError::Timeout {
                url,
                timeout: Timeout::Connect,
            },
        }
    }
}

fn settle<T>(mut pass: Pass<'_, Unreachable>, outcome: &Result<T, FetchError>) {
    match outcome.as_ref().err().and_then(Unreachable::of) {
        Some(cause) => pass.failed(cause),
        None => pass.answered(),
    }
}

fn url(base: &BaseUrl, path: &str) -> Result<Url, UpstreamError> {
    Url::parse(&base.join(path)).map_err(|cause| UpstreamError::Url {
        url: base.redacted(),
        cause: cause.to_string(),
    })
}

/// What version control does not have is absent.
fn directly<T>(content: Result<T, DirectError>) -> Result<Fetched<T>, UpstreamError> {
    match content {
        Ok(content) => Ok(Fetched::Found {
            content,
            source: DIRECT.to_owned(),
        }),
        Err(DirectError::Absent(words)) => Ok(Fetched::Absent { words }),
        Err(error) => Err(UpstreamError::Direct(error)),
    }
}

fn unreadable(error: &io::Error) -> DirectError {
    DirectError::Failed(format!("its file cannot be read: {error}"))
}

async fn copy(mut file: File, sink: &mut dyn Sink) -> Result<(), UpstreamError> {
    let failed = |error| UpstreamError::Direct(unreadable(&error));
    let stopped = |_| UpstreamError::Stopped {
        source_of_it: DIRECT.to_owned(),
    };
    let length = file.metadata().map_err(failed)?.len();
    sink.begin(Some(length)).map_err(stopped)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = file.read(&mut chunk).map_err(failed)?;
        match chunk.get(..length) {
            None | Some([]) => return Ok(()),
            Some(bytes) => sink.take(bytes).map_err(stopped)?,
        }
        // It is hashed as it comes, and others wait.
        yield_now().await;
    }
}

/// What the proxies that were asked said.
#[derive(Default)]
struct SoFar {
    words: Option<String>,
    failure: Option<FetchError>,
}

impl SoFar {
    fn last_failure(&self) -> Option<UpstreamError> {
        let cause = self.failure.clone()?;
        Some(UpstreamError::Failed { cause })
    }

    fn absent(&mut self, words: String) {
        self.words = Some(words);
    }

    fn failed(&mut self, entry: &ProxyEntry, cause: FetchError) -> Result<(), UpstreamError> {
        match entry.fall_back {
            FallBack::NotFound => Err(UpstreamError::Failed { cause }),
            FallBack::AnyError => {
                self.failure = Some(cause);
                Ok(())
            }
        }
    }

    /// A failure says less than an absence only where nothing failed.
    fn end<T>(self) -> Result<Fetched<T>, UpstreamError> {
        match (self.last_failure(), self.words) {
            (Some(failure), _) => Err(failure),
            (None, words) => Ok(Fetched::Absent {
                words: words.unwrap_or_default(),
            }),
        }
    }
}
