//! Text from servers and files, made harmless for terminals, CI logs and JSON readers.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

/// Whether a character can neither move a cursor, nor reorder a line, nor hide.
fn is_harmless(character: char) -> bool {
    character == ' ' || character.is_ascii_graphic() || character.is_alphanumeric()
}

/// The text with everything escaped that is not plainly visible: control and escape characters,
/// newlines, bidirectional controls, invisible and combining characters.
pub(in crate::cli) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_harmless) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_harmless(character) || is_our_own(character) {
            shown.push(character);
        } else {
            let _ = write!(shown, "{}", character.escape_default());
        }
    }
    Cow::Owned(shown)
}

/// Punctuation of our own messages outside ASCII.
const fn is_our_own(character: char) -> bool {
    matches!(character, '…' | '—' | '→')
}

/// Writes one JSON document in plain ASCII with a newline at its end, so that no character of it
/// means anything to a terminal.
pub(in crate::cli) fn write_json(
    mut out: impl io::Write,
    document: &impl Serialize,
) -> io::Result<()> {
    let formatter = AsciiFormatter(PrettyFormatter::new());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    document.serialize(&mut serializer)?;
    out.write_all(b"\n")?;
    out.flush()
}

struct AsciiFormatter(PrettyFormatter<'static>);

impl Formatter for AsciiFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(position) = rest.find(|c: char| !c.is_ascii() || c == '\x7f') {
            let (plain, tail) = rest.split_at(position);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            if let Some(character) = characters.next() {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(
            visible("plain text, with: punctuation!"),
            "plain text, with: punctuation!"
        );
        assert_eq!(visible("größe 大"), "größe 大");
        assert_eq!(visible("\x1b[31mred\x07"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(visible("a\n::error::b\r"), "a\\n::error::b\\r");
        assert_eq!(
            visible("a\u{202e}b\u{2066}c\u{200b}d"),
            "a\\u{202e}b\\u{2066}c\\u{200b}d"
        );
        assert_eq!(visible("a\u{9b}31m\u{7f}"), "a\\u{9b}31m\\u{7f}");
        assert_eq!(visible("e\u{301}"), "e\\u{301}");
    }

    #[test]
    fn json_is_ascii_and_reads_back() {
        let text = "é\u{202e}\u{7f}\u{1b}\"\\\n😀";
        let mut out = Vec::new();
        write_json(&mut out, &[text]).unwrap();
        assert!(out.is_ascii() && !out.contains(&0x1b) && !out.contains(&0x7f));
        let back: Vec<String> = serde_json::from_slice(&out).unwrap();
        assert_eq!(back, [text]);
    }
}
