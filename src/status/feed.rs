//! Events as an Atom feed (RFC 4287).

use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::known::Known;
use super::page::is_unseen;
use crate::io::clock;
use crate::io::store::StoredEvent;

/// The media type of a feed.
pub(super) const MEDIA_TYPE: &str = "application/atom+xml; charset=utf-8";

/// The namespace of Atom (RFC 4287 section 1.2).
const NAMESPACE: &str = "http://www.w3.org/2005/Atom";

/// The feed of the newest events. Its ids hang on nothing but the events, wherever it is read.
pub(super) fn text(known: &Known) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = write(&mut Writer::new(&mut bytes), known);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn write(writer: &mut Writer<&mut Vec<u8>>, known: &Known) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let updated = match known.events.first() {
        Some(newest) => newest.at.clone(),
        // Nothing has happened, and so nothing was changed since the beginning of time.
        None => clock::at(Timestamp::UNIX_EPOCH),
    };
    writer
        .create_element("feed")
        .with_attribute(("xmlns", NAMESPACE))
        .write_inner_content(|writer| {
            element(writer, "title", "sumcheck")?;
            element(writer, "id", &uuid(&known.identity))?;
            element(writer, "updated", &updated)?;
            writer
                .create_element("link")
                .with_attributes([("rel", "self"), ("href", "/feed.atom")])
                .write_empty()?;
            writer
                .create_element("author")
                .write_inner_content(|writer| element(writer, "name", "sumcheck"))?;
            for event in &known.events {
                entry(writer, event)?;
            }
            Ok(())
        })?;
    Ok(())
}

fn entry(writer: &mut Writer<&mut Vec<u8>>, event: &StoredEvent) -> std::io::Result<()> {
    writer
        .create_element("entry")
        .write_inner_content(|writer| {
            element(
                writer,
                "title",
                &format!("{}: {}", event.kind, event.summary),
            )?;
            element(writer, "id", &uuid(&event.uid))?;
            element(writer, "updated", &event.at)?;
            writer
                .create_element("category")
                .with_attributes([
                    ("scheme", "urn:sumcheck:severity"),
                    ("term", event.severity.as_str()),
                ])
                .write_empty()?;
            if let Some(log) = &event.log {
                let attributes = [("scheme", "urn:sumcheck:log"), ("term", log.as_str())];
                let category = writer.create_element("category");
                category.with_attributes(attributes).write_empty()?;
            }
            element(writer, "content", &event.detail)
        })?;
    Ok(())
}

/// 128 random bits in the form of a UUID (RFC 9562 sections 4 and 5.4): the bits of its version and variant, which
/// say that it is random, take the place of six of them.
fn uuid(hexadecimal: &str) -> String {
    let Ok(bits) = u128::from_str_radix(hexadecimal, 16) else {
        return format!("urn:sumcheck:{hexadecimal}");
    };
    let bits = bits & !(0xf000_c000 << 48) | (0x4000_8000 << 48);
    let digits = format!("{bits:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default().to_owned();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    format!("urn:uuid:{}", parts.join("-"))
}

/// Text in an element, without the control characters that XML has no place for.
fn element(writer: &mut Writer<&mut Vec<u8>>, name: &str, text: &str) -> std::io::Result<()> {
    let plain = |c: char| match c {
        '\t' | '\n' => c,
        '\u{fffe}' | '\u{ffff}' => '?',
        c if is_unseen(c) => '?',
        c => c,
    };
    let text: String = text.chars().map(plain).collect();
    writer
        .create_element(name)
        .write_text_content(BytesText::new(&text))?;
    Ok(())
}
