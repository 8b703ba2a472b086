//! The answers of a mirror: `supported`, `latest`, `lookup/…`, `tile/…`, and the same below
//! `/sumdb/NAME/`, as a module proxy has them.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Question, Shared};
use crate::golang::module::ModuleVersion;
use crate::golang::pattern::PatternList;
use crate::io::mirror::MirrorFolder;
use crate::io::serve::{Activity, Peer, Site, SmallBody, plain_path};
use crate::prover::mirror::Mirror;
use crate::sumdb::data_tile::DataTile;
use crate::sumdb::lookup;
use crate::sumdb::target::SumdbTarget;
use crate::tlog::tile::{Tile, TileLevel};

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// What a mirror serves.
#[derive(Debug)]
pub struct MirrorSite {
    name: String,
    folder: MirrorFolder,
    mirror: Shared,
    private: PatternList,
    asks: Option<mpsc::Sender<Question>>,
}

/// What a client is told.
enum Reply {
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    /// 404: the go command then takes it that there is none.
    Absent(String),
    /// 502: nothing is said of it.
    Unavailable(String),
}

impl MirrorSite {
    pub(super) fn new(
        name: &str,
        folder: MirrorFolder,
        mirror: Shared,
        private: PatternList,
        asks: Option<mpsc::Sender<Question>>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            folder,
            mirror,
            private,
            asks,
        }
    }

    async fn reply(&self, path: &str) -> Reply {
        let path = plain_path(path.trim_start_matches('/'));
        let target = path.as_deref().and_then(|path| {
            let Some(proxied) = path.strip_prefix("sumdb/") else {
                return SumdbTarget::parse(path);
            };
            let (name, target) = SumdbTarget::parse_proxied(proxied)?;
            (name == self.name).then_some(target)
        });
        match target {
            None => Reply::Absent(format!("nothing of the checksum database {}", self.name)),
            Some(SumdbTarget::Supported) => Reply::Text(Vec::new()),
            Some(SumdbTarget::Latest) => self.latest().await,
            Some(SumdbTarget::Lookup(module)) => self.lookup(module).await,
            Some(SumdbTarget::Tile(tile)) => self.tile(tile).await,
        }
    }

    fn mirror(&self) -> Option<Arc<Mirror>> {
        let mirror = self.mirror.read().unwrap_or_else(PoisonError::into_inner);
        mirror.clone()
    }

    async fn latest(&self) -> Reply {
        if let Some(asks) = &self.asks {
            return match ask(asks, Question::Latest).await {
                Ok(head) => Reply::Text(head.checkpoint().note().as_str().into()),
                Err(reason) => Reply::Unavailable(reason),
            };
        }
        match (self.mirror(), self.folder.read("latest")) {
            (Some(mirror), _) => Reply::Text(mirror.head().checkpoint().note().as_str().into()),
            (None, Ok(note)) => Reply::Text(note),
            (None, Err(error)) => Reply::Unavailable(format!("no head: {error}")),
        }
    }

    async fn lookup(&self, module: ModuleVersion) -> Reply {
        if self.private.matches(module.path().as_str()) {
            return Reply::Absent(format!(
                "{module} is private here, and nobody is asked for it"
            ));
        }
        let mut size = 0;
        if let Some(mirror) = self.mirror() {
            size = mirror.head().tree_head().size();
            let of = module.clone();
            let found = tokio::task::spawn_blocking(move || {
                let found = mirror.find(&of)?;
                Ok::<_, crate::prover::mirror::MirrorFault>((found, mirror))
            });
            match found.await {
                Ok(Ok((Some(record), mirror))) => {
                    return Reply::Text(lookup::reply(&record, mirror.head()).into());
                }
                Ok(Err(fault)) if self.asks.is_none() => {
                    return Reply::Unavailable(fault.to_string());
                }
                // The log may have it.
                Ok(Ok((None, _)) | Err(_)) => {}
                Err(error) => return Reply::Unavailable(error.to_string()),
            }
        } else if self.asks.is_none() {
            // A mirror of what was asked for has the answers as files.
            let path = format!("lookup/{}", module.escaped());
            return match self.folder.read(&path) {
                Ok(reply) => Reply::Text(reply),
                Err(_) => Reply::Absent(format!("{module} is not in this mirror")),
            };
        }
        let Some(asks) = &self.asks else {
            return Reply::Absent(format!("{module} is not in the first {size} records"));
        };
        let of = module.clone();
        let proven = ask(asks, |reply| Question::Lookup(of, reply)).await;
        match proven {
            Ok(None) => Reply::Absent(format!("the log has no record of {module}")),
            Err(reason) => Reply::Unavailable(reason),
            Ok(Some(record)) => match ask(asks, Question::Latest).await {
                Ok(head) if head.tree_head().size() > record.index() => {
                    Reply::Text(lookup::reply(&record, &head).into())
                }
                Ok(_) => Reply::Unavailable("the log is behind its own records".to_owned()),
                Err(reason) => Reply::Unavailable(reason),
            },
        }
    }

    async fn tile(&self, tile: Tile) -> Reply {
        let folder = self.folder.clone();
        let read = tokio::task::spawn_blocking(move || read_tile(&folder, &tile));
        if let Ok(Some(bytes)) = read.await {
            return match tile.level() {
                TileLevel::Data => Reply::Text(bytes),
                TileLevel::Hashes(_) => Reply::Bytes(bytes),
            };
        }
        match (&self.asks, tile.level()) {
            (Some(asks), TileLevel::Hashes(_)) => {
                match ask(asks, |reply| Question::Tile(tile, reply)).await {
                    Ok(Some(bytes)) => Reply::Bytes(bytes),
                    Ok(None) => Reply::Absent(format!("{tile} is not in the tree")),
                    Err(reason) => Reply::Unavailable(reason),
                }
            }
            _ => Reply::Absent(format!("{tile} is not in this mirror")),
        }
    }
}

async fn ask<T>(
    asks: &mpsc::Sender<Question>,
    question: impl FnOnce(oneshot::Sender<Answer<T>>) -> Question,
) -> Answer<T> {
    let (sender, receiver) = oneshot::channel();
    let ends = || "the mirror is about to end".to_owned();
    asks.send(question(sender)).await.map_err(|_| ends())?;
    receiver.await.map_err(|_| ends())?
}

/// A tile as wide as it is asked for, cut out of a wider one if need be.
fn read_tile(folder: &MirrorFolder, tile: &Tile) -> Option<Vec<u8>> {
    if let TileLevel::Hashes(_) = tile.level() {
        return folder.tiles().read(tile);
    }
    let bytes = folder.data_tile(tile)?;
    if tile.is_full() || DataTile::parse(&bytes, tile.width()).is_ok() {
        return Some(bytes);
    }
    let full = DataTile::parse(&bytes, tile.full().width()).ok()?;
    let mut cut = Vec::new();
    for text in full.cut(tile.width()).texts() {
        cut.extend_from_slice(text.as_bytes());
        cut.push(b'\n');
    }
    Some(cut)
}

impl Site for MirrorSite {
    type Body = SmallBody;
    type Counted = ();

    fn connected(&self) {}

    async fn answer(
        &self,
        _peer: Peer,
        activity: &Arc<Activity>,
        request: Request<Incoming>,
    ) -> Response<SmallBody> {
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let reply = if is_read {
            self.reply(request.uri().path()).await
        } else {
            Reply::Absent(String::new())
        };
        let (status, media_type, body) = match reply {
            _ if !is_read => (
                StatusCode::METHOD_NOT_ALLOWED,
                TEXT,
                b"sumcheck: GET and HEAD only\n".to_vec(),
            ),
            Reply::Text(text) => (StatusCode::OK, TEXT, text),
            Reply::Bytes(bytes) => (StatusCode::OK, BYTES, bytes),
            Reply::Absent(words) => (StatusCode::NOT_FOUND, TEXT, line(&words)),
            Reply::Unavailable(words) => (StatusCode::BAD_GATEWAY, TEXT, line(&words)),
        };
        let length = HeaderValue::from(body.len());
        let body = if request.method() == Method::HEAD {
            Bytes::new()
        } else {
            Bytes::from(body)
        };
        let mut response = Response::new(SmallBody::new(body, Arc::clone(activity)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(hyper::header::CONTENT_LENGTH, length);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// A line of words, without what a terminal would obey.
fn line(words: &str) -> Vec<u8> {
    let plain = |c: char| if c.is_control() { '?' } else { c };
    let mut line: String = words.chars().map(plain).collect();
    line.insert_str(0, "sumcheck: ");
    line.push('\n');
    line.into_bytes()
}
