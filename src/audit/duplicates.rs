//! Records that are alike: whether the log says two things of one module version.

use std::path::PathBuf;

use super::read::{self, Source, belongs, not_of_the_log};
use super::seen::AllAlike;
use super::{Audit, AuditError, ROOTS_IN_TILE, Strange, as_in_tree};
use crate::prover::{EvidenceError, HEIGHT};
use crate::sumdb::audit::{Anomaly, ReadTile};
use crate::sumdb::data_tile::MAX_DATA_TILE_BYTES;
use crate::sumdb::duplicate::{Duplicate, PlacedRecord, Relation, relation};
use crate::sumdb::record::RecordText;
use crate::tlog::checkpoint::TreeHead;
use crate::tlog::tile::{Tile, TileLevel};
use crate::tlog::tile_auth::{AuthenticTiles, TilePlan};

/// So many module versions are looked at one by one; the rest is counted.
const MAX_RUNS: usize = 10_000;

/// Two records of the log that cannot both be true.
#[derive(Debug)]
pub struct Contradiction {
    /// The proof.
    pub duplicate: Duplicate,
    /// The file that shows it to others.
    pub evidence: Result<PathBuf, EvidenceError>,
}

impl Audit<'_> {
    /// Reads the records that are alike, and says what they are.
    pub(super) async fn compare(
        &mut self,
        alike: AllAlike,
        head: TreeHead,
    ) -> Result<(), AuditError> {
        let left = alike
            .runs
            .iter()
            .skip(MAX_RUNS)
            .map(Vec::len)
            .sum::<usize>();
        self.found.untold_alike = alike.untold + left as u64;
        for run in alike.runs.into_iter().take(MAX_RUNS) {
            let mut before: Vec<(u64, String)> = Vec::new();
            for (index, is_new) in run {
                let text = self.record(index, head).await?;
                if is_new {
                    self.compare_one(&before, index, &text, head).await?;
                }
                before.push((index, text));
            }
        }
        Ok(())
    }

    async fn compare_one(
        &mut self,
        before: &[(u64, String)],
        index: u64,
        text: &str,
        head: TreeHead,
    ) -> Result<(), AuditError> {
        let relations = before.iter().map(|other| (other, relation(&other.1, text)));
        let (mut repeated, mut contradicted) = (None, None);
        for ((earlier, other), relation) in relations {
            match relation {
                Relation::Unrelated => {}
                Relation::Repeated => repeated = repeated.or(Some(*earlier)),
                Relation::Contradicting(_) => {
                    contradicted = contradicted.or(Some((*earlier, other.clone())));
                }
            }
        }
        if let Some((earlier, other)) = contradicted {
            return self.convict((earlier, other), (index, text), head).await;
        }
        if let Some(earlier) = repeated {
            self.found.note(Strange {
                index,
                anomaly: Anomaly::Repeated,
                earlier: Some(earlier),
                text: text.to_owned(),
            });
        }
        Ok(())
    }

    async fn convict(
        &mut self,
        (first, first_text): (u64, String),
        (second, second_text): (u64, &str),
        head: TreeHead,
    ) -> Result<(), AuditError> {
        let tiles = self.tiles_of(&[first, second], head).await?;
        let placed = |index: u64, text: &str| {
            Some(PlacedRecord {
                index,
                text: RecordText::parse(text.as_bytes()).ok()?,
                proof: tiles.inclusion_proof(index)?,
            })
        };
        let signed = self.prover.verified_head_at(head.size())?;
        let (Some(first), Some(second), Some(signed)) = (
            placed(first, &first_text),
            placed(second, second_text),
            signed,
        ) else {
            return Err(AuditError::Hashes("the proofs are not complete".to_owned()));
        };
        // Both texts hash to what stands in the tree, so this is proven.
        if let Ok(duplicate) = Duplicate::prove(signed.checkpoint().clone(), first, second) {
            let source = self.prover.source().await;
            let evidence = self.prover.keep_duplicate(&duplicate, &source);
            self.found.contradictions.push(Contradiction {
                duplicate,
                evidence,
            });
        }
        Ok(())
    }

    async fn tiles_of(
        &self,
        records: &[u64],
        head: TreeHead,
    ) -> Result<AuthenticTiles, AuditError> {
        let mut plan = TilePlan::for_tree(HEIGHT, head.size());
        for index in records {
            // It was replayed under this head.
            let _ = plan.add_record(*index);
        }
        self.authentic(&plan, head).await
    }

    /// The text of a record, authentic.
    async fn record(&self, index: u64, head: TreeHead) -> Result<String, AuditError> {
        let above = self.tiles_of(&[index], head).await?;
        let number = index / ROOTS_IN_TILE;
        let tile = Tile::new(HEIGHT, TileLevel::Data, number, 1);
        let tile = tile.map_err(|error| AuditError::Hashes(error.to_string()))?;
        let tile = as_in_tree(&tile, head);
        let place = usize::try_from(index % ROOTS_IN_TILE).unwrap_or(usize::MAX);
        let text_in = |bytes: &[u8]| {
            let read = ReadTile::read(bytes, tile.width()).ok()?;
            let text = read.texts().get(place)?;
            belongs(&above, &tile, read.hashed()).then(|| (*text).to_owned())
        };
        if let Some(text) = self.mirrored(&tile).and_then(|bytes| text_in(&bytes)) {
            return Ok(text);
        }
        let second = self.sources.second.clone().map(Source::Other);
        let mut unread = None;
        for source in [Some(self.sources.first.clone()), second]
            .into_iter()
            .flatten()
        {
            match read::ask(self.prover, &source, &tile, MAX_DATA_TILE_BYTES).await {
                Ok(bytes) => match text_in(&bytes) {
                    Some(text) => return Ok(text),
                    None => unread = None,
                },
                Err(reason) => unread = Some(reason),
            }
        }
        Err(match unread {
            None => AuditError::False(not_of_the_log(&tile, false)),
            Some(unread) => AuditError::Unavailable {
                tile,
                reason: unread.reason(),
            },
        })
    }
}
