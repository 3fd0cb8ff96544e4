use std::sync::Arc;

use bulla_base::{Partition, PhoneNumberId};
use bulla_store::{Batch, Commit, Key, SYSTEM_PARTITION, Scan, Store, StoreError, Version};
use bulla_transport::Transport;
use bytes::Bytes;
use tracing::Instrument;

use super::attempts::Attempts;
use super::lease::taken_over;
use super::{Inner, Relay, trace_span};
use crate::limits::{
    MAX_CONFIGURATION_LISTED, MAX_CONFIGURATION_NAME_BYTES, MAX_CONFIGURED, MAX_CONFIGURED_BYTES,
};
use crate::page_start::in_order;
use crate::store_layout::{CONFIGURATION, CONFIGURATION_COUNT};
use crate::{
    ConfigurationError, ConfigurationKey, ConfigurationOwner, Configured, EventSink, PageStart, SubmitError,
};

/// What businesses configure through an API of the host: profiles, settings, and whatever else it keeps for a
/// number or an account. The relay makes it durable and looks into none of it.
///
/// What is a number's stands in its own partition and goes when it is
/// [erased](Relay::erase_business); what is an account's stands in the account's, and goes with the last of
/// its numbers. What is the operator's goes with none. It is kept until it is deleted. Each call names one of
/// the account's numbers, for which the relay speaks; of what is the operator's it makes no difference which.
impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// The record with this key, if there is one.
    ///
    /// # Errors
    /// When the relay does not speak for `business`, or the store fails.
    ///
    /// # Cost
    /// A read, of memory when it was read lately.
    pub async fn configured(
        &self,
        business: PhoneNumberId,
        key: ConfigurationKey,
    ) -> Result<Option<Configured>, ConfigurationError> {
        let owner = key.owner();
        let reading = async move |inner: Arc<Inner<S, T, K>>| {
            let home = inner.configuration_home(business, key.owner())?;
            let record = inner.store.get(home, &row_key(&key), inner.clock.now()).await?;
            Ok(record.map(|record| Configured::new(record.value, record.version)))
        };
        self.configuration_call(speaker(business, owner), "configured", reading).await
    }

    /// Puts a record, or deletes it, if it is still as it was read: `since` which commit, or not there.
    ///
    /// # Errors
    /// [`ConfigurationError::Changed`] when it is not; [`ConfigurationError::TooLong`] beyond
    /// [`MAX_CONFIGURED_BYTES`], and [`ConfigurationError::TooMany`] beyond [`MAX_CONFIGURED`] of a kind;
    /// when the relay does not speak for `business`, or the store fails.
    ///
    /// # Cost
    /// Two reads and a commit.
    pub async fn configure(
        &self,
        business: PhoneNumberId,
        key: ConfigurationKey,
        since: Option<Version>,
        value: Option<Bytes>,
    ) -> Result<(), ConfigurationError> {
        let is_long = value.as_ref().is_some_and(|value| value.len() > MAX_CONFIGURED_BYTES);
        if is_long || key.name().len() > MAX_CONFIGURATION_NAME_BYTES {
            return Err(ConfigurationError::TooLong);
        }
        let owner = key.owner();
        let changing = async move |inner: Arc<Inner<S, T, K>>| {
            let home = inner.configuration_home(business, key.owner())?;
            inner.change_configuration(home, &key, since, value).await
        };
        self.configuration_call(speaker(business, owner), "configure", changing).await
    }

    /// Records of `owner`, in the order of their keys: those of one `kind`, or of all, as for an export;
    /// from `start`, at most `limit`.
    ///
    /// # Errors
    /// As [`configured`](Self::configured).
    ///
    /// # Cost
    /// A scan of what it returns.
    pub async fn configuration(
        &self,
        business: PhoneNumberId,
        (owner, kind): (ConfigurationOwner, Option<u8>),
        start: PageStart<ConfigurationKey>,
        limit: usize,
    ) -> Result<Vec<(ConfigurationKey, Configured)>, ConfigurationError> {
        let listing = async move |inner: Arc<Inner<S, T, K>>| {
            let home = inner.configuration_home(business, owner)?;
            let mut scan = Scan::undated(CONFIGURATION);
            scan = scan.prefix(kind.map(|kind| vec![kind]).unwrap_or_default());
            scan = scan.limit(limit.clamp(1, MAX_CONFIGURATION_LISTED));
            let is_back = start.is_back();
            scan = start.map(|key| row_key(&key)).begin(scan);
            let rows = inner.store.scan(home, &scan, inner.clock.now()).await?;
            let record = |(key, record): (Key, bulla_store::Record)| {
                let (kind, name) = key.name().split_first()?;
                let key = ConfigurationKey::new(owner, *kind, Bytes::copy_from_slice(name));
                Some((key, Configured::new(record.value, record.version)))
            };
            Ok(in_order(is_back, rows).into_iter().filter_map(record).collect())
        };
        self.configuration_call(speaker(business, owner), "configured", listing).await
    }

    /// Carries out a call about what is configured; a business whose it is does not stop before that is done.
    pub(super) async fn configuration_call<R, F>(
        &self,
        business: impl Into<Option<PhoneNumberId>>,
        task: &'static str,
        call: impl FnOnce(Arc<Inner<S, T, K>>) -> F,
    ) -> Result<R, ConfigurationError>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, ConfigurationError>> + Send + 'static,
    {
        let business = business.into();
        let tenant = business.map(|business| self.0.tenant(business)).transpose()?;
        let calling = call(Arc::clone(&self.0)).instrument(trace_span::call(task, business));
        let outcome = match tenant {
            Some(tenant) => self.0.see_through_for(&tenant, calling).await?,
            None => self.0.see_through_alone(calling).await?,
        };
        outcome.map_err(|error| match error {
            ConfigurationError::Submit(SubmitError::Store(error)) => match self.0.survive(error) {
                Some(error) => error.into(),
                None => SubmitError::Stopped.into(),
            },
            error => error,
        })
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    fn configuration_home(
        &self,
        business: PhoneNumberId,
        owner: ConfigurationOwner,
    ) -> Result<Partition, SubmitError> {
        Ok(match owner {
            ConfigurationOwner::Number => self.home(business),
            ConfigurationOwner::Account => self.account_home(self.account(business)?),
            ConfigurationOwner::Operator => SYSTEM_PARTITION,
        })
    }

    async fn change_configuration(
        &self,
        home: Partition,
        key: &ConfigurationKey,
        since: Option<Version>,
        value: Option<Bytes>,
    ) -> Result<(), ConfigurationError> {
        let (row, mut attempts) = (row_key(key), Attempts::new());
        loop {
            attempts.begin().map_err(SubmitError::from)?;
            let _lock = self.keyed_mutex.lock(home).await;
            let known = self.store.get(home, &row, self.clock.now()).await?.map(|record| record.version);
            if known != since {
                return Err(ConfigurationError::Changed);
            }
            let mut batch = Batch::new(home);
            batch.expect(row.clone(), since);
            let is_new = known.is_none() && value.is_some();
            if is_new || (known.is_some() && value.is_none()) {
                self.count_configured(&mut batch, key.kind(), is_new).await?;
            }
            match value.clone() {
                Some(value) => batch.put(row.clone(), value),
                None => batch.delete(row.clone()),
            }
            if self.commit_configuration(batch).await? {
                tracing::info!(kind = key.kind(), is_new, "a record of the configuration was changed");
                return Ok(());
            }
        }
    }

    /// Has `batch` count one record of `kind` more or less.
    async fn count_configured(
        &self,
        batch: &mut Batch,
        kind: u8,
        is_more: bool,
    ) -> Result<(), ConfigurationError> {
        let key = Key::undated(CONFIGURATION_COUNT, vec![kind]);
        let record = self.store.get(batch.partition(), &key, self.clock.now()).await?;
        let damaged = StoreError::Damaged { what: "number of records" };
        let count = match &record {
            Some(record) => record.value[..].try_into().map(u64::from_be_bytes).map_err(|_| damaged)?,
            None => 0,
        };
        if is_more && count >= MAX_CONFIGURED {
            return Err(ConfigurationError::FULL);
        }
        let count = if is_more { count + 1 } else { count.saturating_sub(1) };
        batch.expect(key.clone(), record.map(|record| record.version));
        batch.put(key, count.to_be_bytes().to_vec());
        Ok(())
    }

    pub(super) async fn commit_configuration(&self, batch: Batch) -> Result<bool, StoreError> {
        if !self.role.may_act() {
            return Err(taken_over());
        }
        Ok(matches!(self.store.commit(batch).await?, Commit::Committed(_)))
    }
}

/// Whose call it is: nobody's, when it is about what is the operator's.
fn speaker(business: PhoneNumberId, owner: ConfigurationOwner) -> Option<PhoneNumberId> {
    (owner != ConfigurationOwner::Operator).then_some(business)
}

fn row_key(key: &ConfigurationKey) -> Key {
    Key::undated(CONFIGURATION, [&[key.kind], &key.name[..]].concat())
}
