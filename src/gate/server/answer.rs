//! From what the gate says to a response.

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use hyper::{Response, StatusCode};

use super::body::Body;
use crate::gate::refusal::printable;
use crate::gate::target::ModuleFile;
use crate::gate::{Denial, Released, Verdict};

/// How long a file may be kept on its way. What was proven never changes; what is private may be
/// kept by whoever has asked for it alone; and nothing else is sure to stay what it is.
const fn caching(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Released => "public, max-age=31536000, immutable",
        Verdict::Private(_) => "private, no-cache",
        Verdict::Hint => "public, max-age=60",
        Verdict::Observed(_) | Verdict::Absent | Verdict::Refused(_) | Verdict::Failed(_) => {
            "no-store"
        }
    }
}

pub(super) fn denied(denial: &Denial) -> Response<Body> {
    let status = StatusCode::from_u16(denial.status());
    text(
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        &printable(&denial.to_string()),
    )
}

/// Text for the go command to print; it must not stick anywhere on the way.
pub(super) fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = small(
        "text/plain; charset=utf-8",
        Bytes::copy_from_slice(text.as_bytes()),
    );
    *response.status_mut() = status;
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

pub(super) fn small(media_type: &'static str, body: Bytes) -> Response<Body> {
    let length = HeaderValue::from(body.len());
    let mut response = Response::new(Body::small(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_LENGTH, length);
    response
}

const fn media_type(kind: ModuleFile) -> &'static str {
    match kind {
        ModuleFile::Info => "application/json",
        ModuleFile::GoMod => "text/plain; charset=utf-8",
        ModuleFile::Zip => "application/zip",
    }
}

pub(super) fn file(released: Released, asked: &HeaderMap) -> Response<Body> {
    let length = released.stamp.length;
    let tag = released.stamp.entity_tag();
    if asked
        .get(IF_NONE_MATCH)
        .is_some_and(|tags| lists(tags, &tag))
    {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        mark(response.headers_mut(), &tag);
        return response;
    }
    // A part of another body than the one that the client has would be of no use to it.
    let same = asked
        .get(IF_RANGE)
        .is_none_or(|known| known.as_bytes() == tag.as_bytes());
    let range = asked.get(RANGE).filter(|_| same);
    let range = range.map_or(Range::Whole, |range| parse_range(range, length));
    let (start, end) = match range {
        Range::Whole => (0, length),
        Range::Part { start, end } => (start, end),
        Range::Unsatisfiable => {
            let mut response = text(StatusCode::RANGE_NOT_SATISFIABLE, "sumcheck: no such range");
            let all = HeaderValue::from_str(&format!("bytes */{length}"));
            if let Ok(all) = all {
                response.headers_mut().insert(CONTENT_RANGE, all);
            }
            return response;
        }
    };
    let media_type = HeaderValue::from_static(media_type(released.kind));
    let caching = caching(&released.judgement.verdict);
    let mut response = Response::new(Body::file(released.file, released.stamp, start, end));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(end.saturating_sub(start)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    mark(headers, &tag);
    if matches!(range, Range::Part { .. }) {
        let last = end.saturating_sub(1);
        if let Ok(part) = HeaderValue::from_str(&format!("bytes {start}-{last}/{length}")) {
            headers.insert(CONTENT_RANGE, part);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

fn mark(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
}

fn lists(tags: &HeaderValue, tag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',')
        .map(|listed| listed.trim().trim_start_matches("W/"))
        .any(|listed| listed == "*" || listed == tag)
}

/// What part of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    Whole,
    /// From `start` to before `end`.
    Part {
        start: u64,
        end: u64,
    },
    Unsatisfiable,
}

/// One range of bytes (RFC 9110 section 14.1.2). Several at once, and what is none, are answered
/// with the whole, as a server may.
fn parse_range(header: &HeaderValue, length: u64) -> Range {
    let text = header.to_str().unwrap_or_default();
    let Some((first, last)) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Range::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(start), Some(last)) if last < start => Range::Whole,
        (Some(start), end) if end.is_some() || last.is_empty() => {
            let end = end.map_or(length, |last| last.saturating_add(1).min(length));
            if start < end {
                Range::Part { start, end }
            } else {
                Range::Unsatisfiable
            }
        }
        (None, Some(suffix)) if first.is_empty() && suffix > 0 && length > 0 => Range::Part {
            start: length.saturating_sub(suffix),
            end: length,
        },
        (None, Some(_)) if first.is_empty() => Range::Unsatisfiable,
        _ => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_download_tools_write_them() {
        let part = |start, end| Range::Part { start, end };
        for (header, range) in [
            ("bytes=0-", part(0, 100)),
            ("bytes=5-9", part(5, 10)),
            ("bytes=99-1000", part(99, 100)),
            ("bytes=-10", part(90, 100)),
            ("bytes=-1000", part(0, 100)),
            ("bytes=100-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=9-5", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("bytes=x-y", Range::Whole),
            ("lines=1-2", Range::Whole),
            ("bytes=18446744073709551616-", Range::Unsatisfiable),
        ] {
            let value = HeaderValue::from_static(header);
            assert_eq!(parse_range(&value, 100), range, "{header}");
        }
    }
}
