use std::collections::BTreeSet;

use bulla_base::{Partition, PhoneNumberId, Timestamp};
use bulla_session::OneTimePreKey;
use bulla_store::{BEFORE_ALL, Batch, Scan, Store, StoreError, erase_names};
use bytes::Bytes;

use crate::session_store::{LoadError, SessionStore};
use crate::store_layout::{DEVICE_LIST, GENERATION, ONE_TIME, SESSIONS, STARTED};

/// Removes the sessions of `business` with the user whose partition is `customer`, what is remembered beside
/// them and of the user's devices, and what started them. How many records that was.
///
/// # Errors
/// When the store fails.
pub async fn forget_sessions<S: Store>(
    store: &S,
    customer: Partition,
    business: PhoneNumberId,
) -> Result<usize, StoreError> {
    let name = || Bytes::copy_from_slice(&business.number().to_be_bytes());
    let mut removed = 0;
    for space in [SESSIONS, GENERATION, STARTED, DEVICE_LIST] {
        removed += erase_names(store, customer, space, name()).await?;
    }
    Ok(removed)
}

/// The businesses that have sessions with the user whose partition is `customer`, in their order.
///
/// # Errors
/// When the store fails or a name there is damaged.
///
/// # Cost
/// A scan of the names of all sessions.
pub async fn businesses_in_session<S: Store>(
    store: &S,
    customer: Partition,
) -> Result<Vec<PhoneNumberId>, StoreError> {
    let (mut businesses, mut scan) = (BTreeSet::new(), Scan::undated(SESSIONS));
    loop {
        let page = store.keys(customer, &scan, BEFORE_ALL).await?;
        let Some(last) = page.last() else { return Ok(businesses.into_iter().collect()) };
        scan = Scan::undated(SESSIONS).after(last.clone());
        for key in page {
            let number = key.name().first_chunk().ok_or(StoreError::Damaged { what: "name of a session" })?;
            businesses.insert(PhoneNumberId::new(u64::from_be_bytes(*number)));
        }
    }
}

/// Removes what does not open of the sessions of `business` with the user whose partition is `customer`, and
/// of the one-time prekeys in `home`, those of the business. How many records that was.
///
/// The sessions with a device go together. What comes in them afterwards cannot be opened, and is to be asked
/// for in a new session.
///
/// # Errors
/// When the store fails.
///
/// # Cost
/// Reads all of them.
pub async fn remove_unreadable<S: Store>(
    store: &S,
    home: Partition,
    customer: Partition,
    business: PhoneNumberId,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut removed = 0;
    for device in devices(store, customer, business).await? {
        let name = Bytes::from([&business.number().to_be_bytes()[..], &[device]].concat());
        if !can_be_read(store, customer, name.clone(), now).await? {
            removed += erase_names(store, customer, SESSIONS, name.clone()).await?;
            removed += erase_names(store, customer, GENERATION, name).await?;
        }
    }
    Ok(removed + remove_unreadable_prekeys(store, home, now).await?)
}

/// The user's devices with which there are sessions.
async fn devices<S: Store>(
    store: &S,
    customer: Partition,
    business: PhoneNumberId,
) -> Result<BTreeSet<u8>, StoreError> {
    let everything = Scan::undated(SESSIONS).prefix(business.number().to_be_bytes().to_vec());
    let (mut devices, mut scan) = (BTreeSet::new(), everything.clone());
    loop {
        let page = store.keys(customer, &scan, BEFORE_ALL).await?;
        let Some(last) = page.last() else { return Ok(devices) };
        scan = everything.clone().after(last.clone());
        devices.extend(page.iter().filter_map(|key| key.name().get(8)));
    }
}

async fn can_be_read<S: Store>(
    store: &S,
    customer: Partition,
    name: Bytes,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut stored = SessionStore::new(customer, name);
    let read = async {
        let mut sessions = stored.read(store, now).await?;
        stored.generation(store, now).await?;
        if !sessions.is_whole() {
            stored.load_rest(store, &mut sessions, now).await?;
        }
        Ok(())
    };
    match read.await {
        Ok(()) => Ok(true),
        Err(LoadError::Damaged) => Ok(false),
        // What a wrapper cannot open is as good as damaged; that it cannot read at all is not for us to mend.
        Err(LoadError::Store(error)) if error.is_of_a_record() => Ok(false),
        Err(LoadError::Store(error)) => Err(error),
    }
}

async fn remove_unreadable_prekeys<S: Store>(
    store: &S,
    home: Partition,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let (mut removed, mut scan) = (0, Scan::undated(ONE_TIME));
    loop {
        let page = store.keys(home, &scan, BEFORE_ALL).await?;
        let Some(last) = page.last() else { return Ok(removed) };
        scan = Scan::undated(ONE_TIME).after(last.clone());
        let mut batch = Batch::new(home);
        for key in page {
            let is_bad = match store.get(home, &key, now).await {
                Ok(record) => record.is_some_and(|record| OneTimePreKey::from_record(&record.value).is_err()),
                Err(error) if error.is_of_a_record() => true,
                Err(error) => return Err(error),
            };
            if is_bad {
                removed += 1;
                batch.delete(key);
            }
        }
        if batch.writes() {
            // It expects nothing, so nobody can come in between; and an id that is gone is never given to
            // another key.
            let _ = store.commit(batch).await?;
        }
    }
}
