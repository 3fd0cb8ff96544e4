//! What a carrier is at most: streams of tonic over the same TLS, whose other end says again what it is told.

mod bytes_codec;
mod client;
mod server;

use std::sync::Arc;

use bulla_base::Clock;
use bulla_example_program::tls;
use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use self::client::Client;
pub(crate) use self::client::EchoStream;
use crate::clock::Machine;
use crate::load::{Load, Run};
use crate::parties::envelope_bytes;
use crate::served_carrier::Way;
use crate::tls_client::NAME;

/// A server that echoes.
pub(crate) struct BareStream {
    folder: tempfile::TempDir,
    way: Way,
}

impl BareStream {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Machine);
        let tls = tls::server(folder.path(), NAME, clock).unwrap();
        let address = server::start(tls.config).await;
        let way = Way { address, authority: folder.path().join(tls::AUTHORITY) };
        Self { folder, way }
    }

    /// A stream on a connection of its own.
    pub(crate) async fn stream(&self) -> EchoStream {
        Client::connect(&self.way).await.stream().await
    }

    /// As many streams as the carrier has, on as many connections: those of the senders on one, those of the
    /// receivers on one each. Each message crosses the network in both directions once.
    pub(crate) async fn run(&self, load: Load) -> Run {
        let shared = Client::connect(&self.way).await;
        let mut streams = join_all((0..load.pairs).map(|_| shared.stream())).await;
        streams.extend(join_all((0..load.pairs).map(|_| self.stream())).await);
        let (each, in_flight) = (load.messages / streams.len(), (load.in_flight / 2).max(1));
        Run::of(each * streams.len(), async {
            join_all(streams.into_iter().map(|stream| tokio::spawn(echo(stream, each, in_flight))))
                .await
                .into_iter()
                .for_each(Result::unwrap);
        })
        .await
    }

    pub(crate) fn close(self) {
        drop(self.folder);
    }
}

/// Says so many messages, of which so many are not answered yet at a time.
async fn echo(stream: EchoStream, messages: usize, in_flight: usize) {
    let message = Bytes::from(vec![7; envelope_bytes()]);
    let EchoStream { said, mut heard } = stream;
    let places = Semaphore::new(in_flight);
    let say = async {
        for _ in 0..messages {
            places.acquire().await.unwrap().forget();
            said.send(message.clone()).await.unwrap();
        }
    };
    let hear = async {
        for _ in 0..messages {
            let answer = heard.message().await.unwrap().unwrap();
            assert_eq!(answer.len(), message.len());
            places.add_permits(1);
        }
    };
    tokio::join!(say, hear);
}
