use bulla_base::{Address, Party, PhoneNumberId};
use bulla_envelope::InvalidEnvelope;
use bulla_store::{Batch, Key, Retention, Store};
use bulla_transport::TransportError;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::limits::MAX_ONE_TIME_KEYS_A_DAY;
use crate::store_layout::QUOTA;

/// Which of the two has asked for keys of the other.
#[derive(Clone, Copy)]
enum Asked {
    ByUser = 0,
    ByBusiness = 1,
}

impl<S: Store> Carrier<S> {
    /// Takes one of the one-time keys of `of` that `requester` may have today; false when it has had them
    /// all.
    ///
    /// What is counted stands with the user, whoever asks: it goes when the user is erased. A crash before
    /// the key is given costs one key of the day.
    pub(crate) async fn take_quota(&self, requester: &Address, of: &Address) -> Result<bool, TransportError> {
        let (user, business, asked) = match (requester.party(), of.party()) {
            (Party::User(_), Party::Business(business)) => (requester, *business, Asked::ByUser),
            (Party::Business(business), Party::User(_)) => (of, *business, Asked::ByBusiness),
            _ => return Err(InvalidEnvelope::Field { field: ONE_SIDE_EACH }.into()),
        };
        let (partition, now) = (self.partition(user), self.clock.now());
        let _lock = self.lock(partition).await?;
        let key = Key::dated(QUOTA, now.day(), name(asked, business));
        let held = self.store.get(partition, &key, now).await.map_err(store_failed)?;
        let taken = held.as_ref().and_then(|record| record.value.first().copied()).unwrap_or(0);
        if taken >= MAX_ONE_TIME_KEYS_A_DAY {
            return Ok(false);
        }
        let mut batch = Batch::new(partition);
        batch.put_until(key, vec![taken + 1], Retention::LONGEST.from(now));
        self.commit(batch).await?;
        Ok(true)
    }
}

/// What is wrong when two users or two businesses want something of each other.
pub(crate) const ONE_SIDE_EACH: &str = "to (one side must be a business, the other a user)";

fn name(asked: Asked, business: PhoneNumberId) -> Vec<u8> {
    [&[asked as u8][..], &business.number().to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who asks and whose keys they are: one of them does not use up the share of another.
    #[test]
    fn every_pair_and_either_side_has_a_share_of_its_own() {
        let [one, two] = [1, 2].map(PhoneNumberId::new);
        let names: std::collections::HashSet<Vec<u8>> =
            [(Asked::ByUser, one), (Asked::ByUser, two), (Asked::ByBusiness, one), (Asked::ByBusiness, two)]
                .into_iter()
                .map(|(asked, business)| name(asked, business))
                .collect();
        assert_eq!(names.len(), 4);
        assert!(
            names.contains(&[0, 0, 0, 0, 0, 0, 0, 0, 1][..])
                && names.contains(&[1, 0, 0, 0, 0, 0, 0, 0, 2][..])
        );
    }
}
