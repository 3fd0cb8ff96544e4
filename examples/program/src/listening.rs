//! Where a program is connected to.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::exit_error::ExitError;

/// Listens on `address`.
///
/// # Errors
/// When somebody else does, or it is none of this machine's.
pub async fn listen_on(address: SocketAddr) -> Result<TcpListener, ExitError> {
    let shut = ExitError::because(format!("{address} cannot be listened on"));
    TcpListener::bind(address).await.map_err(shut)
}

/// Where `listener` listens, with the port that the system has chosen if that was left to it.
///
/// # Errors
/// When the system does not say.
pub fn address_of(listener: &TcpListener) -> Result<SocketAddr, ExitError> {
    listener.local_addr().map_err(ExitError::because("what is listened on has no address"))
}
