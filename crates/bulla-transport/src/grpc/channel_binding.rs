use std::fmt;

use rustls::ConnectionCommon;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::proto;

/// What RFC 9266 calls the keying material that is a connection's own.
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What ties a proof of identity to one connection, so that somebody in between cannot pass it on: the two
/// connections that they have differ in it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// Nothing: a connection without TLS, which whoever stands in between can take over anyway.
    None,
    /// `tls-exporter` of RFC 9266: keying material that only the two ends of the connection have.
    TlsExporter([u8; 32]),
    /// `tls-server-end-point` of RFC 5929: the SHA-256 of the server's certificate. For clients whose library
    /// does not tell the exporter.
    TlsServerEndPoint([u8; 32]),
}

impl ChannelBinding {
    /// The exporter of a TLS connection. Both ends compute the same.
    ///
    /// # Errors
    /// Before the handshake is over.
    pub fn of_connection<D>(connection: &ConnectionCommon<D>) -> Result<Self, rustls::Error> {
        connection.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[])).map(Self::TlsExporter)
    }

    /// The end point that shows this certificate, with SHA-256 whatever it is signed with.
    #[must_use]
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Self {
        Self::TlsServerEndPoint(Sha256::digest(certificate).into())
    }

    /// Its kind, as a proof names it on the wire.
    #[must_use]
    pub const fn kind(&self) -> proto::Binding {
        match self {
            Self::None => proto::Binding::None,
            Self::TlsExporter(_) => proto::Binding::TlsExporter,
            Self::TlsServerEndPoint(_) => proto::Binding::TlsServerEndPoint,
        }
    }

    /// Its kind, as it is signed.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::TlsExporter(_) => "tls-exporter",
            Self::TlsServerEndPoint(_) => "tls-server-end-point",
        }
    }

    /// Its value, as it is signed.
    pub(crate) const fn value(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::TlsExporter(value) | Self::TlsServerEndPoint(value) => value,
        }
    }
}

impl fmt::Debug for ChannelBinding {
    /// The kind alone: an exporter is its connection's secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelBinding({})", self.name())
    }
}
