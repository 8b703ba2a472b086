//! HTTP/1.1 on the wire, as right or as wrong as a response says.

use std::fmt::Write as _;
use std::io::{BufRead, Read, Result, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::response::{Fault, Request, Response};
use super::server::End;

/// A longer head or body is not read: no client under test has a reason to send one.
const MAX_REQUEST_BYTES: u64 = 1 << 20;

/// The next request of a connection. None: the client is gone, or does not speak HTTP.
pub fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut head = reader.by_ref().take(MAX_REQUEST_BYTES);
    let first = read_line(&mut head)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = read_line(&mut head)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let path = decode(target.split('?').next()?);
    let mut request = Request {
        method,
        target,
        path,
        proxied: false,
        headers,
        body: Vec::new(),
        connection: 0,
    };
    let length = request
        .header("content-length")
        .map_or(Some(0), |value| value.parse().ok())?;
    if length > 0 {
        reader
            .take(length.min(MAX_REQUEST_BYTES))
            .read_to_end(&mut request.body)
            .ok()?;
    }
    Some(request)
}

fn read_line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some(String::from_utf8_lossy(line).into_owned())
}

/// Undoes percent-encoding.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|two| hex::decode(two).ok());
        match escaped.as_deref() {
            Some(&[decoded]) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a response as its fault demands, and says how the connection stands then.
pub fn send(mut stream: &TcpStream, response: &Response, with_body: bool) -> Result<End> {
    let body = if with_body {
        response.body.as_slice()
    } else {
        &[]
    };
    let length = Some(response.body.len());
    match response.fault {
        None => {
            let mut bytes = head(response, length).into_bytes();
            bytes.extend(body);
            stream.write_all(&bytes)?;
            return Ok(End::KeptAlive);
        }
        Some(Fault::HangBeforeHeaders) => wait_for_hang_up(stream),
        Some(Fault::HangInBody { after_bytes }) => {
            stream.write_all(head(response, length).as_bytes())?;
            stream.write_all(&body[..after_bytes.min(body.len())])?;
            wait_for_hang_up(stream);
        }
        Some(Fault::Trickle { every }) => {
            stream.write_all(head(response, length).as_bytes())?;
            trickle(stream, body, every)?;
            return Ok(End::KeptAlive);
        }
        Some(Fault::TrickleHeaders { every }) => {
            trickle(stream, head(response, length).as_bytes(), every)?;
            trickle(stream, body, every)?;
            return Ok(End::KeptAlive);
        }
        Some(Fault::EndlessHeaders) => {
            stream.write_all(status_line(response).as_bytes())?;
            for n in 0_u64.. {
                stream.write_all(format!("X-More-{n}: {n:0>1000}\r\n").as_bytes())?;
            }
        }
        Some(Fault::EndlessBody) => endless(stream, response)?,
        Some(Fault::ContentLengthTooLong { by_bytes }) => {
            let claimed = response.body.len() + by_bytes;
            stream.write_all(head(response, Some(claimed)).as_bytes())?;
            stream.write_all(body)?;
        }
        Some(Fault::ContentLengthTooShort { by_bytes }) => {
            let claimed = response.body.len().saturating_sub(by_bytes);
            stream.write_all(head(response, Some(claimed)).as_bytes())?;
            stream.write_all(body)?;
        }
        Some(Fault::Close) => {}
        Some(Fault::Reset) => return Ok(End::Reset),
        Some(Fault::ResetInBody { after_bytes }) => {
            stream.write_all(head(response, length).as_bytes())?;
            stream.write_all(&body[..after_bytes.min(body.len())])?;
            return Ok(End::Reset);
        }
        Some(Fault::Gibberish) => stream.write_all(b"\x00\x01 no HTTP spoken here\r\n\r\n")?,
    }
    Ok(End::Closed)
}

fn head(response: &Response, length: Option<usize>) -> String {
    let mut head = status_line(response);
    for (name, value) in &response.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    match length {
        Some(length) => {
            let _ = write!(head, "Content-Length: {length}\r\n\r\n");
        }
        None => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
    }
    head
}

fn status_line(response: &Response) -> String {
    format!(
        "HTTP/1.1 {} {}\r\n",
        response.status,
        reason(response.status)
    )
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        410 => "Gone",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}

fn trickle(mut stream: &TcpStream, bytes: &[u8], every: Duration) -> Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte])?;
        thread::sleep(every);
    }
    Ok(())
}

/// Ends when the client, or the server's end, makes a write fail.
fn endless(mut stream: &TcpStream, response: &Response) -> Result<()> {
    const CHUNK_BYTES: usize = 64 << 10;
    stream.write_all(head(response, None).as_bytes())?;
    let filler = if response.body.is_empty() {
        b"\n".as_slice()
    } else {
        &response.body
    };
    let data: Vec<u8> = filler.iter().copied().cycle().take(CHUNK_BYTES).collect();
    let chunk = [format!("{CHUNK_BYTES:x}\r\n").as_bytes(), &data, b"\r\n"].concat();
    loop {
        stream.write_all(&chunk)?;
    }
}

/// Blocks until the client closes its side, or the server is dropped.
fn wait_for_hang_up(mut stream: &TcpStream) {
    let mut ignored = [0; 1024];
    while matches!(stream.read(&mut ignored), Ok(1..)) {}
}

/// Closes with a TCP reset, for which the standard library has no stable way.
pub fn reset(stream: TcpStream) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    let runtime = runtime.expect("a runtime to reset a connection");
    let _inside = runtime.enter();
    stream
        .set_nonblocking(true)
        .expect("a socket can be non-blocking");
    let stream = tokio::net::TcpStream::from_std(stream).expect("a socket that is open");
    stream
        .set_zero_linger()
        .expect("a socket can have no linger");
}
