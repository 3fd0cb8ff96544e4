//! How webhooks and links of `https` are called.

use std::path::Path;
use std::sync::Arc;

use bulla::SystemClock;
use bulla::webhook::{AllowedNetworks, Connector, TlsDialer};
use bulla_example_program::exit_error::ExitError;
use bulla_example_program::tls;

/// Why what is `https` is not called.
pub(crate) const NOBODY_TRUSTED: &str = "it is https: say with --trust whose certificates are good";

/// Whether TLS is spoken with who is at `url`.
pub(crate) fn is_https(url: &str) -> bool {
    url.starts_with("https://")
}

/// Speaks TLS to those who are certified by an authority in the file `trusted`, now, by the machine's clock.
pub(crate) fn tls_dialer(trusted: &Path) -> Result<TlsDialer, ExitError> {
    TlsDialer::new(tls::provider(), tls::authorities(trusted)?, Arc::new(SystemClock))
        .map_err(ExitError::because("TLS cannot be spoken"))
}

/// Goes to the public internet and to `networks`; to what is `https` if there is somebody to trust.
pub(crate) fn connector(networks: &AllowedNetworks, trusted: Option<&Path>) -> Result<Connector, ExitError> {
    let connector = Connector::new().allow(networks.clone());
    Ok(match trusted {
        Some(trusted) => connector.https_by(tls_dialer(trusted)?),
        None => connector,
    })
}
