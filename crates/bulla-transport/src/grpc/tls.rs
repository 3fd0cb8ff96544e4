use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::Clock;
use http::Uri;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsConnector;

use super::ChannelBinding;
use super::connector::{Connecting, Connector, Link, origin, tcp};

/// What TLS calls HTTP/2.
const HTTP2: &[u8] = b"h2";

/// TCP with TLS.
#[derive(Clone)]
pub struct Tls {
    address: String,
    name: ServerName<'static>,
    origin: Uri,
    connector: TlsConnector,
}

impl Tls {
    /// TLS to the carrier that is called `host` in its certificate, at its port `port`, as `config` says,
    /// which [`tls_client`] makes.
    ///
    /// # Errors
    /// When `host` is no name of a host.
    pub fn new(host: &str, port: u16, config: Arc<ClientConfig>) -> Result<Self, InvalidTls> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| InvalidTls::Host)?;
        let address = format!("{host}:{port}");
        let origin = origin("https", &address).map_err(|_| InvalidTls::Host)?;
        Ok(Self { address, name, origin, connector: TlsConnector::from(config) })
    }

    /// The same, but the connection is made to `address`, a host and a port, wherever the name leads.
    #[must_use]
    pub fn at(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }
}

impl Connector for Tls {
    fn origin(&self) -> &Uri {
        &self.origin
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let stream = tcp(&self.address).await?;
            let stream = self.connector.connect(self.name.clone(), stream).await?;
            let (_, connection) = stream.get_ref();
            let binding = ChannelBinding::of_connection(connection).map_err(std::io::Error::other)?;
            Ok(Link::new(stream, binding))
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How a client speaks TLS to a carrier whose certificate leads to one of `roots`: version 1.3 and nothing
/// older, with the cryptography of `provider` and the time of `clock`.
///
/// # Errors
/// When `provider` has no cipher suite or key exchange of version 1.3.
pub fn tls_client(
    provider: Arc<CryptoProvider>,
    roots: RootCertStore,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ClientConfig>, InvalidTls> {
    let builder = ClientConfig::builder_with_details(provider, Arc::new(TimeOf(clock)));
    let builder = builder.with_protocol_versions(&[&TLS13])?.with_root_certificates(roots);
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(config))
}

/// How a carrier speaks TLS as whom `chain` certifies, its own certificate first: version 1.3 and nothing
/// older, with the cryptography of `provider` and the time of `clock`.
///
/// # Errors
/// When `provider` has no cipher suite or key exchange of version 1.3, or `key` is not that of the
/// certificate.
pub fn tls_server(
    provider: Arc<CryptoProvider>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<ServerConfig>, InvalidTls> {
    let builder = ServerConfig::builder_with_details(provider, Arc::new(TimeOf(clock)));
    let builder = builder.with_protocol_versions(&[&TLS13])?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(config))
}

/// Why TLS cannot be spoken so. The host's move.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvalidTls {
    /// The carrier's name is no name of a host.
    #[error("the carrier's name is not a host's")]
    Host,
    /// The provider, the certificate and the key do not go together.
    #[error("TLS cannot be set up so")]
    Setup {
        /// What does not.
        #[from]
        source: rustls::Error,
    },
}

/// The clock we were handed, as TLS asks it whether a certificate is good now.
#[derive(Debug)]
struct TimeOf(Arc<dyn Clock>);

impl TimeProvider for TimeOf {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now().as_millis())))
    }
}
