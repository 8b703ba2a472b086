//! The client against a server on loopback that behaves in every way it should not.
//!
//! The clock stands still and jumps, so no test waits for real; see [`server`].

mod answers;
mod credentials;
mod downloads;
mod environment;
mod http2;
mod redirects;
mod retries;
mod server;
mod time;
mod tls;
mod traffic;

use std::sync::{Arc, Mutex};

use self::server::Server;
use super::*;

const LIMIT_BYTES: usize = 1000;

fn client() -> HttpClient {
    HttpClient::new(HttpSettings::default())
}

/// A client that trusts this server's certificate.
fn client_of(server: &Server, settings: HttpSettings) -> HttpClient {
    let mut client = HttpClient::new(settings);
    client.connections.test_roots.extend(server.root.clone());
    client
}

/// A client and the traces of its requests, as text and without times.
fn observed(settings: HttpSettings) -> (HttpClient, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let observer: Observer = {
        let lines = Arc::clone(&lines);
        Arc::new(move |trace: &RequestTrace| {
            let mut trace = trace.clone();
            trace.elapsed = Duration::ZERO;
            lines.lock().unwrap().push(trace.to_string());
        })
    };
    let settings = HttpSettings {
        observer: Some(observer),
        ..settings
    };
    (HttpClient::new(settings), lines)
}

async fn get(server: &Server, path: &str) -> Result<Answer, FetchError> {
    client().get(&server.url(path), LIMIT_BYTES).await
}

async fn get_error(server: &Server, path: &str) -> String {
    get(server, path).await.unwrap_err().to_string()
}

fn found(body: &str) -> Result<Answer, FetchError> {
    Ok(Answer::Found(Bytes::copy_from_slice(body.as_bytes())))
}
