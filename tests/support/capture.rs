//! Recorded answers of sum.golang.org, served again.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::response::{Request, Response};
use super::server::Serving;
use super::{layers, skipped};

/// The name of the real log.
pub const SUM_GOLANG_ORG: &str = "sum.golang.org";

/// The verifier key of the real log, as the go command has it built in.
pub const SUM_GOLANG_ORG_KEY: &str =
    "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

/// The folders that hold answers.
pub const FOLDERS: [&str; 5] = ["small", "crossing", "large", "modcache", "terraform"];

/// Where the captures are. None, and said aloud, when they are not beside the project.
pub fn captures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if folder.is_dir() {
        return Some(folder);
    }
    skipped("there are no captures of the real log at ../shared/captures");
    None
}

/// All recorded answers of one folder, in memory.
#[derive(Clone)]
pub struct Capture {
    folder: PathBuf,
    /// By path: `/latest`, `/lookup/...`, `/tile/...`.
    answers: Arc<BTreeMap<String, Vec<u8>>>,
    /// What the log had said earlier at the same path, newest first.
    older: Arc<HashMap<String, Vec<Vec<u8>>>>,
}

impl Capture {
    /// Reads one of [`FOLDERS`]. None, and said aloud, when there are no captures.
    pub fn open(name: &str) -> Option<Self> {
        let folder = captures()?.join(name);
        let mut files = BTreeMap::new();
        read_files(&folder.join(SUM_GOLANG_ORG), "", &mut files);
        let mut numbered = BTreeMap::new();
        files.retain(|path, bytes| match older_than(path) {
            Some(key) => {
                numbered.insert(key, std::mem::take(bytes));
                false
            }
            None => true,
        });
        let mut older: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
        for ((path, _), bytes) in numbered {
            older.entry(path).or_default().push(bytes);
        }
        Some(Self {
            folder,
            answers: Arc::new(files),
            older: Arc::new(older),
        })
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The recorded answer at a path of the log.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.answers.get(path).map(Vec::as_slice)
    }

    /// All paths with a recorded answer, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.answers.keys().map(String::as_str)
    }

    /// What the log had said earlier at this path, newest first.
    pub fn older(&self, path: &str) -> &[Vec<u8>] {
        self.older.get(path).map_or(&[], Vec::as_slice)
    }

    /// A go.sum of all records in the recorded lookups.
    pub fn go_sum(&self) -> String {
        let lookups = self
            .answers
            .iter()
            .filter(|(path, _)| path.starts_with("/lookup/"));
        lookups.map(|(_, reply)| record_text(reply)).collect()
    }

    pub fn answer(&self, request: &Request) -> Response {
        if request.path == "/supported" && request.proxied {
            return Response::ok("");
        }
        match self.get(&request.path) {
            Some(bytes) => Response::ok(bytes),
            None => Response::not_found("not in the capture"),
        }
    }

    /// A server of these answers, directly and as below a module proxy's `/sumdb/NAME`.
    pub fn serve(&self) -> Serving {
        let capture = self.clone();
        Serving::new(move |request| capture.answer(request))
            .below(&format!("/sumdb/{SUM_GOLANG_ORG}"))
    }
}

/// The go.sum lines in a lookup's answer.
fn record_text(reply: &[u8]) -> &str {
    let note_bytes = layers::note_of(reply)
        .expect("a recorded lookup ends in a note")
        .len();
    let record = str::from_utf8(&reply[..reply.len() - note_bytes - 1]).expect("text");
    record
        .split_once('\n')
        .expect("a recorded lookup begins with an index")
        .1
}

/// For `PATH~N` the path and N. Paths of modules may hold a `~`, but none ends so.
fn older_than(path: &str) -> Option<(String, u32)> {
    let (path, number) = path.rsplit_once('~')?;
    Some((path.to_owned(), number.parse().ok()?))
}

fn read_files(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a capture is readable") {
        let entry = entry.expect("a capture is readable");
        let name = entry
            .file_name()
            .into_string()
            .expect("names in a capture are text");
        let path = format!("{prefix}/{name}");
        if entry.file_type().expect("a capture is readable").is_dir() {
            read_files(&entry.path(), &path, files);
        } else {
            files.insert(path, fs::read(entry.path()).expect("a capture is readable"));
        }
    }
}
