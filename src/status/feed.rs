//! Events as an Atom feed (RFC 4287).

use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::known::Known;
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
    let logs: Vec<&str> = known
        .logs
        .iter()
        .map(|log| log.verifier_key.as_str())
        .collect();
    writer
        .create_element("feed")
        .with_attribute(("xmlns", NAMESPACE))
        .write_inner_content(|writer| {
            element(writer, "title", "sumcheck")?;
            element(
                writer,
                "id",
                &format!("urn:sumcheck:{}", hex::encode(logs.join(" "))),
            )?;
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
            // 128 random bits: a UUID in all but its form.
            element(writer, "id", &format!("urn:sumcheck:event:{}", event.uid))?;
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

/// Text in an element, without the control characters that XML has no place for.
fn element(writer: &mut Writer<&mut Vec<u8>>, name: &str, text: &str) -> std::io::Result<()> {
    let plain = |c: char| match c {
        '\t' | '\n' => c,
        '\u{fffe}' | '\u{ffff}' => '?',
        c if c.is_control() => '?',
        c => c,
    };
    let text: String = text.chars().map(plain).collect();
    writer
        .create_element(name)
        .write_text_content(BytesText::new(&text))?;
    Ok(())
}
