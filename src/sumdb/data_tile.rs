//! Data tiles: the texts of up to 256 records, one after another.
//!
//! Source: golang.org/x/mod/sumdb, `NewServer`, which writes each record with a blank line after
//! it. The public log has the blank line between records, and not always after the last one.

use super::record::{MAX_RECORD_BYTES, RecordTextError, record_text};

/// No tile holds more: the checksum database's tiles have height 8.
const MAX_RECORDS: u32 = 256;

/// A longer answer is no data tile: so many of the longest records fill it, each with its blank
/// line. Real ones have about 50 KB. Who fetches tiles must stop here.
pub const MAX_DATA_TILE_BYTES: usize = 256 * (MAX_RECORD_BYTES + 1);

/// The texts of the records in a data tile, as a server claims them.
///
/// They are texts that records can have, and as many as the tile has. That they are the log's is
/// for their hashes to show, in the authentic tile of level 0 with the same index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataTile<'a> {
    texts: Vec<&'a str>,
}

/// Why bytes are not the data tile that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DataTileError {
    /// No such tile exists: a mistake of the one who asks.
    #[error("a data tile has 1 to {MAX_RECORDS} records, not {width}")]
    Width {
        /// The width that was asked for, in records.
        width: u32,
    },
    /// Longer than [`MAX_DATA_TILE_BYTES`].
    #[error("the data tile has {found} bytes, and more than {MAX_DATA_TILE_BYTES} cannot be one")]
    TooLong {
        /// Length that came, in bytes.
        found: usize,
    },
    /// It ends too early.
    #[error("the data tile has {found} records instead of {width}")]
    TooFew {
        /// Number of records that came.
        found: u32,
        /// The width that was asked for, in records.
        width: u32,
    },
    /// It goes on after its last record.
    #[error("the data tile has {bytes} bytes too many after its {width} records")]
    TooMany {
        /// How many bytes follow the last record and its blank line.
        bytes: usize,
        /// The width that was asked for, in records.
        width: u32,
    },
    /// One of its records is none.
    #[error("record {position} of the data tile, from 0: {cause}")]
    Text {
        /// Position in the tile, from 0.
        position: u32,
        /// What is wrong.
        cause: RecordTextError,
    },
}

impl<'a> DataTile<'a> {
    /// Splits a tile of `width` records, all of which must be there and nothing else.
    ///
    /// # Errors
    /// [`DataTileError`]
    pub fn parse(bytes: &'a [u8], width: u32) -> Result<Self, DataTileError> {
        if !(1..=MAX_RECORDS).contains(&width) {
            return Err(DataTileError::Width { width });
        }
        let found = bytes.len();
        if found > MAX_DATA_TILE_BYTES {
            return Err(DataTileError::TooLong { found });
        }
        let mut texts = Vec::with_capacity(usize::try_from(width).unwrap_or_default());
        let mut rest = bytes;
        for position in 0..width {
            if rest.is_empty() {
                let found = position;
                return Err(DataTileError::TooFew { found, width });
            }
            if let Some((text, after)) = sound_record(rest) {
                texts.push(text);
                rest = after;
                continue;
            }
            let (text, after) = split_record(rest);
            let text =
                record_text(text).map_err(|cause| DataTileError::Text { position, cause })?;
            texts.push(text);
            rest = after;
        }
        match rest.len() {
            0 => Ok(Self { texts }),
            bytes => Err(DataTileError::TooMany { bytes, width }),
        }
    }

    /// The first records of it.
    #[must_use]
    pub fn cut(mut self, width: u32) -> Self {
        self.texts
            .truncate(usize::try_from(width).unwrap_or(usize::MAX));
        self
    }

    /// The texts in the order of the log, each with its final newline.
    #[must_use]
    pub fn texts(&self) -> &[&'a str] {
        &self.texts
    }
}

/// The text of one record of a tile, by its place in it. Nothing is said of the records after it.
#[must_use]
pub fn record_at(bytes: &[u8], position: u32) -> Option<&str> {
    let mut rest = bytes;
    for _ in 0..position {
        (_, rest) = sound_record(rest)?;
    }
    sound_record(rest).map(|(text, _)| text)
}

/// The same as [`split_record`] and [`record_text`], in one pass. `None` if anything is wrong.
fn sound_record(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let mut line_start = 0_usize;
    loop {
        let ahead = bytes.get(line_start..)?;
        let length = first_control(ahead)?;
        if ahead.get(length) != Some(&b'\n') {
            return None;
        }
        if length == 0 {
            // A blank line ends the record, and begins none.
            let (text, after) = bytes.split_at_checked(line_start)?;
            let is_record = !text.is_empty() && text.len() <= MAX_RECORD_BYTES;
            let text = std::str::from_utf8(text).ok().filter(|_| is_record)?;
            return Some((text, after.get(1..)?));
        }
        line_start = line_start.checked_add(length)?.checked_add(1)?;
        if line_start == bytes.len() {
            let is_record = bytes.len() <= MAX_RECORD_BYTES;
            let text = std::str::from_utf8(bytes).ok().filter(|_| is_record)?;
            return Some((text, b""));
        }
    }
}

/// Where the first control character is, a line end among them.
fn first_control(bytes: &[u8]) -> Option<usize> {
    let is_control = |byte: &u8| *byte < 0x20;
    let (chunks, _) = bytes.as_chunks::<32>();
    // Without a way out of the middle, a chunk is looked at in a few instructions.
    let has_control = |chunk: &&[u8; 32]| {
        chunk
            .iter()
            .fold(false, |found, byte| found | is_control(byte))
    };
    let clean = chunks
        .iter()
        .take_while(|chunk| !has_control(chunk))
        .count();
    let clean = clean.checked_mul(32)?;
    let place = bytes.get(clean..)?.iter().position(is_control)?;
    clean.checked_add(place)
}

/// The first record with its newline, and what follows its blank line.
fn split_record(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (text, rest) = end
        .and_then(|end| bytes.split_at_checked(end.saturating_add(1)))
        .unwrap_or((bytes, b""));
    (text, rest.strip_prefix(b"\n").unwrap_or(rest))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    const ONE: &str = "example.com/m v1.0.0 h1:a\nexample.com/m v1.0.0/go.mod h1:b\n";
    const TWO: &str = "example.com/n v1.0.0 h1:c\n";

    fn error(tile: impl AsRef<[u8]>, width: u32) -> String {
        DataTile::parse(tile.as_ref(), width)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn records_stand_between_blank_lines_and_one_may_end_the_tile() {
        for end in ["", "\n"] {
            let tile = format!("{ONE}\n{TWO}\n{ONE}{end}");
            let tile = DataTile::parse(tile.as_bytes(), 3).unwrap();
            assert_eq!(tile.texts(), [ONE, TWO, ONE]);
        }
        let full = format!("{TWO}\n").repeat(256);
        let tile = DataTile::parse(full.as_bytes(), 256).unwrap();
        assert_eq!(tile.texts(), [TWO; 256]);
    }

    #[test]
    fn one_record_is_found_by_its_place() {
        let tile = format!("{ONE}\n{TWO}\n{ONE}");
        let places = [0, 1, 2, 3].map(|position| record_at(tile.as_bytes(), position));
        assert_eq!(places, [Some(ONE), Some(TWO), Some(ONE), None]);
        assert_eq!(record_at(b"\n", 0), None);
    }

    #[test]
    fn one_pass_finds_what_the_rules_find() {
        let pieces = [
            "",
            "\n",
            "\n\n",
            "a",
            "example.com/m v1.0.0 h1:a\n",
            "\t",
            "\r\n",
            "\u{e4}\n",
            "\u{7f}",
            "0123456789012345678901234567890123456789012345678901234567890123456789",
        ];
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for _ in 0..4 {
            let longer = texts
                .iter()
                .flat_map(|text| pieces.map(|piece| [text.as_slice(), piece.as_bytes()].concat()));
            texts = longer.collect();
        }
        texts.push(vec![0xff, b'\n']);
        texts.push([vec![b'a'; MAX_RECORD_BYTES - 1], b"\n".to_vec()].concat());
        texts.push([vec![b'a'; MAX_RECORD_BYTES], b"\n".to_vec()].concat());
        for bytes in texts {
            let (text, after) = split_record(&bytes);
            let by_rules = record_text(text).ok().map(|text| (text, after));
            assert_eq!(sound_record(&bytes), by_rules, "{bytes:?}");
        }
    }

    #[test]
    fn a_tile_with_fewer_records_is_refused() {
        for (tile, width, found) in [
            (String::new(), 1, 0),
            (ONE.to_owned(), 2, 1),
            (format!("{ONE}\n"), 2, 1),
            (format!("{ONE}\n{TWO}"), 256, 2),
        ] {
            let expected = format!("the data tile has {found} records instead of {width}");
            assert_eq!(error(tile, width), expected);
        }
    }

    #[test]
    fn a_tile_that_goes_on_is_refused() {
        for (tile, width, bytes) in [
            (format!("{ONE}\n\n"), 1, 1),
            (format!("{ONE}\n{TWO}"), 1, TWO.len()),
            (format!("{ONE}\n{TWO}\n{TWO}\n"), 2, TWO.len() + 1),
            (format!("{ONE}\n{TWO}\n\r\n"), 2, 2),
        ] {
            let expected =
                format!("the data tile has {bytes} bytes too many after its {width} records");
            assert_eq!(error(tile, width), expected);
        }
    }

    #[test]
    fn each_record_is_lines_of_plain_text() {
        let long = "a".repeat(MAX_RECORD_BYTES);
        for (record, cause) in [
            ("\n", "the record has a blank line"),
            ("\na\n", "the record has a blank line"),
            ("a\r\n", "the record is not plain UTF-8 text"),
            ("a\tb\n", "the record is not plain UTF-8 text"),
            ("a\0\n", "the record is not plain UTF-8 text"),
            (
                &format!("{long}\n"),
                "the record is longer than 65536 bytes",
            ),
        ] {
            let expected = format!("record 1 of the data tile, from 0: {cause}");
            assert_eq!(error(format!("{ONE}\n{record}\n{TWO}"), 3), expected);
        }
        let latin = [ONE.as_bytes(), b"\n\xe9\n"].concat();
        let expected = "record 1 of the data tile, from 0: the record is not plain UTF-8 text";
        assert_eq!(error(latin, 2), expected);
    }

    #[test]
    fn a_tile_that_is_cut_off_anywhere_is_refused() {
        let whole = format!("{ONE}\n{TWO}");
        for end in 0..whole.len() {
            let tile = DataTile::parse(&whole.as_bytes()[..end], 2);
            assert!(tile.is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_blank_line_more_is_refused_everywhere() {
        let whole = format!("{ONE}\n{TWO}\n{ONE}\n");
        for (at, _) in whole.match_indices('\n') {
            let mut tile = whole.clone();
            tile.insert(at, '\n');
            assert!(DataTile::parse(tile.as_bytes(), 3).is_err(), "at {at}");
        }
    }

    #[test]
    fn no_tile_has_no_records_or_more_than_256() {
        for width in [0, 257, u32::MAX] {
            let expected = format!("a data tile has 1 to 256 records, not {width}");
            assert_eq!(error(TWO, width), expected);
        }
    }

    #[test]
    fn the_longest_records_fit_and_no_byte_more() {
        let record = [vec![b'a'; MAX_RECORD_BYTES - 1], b"\n\n".to_vec()].concat();
        let mut tile = record.repeat(256);
        assert_eq!(tile.len(), MAX_DATA_TILE_BYTES);
        assert!(DataTile::parse(&tile, 256).is_ok());
        tile.push(b'\n');
        let expected = "the data tile has 16777473 bytes, and more than 16777472 cannot be one";
        assert_eq!(error(tile, 256), expected);
    }
}
