use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

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
/// names, as a layer of TLS wants it. Dropping the future gives the connection up.
pub trait Dialer: fmt::Debug + Send + Sync + 'static {
    /// Connects to `to`.
    fn dial<'a>(&'a self, to: SocketAddr, host: &'a str) -> Dialing<'a>;
}

/// Connects by TCP, and by nothing else: no proxy that the environment names is asked.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing inside, and never will")]
pub struct TcpDialer;

impl Dialer for TcpDialer {
    fn dial<'a>(&'a self, to: SocketAddr, _host: &'a str) -> Dialing<'a> {
        Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            // A request is written at once and whole: there is nothing it could be sent together with.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }
}
