//! The checksum database as the gate serves it: nothing but what is proven.

use bytes::Bytes;

use super::notary::{Notary, Unproven};
use super::{Denial, Reply};
use crate::golang::pattern::PatternList;
use crate::prover::TileOutcome;
use crate::sumdb::lookup::reply;
use crate::sumdb::target::SumdbTarget;

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

pub(super) async fn answer(
    notary: &Notary,
    private: &PatternList,
    target: &SumdbTarget,
) -> Result<Reply, Denial> {
    match target {
        SumdbTarget::Supported => Ok(text(Vec::new())),
        SumdbTarget::Latest => {
            let head = notary.head(true).await;
            let head = head.map_err(|why| Denial::unproven("the newest tree head", why))?;
            let note = head.checkpoint().note().as_str();
            Ok(text(note.as_bytes().to_vec()))
        }
        SumdbTarget::Lookup(module) => {
            if private.matches(module.path().as_str()) {
                return Err(Denial::Unknown(format!(
                    "{module} is private here, and its name goes to no checksum database"
                )));
            }
            let unproven = |why| Denial::unproven(module, why);
            let record = notary.record(module).await.map_err(unproven)?;
            let head = notary.head(false).await.map_err(unproven)?;
            Ok(text(reply(&record, &head).into_bytes()))
        }
        SumdbTarget::Tile(tile) => {
            let tile_of = notary.tile(tile).await;
            match tile_of.map_err(|why| Denial::unproven(&tile, why))? {
                TileOutcome::Authentic(bytes) => Ok(Reply::Text {
                    media_type: BYTES,
                    body: Bytes::from(bytes),
                }),
                TileOutcome::Absent => Err(Denial::Unknown(format!(
                    "{tile} is none of the tiles of hashes below the log's newest tree head"
                ))),
                TileOutcome::Unavailable(why) => {
                    Err(Denial::unproven(&tile, Unproven::Unavailable(why)))
                }
            }
        }
    }
}

fn text(bytes: Vec<u8>) -> Reply {
    Reply::Text {
        media_type: TEXT,
        body: Bytes::from(bytes),
    }
}
