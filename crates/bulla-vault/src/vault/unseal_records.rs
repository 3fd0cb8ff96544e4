//! Records, opened.

use bulla_base::{Partition, without_trace};
use bulla_store::{Key, Record, Store, StoreError};
use bytes::Bytes;

use super::Vault;
use crate::committing_aead::{self, Bound, DEEP, Under};
use crate::error::VaultError;
use crate::key_epochs::hour_of;
use crate::metrics::UNOPENED;
use crate::salt::Salt;
use crate::sealed_row_format::{Body, Head, Place};

impl<S: Store> Vault<S> {
    /// The records as they were put, without those whose hour is over; none if their partition was erased.
    ///
    /// # Cost
    /// The stack is wiped once for all.
    pub(super) fn unseal_all(
        &self,
        partition: Partition,
        records: impl IntoIterator<Item = (Key, Record)>,
        salt: Option<&Salt>,
    ) -> Result<Vec<(Key, Record)>, StoreError> {
        let unsealed = records.into_iter().filter_map(|(key, record)| {
            let record = self.unseal(partition, &key, &record, salt).transpose()?;
            Some(record.map(|record| (key, record)))
        });
        without_trace::<DEEP, _>(|| unsealed.collect())
    }

    /// The record as it was put, unless its hour is over or its partition was erased. Its key is left on the
    /// stack.
    pub(super) fn unseal(
        &self,
        partition: Partition,
        key: &Key,
        record: &Record,
        salt: Option<&Salt>,
    ) -> Result<Option<Record>, StoreError> {
        self.try_unseal(partition, key, record, salt).inspect_err(count)
    }

    fn try_unseal(
        &self,
        partition: Partition,
        key: &Key,
        record: &Record,
        salt: Option<&Salt>,
    ) -> Result<Option<Record>, StoreError> {
        const DAMAGED: StoreError = StoreError::Damaged { what: "sealed record" };
        const SEALED: VaultError = VaultError::DoesNotOpen { what: "record" };
        let (head, body) = Head::split(&record.value).ok_or(DAMAGED)?;
        // Before anything is taken for gone, so that a damaged form is not.
        let time = match (head, record.expiry) {
            (Head::Own, _) => return Err(DAMAGED),
            (Head::Lasting, None) => None,
            (Head::Hourly { epoch }, Some(expiry)) => Some((epoch, hour_of(expiry))),
            (Head::Elsewhen { epoch, hour }, Some(_)) => Some((epoch, hour)),
            _ => return Err(SEALED.into()),
        };
        let Some(salt) = salt else { return Ok(None) };
        let hour_key = match time {
            Some((epoch, hour)) => match self.epochs().opening_key(epoch, hour) {
                Some(key) => Some(key),
                None => return Ok(None),
            },
            None => None,
        };
        let mut bound = Bound::default();
        let place = Place { partition, key, expiry: record.expiry };
        place.bind(head, matches!(body, Body::Empty(_)), &mut bound);
        let secret = hour_key.as_deref().unwrap_or(&self.lasting);
        let under = Under { key: secret, salt: Some(salt.secret()), bound: &bound };
        let value = match body {
            Body::Sealed(sealed) => committing_aead::open_leaving_a_trace(under, sealed),
            Body::Empty(proof) => committing_aead::check_empty(under, proof).map(|()| Vec::new()),
        };
        match value {
            Ok(value) => Ok(Some(Record::new(record.version, record.expiry, Bytes::from(value)))),
            // It was sealed with an earlier salt, which was destroyed.
            Err(_) if salt.is_younger_than(record.version) => Ok(None),
            Err(_) => Err(SEALED.into()),
        }
    }
}

pub(super) fn count(error: &StoreError) {
    let reason = if matches!(error, StoreError::Damaged { .. }) { "damaged" } else { "does_not_open" };
    ::metrics::counter!(UNOPENED, "reason" => reason).increment(1);
}
