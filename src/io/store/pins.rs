//! Hashes of private modules' files: the first one that was seen holds until somebody removes it.

use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreError};
use crate::io::clock;

/// Which file of a module version a pin is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinKind {
    /// The module's zip.
    Zip,
    /// Its go.mod.
    GoMod,
}

impl PinKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::GoMod => "go.mod",
        }
    }
}

/// A pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Module path.
    pub module: String,
    /// Module version.
    pub version: String,
    /// `zip` or `go.mod`.
    pub kind: String,
    /// `h1:…`
    pub hash: String,
    /// When it was pinned: UTC, RFC 3339.
    pub pinned_at: String,
    /// Where the hash was seen.
    pub source: String,
}

/// What a pin says about a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// There was none: this hash is it now.
    First,
    /// It is this hash.
    Same,
    /// It is another one.
    Other(Pin),
}

impl Store {
    /// Compares a hash with the pin of a file, or makes it the pin if there is none: in one
    /// transaction, so that of two that come at once one is the first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn pin(
        &mut self,
        module: &str,
        version: &str,
        kind: PinKind,
        hash: &str,
        source: &str,
    ) -> Result<Pinned, StoreError> {
        if self.read_only {
            return match self.pin_of(module, version, kind)? {
                Some(pin) if pin.hash == hash => Ok(Pinned::Same),
                Some(pin) => Ok(Pinned::Other(pin)),
                None => Err(StoreError::ReadOnly {
                    path: self.path.clone(),
                }),
            };
        }
        let rows = self.run(|connection| {
            connection.execute(
                "INSERT INTO pins (module, version, kind, hash, pinned_at, source)
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                params![module, version, kind.as_str(), hash, clock::now(), source],
            )
        })?;
        if rows > 0 {
            return Ok(Pinned::First);
        }
        Ok(match self.pin_of(module, version, kind)? {
            Some(pin) if pin.hash != hash => Pinned::Other(pin),
            // Somebody removed it just now, having seen it: the next one will be the first.
            Some(_) | None => Pinned::Same,
        })
    }

    /// Adds pins, all or none: none if a file has another pin, unless they are to `replace` it. What
    /// is in the way, with what would be in its place.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn add_pins(&mut self, pins: &[Pin], replace: bool) -> Result<Vec<(Pin, Pin)>, StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let mut in_the_way = Vec::new();
            {
                let mut known = transaction.prepare(
                    "SELECT module, version, kind, hash, pinned_at, source FROM pins
                     WHERE module = ? AND version = ? AND kind = ? AND hash <> ?",
                )?;
                let mut insert = transaction.prepare(
                    "INSERT INTO pins (module, version, kind, hash, pinned_at, source)
                     VALUES (?, ?, ?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET
                         (hash, pinned_at, source) =
                             (excluded.hash, excluded.pinned_at, excluded.source)
                         WHERE hash <> excluded.hash",
                )?;
                for new in pins {
                    let key = params![new.module, new.version, new.kind, new.hash];
                    if let Some(known) = known.query_row(key, pin).optional()? {
                        in_the_way.push((known, new.clone()));
                    }
                    insert.execute(params![
                        new.module,
                        new.version,
                        new.kind,
                        new.hash,
                        new.pinned_at,
                        new.source,
                    ])?;
                }
            }
            if in_the_way.is_empty() || replace {
                transaction.commit()?;
            }
            Ok(in_the_way)
        })
    }

    /// The pin of a file.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn pin_of(
        &self,
        module: &str,
        version: &str,
        kind: PinKind,
    ) -> Result<Option<Pin>, StoreError> {
        self.run(|connection| {
            connection
                .query_row(
                    "SELECT module, version, kind, hash, pinned_at, source FROM pins
                     WHERE module = ? AND version = ? AND kind = ?",
                    params![module, version, kind.as_str()],
                    pin,
                )
                .optional()
        })
    }

    /// All pins, by module and version.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.run(|connection| {
            connection
                .prepare(
                    "SELECT module, version, kind, hash, pinned_at, source FROM pins
                     ORDER BY module, version, kind",
                )?
                .query_map([], pin)?
                .collect()
        })
    }

    /// Removes the pins of a module version, or of all versions of a module; how many there were.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn unpin(&self, module: &str, version: Option<&str>) -> Result<usize, StoreError> {
        self.check_writable()?;
        self.run(|connection| {
            connection.execute(
                "DELETE FROM pins WHERE module = ?1 AND (?2 IS NULL OR version = ?2)",
                params![module, version],
            )
        })
    }
}

fn pin(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pin> {
    Ok(Pin {
        module: row.get(0)?,
        version: row.get(1)?,
        kind: row.get(2)?,
        hash: row.get(3)?,
        pinned_at: row.get(4)?,
        source: row.get(5)?,
    })
}
