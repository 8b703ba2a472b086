//! `direct`: version control, asked by the go command with the user's own settings and credentials.
//! What it brings is as unproven as what any proxy sends.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::target::ModuleFile;
use super::wanted::Wanted;
use crate::golang::module::{ModulePath, ModuleVersion};

/// A large repository takes its time to be cloned.
const TIME_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Each is a process that clones, packs and hashes.
const AT_ONCE: u32 = 4;

/// What the go command prints of a module has a few kilobytes, a list of versions some more.
const MAX_OUTPUT_BYTES: u64 = 16 << 20;

/// Of what it says when it fails, the end is told.
const MAX_WORDS_BYTES: usize = 2048;

/// What the go command says of what is not there, whatever the version control system.
const NOT_THERE: [&str; 9] = [
    "unknown revision",
    "no matching versions",
    "invalid pseudo-version",
    "repository not found",
    "does not exist",
    "404 not found",
    "410 gone",
    "no go-import meta tags",
    // To the go command itself, a module on a host that is not known does not exist. It asks for each
    // beginning of a package's path, and would go no further otherwise.
    "no such host",
];

/// The go command.
pub struct GoCommand {
    program: PathBuf,
    folder: PathBuf,
    turns: Semaphore,
    observer: Option<DirectObserver>,
}

/// Is told of each question when it is answered.
pub type DirectObserver = Arc<dyn Fn(&DirectTrace) + Send + Sync>;

/// A question to version control.
#[derive(Debug)]
pub struct DirectTrace {
    /// What was asked for, as the path of the module proxy protocol.
    pub path: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub elapsed: Duration,
    /// Why there was no answer.
    pub error: Option<DirectError>,
}

/// Why it brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectError {
    /// Version control has no such thing.
    #[error("{0}")]
    Absent(String),
    /// It could not be run, or failed.
    #[error("the go command, asked for version control (direct): {0}")]
    Failed(String),
    /// It is silent.
    #[error(
        "the go command, asked for version control (direct), has not answered for {} minutes",
        TIME_LIMIT.as_secs() / 60
    )]
    Silent,
}

/// `go mod download -json`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    info: Option<PathBuf>,
    go_mod: Option<PathBuf>,
    zip: Option<PathBuf>,
}

/// `go list -m -json`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    version: Option<String>,
    time: Option<String>,
    #[serde(default)]
    versions: Vec<String>,
    origin: Option<Value>,
}

/// The information about a version, as the module proxy protocol has it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Value>,
}

/// What the go command says in JSON when it fails.
#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "Error")]
    error: Option<FailureText>,
}

/// A text, or an object with one.
#[derive(Deserialize)]
#[serde(untagged)]
enum FailureText {
    Text(String),
    Object {
        #[serde(rename = "Err")]
        err: String,
    },
}

impl fmt::Debug for GoCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoCommand")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl GoCommand {
    /// Runs this program, and keeps what it fetches below a home.
    #[must_use]
    pub fn new(program: PathBuf, home: &Path) -> Self {
        Self {
            program,
            folder: home.join("direct"),
            turns: Semaphore::new(usize::try_from(AT_ONCE).unwrap_or(1)),
            observer: None,
        }
    }

    /// The same, telling this observer.
    #[must_use]
    pub fn with_observer(self, observer: DirectObserver) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// Removes what it keeps, if that is more than so many bytes and nobody uses it: it is fetched
    /// again.
    pub(super) async fn trim(&self, limit_bytes: u64) {
        let (folder, lock) = (self.folder.join("mod"), self.lock_path());
        let Ok(_turns) = self.turns.try_acquire_many(AT_ONCE) else {
            return;
        };
        let work = move || {
            let Ok(lock) = fs::File::open(lock) else {
                return;
            };
            // Another gate may share the home.
            if lock.try_lock().is_ok() && length_of(&folder) > limit_bytes {
                // What is left is removed the next time.
                let _ = fs::remove_dir_all(&folder);
            }
        };
        let _ = tokio::task::spawn_blocking(work).await;
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Waits for leave to run the go command, and keeps others from removing what it brings.
    async fn turn(&self) -> Result<Turn<'_>, DirectError> {
        let failed = |error: &dyn fmt::Display| DirectError::Failed(error.to_string());
        let turn = self.turns.acquire().await.map_err(|error| failed(&error))?;
        let (folder, path) = (self.folder.clone(), self.lock_path());
        let work = move || {
            fs::create_dir_all(folder)?;
            let lock = fs::File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            lock.lock_shared()?;
            Ok::<_, std::io::Error>(lock)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(lock)) => Ok(Turn {
                _turn: turn,
                _lock: lock,
            }),
            Ok(Err(error)) => Err(failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }

    /// A file of a module version, open.
    ///
    /// # Errors
    /// [`DirectError`]
    pub(super) async fn file(
        &self,
        module: &ModuleVersion,
        file: ModuleFile,
    ) -> Result<fs::File, DirectError> {
        let turn = self.turn().await?;
        let path = Wanted::File(module, file).path();
        let module = module.to_string();
        let arguments = ["mod", "download", "-json", "--", &module];
        let output = self.run(&turn, path, &arguments).await?;
        let downloaded: Downloaded = parse(&output)?;
        let path = match file {
            ModuleFile::Info => downloaded.info,
            ModuleFile::GoMod => downloaded.go_mod,
            ModuleFile::Zip => downloaded.zip,
        };
        let Some(path) = path else {
            let extension = file.extension();
            return Err(DirectError::Failed(format!("it named no {extension} file")));
        };
        fs::File::open(path)
            .map_err(|error| DirectError::Failed(format!("its file cannot be read: {error}")))
    }

    /// The versions of a module, one in a line.
    ///
    /// # Errors
    /// [`DirectError`]
    pub(super) async fn list(&self, module: &ModulePath) -> Result<Bytes, DirectError> {
        let turn = self.turn().await?;
        let path = Wanted::List(module).path();
        let query = format!("{}@latest", module.as_str());
        let arguments = ["list", "-m", "-json", "-versions", "--", &query];
        let listed: Listed = parse(&self.run(&turn, path, &arguments).await?)?;
        let lines = listed.versions.iter().map(|version| format!("{version}\n"));
        Ok(lines.collect::<String>().into())
    }

    /// The information about the version that a branch, a commit or `latest` stands for.
    ///
    /// # Errors
    /// [`DirectError`]
    pub(super) async fn query(
        &self,
        module: &ModulePath,
        query: &str,
    ) -> Result<Bytes, DirectError> {
        let turn = self.turn().await?;
        let path = Wanted::Query(module, query).path();
        let query = format!("{}@{query}", module.as_str());
        let arguments = ["list", "-m", "-json", "--", &query];
        let listed: Listed = parse(&self.run(&turn, path, &arguments).await?)?;
        let Some(version) = listed.version else {
            return Err(DirectError::Failed("it named no version".to_owned()));
        };
        let info = serde_json::to_vec(&Info {
            version,
            time: listed.time,
            origin: listed.origin,
        });
        info.map(Bytes::from)
            .map_err(|error| DirectError::Failed(error.to_string()))
    }

    async fn run(
        &self,
        _turn: &Turn<'_>,
        path: String,
        arguments: &[&str],
    ) -> Result<Vec<u8>, DirectError> {
        let (started_at, started) = (Timestamp::now(), Instant::now());
        let output = self.output(arguments).await;
        if let Some(observer) = &self.observer {
            observer(&DirectTrace {
                path,
                started_at,
                elapsed: started.elapsed(),
                error: output.as_ref().err().cloned(),
            });
        }
        output
    }

    async fn output(&self, arguments: &[&str]) -> Result<Vec<u8>, DirectError> {
        let failed = |error: &dyn fmt::Display| DirectError::Failed(error.to_string());
        let work = WorkFolder::new(&self.folder).map_err(|error| failed(&error))?;
        let mut child = self
            .command(arguments, &work)
            .spawn()
            .map_err(|error| failed(&format!("{}: {error}", self.program.display())))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let (output, words) = tokio::join!(read(stdout), read(stderr));
            Ok::<_, std::io::Error>((child.wait().await?, output?, words?))
        };
        let ended = tokio::time::timeout(TIME_LIMIT, ended).await;
        let (status, output, words) = ended
            .map_err(|_| DirectError::Silent)?
            .map_err(|error| failed(&error))?;
        if status.success() {
            return Ok(output);
        }
        Err(failure(&output, &words))
    }

    /// No setting of the user's but these: who may be asked, where it is kept, and that the
    /// checksum database is not asked here, since the gate proves what comes.
    fn command(&self, arguments: &[&str], work: &WorkFolder) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(&work.0)
            .env("GOPROXY", "direct")
            .env("GOSUMDB", "off")
            .env("GOFLAGS", "-mod=mod -modcacherw")
            .env("GOMODCACHE", self.folder.join("mod"))
            .env("GOTOOLCHAIN", "local")
            .env("GOWORK", "off")
            .env("GO111MODULE", "on")
            .env("PWD", &work.0)
            .env_remove("GONOPROXY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// Leave to run the go command, and to use what it brings, for as long as this lives.
struct Turn<'g> {
    _turn: SemaphorePermit<'g>,
    _lock: fs::File,
}

/// A module of its own, so that no go.mod or go.work above it counts; removed when it is dropped.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn new(folder: &Path) -> std::io::Result<Self> {
        let work = folder
            .join("work")
            .join(format!("{:016x}", fastrand::u64(..)));
        fs::create_dir_all(&work)?;
        let work = Self(work);
        fs::write(work.0.join("go.mod"), "module sumcheck.invalid/direct\n")?;
        Ok(work)
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The bytes of all files below a folder, as far as they can be seen.
fn length_of(folder: &Path) -> u64 {
    let mut length = 0_u64;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => length = length.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    length
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn parse<'o, T: Deserialize<'o>>(output: &'o [u8]) -> Result<T, DirectError> {
    serde_json::from_slice(output)
        .map_err(|error| DirectError::Failed(format!("its answer cannot be read: {error}")))
}

fn failure(output: &[u8], words: &[u8]) -> DirectError {
    let told = serde_json::from_slice::<Failure>(output);
    let told = told.ok().and_then(|failure| failure.error);
    let words = match told {
        Some(FailureText::Text(text) | FailureText::Object { err: text }) => text,
        None => String::from_utf8_lossy(words).into_owned(),
    };
    let words = words.trim();
    let begin = words.len().saturating_sub(MAX_WORDS_BYTES);
    let words = words
        .get(words.ceil_char_boundary(begin)..)
        .unwrap_or(words);
    let lower = words.to_lowercase();
    if NOT_THERE.iter().any(|sign| lower.contains(sign)) {
        DirectError::Absent(words.to_owned())
    } else {
        DirectError::Failed(words.to_owned())
    }
}

/// The go command on a PATH, as a shell finds it.
#[must_use]
pub fn find_go(path: Option<&OsStr>) -> Option<PathBuf> {
    let name = format!("go{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path?)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_told_from_what_failed() {
        let absent = |output: &str, words: &str| {
            matches!(
                failure(output.as_bytes(), words.as_bytes()),
                DirectError::Absent(_)
            )
        };
        assert!(absent(
            "{\"Error\":\"m@v9: invalid version: unknown revision v9\"}",
            ""
        ));
        assert!(absent(
            "{\"Error\":{\"Err\":\"no matching versions for query\"}}",
            ""
        ));
        assert!(absent("", "go: remote: Repository not found."));
        assert!(absent(
            "",
            "https://x.example/y?go-get=1: no go-import meta tags ()"
        ));
        assert!(absent("", "dial tcp: lookup x.example: no such host"));
        assert!(!absent(
            "",
            "fatal: could not read Username for 'https://x'"
        ));
        assert!(!absent("{\"Error\":\"dial tcp: connection refused\"}", ""));
        let long = failure(b"", "\u{e4}".repeat(5000).as_bytes()).to_string();
        assert!(long.len() < MAX_WORDS_BYTES + 100);
    }
}
