//! What the API keeps of numbers and accounts: JSON objects, pieces of pictures aside, each a record of the
//! relay's store, which does not look into them.

use bulla_base::PhoneNumberId;
use bulla_relay::{ConfigurationError, ConfigurationKey, ConfigurationOwner, Configured};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::GraphApi;
use super::page::{PageAsked, Sides};
use crate::api_error::ApiError;
use crate::limits::CHANGE_ATTEMPTS;
use crate::{RelayApi, TokenLookup};

/// What is kept of something: its fields.
pub(crate) type Kept = Map<String, Value>;

/// What kind of record it is. The numbers are for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// What users see of a number.
    Profile = 1,
    /// Whether its catalog and cart are shown.
    Commerce = 2,
    /// Words for a user who begins.
    Automation = 3,
    /// Its PIN, and how often that was tried.
    Registration = 4,
    /// The name it was given.
    Name = 5,
    /// A code that leads to it, with words to begin with.
    QrCode = 6,
    /// A flow of the account.
    Flow = 7,
    /// What a flow shows.
    FlowAsset = 8,
    /// An app that is subscribed to the account, and the account's callback.
    Subscription = 9,
    /// The number's callback.
    Callback = 12,
    /// A piece of the picture of its profile: the bytes themselves, which are no object.
    ProfilePicture = 14,
    /// To what the app is subscribed, and its callback.
    AppSubscription = 15,
}

impl Kind {
    pub(crate) const fn owner(self) -> ConfigurationOwner {
        match self {
            Self::Flow | Self::FlowAsset | Self::Subscription => ConfigurationOwner::Account,
            Self::AppSubscription => ConfigurationOwner::Operator,
            _ => ConfigurationOwner::Number,
        }
    }

    pub(crate) fn key(self, name: impl Into<Bytes>) -> ConfigurationKey {
        ConfigurationKey::new(self.owner(), self as u8, name)
    }
}

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// What is kept under a name.
    pub(super) async fn kept(
        &self,
        business: PhoneNumberId,
        (kind, name): (Kind, &str),
    ) -> Result<Option<Kept>, ApiError> {
        let key = kind.key(name.as_bytes().to_vec());
        let record = self.relay.configured(business, key).await.map_err(|error| self.failed(error))?;
        record.map(|record| self.read_kept(&record.value)).transpose()
    }

    /// Changes what is kept under a name; with nothing left of it, it is deleted.
    pub(super) async fn change<R>(
        &self,
        business: PhoneNumberId,
        (kind, name): (Kind, &str),
        mut change: impl FnMut(&mut Option<Kept>) -> Result<R, ApiError> + Send,
    ) -> Result<R, ApiError> {
        let key = kind.key(name.as_bytes().to_vec());
        for _ in 0..CHANGE_ATTEMPTS {
            let record = self.relay.configured(business, key.clone()).await;
            let record = record.map_err(|error| self.failed(error))?;
            let mut kept = match &record {
                Some(record) => Some(self.read_kept(&record.value)?),
                None => None,
            };
            let before = kept.clone();
            let outcome = change(&mut kept)?;
            if kept == before {
                return Ok(outcome);
            }
            let value = kept.map(|kept| Bytes::from(Value::Object(kept).to_string()));
            let since = record.map(|record| record.version);
            match self.relay.configure(business, key.clone(), since, value).await {
                Ok(()) => return Ok(outcome),
                Err(ConfigurationError::Changed) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Err(self.failed(ConfigurationError::Changed))
    }

    /// Puts `record` under a name, whatever was there, or deletes that.
    pub(super) async fn replace(
        &self,
        business: PhoneNumberId,
        named: (Kind, &str),
        record: Option<Kept>,
    ) -> Result<(), ApiError> {
        let put = |kept: &mut Option<Kept>| {
            kept.clone_from(&record);
            Ok(())
        };
        self.change(business, named, put).await
    }

    /// What is kept of a kind, by name: the page that is asked for, and what stands beside it.
    pub(super) async fn all_kept(
        &self,
        business: PhoneNumberId,
        kind: Kind,
        asked: PageAsked<Vec<u8>>,
    ) -> Result<(Vec<(Bytes, Kept)>, Sides), ApiError> {
        let asked = PageAsked { start: asked.start.map(|name| kind.key(name)), limit: asked.limit };
        let (mut all, mut start) = (Vec::new(), asked.start.clone());
        // One more than the relay lists at once tells whether there is more.
        while all.len() <= asked.limit {
            let of = (kind.owner(), Some(kind as u8));
            let most = asked.limit + 1 - all.len();
            let page = self.relay.configuration(business, of, start.clone(), most).await;
            let page = page.map_err(|error| self.failed(error))?;
            let end = if start.is_back() { page.first() } else { page.last() };
            let Some((end, _)) = end else { break };
            start = start.go_on(end.clone());
            let read = |(key, record): (ConfigurationKey, Configured)| {
                Ok((key.name().clone(), self.read_kept(&record.value)?))
            };
            let page = page.into_iter().map(read).collect::<Result<Vec<_>, ApiError>>()?;
            let place = if start.is_back() { 0 } else { all.len() };
            drop(all.splice(place..place, page));
        }
        let sides = asked.cut(&mut all);
        Ok((all, sides))
    }

    fn read_kept(&self, value: &[u8]) -> Result<Kept, ApiError> {
        serde_json::from_slice(value).map_err(|error| {
            let api_error = ApiError::failed();
            self.failures.tell(&api_error, &format!("a record of the configuration: {error}"), &*self.clock);
            api_error
        })
    }
}
