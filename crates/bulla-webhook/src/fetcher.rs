use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use bulla_base::{Clock, Timestamp};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::{Either, select};
use futures_util::stream;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::http_connection::HttpConnection;
use crate::limits::{FETCH_TIMEOUT, MAX_FETCH_LOOKUPS, MAX_REDIRECTS};
use crate::webhook_url::{Origin, Protocol};
use crate::{Connector, WebhookError};

/// Who asks.
const OUR_NAME: HeaderValue = HeaderValue::from_static(concat!("bulla/", env!("CARGO_PKG_VERSION")));

/// What is said of a URL that is of neither.
const NO_PROTOCOL: &str = "it must start with https:// or http://";

/// Fetches files from the web, from where the [`Connector`] may go and from nowhere else.
///
/// Each redirect is a call of its own, to an address that is checked anew. No cookie, no token and nothing of
/// who asks for it goes along.
///
/// # Limits
/// All of it, from the first look-up to the last byte, may take [`FETCH_TIMEOUT`], with at most
/// [`MAX_REDIRECTS`] redirects. At most 8 names are looked up at once, also of those given up. How long a
/// file may be, whoever reads it says: it comes piece by piece.
#[derive(Clone)]
pub struct Fetcher {
    connector: Connector,
    /// Of what is `https`, if that is another.
    https: Option<Connector>,
    clock: Arc<dyn Clock>,
    lookups: Lookups,
}

/// Each is held by the look-up that is under way of one of the names that share it: so abandoned ones do not
/// pile up.
type Lookups = Arc<[Arc<Mutex<()>>; MAX_FETCH_LOOKUPS]>;

/// A file that comes.
pub struct Fetched {
    media_type: Option<String>,
    bytes: FetchedBytes,
}

/// Its bytes, piece by piece.
pub type FetchedBytes = Pin<Box<dyn Stream<Item = Result<Bytes, FetchError>> + Send>>;

/// Why a file was not fetched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The caller's move: the URL cannot be called.
    #[error("the link cannot be followed: {why}")]
    Url {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The operator's move: the [`Connector`] has nothing that [speaks TLS](Connector::https_by).
    #[error("the link is https, which this relay does not speak")]
    Https,
    /// The web server's, the network's or the operator's: it cannot be reached, or may not be called.
    #[error("the link's web server was not reached")]
    NotReached(#[source] WebhookError),
    /// The web server's: it answered something else than 200.
    #[error("the link's web server answered {status}")]
    Status {
        /// What it answered.
        status: u16,
    },
    /// The web server's: it sends from one place to the next.
    #[error("the link was redirected more than {MAX_REDIRECTS} times")]
    Redirects,
    /// The web server's: it took too long.
    #[error("the file did not come within {} seconds", FETCH_TIMEOUT.as_secs())]
    TooSlow,
    /// The web server's: the file broke off.
    #[error("the file broke off")]
    BrokeOff,
}

impl Fetcher {
    /// Fetches by `connector`; what is `https`, if it [speaks TLS](Connector::https_by).
    #[must_use]
    pub fn new(connector: Connector, clock: Arc<dyn Clock>) -> Self {
        Self { connector, https: None, clock, lookups: Arc::default() }
    }

    /// Fetches what is `https` by another connector, whose [`Dialer`](crate::Dialer) speaks TLS.
    #[must_use]
    pub fn https_by(mut self, connector: Connector) -> Self {
        self.https = Some(connector.dialing_https());
        self
    }

    /// Fetches what stands at `url`: the head of the answer now, and its bytes as they are read.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
        let end = self.clock.now().after(FETCH_TIMEOUT);
        let mut at = read(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let asking = Box::pin(self.ask(&at));
            let (connection, response) = match select(asking, self.clock.sleep(left(&*self.clock, end))).await
            {
                Either::Left((answer, _)) => answer?,
                Either::Right(_) => return Err(FetchError::TooSlow),
            };
            match response.status() {
                StatusCode::OK => return Ok(self.fetched(connection, response, end)),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                    at = next(&at, to.ok_or(FetchError::Url { why: "it is redirected to nowhere" })?)?;
                    connection.close().await;
                }
                status => return Err(FetchError::Status { status: status.as_u16() }),
            }
        }
        Err(FetchError::Redirects)
    }

    async fn ask(&self, at: &Uri) -> Result<(HttpConnection, Response<Incoming>), FetchError> {
        let protocol = Protocol::of(at).ok_or(FetchError::Url { why: NO_PROTOCOL })?;
        let authority = at.authority().ok_or(FetchError::Url { why: "it names no host" })?;
        let origin = Origin::read(protocol, authority.as_str());
        let origin = origin.map_err(|_| FetchError::Url { why: "its host or its port is none" })?;
        let target = at.path_and_query().map_or("/", |target| target.as_str());
        let host = HeaderValue::from_str(authority.as_str()).map_err(WebhookError::broken)?;
        let request = Request::get(target).header(HOST, host).header(USER_AGENT, OUR_NAME);
        let request = request.header(ACCEPT, "*/*").body(Full::new(Bytes::new()));
        let request = request.map_err(WebhookError::broken)?;
        let lookup = self.lookup_of(authority.host());
        let connector = match (protocol, &self.https) {
            (Protocol::Https, Some(https)) => https,
            _ => &self.connector,
        };
        let connection = connector.connect(&origin, &lookup, &*self.clock).await?;
        let mut connection = HttpConnection::open(connection).await?;
        let response = connection.send(request).await?;
        Ok((connection, response))
    }

    /// What the look-up of `host` holds, always the same.
    fn lookup_of(&self, host: &str) -> Arc<Mutex<()>> {
        let mut hasher = DefaultHasher::new();
        host.to_ascii_lowercase().hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % MAX_FETCH_LOOKUPS as u64).unwrap_or_default();
        // It is always there.
        self.lookups.get(place).map_or_else(Arc::default, Arc::clone)
    }

    /// What has come; the connection is held for as long as it is read.
    fn fetched(&self, connection: HttpConnection, response: Response<Incoming>, end: Timestamp) -> Fetched {
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let media_type = media_type.map(str::to_owned);
        let clock = Arc::clone(&self.clock);
        let state = (connection, response.into_body(), clock);
        let bytes = stream::try_unfold(state, move |(connection, mut body, clock)| async move {
            loop {
                let frame = match select(body.frame(), clock.sleep(left(&*clock, end))).await {
                    Either::Left((frame, _)) => frame,
                    Either::Right(_) => return Err(FetchError::TooSlow),
                };
                let Some(frame) = frame else { return Ok(None) };
                let frame = frame.map_err(|_| FetchError::BrokeOff)?;
                // Trailers are no data.
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some((piece, (connection, body, clock))));
                }
            }
        });
        Fetched { media_type, bytes: Box::pin(bytes) }
    }
}

impl From<WebhookError> for FetchError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NoTls => Self::Https,
            error => Self::NotReached(error),
        }
    }
}

impl Fetched {
    /// What the web server says that it is.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// Its bytes.
    #[must_use]
    pub fn into_bytes(self) -> FetchedBytes {
        self.bytes
    }
}

/// How long it is until `end`.
fn left(clock: &dyn Clock, end: Timestamp) -> std::time::Duration {
    end.since(clock.now())
}

/// Reads a URL.
fn read(url: &str) -> Result<Uri, FetchError> {
    let refused = |why| Err(FetchError::Url { why });
    // What stands behind # is for whoever shows it.
    let url = url.split('#').next().unwrap_or_default();
    let Ok(uri) = url.parse::<Uri>() else { return refused("it cannot be read") };
    if Protocol::of(&uri).is_some() { Ok(uri) } else { refused(NO_PROTOCOL) }
}

/// Where `location` leads from `at`; from `https` never to `http`.
fn next(at: &Uri, location: &str) -> Result<Uri, FetchError> {
    let (Some(scheme), Some(authority)) = (at.scheme_str(), at.authority()) else {
        return Err(FetchError::Url { why: "it names no host" });
    };
    let to = match location {
        whole if whole.contains("://") && !whole.starts_with('/') => read(whole)?,
        of_host if of_host.starts_with("//") => read(&format!("{scheme}:{of_host}"))?,
        of_root if of_root.starts_with('/') => read(&format!("{scheme}://{authority}{of_root}"))?,
        of_folder => {
            let folder = at.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            read(&format!("{scheme}://{authority}{folder}/{of_folder}"))?
        }
    };
    if at.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS) {
        return Err(FetchError::Url { why: "it is redirected from https to http" });
    }
    Ok(to)
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connector, https, clock: _, lookups: _ } = self;
        f.debug_struct("Fetcher").field("connector", connector).field("https", https).finish_non_exhaustive()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { media_type, bytes: _ } = self;
        write!(f, "Fetched({media_type:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_on_and_never_out_of_https() {
        let at = read("https://a.example/x/y?z#w").unwrap();
        for (location, to) in [
            ("https://b.example/", "https://b.example/"),
            ("//b.example/p", "https://b.example/p"),
            ("/p?q", "https://a.example/p?q"),
            ("p", "https://a.example/x/p"),
        ] {
            assert_eq!(next(&at, location).unwrap(), *to);
        }
        for bad in ["http://b.example/", "ftp://b.example/", "file:///etc/passwd", "https://"] {
            assert!(next(&at, bad).is_err(), "{bad}");
        }
        let plain = read("http://a.example").unwrap();
        assert_eq!(next(&plain, "https://b.example/").unwrap(), *"https://b.example/");
    }
}
