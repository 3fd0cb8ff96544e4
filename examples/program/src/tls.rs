//! Who a server is on the network: an authority of its own, and a certificate from it.
//!
//! ```text
//! TLS/authority.pem      what clients are given: who trusts it, trusts this server and no other
//! TLS/certificate.pem    the server's certificate
//! TLS/certificate.key    its key, which nobody else may read
//! ```
//!
//! A server on the open network has its certificate from an authority that clients know already; then
//! the files are put here by whoever renews them.

mod certified_key;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bulla::base::Clock;
use bulla::transport::grpc::{Tls, tls_client, tls_server};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{RootCertStore, ServerConfig};

use self::certified_key::CertifiedKey;
use crate::exit_error::ExitError;
use crate::new_file::write;

/// The file clients are given.
pub const AUTHORITY: &str = "authority.pem";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "certificate.key";
/// There while the others are made.
const UNFINISHED: &str = "unfinished";

/// The cryptography of TLS.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls_graviola::default_provider())
}

/// How a server speaks TLS.
#[derive(Debug)]
#[non_exhaustive]
pub struct Server {
    /// With which certificate and key, among the rest.
    pub config: Arc<ServerConfig>,
    /// Its certificate, which clients tie their proofs to.
    pub certificate: CertificateDer<'static>,
}

/// How the server called `name` speaks TLS, with what is in `folder`; at the first start it is made.
///
/// # Errors
/// When something there cannot be made, read or used, or the certificate is for another name.
pub fn server(folder: &Path, name: &str, clock: Arc<dyn Clock>) -> Result<Server, ExitError> {
    let no_name = ExitError::because(format!("{name:?} is no name of a server"));
    let wanted = ServerName::try_from(name).map_err(no_name)?;
    let [certificate, key] = [CERTIFICATE, KEY].map(|file| folder.join(file));
    if !certificate.exists() && !key.exists() || folder.join(UNFINISHED).exists() {
        make(folder, name)?;
    }
    let unread = |path: &Path| ExitError::because(format!("{} cannot be read", path.display()));
    let chain = CertificateDer::pem_file_iter(&certificate).map_err(unread(&certificate))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unread(&certificate))?;
    let private = PrivateKeyDer::from_pem_file(&key).map_err(unread(&key))?;
    let none = || ExitError::new(format!("there is no certificate in {}", certificate.display()));
    let own = chain.first().cloned().ok_or_else(none)?;
    check_name(&own, &wanted, &certificate)?;
    let config = tls_server(provider(), chain, private, clock);
    Ok(Server { config: config.map_err(ExitError::because("TLS cannot be spoken"))?, certificate: own })
}

/// Whether clients take the certificate, which is in `file`, for that of the server called `name`.
fn check_name(certificate: &CertificateDer<'_>, name: &ServerName<'_>, file: &Path) -> Result<(), ExitError> {
    let unread = ExitError::because(format!("{} cannot be read", file.display()));
    let parsed = ParsedCertificate::try_from(certificate).map_err(unread)?;
    verify_server_name(&parsed, name).map_err(ExitError::because(format!(
        "the certificate in {} is not one for {}: say its name, or move the folder away for another",
        file.display(),
        name.to_str()
    )))
}

/// The way to the carrier at `address`, a name and a port, whose authority is in the file `authority`.
///
/// # Errors
/// When the file cannot be read, or the address is none.
pub fn client(address: &str, authority: &Path, clock: Arc<dyn Clock>) -> Result<Tls, ExitError> {
    let no_address = || ExitError::new(format!("{address} is no name with a port, such as localhost:7443"));
    let (name, port) = address.rsplit_once(':').ok_or_else(no_address)?;
    let port = port.parse().map_err(|_| no_address())?;
    let config = tls_client(provider(), authorities(authority)?, clock);
    let config = config.map_err(ExitError::because("TLS cannot be spoken"))?;
    Tls::new(name, port, config).map_err(ExitError::because(format!("{address} is no carrier's address")))
}

/// The authorities in the file `file`, whom a client trusts.
///
/// # Errors
/// When the file cannot be read, or there is none in it.
pub fn authorities(file: &Path) -> Result<RootCertStore, ExitError> {
    let unread = || ExitError::because(format!("{} cannot be read", file.display()));
    let mut roots = RootCertStore::empty();
    for trusted in CertificateDer::pem_file_iter(file).map_err(unread())? {
        let added = roots.add(trusted.map_err(unread())?);
        added.map_err(ExitError::because("the authority cannot be trusted"))?;
    }
    if roots.is_empty() {
        let nobody = format!("there is no certificate of an authority in {}", file.display());
        return Err(ExitError::new(nobody));
    }
    Ok(roots)
}

/// Makes an authority, a certificate from it for `name`, and throws away the authority's key: nothing else
/// will ever be certified by it.
fn make(folder: &Path, name: &str) -> Result<(), ExitError> {
    let failed = || ExitError::because("a certificate cannot be made");
    let authority_key = CertifiedKey::generate()?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, format!("the authority of {name}"));
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.serial_number = Some(1.into());
    authority.key_identifier_method = authority_key.identifier();
    let root = authority.self_signed(&authority_key).map_err(failed())?;

    let carrier_key = CertifiedKey::generate()?;
    let mut carrier = CertificateParams::new([name.to_owned()]).map_err(failed())?;
    carrier.distinguished_name.push(DnType::CommonName, name);
    carrier.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    carrier.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    carrier.use_authority_key_identifier_extension = true;
    carrier.serial_number = Some(2.into());
    let certified = carrier.signed_by(&carrier_key, &Issuer::new(authority, &authority_key));
    let certified = certified.map_err(failed())?;

    let private = pem::encode(&pem::Pem::new("PRIVATE KEY", carrier_key.to_pkcs8()?));
    let files =
        [(AUTHORITY, root.pem(), 0o644), (CERTIFICATE, certified.pem(), 0o644), (KEY, private, 0o600)];
    put(folder, &files).map_err(ExitError::because(format!("{} cannot be written to", folder.display())))
}

/// Puts new files into the folder: all of them, or they are put anew at the next start.
fn put(folder: &Path, files: &[(&str, String, u32)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(UNFINISHED);
    if unfinished.exists() {
        for (name, ..) in files {
            match fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    } else {
        write(&unfinished, b"", 0o644)?;
    }
    for (name, text, mode) in files {
        write(&folder.join(name), text.as_bytes(), *mode)?;
    }
    fs::remove_file(unfinished)
}

#[cfg(test)]
mod tests {
    use bulla::SystemClock;

    use super::*;

    #[test]
    fn a_carrier_is_certified_once_and_trusted_by_who_has_its_authority() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("tls");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        server(&folder, "localhost", clock.clone()).unwrap();
        let made = [AUTHORITY, CERTIFICATE, KEY].map(|file| fs::read(folder.join(file)).unwrap());
        server(&folder, "localhost", clock.clone()).unwrap();
        assert_eq!(made, [AUTHORITY, CERTIFICATE, KEY].map(|file| fs::read(folder.join(file)).unwrap()));
        client("localhost:7443", &folder.join(AUTHORITY), clock.clone()).unwrap();
        for (address, file) in
            [("localhost", AUTHORITY), ("localhost:x", AUTHORITY), ("localhost:1", "nothing")]
        {
            client(address, &folder.join(file), clock.clone()).unwrap_err();
        }
        let error = server(&folder, "other.example", clock.clone()).unwrap_err();
        assert!(error.to_string().contains("is not one for other.example"), "{error}");
        let error = client("localhost:1", &folder.join(KEY), clock.clone()).unwrap_err();
        assert!(error.to_string().contains("no certificate of an authority"), "{error}");
        fs::remove_file(folder.join(KEY)).unwrap();
        let error = server(&folder, "localhost", clock).unwrap_err();
        assert!(error.to_string().ends_with("certificate.key cannot be read"), "{error}");
    }

    /// As programs leave it that were killed while they made the certificate.
    #[test]
    fn what_was_begun_and_not_finished_is_begun_again() {
        for made in [&[][..], &[AUTHORITY], &[AUTHORITY, CERTIFICATE], &[AUTHORITY, CERTIFICATE, KEY]] {
            let home = tempfile::tempdir().unwrap();
            // As people write it, and there already.
            let (folder, clock) = (home.path().join("tls/"), Arc::new(SystemClock));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(UNFINISHED), "").unwrap();
            made.iter().for_each(|name| fs::write(folder.join(name), "another").unwrap());
            server(&folder, "localhost", clock).unwrap();
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        }
    }
}
