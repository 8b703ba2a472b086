//! Replies to `/lookup/MODULE@VERSION`: a record, its index, and a signed tree head.
//!
//! Source: golang.org/x/mod/sumdb/tlog, `FormatRecord`.

use super::record::{AuthenticRecord, RecordText, RecordTextError};
use super::timeline::ConsistentHead;
use crate::tlog::checkpoint::parse_size;

/// What a server claims about one module version. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupReply<'a> {
    /// Record index.
    pub index: u64,
    /// Text of the record.
    pub text: RecordText,
    /// The signed tree head that came along, not yet opened.
    pub note: &'a [u8],
}

/// Why bytes are no lookup reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The first line is not a canonical decimal number.
    #[error("not a lookup reply: its first line is not a record index")]
    Index,
    /// No blank line ends the record.
    #[error("not a lookup reply: no blank line ends its record")]
    NoEnd,
    /// The record is not one.
    #[error(transparent)]
    Text(#[from] RecordTextError),
}

impl<'a> LookupReply<'a> {
    /// Splits a reply.
    ///
    /// # Errors
    /// [`LookupError`]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LookupError> {
        let newline = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or(LookupError::Index)?;
        let (index, rest) = bytes.split_at(newline);
        let index = std::str::from_utf8(index).ok().and_then(parse_size);
        let index = index.ok_or(LookupError::Index)?;
        let rest = rest.strip_prefix(b"\n").ok_or(LookupError::NoEnd)?;
        let end = rest
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .ok_or(LookupError::NoEnd)?;
        let (text, note) = rest.split_at(end.saturating_add(1));
        let note = note.strip_prefix(b"\n").ok_or(LookupError::NoEnd)?;
        Ok(Self {
            index,
            text: RecordText::parse(text)?,
            note,
        })
    }
}

/// A record as the database itself tells of it, under a head that may be newer than the one under
/// which it was proven.
#[must_use]
pub fn reply(record: &AuthenticRecord, head: &ConsistentHead) -> String {
    format!(
        "{}\n{}\n{}",
        record.index(),
        record.text().as_str(),
        head.checkpoint().note().as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "example.com/m v1.0.0 h1:a\nexample.com/m v1.0.0/go.mod h1:b\n";

    fn parse(reply: &str) -> Result<(u64, usize), LookupError> {
        LookupReply::parse(reply.as_bytes()).map(|reply| (reply.index, reply.note.len()))
    }

    #[test]
    fn a_reply_is_index_record_and_note() {
        let reply = format!("42\n{RECORD}\nthe note\n");
        let parsed = LookupReply::parse(reply.as_bytes()).unwrap();
        assert_eq!((parsed.index, parsed.text.as_str()), (42, RECORD));
        assert_eq!(parsed.note, b"the note\n");
    }

    #[test]
    fn an_index_has_one_form() {
        for index in [
            "",
            "042",
            "-1",
            "+1",
            " 1",
            "1 ",
            "9223372036854775808",
            "a",
        ] {
            let reply = format!("{index}\n{RECORD}\nnote\n");
            assert_eq!(parse(&reply), Err(LookupError::Index), "{index:?}");
        }
        assert_eq!(parse(""), Err(LookupError::Index));
        assert_eq!(parse("42"), Err(LookupError::Index));
    }

    #[test]
    fn a_record_must_end_and_be_text() {
        assert_eq!(parse("42\n"), Err(LookupError::NoEnd));
        assert_eq!(parse(&format!("42\n{RECORD}")), Err(LookupError::NoEnd));
        assert_eq!(
            parse("42\n\n\nnote\n"),
            Err(LookupError::Text(RecordTextError::BlankLine))
        );
        assert_eq!(
            parse("42\nexample.com/m\x1b v1\n\nnote\n")
                .unwrap_err()
                .to_string(),
            "the record is not plain UTF-8 text"
        );
    }
}
