//! The HTTP server of `/metrics`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bulla::SystemClock;
use bulla::base::Clock;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::Observability;
use crate::exit_error::ExitError;
use crate::timing::within;

/// Where the counters are.
pub const PATH: &str = "/metrics";
/// How many may ask at once. The others wait.
const MAX_CONNECTIONS: usize = 8;
/// How long one may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How large the head of a request may be.
const MAX_HEAD_BYTES: usize = 8 << 10;
/// How often what was measured is added up, and after how long it is tried again to take a connection.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves the counters to whoever comes to `listener`, a request for each connection, after everybody has had
/// a `look` at what waits.
///
/// # Errors
/// Never; it goes on until it is dropped.
pub async fn serve<L: Future<Output = ()> + Send>(
    listener: TcpListener,
    observability: Observability,
    look: impl Fn() -> L + Clone + Send + Sync + 'static,
) -> Result<(), ExitError> {
    let counting = observability.clone();
    let add_up = async move {
        loop {
            SystemClock.sleep(UPKEEP).await;
            counting.add_up();
        }
    };
    tokio::select! {
        never = add_up => never,
        never = take(listener, observability, look) => never,
    }
}

async fn take<L: Future<Output = ()> + Send>(
    listener: TcpListener,
    observability: Observability,
    look: impl Fn() -> L + Clone + Send + Sync + 'static,
) -> Result<(), ExitError> {
    let tickets = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let ticket = Arc::clone(&tickets).acquire_owned().await;
        match listener.accept().await {
            Ok((connection, _)) => {
                let (observability, look) = (observability.clone(), look.clone());
                tokio::spawn(async move {
                    let _ticket = ticket;
                    let answering = async {
                        look().await;
                        answer(connection, observability).await;
                    };
                    drop(within(REQUEST_TIMEOUT, "the counters", answering).await);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "nobody can ask for the counters");
                SystemClock.sleep(UPKEEP).await;
            }
        }
    }
}

async fn answer(connection: TcpStream, observability: Observability) {
    let service = service_fn(move |request| {
        let response = respond(&request, &observability);
        async move { Ok::<_, Infallible>(response) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .keep_alive(false);
    drop(server.serve_connection(TokioIo::new(connection), service).await);
}

fn respond(request: &Request<Incoming>, observability: &Observability) -> Response<Full<Bytes>> {
    let plain = |status, text: String| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        let form = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, form);
        response
    };
    if request.uri().path() != PATH {
        return plain(StatusCode::NOT_FOUND, format!("there is only {PATH}\n"));
    }
    if request.method() == Method::GET {
        plain(StatusCode::OK, observability.page())
    } else {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET is answered\n".to_owned());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        response
    }
}
