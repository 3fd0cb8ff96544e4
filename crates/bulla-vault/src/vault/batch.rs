//! A batch, sealed.

use bulla_store::{Batch, Expiry, Store, StoreError};
use bytes::Bytes;

use super::Vault;
use crate::committing_aead::{self, Bound, Once, Sealer, Under};
use crate::error::VaultError;
use crate::sealed_row_format::{Head, Place};
use crate::secret::Secret;
use crate::store_layout;

/// What is sealed for one moment.
struct Timed<'a> {
    expiry: Expiry,
    head: Head,
    sealer: Sealer<'a>,
}

impl<S: Store> Vault<S> {
    /// Seals all values of `batch`, with the conversation's `salt` and one that is drawn for this batch
    /// alone: a batch puts each key once, so no two of its values are bound to the same.
    ///
    /// # Cost
    /// One draw. The key of an hour is looked up once for all values of the same expiry that follow each
    /// other.
    ///
    /// # Security
    /// The keys of its last values stay on the stack until the thread works again. To wipe them after every
    /// batch costs a twentieth of what a relay can accept: not so much the writing as what is then no longer
    /// in the processor's cache.
    pub(super) fn seal_batch(&self, batch: Batch, salt: &Secret) -> Result<Batch, StoreError> {
        const UNSEALED: VaultError = VaultError::DoesNotOpen { what: "record" };
        let (partition, once) = (batch.partition(), Once::draw(&*self.rng));
        let (mut lasting, mut timed, mut bound) = (None, None::<Timed<'_>>, Bound::default());
        batch.try_seal(|put| {
            let (head, sealer) = match put.expiry {
                None => {
                    let sealer = || Sealer::new(&self.lasting, Some(salt), &once);
                    (Head::Lasting, lasting.get_or_insert_with(sealer))
                }
                Some(expiry) => {
                    let timed = match &mut timed {
                        Some(timed) if timed.expiry == expiry => timed,
                        other => other.insert(self.timed(expiry, salt, &once)?),
                    };
                    (timed.head, &mut timed.sealer)
                }
            };
            let place = Place { partition, key: &put.key, expiry: put.expiry };
            place.bind(head, put.value.is_empty(), &mut bound);
            if put.value.is_empty() {
                return Ok(Bytes::from(sealer.prove_empty(&bound)));
            }
            sealer.seal(&bound, &put.value).map(Bytes::from).map_err(|_| UNSEALED.into())
        })
    }

    fn timed<'a>(&self, expiry: Expiry, salt: &'a Secret, once: &'a Once) -> Result<Timed<'a>, StoreError> {
        const TOO_FAR: StoreError = StoreError::Damaged { what: "key chain" };
        let (epoch, hour, key) = self.epochs().sealing_key(expiry).ok_or(TOO_FAR)?;
        let head = Head::timed(expiry, epoch, hour);
        Ok(Timed { expiry, head, sealer: Sealer::new(&key, Some(salt), once) })
    }

    /// Adds a new salt to `batch`, which then expects that there is none.
    pub(super) fn add_salt(&self, batch: &mut Batch, salt: &Secret) -> Result<(), StoreError> {
        let key = store_layout::salt();
        let under = Under { key: &self.lasting, salt: None, bound: &Place::own(batch.partition(), &key) };
        let sealed = committing_aead::seal(under, salt.expose(), &*self.rng);
        batch.expect_absent(key.clone());
        batch.put(key, sealed.map_err(|_| VaultError::DoesNotOpen { what: "conversation's salt" })?);
        Ok(())
    }
}
