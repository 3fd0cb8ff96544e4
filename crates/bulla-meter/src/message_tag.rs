use std::fmt;

use bulla_base::{BusinessAccountId, HASHING_STACK_BYTES, MessageId, PhoneNumberId, without_trace};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What stands for a message in a ledger: 16 bytes that lead to its id only who has the key.
///
/// The first half of HMAC-SHA256(key, account ‖ id). Both sides have the key of their accounts, and so find
/// the same tags; once it is destroyed, nothing leads from a ledger to a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageTag([u8; 16]);

impl MessageTag {
    /// The tag with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for MessageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MessageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageTag({self})")
    }
}

/// What tags are made with: a secret that the two sides of a bill share.
///
/// # Security
/// It is wiped when it is dropped, and does not print.
pub struct TagKey(Zeroizing<[u8; 32]>);

impl TagKey {
    /// The key with these bytes, which should be drawn at random.
    #[must_use]
    pub const fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The tag of message `id` of `account`.
    ///
    /// # Cost
    /// Four blocks of SHA-256.
    #[must_use]
    pub fn tag(&self, account: BusinessAccountId, id: MessageId) -> MessageTag {
        self.tag_with(b"", account.number(), id)
    }

    /// The tag of message `id` that `number` sent, where nobody knows whose the number is: as
    /// [`tag`](Self::tag), with `number\0` and the number in the account's place.
    ///
    /// # Cost
    /// As there.
    #[must_use]
    pub fn tag_of_number(&self, number: PhoneNumberId, id: MessageId) -> MessageTag {
        self.tag_with(b"number\0", number.number(), id)
    }

    fn tag_with(&self, of: &[u8], whose: u64, id: MessageId) -> MessageTag {
        without_trace::<HASHING_STACK_BYTES, _>(|| {
            // As long as a block, as the keyed hash pads it: a key of this length is always taken.
            let mut key = Zeroizing::new([0; 64]);
            key[..32].copy_from_slice(&self.0[..]);
            let mut mac = Hmac::<Sha256>::new(&(*key).into());
            mac.update(of);
            mac.update(&whose.to_be_bytes());
            mac.update(id.as_bytes());
            let mut tag = [0; 16];
            tag.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
            MessageTag(tag)
        })
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_another_key_account_or_message_are_others() {
        let key = |byte| TagKey::from_bytes(Zeroizing::new([byte; 32]));
        let id = |byte| {
            let (now, rng) = (bulla_base::Timestamp::from_millis(1), bulla_base::SeededRng::new(byte));
            MessageId::new(now, &rng)
        };
        let account = BusinessAccountId::new;
        let tag = key(1).tag(account(1), id(1));
        assert_eq!(tag, key(1).tag(account(1), id(1)));
        for other in
            [key(2).tag(account(1), id(1)), key(1).tag(account(2), id(1)), key(1).tag(account(1), id(2))]
        {
            assert_ne!(tag, other);
        }
        assert_eq!(format!("{:?}", key(7)), "TagKey(..)");
    }
}
