use std::fmt;
use std::io;
use std::pin::Pin;

use http::Uri;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::ChannelBinding;

/// Bytes to the carrier and back.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for T {}

/// A connection that was made: its bytes, and what is its own.
pub struct Link {
    pub(crate) stream: Box<dyn ByteStream>,
    pub(crate) binding: ChannelBinding,
}

impl Link {
    /// The connection over `stream`. Proofs of identity that are made on it are bound to it by `binding`.
    ///
    /// # Security
    /// With [`ChannelBinding::None`] whoever stands in between can have the proof for themselves.
    #[must_use]
    pub fn new(stream: impl ByteStream, binding: ChannelBinding) -> Self {
        Self { stream: Box::new(stream), binding }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("binding", &self.binding).finish_non_exhaustive()
    }
}

/// What [`Connector::connect`] returns.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Link>> + Send + 'a>>;

/// The port through which a connection to the carrier is made. HTTP/2 is spoken on it at once, as both sides
/// know it.
///
/// # For implementors
/// It is asked again whenever the connection before it has ended. It need not watch the time: who asks does,
/// and drops the future.
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// What the carrier is called in requests: scheme and authority, such as `https://carrier.example`.
    fn origin(&self) -> &Uri;

    /// Makes a connection.
    fn connect(&self) -> Connecting<'_>;
}

/// TCP without TLS.
///
/// # Security
/// Whoever stands in between sees who writes to whom, and can take the place of either side. For tests, and
/// for a network that is protected by something else.
#[derive(Debug, Clone)]
pub struct PlainTcp {
    address: String,
    origin: Uri,
}

impl PlainTcp {
    /// TCP to `address`: a host and a port, such as `127.0.0.1:50051`.
    ///
    /// # Errors
    /// When it is no such thing.
    pub fn new(address: impl Into<String>) -> Result<Self, http::Error> {
        let address = address.into();
        let origin = origin("http", &address)?;
        Ok(Self { address, origin })
    }
}

impl Connector for PlainTcp {
    fn origin(&self) -> &Uri {
        &self.origin
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async { Ok(Link::new(tcp(&self.address).await?, ChannelBinding::None)) })
    }
}

pub(crate) fn origin(scheme: &str, authority: &str) -> Result<Uri, http::Error> {
    Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build()
}

/// A connection over TCP, on which small frames are not held back.
pub(crate) async fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
