use std::fmt;

use aes::Aes256;
use aes::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use bulla_base::{HASHING_STACK_BYTES, Partition, Pepper, PhoneNumberId, without_trace};
use sha2::{Digest, Sha256};

use crate::UserId;

/// Turns a user's partition into the id by which one business knows the user, and back.
///
/// One AES-256 block under a key of the business's own: a permutation of sixteen bytes, so that no table is
/// kept, two businesses cannot compare their users, and neither can test a number.
#[derive(Clone)]
pub(crate) struct UserIds(Box<Aes256>);

impl UserIds {
    pub(crate) fn new(pepper: &Pepper, business: PhoneNumberId) -> Self {
        without_trace::<HASHING_STACK_BYTES, _>(|| {
            let key = Sha256::new()
                .chain_update(b"bulla user id of a business")
                .chain_update(pepper.as_bytes())
                .chain_update(business.number().to_be_bytes())
                .finalize();
            Self(Box::new(Aes256::new(&key)))
        })
    }

    pub(crate) fn user_id(&self, user: Partition) -> UserId {
        let mut block = Block::<Aes256>::from(*user.as_bytes());
        self.0.encrypt_block(&mut block);
        UserId::from_bytes(block.into())
    }

    pub(crate) fn partition(&self, user: UserId) -> Partition {
        let mut block = Block::<Aes256>::from(*user.as_bytes());
        self.0.decrypt_block(&mut block);
        Partition::from_bytes(block.into())
    }
}

impl fmt::Debug for UserIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserIds(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_partition_in_its_own_scope_only() {
        let pepper = Pepper::from_bytes([1; 32]);
        let (one, two) =
            (UserIds::new(&pepper, PhoneNumberId::new(1)), UserIds::new(&pepper, PhoneNumberId::new(2)));
        let user = Partition::from_bytes([7; 16]);
        assert_eq!(one.partition(one.user_id(user)), user);
        assert_ne!(one.user_id(user), two.user_id(user));
        assert_ne!(two.partition(one.user_id(user)), user);
    }
}
