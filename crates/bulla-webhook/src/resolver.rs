use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

use tokio::net::lookup_host;
use tokio::sync::Semaphore;

use crate::limits::{MAX_ADDRESSES, MAX_LOOKUPS};

/// What [`Resolver::resolve`] returns.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// The port through which the addresses of a name are found.
///
/// # For implementors
/// What is returned is checked before anything is connected to, and nothing is looked up twice for one
/// connection. A look-up must end by itself: it is seen through even when nobody waits for it any more, and
/// of each webhook there is one at a time.
pub trait Resolver: fmt::Debug + Send + Sync + 'static {
    /// The addresses of `name`, the best first.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The resolver of the system.
///
/// It occupies a thread of the runtime for as long as a look-up takes, and no more than 16 of them.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Semaphore,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Semaphore::new(MAX_LOOKUPS) }
    }
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let _permit = self.lookups.acquire().await.map_err(io::Error::other)?;
            // The look-up wants a port; the one that is connected to is the URL's.
            let found = lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).take(MAX_ADDRESSES).collect())
        })
    }
}
