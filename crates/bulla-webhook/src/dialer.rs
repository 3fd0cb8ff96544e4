use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What [`Dialer::dial`] returns.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send + 'a>>;

/// A connection to a web server.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<C: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection for C {}

/// The port through which connections are made, and the joint at which they can be wrapped.
///
/// # For implementors
/// `to` has been checked: connect to it and to nothing else, and look nothing up. `host` is what the URL
/// names, an address without brackets, as a layer of TLS wants it. One that speaks TLS says of a certificate
/// that it does not trust so by an [`UntrustedCertificate`]. Dropping the future gives the connection up.
pub trait Dialer: fmt::Debug + Send + Sync + 'static {
    /// Connects to `to`.
    fn dial<'a>(&'a self, to: SocketAddr, host: &'a str) -> Dialing<'a>;
}

/// Why nothing is said to a web server: nobody who is trusted says that it is who it should be.
///
/// It goes into the [`io::Error`] of a [`Dialer`], and comes out as
/// [`WebhookError::UntrustedCertificate`](crate::WebhookError::UntrustedCertificate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UntrustedCertificate {
    /// Nobody who is trusted here has issued it.
    #[error(
        "no authority that is trusted here has issued it: have the web server send the whole chain with it, \
         or trust its authority"
    )]
    UnknownIssuer,
    /// Its time is over.
    #[error("it has expired: renew it")]
    Expired,
    /// Its time has not begun.
    #[error("it is not valid yet: look at the clocks")]
    NotValidYet,
    /// It is another host's.
    #[error("it is not for the host in the url: have one issued for that host")]
    OtherHost,
    /// It is none for a web server, has been revoked, or is not understood.
    #[error("it cannot be used for a web server: have another issued")]
    Unfit,
}

impl From<UntrustedCertificate> for io::Error {
    fn from(why: UntrustedCertificate) -> Self {
        Self::new(io::ErrorKind::InvalidData, why)
    }
}

/// Connects by TCP, and by nothing else: no proxy that the environment names is asked.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct TcpDialer;

impl Dialer for TcpDialer {
    fn dial<'a>(&'a self, to: SocketAddr, _host: &'a str) -> Dialing<'a> {
        Box::pin(async move { Ok(Box::new(tcp(to).await?) as Box<dyn Connection>) })
    }
}

/// A connection to `to`.
pub(crate) async fn tcp(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to).await?;
    // A request is written at once and whole: there is nothing it could be sent together with.
    stream.set_nodelay(true)?;
    Ok(stream)
}
