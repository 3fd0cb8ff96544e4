use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::poll_fn;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codegen::{BoxFuture, Service};
use tonic::{Request, Streaming};

use super::bytes_codec::BytesCodec;
use crate::served_carrier::Way;
use crate::tls_client::NAME;
use crate::tls_client::speak_tls;

/// One connection.
pub(super) struct Client(Grpc<Requests>);

/// A stream both of whose directions are open.
pub(crate) struct EchoStream {
    pub(crate) said: mpsc::Sender<Bytes>,
    pub(crate) heard: Streaming<Bytes>,
}

/// How many messages wait to be written: as many as in the carrier's client.
const WAITING: usize = 16;

impl Client {
    pub(super) async fn connect(way: &Way) -> Self {
        let stream = TcpStream::connect(way.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = TokioIo::new(speak_tls(stream, &way.authority, &[b"h2"]).await);
        let (requests, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let origin = format!("https://{NAME}").parse().unwrap();
        Self(Grpc::with_origin(Requests(requests), origin))
    }

    pub(super) async fn stream(&self) -> EchoStream {
        let (said, mut written) = mpsc::channel(WAITING);
        let written = poll_fn(move |context| written.poll_recv(context));
        let mut client = self.0.clone();
        client.ready().await.unwrap();
        let path = "/bench.Bare/Echo".parse().unwrap();
        let answer = client.streaming(Request::new(written), path, BytesCodec).await.unwrap();
        EchoStream { said, heard: answer.into_inner() }
    }
}

#[derive(Clone)]
struct Requests(SendRequest<Body>);

impl Service<hyper::Request<Body>> for Requests {
    type Response = hyper::Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<Self::Response, hyper::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: hyper::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
