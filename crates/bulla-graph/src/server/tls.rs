//! How TLS is spoken to clients.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::socket::Socket;

const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";

/// How TLS is spoken to clients of the API: certificates, keys, and the cryptography behind them, as rustls
/// takes them.
///
/// A clone is another hand on the same. Certificates are renewed with [`Tls::replace`], while connections
/// stay.
#[derive(Clone)]
pub struct Tls(watch::Sender<Arc<ServerConfig>>);

impl Tls {
    /// As `config` says. HTTP/2 and HTTP/1.1 are offered, unless it names protocols of its own.
    #[must_use]
    pub fn new(config: ServerConfig) -> Self {
        Self(watch::Sender::new(offering_http(config)))
    }

    /// From now on as `config` says, for connections that come. Those that are there stay as they are.
    pub fn replace(&self, config: ServerConfig) {
        self.0.send_replace(offering_http(config));
    }

    /// Speaks TLS on `socket`; whether the client speaks HTTP/2 on it.
    pub(super) async fn accept(&self, socket: Socket) -> io::Result<(TlsStream<Socket>, bool)> {
        let config = Arc::clone(&self.0.borrow());
        let stream = TlsAcceptor::from(config).accept(socket).await?;
        let is_http_2 = stream.get_ref().1.alpn_protocol() == Some(HTTP_2);
        Ok((stream, is_http_2))
    }
}

fn offering_http(mut config: ServerConfig) -> Arc<ServerConfig> {
    if config.alpn_protocols.is_empty() {
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
    }
    Arc::new(config)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
