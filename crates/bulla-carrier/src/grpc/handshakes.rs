use std::fmt;
use std::io;
use std::sync::Arc;

use bulla_transport::grpc::ChannelBinding;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::limits::HANDSHAKES_AT_ONCE;

/// How TLS is begun on connections: what takes the processor, on a few at a time.
///
/// After a cut in the network all come back at once, and each of them takes as long as some hundred calls of
/// those who are there. What a client has to send is waited for by as many as come, and what is computed from
/// it by [`HANDSHAKES_AT_ONCE`], in the order of their coming: between two of them others are served. Nobody
/// holds such a turn while a client is waited for.
#[derive(Clone)]
pub(crate) struct Handshakes {
    acceptor: TlsAcceptor,
    turns: Arc<Semaphore>,
    /// The end points of the certificates that may be shown.
    end_points: Vec<ChannelBinding>,
}

impl Handshakes {
    /// As `acceptor` does them, with what may be shown there.
    pub(crate) fn new(acceptor: TlsAcceptor, end_points: Vec<ChannelBinding>) -> Self {
        Self { acceptor, turns: Arc::new(Semaphore::new(HANDSHAKES_AT_ONCE)), end_points }
    }

    /// Speaks TLS on `stream`. Beside it, what ties a proof to the connection.
    ///
    /// # Errors
    /// When the other end does not.
    pub(crate) async fn accept<C: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: C,
    ) -> io::Result<(TlsStream<C>, Vec<ChannelBinding>)> {
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let turn = self.turns.acquire().await.map_err(io::Error::other)?;
        // Keys are agreed on and the certificate's is used before this returns.
        let handshake = hello.into_stream(Arc::clone(self.acceptor.config()));
        drop(turn);
        let stream = handshake.await?;
        let (_, connection) = stream.get_ref();
        let mut bindings = self.end_points.clone();
        // Without it there are the end points still.
        bindings.extend(ChannelBinding::of_connection(connection));
        Ok((stream, bindings))
    }
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshakes").field("turns", &self.turns).finish_non_exhaustive()
    }
}
