use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::Clock;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::dialer::{Connection, Dialer, Dialing, UntrustedCertificate, tcp};

/// Connects by TCP and speaks TLS on it, for [`Connector::https_by`](crate::Connector::https_by).
///
/// ```
/// use std::sync::Arc;
///
/// use bulla_webhook::{Connector, TlsDialer};
/// use rustls::RootCertStore;
/// use rustls::crypto::CryptoProvider;
///
/// fn connector(
///     provider: Arc<CryptoProvider>,
///     trusted: RootCertStore,
///     clock: Arc<dyn bulla_base::Clock>,
/// ) -> Result<Connector, rustls::Error> {
///     Ok(Connector::new().https_by(TlsDialer::new(provider, trusted, clock)?))
/// }
/// ```
///
/// # Security
/// Who is trusted is what the host says: nothing is taken from the machine or from a program's globals. A
/// certificate has to be for the host that the URL names, now, and lead to one of those; whether it was
/// revoked is not asked.
#[derive(Clone)]
pub struct TlsDialer(TlsConnector);

impl TlsDialer {
    /// Speaks TLS 1.3, or 1.2, to whoever has a certificate that leads to one of `trusted`, with the
    /// cryptography of `provider` and the time of `clock`.
    ///
    /// # Errors
    /// When `provider` has no cipher suite or key exchange for them.
    pub fn new(
        provider: Arc<CryptoProvider>,
        trusted: RootCertStore,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, rustls::Error> {
        let builder = ClientConfig::builder_with_details(provider, Arc::new(TimeOf(clock)));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12])?;
        let mut config = builder.with_root_certificates(trusted).with_no_client_auth();
        // A session that is resumed shows no certificate, and connections stay open anyway.
        config.resumption = Resumption::disabled();
        Ok(Self::with(config))
    }

    /// Speaks TLS as `config` says: for a host that shows a certificate of its own. HTTP/1.1 is all that is
    /// offered, whatever it names.
    #[must_use]
    pub fn with(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self(TlsConnector::from(Arc::new(config)))
    }
}

impl Dialer for TlsDialer {
    fn dial<'a>(&'a self, to: SocketAddr, host: &'a str) -> Dialing<'a> {
        Box::pin(async move {
            // The dot that says that a name is whole stands in no certificate.
            let host = host.strip_suffix('.').unwrap_or(host).to_owned();
            let name = ServerName::try_from(host).map_err(io::Error::other)?;
            let stream = self.0.connect(name, tcp(to).await?).await.map_err(untrusted)?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }
}

impl fmt::Debug for TlsDialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsDialer")
    }
}

/// What rustls says of a certificate names hosts; here it only says why.
fn untrusted(error: io::Error) -> io::Error {
    let Some(rustls::Error::InvalidCertificate(why)) = error.get_ref().and_then(|inner| inner.downcast_ref())
    else {
        return error;
    };
    let why = match why {
        CertificateError::UnknownIssuer => UntrustedCertificate::UnknownIssuer,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => UntrustedCertificate::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            UntrustedCertificate::NotValidYet
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            UntrustedCertificate::OtherHost
        }
        _ => UntrustedCertificate::Unfit,
    };
    why.into()
}

/// The clock we were handed, as TLS asks it whether a certificate is good now.
#[derive(Debug)]
struct TimeOf(Arc<dyn Clock>);

impl TimeProvider for TimeOf {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now().as_millis())))
    }
}
