//! Connections by TLS, to fetch what is behind `https` links.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bulla::base::Clock;
use bulla::webhook::{Connection, Dialer, Dialing};
use bulla_example_program::exit_error::ExitError;
use bulla_example_program::tls;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// Connects by TLS 1.3, and shakes hands with whoever has a certificate for the host.
#[derive(Clone)]
pub(crate) struct TlsDialer(TlsConnector);

impl TlsDialer {
    /// One that trusts the authorities in the file `authorities`.
    pub(crate) fn trusting(authorities: &Path, clock: Arc<dyn Clock>) -> Result<Self, ExitError> {
        let mut config = (*tls::trusting(authorities, clock)?).clone();
        // Such a server speaks HTTP/1.1.
        config.alpn_protocols.clear();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }
}

impl Dialer for TlsDialer {
    fn dial<'a>(&'a self, to: SocketAddr, host: &'a str) -> Dialing<'a> {
        Box::pin(async move {
            // An address of version 6 stands in brackets in a URL.
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(host).map_err(io::Error::other)?;
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(self.0.connect(name, stream).await?) as Box<dyn Connection>)
        })
    }
}

impl std::fmt::Debug for TlsDialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsDialer")
    }
}
