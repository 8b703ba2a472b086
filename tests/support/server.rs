//! A loopback HTTP/1.1 server that remembers what it was asked.
//!
//! One thread for each connection, blocking: with the 64 connections that a well-behaved client
//! opens this costs less processor time than any runtime, and a delay is a sleep.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::response::{Fault, Request, Response};
use super::wire;

/// What a server answers. Layers wrap one into another.
pub type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// Plenty for a handler, and little for clients that open thousands of connections.
const STACK_BYTES: usize = 512 << 10;

/// A server that is not started yet.
pub struct Serving {
    handler: Handler,
    delay: Duration,
    prefix: Option<String>,
}

impl Serving {
    pub fn new(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self {
            handler: Arc::new(handler),
            delay: Duration::ZERO,
            prefix: None,
        }
    }

    /// Also serves everything below this path.
    pub fn below(mut self, prefix: &str) -> Self {
        self.prefix = Some(prefix.to_owned());
        self
    }

    /// Waits so long before every answer.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Wraps the handler: see [`super::layers`]. The layer that comes last sees a request first
    /// and has the last word on the answer.
    pub fn layer(mut self, wrap: impl FnOnce(Handler) -> Handler) -> Self {
        self.handler = wrap(self.handler);
        self
    }

    /// Listens on a free port of 127.0.0.1, until the server is dropped.
    pub fn start(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            serving: self,
            ..Shared::default()
        });
        let accepting = Arc::clone(&shared);
        let accept = thread::spawn(move || accepting.accept(&listener));
        Server {
            address,
            shared,
            accept: Some(accept),
        }
    }
}

impl Default for Serving {
    fn default() -> Self {
        Self::new(|_| Response::not_found("not found"))
    }
}

/// A running server. Dropping it closes its port and all its connections, and panics if a handler
/// did: a mistake in a test must not look like a fault of the network.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accept: Option<JoinHandle<()>>,
}

impl Server {
    /// `http://127.0.0.1:PORT`: as a module proxy in GOPROXY, or the database itself.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests since the start or [`Self::forget`], in the order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The decoded paths of all requests, without `/sumdb/NAME`.
    pub fn paths(&self) -> Vec<String> {
        self.shared
            .requests
            .lock()
            .unwrap()
            .iter()
            .map(|request| request.path.clone())
            .collect()
    }

    /// How many of the requests were for paths with this beginning.
    pub fn count(&self, prefix: &str) -> usize {
        self.paths()
            .iter()
            .filter(|path| path.starts_with(prefix))
            .count()
    }

    /// Connections that were ever accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }

    /// The most requests that were in progress at once: read in full, and the answer not yet
    /// begun. A request that hangs counts until the client hangs up.
    pub fn most_in_flight(&self) -> usize {
        self.shared.most_in_flight.load(SeqCst)
    }

    /// Forgets the requests and the counts, not the connections that are open.
    pub fn forget(&self) {
        self.shared.requests.lock().unwrap().clear();
        self.shared.connections.store(0, SeqCst);
        self.shared.most_in_flight.store(0, SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, SeqCst);
        // Wakes the accepting thread, which then ends and frees the port.
        let _ = TcpStream::connect(self.address);
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
        for stream in self.shared.open.lock().unwrap().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let panicked = self.shared.panicked.load(SeqCst);
        assert!(
            thread::panicking() || !panicked,
            "a handler panicked: its message is above"
        );
    }
}

#[derive(Default)]
struct Shared {
    serving: Serving,
    stopping: AtomicBool,
    panicked: AtomicBool,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// Connections by a number that is never used twice, to close them in the end.
    open: Mutex<HashMap<usize, Arc<TcpStream>>>,
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for (number, stream) in listener.incoming().enumerate() {
            if self.stopping.load(SeqCst) {
                return;
            }
            let Ok(stream) = stream else { continue };
            self.connections.fetch_add(1, SeqCst);
            let stream = Arc::new(stream);
            self.open
                .lock()
                .unwrap()
                .insert(number, Arc::clone(&stream));
            let shared = Arc::clone(&self);
            thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn(move || shared.serve(stream, number))
                .expect("a thread for a connection");
        }
    }

    /// The life of one connection.
    fn serve(&self, stream: Arc<TcpStream>, number: usize) {
        let end = panic::catch_unwind(AssertUnwindSafe(|| self.converse(&stream, number)));
        self.panicked.fetch_or(end.is_err(), SeqCst);
        self.open.lock().unwrap().remove(&number);
        if let (Ok(End::Reset), Some(stream)) = (end, Arc::into_inner(stream)) {
            wire::reset(stream);
        }
    }

    /// Answers one request after the other.
    fn converse(&self, stream: &TcpStream, connection: usize) -> End {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = wire::read_request(&mut reader) {
            request.connection = connection;
            self.strip_prefix(&mut request);
            let may_stay = request.header("connection") != Some("close");
            match self.answer(stream, &request) {
                Ok(End::KeptAlive) if may_stay => {}
                Ok(End::Reset) => return End::Reset,
                _ => break,
            }
        }
        End::Closed
    }

    fn answer(&self, stream: &TcpStream, request: &Request) -> std::io::Result<End> {
        let in_flight = self.in_flight.fetch_add(1, SeqCst) + 1;
        self.most_in_flight.fetch_max(in_flight, SeqCst);
        let with_body = request.method != "HEAD";
        self.requests.lock().unwrap().push(request.clone());
        let response = (self.serving.handler)(request);
        if !self.serving.delay.is_zero() {
            thread::sleep(self.serving.delay);
        }
        // Before the answer: the client may have sent its next request when this thread goes on.
        let hangs = response.fault == Some(Fault::HangBeforeHeaders);
        if !hangs {
            self.in_flight.fetch_sub(1, SeqCst);
        }
        let end = wire::send(stream, &response, with_body);
        if hangs {
            self.in_flight.fetch_sub(1, SeqCst);
        }
        end
    }

    fn strip_prefix(&self, request: &mut Request) {
        let Some(prefix) = &self.serving.prefix else {
            return;
        };
        if let Some(path) = request.path.strip_prefix(prefix)
            && path.starts_with('/')
        {
            request.path = path.to_owned();
            request.proxied = true;
        }
    }
}

/// How a connection stands after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client may ask again.
    KeptAlive,
    Closed,
    /// To be reset.
    Reset,
}
