//! One connection, and what it may cost.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::Activity;
use super::limits::{Limits, MAX_HEAD_BYTES, MAX_SEND_BUFFER_BYTES, MAX_STREAMS};

/// Speaks HTTP/1.1 or HTTP/2 until the client goes, the server ends, or nothing moves any more.
pub(super) async fn serve<I, F, B>(
    stream: I,
    activity: &Arc<Activity>,
    limits: Limits,
    watcher: Watcher,
    answer: impl Fn(Request<Incoming>) -> F,
) where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error = io::Error> + Send + 'static,
{
    let service = service_fn(|request: Request<Incoming>| {
        // Held until there is an answer, or nobody waits for one any more.
        let answering = activity.answering();
        let answered = answer(request);
        async move {
            let response = answered.await;
            drop(answering);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.stillness)
        .max_buf_size(MAX_HEAD_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buf_size(MAX_SEND_BUFFER_BYTES)
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .keep_alive_interval(limits.stillness);
    let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A client that breaks off is its own affair.
        _ = connection => {}
        () = activity.overdue(limits.stillness) => {}
    }
}
