//! TLS as the transport of the carrier speaks it, for clients of other servers.

use std::path::Path;
use std::sync::Arc;

use bulla_transport::grpc::tls_client;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::clock::Machine;

/// What servers are called in their certificates.
pub(crate) const NAME: &str = "localhost";

/// Speaks TLS on `stream` with whom the authority in this file certifies, for one of `protocols`.
pub(crate) async fn speak_tls(
    stream: TcpStream,
    authority: &Path,
    protocols: &[&[u8]],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls_graviola::default_provider());
    let mut config = tls_client(provider, roots, Arc::new(Machine)).unwrap();
    Arc::make_mut(&mut config).alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(config).connect(name, stream).await.unwrap()
}
