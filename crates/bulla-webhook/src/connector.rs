use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bulla_base::Clock;
use futures_util::future::{Either, select};
use tokio::sync::Mutex;

use crate::dialer::{Connection, UntrustedCertificate};
use crate::limits::{CONNECT_TIMEOUT, MAX_ADDRESSES};
use crate::webhook_url::{Host, Origin, Protocol};
use crate::{AllowedNetworks, Dialer, Resolver, SystemResolver, TcpDialer, WebhookError};

/// Connects to web servers, and to nothing that is not one of the public internet's unless it was allowed by
/// name.
///
/// A name is resolved once for each connection. Every address that comes of it is checked, as is an address
/// that stands in the URL itself, and the connection is made to the very address that was checked: a name
/// that leads elsewhere a moment later leads nowhere.
///
/// ```
/// use bulla_webhook::{Connector, AllowedNetworks};
///
/// // For a web server in the company's own network.
/// let connector = Connector::new().allow(AllowedNetworks::none().and("10.20.0.0/16".parse()?));
/// # Ok::<(), bulla_webhook::InvalidNetwork>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Connector {
    allowed: AllowedNetworks,
    resolver: Arc<dyn Resolver>,
    dialer: Arc<dyn Dialer>,
    /// Speaks TLS.
    https: Option<Arc<dyn Dialer>>,
}

impl Connector {
    /// Resolves by the system, connects by TCP, and only to public addresses.
    pub fn new() -> Self {
        Self {
            allowed: AllowedNetworks::none(),
            resolver: Arc::new(SystemResolver::default()),
            dialer: Arc::new(TcpDialer),
            https: None,
        }
    }

    /// Connects to `networks` too.
    pub fn allow(mut self, networks: AllowedNetworks) -> Self {
        self.allowed = networks;
        self
    }

    /// Resolves by `resolver`.
    pub fn resolve_by(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Connects by `dialer` to what is `http`.
    pub fn dial_by(mut self, dialer: impl Dialer) -> Self {
        self.dialer = Arc::new(dialer);
        self
    }

    /// Connects to what is `https` by `dialer`, which speaks TLS: a `TlsDialer`, of the feature `tls`.
    ///
    /// Default: nothing that is `https` is connected to.
    pub fn https_by(mut self, dialer: impl Dialer) -> Self {
        self.https = Some(Arc::new(dialer));
        self
    }

    /// Connects to what is `https` by the dialer that it has for `http`, if it has no other.
    pub(crate) fn dialing_https(mut self) -> Self {
        self.https.get_or_insert_with(|| Arc::clone(&self.dialer));
        self
    }

    /// Refuses an address that stands in a URL and may not be called, and `https` that is not spoken. What a
    /// name leads to shows when it is called.
    pub(crate) fn check(&self, origin: &Origin) -> Result<(), WebhookError> {
        self.dialer_of(origin)?;
        match &origin.host {
            Host::Address(address) => {
                self.allowed.check(*address).map_err(|kind| WebhookError::ForbiddenAddress { kind })
            }
            Host::Name(_) => Ok(()),
        }
    }

    /// Connects to `origin`. `lookup` is held by the look-up of its name that is under way.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        lookup: &Arc<Mutex<()>>,
        clock: &dyn Clock,
    ) -> Result<Box<dyn Connection>, WebhookError> {
        let dialer = self.dialer_of(origin)?;
        let (addresses, host) = match &origin.host {
            Host::Address(address) => (vec![*address], address.to_string()),
            Host::Name(name) => (self.resolve(name, lookup).await?, name.clone()),
        };
        let (mut forbidden, mut failed) = (None, None);
        // Also here: another resolver than ours may find any number of them.
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            // Here, behind the look-up, and for each address: a name may lead elsewhere by now.
            if let Err(kind) = self.allowed.check(address) {
                forbidden = Some(kind);
                continue;
            }
            let dialing = dialer.dial(SocketAddr::new(address, origin.port), &host);
            match select(dialing, clock.sleep(CONNECT_TIMEOUT)).await {
                Either::Left((Ok(connection), _)) => return Ok(connection),
                Either::Left((Err(error), _)) => failed = Some(told(failed, error)),
                Either::Right(_) => failed = Some(told(failed, io::ErrorKind::TimedOut.into())),
            }
        }
        // What failed may work the next time. That others were forbidden is told only where nothing could
        // be tried.
        Err(match (failed, forbidden) {
            (Some(error), _) => not_connected(error),
            (None, Some(kind)) => WebhookError::ForbiddenAddress { kind },
            (None, None) => WebhookError::UnknownHost(io::Error::other("the name has no address")),
        })
    }

    fn dialer_of(&self, origin: &Origin) -> Result<&dyn Dialer, WebhookError> {
        match origin.protocol {
            Protocol::Http => Ok(&*self.dialer),
            Protocol::Https => self.https.as_deref().ok_or(WebhookError::NoTls),
        }
    }

    /// Looks `name` up in a task of its own. The system's resolver cannot be stopped: who gives up waiting
    /// leaves it at work, and the next waits for its end instead of setting a second one beside it.
    async fn resolve(&self, name: &str, lookup: &Arc<Mutex<()>>) -> Result<Vec<IpAddr>, WebhookError> {
        let turn = Arc::clone(lookup).lock_owned().await;
        let (resolver, name) = (Arc::clone(&self.resolver), name.to_owned());
        let found = tokio::spawn(async move {
            let found = resolver.resolve(&name).await;
            drop(turn);
            found
        });
        found.await.map_err(io::Error::other).flatten().map_err(WebhookError::UnknownHost)
    }
}

fn not_connected(error: io::Error) -> WebhookError {
    match untrusted(&error) {
        Some(why) => WebhookError::UntrustedCertificate(why),
        None => WebhookError::Unreachable(error.into()),
    }
}

fn untrusted(error: &io::Error) -> Option<UntrustedCertificate> {
    error.get_ref().and_then(|inner| inner.downcast_ref()).copied()
}

/// What is told of two addresses of one name: rather that somebody was there and is not trusted than that
/// nobody was at the other.
fn told(earlier: Option<io::Error>, later: io::Error) -> io::Error {
    earlier.filter(|earlier| untrusted(earlier).is_some()).unwrap_or(later)
}

impl Default for Connector {
    fn default() -> Self {
        Self::new()
    }
}
