//! A client of a module proxy that believes everything: what it gets, it would use.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Whoever says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Clone, Debug)]
pub struct Got {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether as many bytes came as were announced.
    pub whole: bool,
}

impl Got {
    /// The header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(own, _)| own == name)?;
        Some(value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// GET over a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> Got {
    request(address, "GET", path, &[])
}

/// A request with these headers over a connection of its own.
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Got {
    let stream = connect(address, method, path, headers);
    let mut reader = BufReader::new(&stream);
    let (status, headers) = read_head(&mut reader);
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map(|(_, value)| value.parse::<usize>().expect("a length"));
    let mut body = Vec::new();
    // A connection that breaks off is an answer that is not whole.
    let ended = reader.read_to_end(&mut body);
    let whole =
        ended.is_ok() && (method == "HEAD" || length.is_none_or(|length| length == body.len()));
    Got {
        status,
        headers,
        body,
        whole,
    }
}

/// Sends a request and leaves the answer to the caller.
pub fn connect(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a listener");
    stream.set_read_timeout(Some(SILENCE)).expect("a time-out");
    let names_host = headers.iter().any(|(name, _)| *name == "host");
    let host = if names_host {
        ""
    } else {
        "Host: localhost\r\n"
    };
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!("{method} {path} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).expect("a listener");
    stream
}

/// The status and the headers.
pub fn read_head(reader: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a status line");
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    (
        status.unwrap_or_else(|| panic!("no status: {line:?}")),
        headers,
    )
}
