use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bulla_base::{PhoneNumberId, Timestamp};
use thiserror::Error;

use crate::Scope;

/// The port through which the API learns what a bearer token opens. [`Tokens`](crate::Tokens) is the one in
/// memory.
///
/// # For implementors
/// Each request asks once, before its body is read. `Ok(None)` says that the token opens nothing; what is
/// granted may change from one request to the next. Look a token up by a keyed hash of it, or compare it in
/// constant time: how long an answer takes must not tell how near a guess came. The future is dropped when
/// the client hangs up.
pub trait TokenLookup: Send + Sync + 'static {
    /// What the presented token opens, if anything. It is not empty and has at most
    /// [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES) bytes.
    ///
    /// # Errors
    /// When it cannot be told now. The client is asked to try again.
    fn look_up(&self, token: &[u8]) -> impl Future<Output = Result<Option<Grant>, TokenLookupError>> + Send;
}

impl<A: TokenLookup + ?Sized> TokenLookup for Arc<A> {
    fn look_up(&self, token: &[u8]) -> impl Future<Output = Result<Option<Grant>, TokenLookupError>> + Send {
        (**self).look_up(token)
    }
}

/// [`TokenLookup`] in a form of which there can be a `dyn`: for a host that chooses by configuration, and
/// hands the API an `Arc<dyn DynTokenLookup>`. Every [`TokenLookup`] is one. Each look-up costs an allocation
/// more.
pub trait DynTokenLookup: Send + Sync + 'static {
    /// As [`TokenLookup::look_up`].
    fn look_up_boxed<'a>(&'a self, token: &'a [u8]) -> LookingUp<'a>;
}

/// What [`DynTokenLookup::look_up_boxed`] returns.
pub type LookingUp<'a> = Pin<Box<dyn Future<Output = Result<Option<Grant>, TokenLookupError>> + Send + 'a>>;

impl<A: TokenLookup> DynTokenLookup for A {
    fn look_up_boxed<'a>(&'a self, token: &'a [u8]) -> LookingUp<'a> {
        Box::pin(self.look_up(token))
    }
}

impl TokenLookup for dyn DynTokenLookup {
    async fn look_up(&self, token: &[u8]) -> Result<Option<Grant>, TokenLookupError> {
        self.look_up_boxed(token).await
    }
}

/// Why it cannot be told what a token opens.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TokenLookupError {
    /// The operator's: whoever knows the tokens cannot be asked.
    #[error("what a token opens cannot be looked up")]
    Unavailable {
        /// What it said.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// What a token opens. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    numbers: Arc<BTreeSet<PhoneNumberId>>,
    scopes: [bool; Scope::ALL.len()],
    end: Option<Timestamp>,
}

impl Grant {
    /// The use of these sending numbers and their accounts, for everything, until it is revoked.
    #[must_use]
    pub fn new(numbers: impl IntoIterator<Item = PhoneNumberId>) -> Self {
        let numbers = Arc::new(numbers.into_iter().collect());
        Self { numbers, scopes: [true; Scope::ALL.len()], end: None }
    }

    /// For this alone.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        let scopes: BTreeSet<Scope> = scopes.into_iter().collect();
        self.scopes = Scope::ALL.map(|scope| scopes.contains(&scope));
        self
    }

    /// Until then, and not after it. A client that comes later is told that its token is over, and not that
    /// there is none.
    #[must_use]
    pub const fn until(mut self, end: Timestamp) -> Self {
        self.end = Some(end);
        self
    }

    /// Whether it is for that.
    #[must_use]
    pub fn has(&self, scope: Scope) -> bool {
        Scope::ALL.into_iter().zip(self.scopes).any(|(known, is_for)| known == scope && is_for)
    }

    /// When it ends, if it does.
    #[must_use]
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| now >= end)
    }

    /// Whether this number may be used.
    #[must_use]
    pub fn covers(&self, number: PhoneNumberId) -> bool {
        self.numbers.contains(&number)
    }

    /// The numbers that may be used.
    pub fn numbers(&self) -> impl Iterator<Item = PhoneNumberId> + '_ {
        self.numbers.iter().copied()
    }

    /// The use of these numbers as well.
    pub(crate) fn extend(&mut self, numbers: impl IntoIterator<Item = PhoneNumberId>) {
        Arc::make_mut(&mut self.numbers).extend(numbers);
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { numbers, scopes: _, end: _ } = self;
        write!(f, "Grant({} numbers)", numbers.len())
    }
}
