//! A server on loopback that does what a test tells it to, well or badly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::{Certificate, Url};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// One machine under two names, which are two hosts to a client.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// Long enough for requests to meet each other.
const A_WHILE: Duration = Duration::from_millis(20);

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// Its place in the order of all requests, from 1.
    pub(super) number: usize,
    pub(super) path: String,
    /// The whole head in lower case.
    pub(super) head: String,
}

impl Received {
    pub(super) fn has_header(&self, name: &str) -> bool {
        self.head.contains(&format!("\r\n{name}:"))
    }
}

/// What the server does with a request, step by step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// The same again and again until nobody takes it.
    SendForEver(Vec<u8>),
    /// One byte a second.
    Trickle(Vec<u8>),
    Pause(Duration),
    /// The connection stays open and nothing comes.
    Hang,
    Close,
    /// HTTP/2 alone: ends the one stream.
    ResetStream(h2::Reason),
    /// HTTP/2 alone: ends the connection, and all its streams.
    GoAway(h2::Reason),
    /// HTTP/2 alone: begins the answer with so many headers of a kilobyte each.
    Headers(usize),
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Http,
    Https,
    Http2,
    /// HTTP/2 is agreed upon, and the reply is all that comes, whatever was asked.
    Http2Frames,
}

impl Speaks {
    /// The protocol that TLS agrees upon; `None` without TLS.
    const fn in_tls(self) -> Option<&'static [u8]> {
        match self {
            Self::Http => None,
            Self::Https => Some(b"http/1.1"),
            Self::Http2 | Self::Http2Frames => Some(b"h2"),
        }
    }
}

pub(super) type Reply = Vec<Step>;

pub(super) fn raw(text: &str) -> Reply {
    vec![Step::Send(text.as_bytes().to_vec())]
}

/// A whole answer. `headers` are lines that end in CRLF.
pub(super) fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 {status} Text\r\n{headers}Content-Length: {length}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    vec![Step::Send(bytes)]
}

pub(super) fn ok(body: impl AsRef<[u8]>) -> Reply {
    answer(200, "", body)
}

/// After a while.
pub(super) fn ok_slowly(body: impl AsRef<[u8]>) -> Reply {
    [vec![Step::Pause(A_WHILE)], ok(body)].concat()
}

pub(super) fn redirect(location: &str) -> Reply {
    answer(302, &format!("Location: {location}\r\n"), "moved")
}

/// A server for as long as this value lives.
pub(super) struct Server {
    pub(super) base: Url,
    /// What a client has to trust, if the server speaks TLS.
    pub(super) root: Option<Certificate>,
    pub(super) root_pem: String,
    counts: Arc<Counts>,
    tasks: Vec<AbortHandle>,
}

#[derive(Default)]
struct Counts {
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Server {
    pub(super) async fn http<F>(reply: F) -> Self
    where
        F: Fn(&Received) -> Reply + Send + Sync + 'static,
    {
        Self::start(Speaks::Http, Arc::new(reply)).await
    }

    /// TLS with a certificate of its own, and HTTP/1.1 in it.
    pub(super) async fn https<F>(reply: F) -> Self
    where
        F: Fn(&Received) -> Reply + Send + Sync + 'static,
    {
        Self::start(Speaks::Https, Arc::new(reply)).await
    }

    /// HTTP/2, where each answer is its path after a while, the first after a pause.
    pub(super) async fn http2(first_pause: Duration) -> Self {
        let reply = move |received: &Received| {
            let pause = if received.number == 1 {
                first_pause
            } else {
                A_WHILE
            };
            vec![Step::Pause(pause)]
        };
        Self::http2_that(reply).await
    }

    /// HTTP/2, where each answer is its path, after what the reply does to its stream.
    pub(super) async fn http2_that<F>(reply: F) -> Self
    where
        F: Fn(&Received) -> Reply + Send + Sync + 'static,
    {
        Self::start(Speaks::Http2, Arc::new(reply)).await
    }

    /// HTTP/2 frames as they stand there, on each connection.
    pub(super) async fn http2_frames(frames: Reply) -> Self {
        Self::start(Speaks::Http2Frames, Arc::new(move |_| frames.clone())).await
    }

    async fn start(speaks: Speaks, reply: Arc<dyn Fn(&Received) -> Reply + Send + Sync>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if speaks.in_tls().is_some() {
            "https"
        } else {
            "http"
        };
        let counts = Arc::new(Counts::default());
        let identity = speaks.in_tls().map(Identity::new);
        let (acceptor, certificate) = match identity {
            Some(Identity {
                acceptor,
                certificate,
                pem,
            }) => (Some(acceptor), Some((certificate, pem))),
            None => (None, None),
        };
        let accept = {
            let counts = Arc::clone(&counts);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    // Else the kernel holds back small writes for 40 ms of real time, which is
                    // for ever on a paused clock.
                    stream.set_nodelay(true).unwrap();
                    counts.connections.fetch_add(1, Ordering::Relaxed);
                    let (counts, reply) = (Arc::clone(&counts), Arc::clone(&reply));
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        match acceptor {
                            None => serve(stream, &counts, &*reply).await,
                            Some(acceptor) => {
                                let Ok(stream) = acceptor.accept(stream).await else {
                                    return;
                                };
                                match speaks {
                                    Speaks::Http2 => serve_http2(stream, counts, reply).await,
                                    Speaks::Http2Frames => {
                                        serve_frames(stream, &counts, &*reply).await;
                                    }
                                    _ => serve(stream, &counts, &*reply).await,
                                }
                            }
                        }
                    });
                }
            }
        };
        // A paused clock jumps to the next timer whenever the runtime waits, even for a byte that
        // is on its way. With a timer each millisecond it goes slowly enough.
        let tick = async {
            loop {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let (root, root_pem) = certificate.unzip();
        Self {
            base: format!("{scheme}://{address}/").parse().unwrap(),
            root,
            root_pem: root_pem.unwrap_or_default(),
            counts,
            tasks: vec![
                tokio::spawn(accept).abort_handle(),
                tokio::spawn(tick).abort_handle(),
            ],
        }
    }

    pub(super) fn url(&self, path: &str) -> Url {
        self.base.join(path).unwrap()
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.counts.received.lock().unwrap().clone()
    }

    pub(super) fn paths(&self) -> Vec<String> {
        self.received()
            .into_iter()
            .map(|received| received.path)
            .collect()
    }

    pub(super) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::Relaxed)
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.counts.most_in_flight.load(Ordering::Relaxed)
    }
}

struct Identity {
    acceptor: TlsAcceptor,
    certificate: Certificate,
    pem: String,
}

impl Identity {
    fn new(protocol: &[u8]) -> Self {
        let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned)).unwrap();
        let certificate = CertificateDer::from(made.cert.der().to_vec());
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = vec![protocol.to_vec()];
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate: Certificate::from_der(&certificate).unwrap(),
            pem: pem(&certificate),
        }
    }
}

/// RFC 7468, in lines of 64.
fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

impl Counts {
    fn receive(&self, path: &str, head: &str) -> Received {
        let mut all = self.received.lock().unwrap();
        let received = Received {
            number: all.len() + 1,
            path: path.to_owned(),
            head: head.to_lowercase(),
        };
        all.push(received.clone());
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(in_flight, Ordering::Relaxed);
        received
    }

    fn done(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn serve<S>(
    mut stream: S,
    counts: &Counts,
    reply: &(dyn Fn(&Received) -> Reply + Send + Sync),
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(head) = read_head(&mut stream).await {
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let received = counts.receive(&path, &head);
        let go_on = play(&mut stream, reply(&received)).await;
        counts.done();
        if !go_on {
            return;
        }
    }
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// Whether the connection may serve another request.
async fn play<S: AsyncWrite + Unpin>(stream: &mut S, steps: Reply) -> bool {
    for step in steps {
        let sent = match step {
            Step::Send(bytes) => send(stream, &bytes).await,
            Step::SendForEver(bytes) => {
                while send(stream, &bytes).await {
                    // A clock that stands still goes on only when nobody has anything to do.
                    sleep(Duration::from_millis(1)).await;
                }
                false
            }
            Step::Trickle(bytes) => {
                let mut sent = true;
                for byte in bytes {
                    sent = sent && send(stream, &[byte]).await;
                    sleep(Duration::from_secs(1)).await;
                }
                sent
            }
            Step::Pause(pause) => {
                sleep(pause).await;
                true
            }
            Step::Hang => std::future::pending().await,
            Step::Close => false,
            Step::ResetStream(_) | Step::GoAway(_) | Step::Headers(_) => {
                unreachable!("HTTP/1.1 has no streams")
            }
        };
        if !sent {
            return false;
        }
    }
    true
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
}

async fn serve_http2<S>(
    stream: S,
    counts: Arc<Counts>,
    reply: Arc<dyn Fn(&Received) -> Reply + Send + Sync>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let (go_away, mut go_away_asked) = tokio::sync::mpsc::unbounded_channel();
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            Some(reason) = go_away_asked.recv() => {
                connection.abrupt_shutdown(reason);
                continue;
            }
        };
        let Some(Ok((request, respond))) = accepted else {
            return;
        };
        let (counts, reply, go_away) = (Arc::clone(&counts), Arc::clone(&reply), go_away.clone());
        tokio::spawn(async move {
            let path = request.uri().path().to_owned();
            let steps = reply(&counts.receive(&path, ""));
            // A stream that the client has given up can be told nothing.
            let _ = play_stream(respond, path, steps, &go_away).await;
            counts.done();
        });
    }
}

/// Plays the steps; then the path is the rest of the body.
async fn play_stream(
    mut respond: h2::server::SendResponse<Bytes>,
    path: String,
    steps: Reply,
    go_away: &tokio::sync::mpsc::UnboundedSender<h2::Reason>,
) -> Result<(), h2::Error> {
    let mut body = None;
    let mut headers = 0;
    let sent = steps.iter().map(|step| match step {
        Step::Send(bytes) => bytes.len(),
        _ => 0,
    });
    let length = sent.sum::<usize>() + path.len();
    for step in steps {
        match step {
            Step::Pause(pause) => sleep(pause).await,
            Step::Headers(count) => headers = count,
            Step::Send(bytes) => {
                if body.is_none() {
                    body = Some(respond.send_response(response(length, headers), false)?);
                }
                if let Some(body) = &mut body {
                    body.send_data(bytes.into(), false)?;
                }
                // Else a reset would overtake it.
                sleep(A_WHILE).await;
            }
            Step::ResetStream(reason) => {
                match &mut body {
                    Some(body) => body.send_reset(reason),
                    None => respond.send_reset(reason),
                }
                return Ok(());
            }
            Step::GoAway(reason) => {
                let _ = go_away.send(reason);
                std::future::pending::<()>().await;
            }
            Step::Hang | Step::Close | Step::SendForEver(_) | Step::Trickle(_) => {
                std::future::pending::<()>().await;
            }
        }
    }
    let mut body = match body {
        Some(body) => body,
        None => respond.send_response(response(length, headers), false)?,
    };
    body.send_data(path.into(), true)
}

fn response(length: usize, headers: usize) -> http::Response<()> {
    let mut response = http::Response::builder().header("content-length", length);
    for number in 0..headers {
        response = response.header(format!("x-{number}"), "x".repeat(1000));
    }
    response.body(()).unwrap()
}

/// What the client says is not listened to.
async fn serve_frames<S>(
    mut stream: S,
    counts: &Counts,
    reply: &(dyn Fn(&Received) -> Reply + Send + Sync),
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let received = counts.receive("/", "");
    play(&mut stream, reply(&received)).await;
    std::future::pending::<()>().await;
}
