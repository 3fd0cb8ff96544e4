use std::collections::BTreeMap;

use bulla_base::{BusinessAccountId, Category, MessageId, Number, PhoneNumberId};

use crate::ledger::drift_between;
use crate::{Delivery, Drift, Hour, Market, MessageTag, TagKey, Traits, Usage, UsageKey, Zone};

/// A message that has come to its user, as carrier and relay both count it: by what both know.
///
/// A carrier knows neither what a message is nor whether the user has written lately, and the two learn of a
/// delivery at different moments: the one when a device acknowledges the envelope, the other when it hears
/// the device say so. So what is compared is a part of what the relay counts for itself: whose the message
/// is, the market of the user's calling code, the category that was declared and stamped, and the hour *in
/// which the message was accepted*, which its id says to both alike. By that hour its rate is found, and that
/// month's bill has it, however late it is delivered.
///
/// ```text
///   name of the count      number u64, quarter of an hour u32, market u16, category u8, states u8 (0)
///   name of the message    the same, and the tag: 16 bytes
/// ```
///
/// Big-endian. No message id stands in it, and of the user there is the calling code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountedMessage {
    key: UsageKey,
    tag: MessageTag,
}

impl CountedMessage {
    /// How many bytes the name of a message has.
    pub const BYTES: usize = UsageKey::BYTES - 8 + 16;

    /// The message `id` of `business` that was sent `to` a user as `category`.
    ///
    /// # Cost
    /// That of a [tag](TagKey::tag).
    #[must_use]
    pub fn new(
        (business, id): (PhoneNumberId, MessageId),
        to: &Number,
        category: Category,
        tags: &TagKey,
    ) -> Self {
        let traits = Traits::message(category.into(), Market::of(to));
        // Whose the number is, is known when it is asked.
        let nobody = BusinessAccountId::new(0);
        let key = UsageKey::new(nobody, business, Hour::quarter(id.time()), traits);
        Self { key, tag: tags.tag_of_number(business, id) }
    }

    /// Reads the name of a message that a number of `account` sent, if it is one's name.
    #[must_use]
    pub fn from_name(account: BusinessAccountId, name: &[u8]) -> Option<Self> {
        let (key, tag) = name.split_at_checked(name.len().checked_sub(16)?)?;
        let tag = MessageTag::from_bytes(tag.try_into().ok()?);
        UsageKey::from_name(account, key).map(|key| Self { key, tag })
    }

    /// As what it is counted: with the quarter of an hour in which it was accepted.
    #[must_use]
    pub const fn key(self) -> UsageKey {
        self.key
    }

    /// Which it is, to who has the key.
    #[must_use]
    pub const fn tag(self) -> MessageTag {
        self.tag
    }

    /// What its counter is called.
    #[must_use]
    pub fn to_name(self) -> [u8; Self::BYTES] {
        let mut name = [0; Self::BYTES];
        name[..UsageKey::BYTES - 8].copy_from_slice(&self.key.to_name());
        name[UsageKey::BYTES - 8..].copy_from_slice(self.tag.as_bytes());
        name
    }
}

/// What one side has counted of a number in a period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CountedPeriod {
    counts: Usage,
    /// In the order of their keys, and how often each was counted: once, if all is well.
    messages: Vec<(CountedMessage, u64)>,
}

impl CountedPeriod {
    /// These `counts`, and these `messages`, each with how often it was counted.
    #[must_use]
    pub fn new(counts: Usage, mut messages: Vec<(CountedMessage, u64)>) -> Self {
        messages.sort_unstable();
        Self { counts, messages }
    }

    /// What counters say of numbers of `account`: each with its name and how often it was counted. Nothing if
    /// one of them is none that is called so.
    #[must_use]
    pub fn from_counters<'a>(
        account: BusinessAccountId,
        counts: impl Iterator<Item = (&'a [u8], u64)>,
        messages: impl Iterator<Item = (&'a [u8], u64)>,
    ) -> Option<Self> {
        let counts = counts
            .map(|(name, count)| Some((UsageKey::from_name(account, name)?, i64::try_from(count).ok()?)));
        let messages = messages.map(|(name, times)| Some((CountedMessage::from_name(account, name)?, times)));
        Some(Self::new(counts.collect::<Option<_>>()?, messages.collect::<Option<_>>()?))
    }

    /// How many there were of what.
    #[must_use]
    pub const fn counts(&self) -> &Usage {
        &self.counts
    }

    /// Each message, in the order of their keys, and how often it was counted.
    #[must_use]
    pub fn messages(&self) -> &[(CountedMessage, u64)] {
        &self.messages
    }

    /// What is billed, by tag, for a [`Rater`](crate::Rater): every message once, in the hour of `zone`. One
    /// that stands under two keys is billed by the first of them.
    #[must_use]
    pub fn deliveries(&self, zone: &Zone) -> Vec<(MessageTag, Delivery)> {
        let mut deliveries = BTreeMap::new();
        for (message, _) in &self.messages {
            let delivery = || Delivery::new(message.key.in_zone(zone), 1, None);
            deliveries.entry(message.tag).or_insert_with(delivery);
        }
        deliveries.into_iter().collect()
    }

    /// Where the counts are not what follows from the messages. Nothing, if all is well: count and message
    /// are of one record. Something only where messages were forgotten before their counts, as a host may
    /// say.
    #[must_use]
    pub fn drift(&self) -> Vec<Drift> {
        drift_between(&self.counts, &self.messages.iter().map(|(message, _)| (message.key, 1)).collect())
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{SeededRng, Timestamp};
    use zeroize::Zeroizing;

    use super::*;

    fn tags(byte: u8) -> TagKey {
        TagKey::from_bytes(Zeroizing::new([byte; 32]))
    }

    fn id_of(number: u64) -> MessageId {
        MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(number))
    }

    fn message(business: u64, id: u64, category: Category) -> CountedMessage {
        let id = id_of(id);
        let to = Number::parse("+4915112345678").unwrap();
        CountedMessage::new((PhoneNumberId::new(business), id), &to, category, &tags(7))
    }

    #[test]
    fn a_name_is_read_as_it_was_written_and_nothing_else_is_one() {
        let message = message(5, 1, Category::Utility);
        let name = message.to_name();
        let read = CountedMessage::from_name(BusinessAccountId::new(0), &name);
        assert_eq!(read, Some(message));
        assert!(name.starts_with(&UsageKey::prefix(PhoneNumberId::new(5))));
        for length in 0..name.len() {
            assert_eq!(CountedMessage::from_name(BusinessAccountId::new(0), &name[..length]), None);
        }
        assert_eq!(CountedMessage::from_name(BusinessAccountId::new(0), &[0xff; 32]), None);
    }

    #[test]
    fn a_tag_is_of_its_key_its_number_and_its_message() {
        let [one, two] = [1, 2].map(|id| message(5, id, Category::Utility).tag());
        let id = id_of(1);
        let other_key = tags(8).tag_of_number(PhoneNumberId::new(5), id);
        let of_account = tags(7).tag(BusinessAccountId::new(5), id);
        let all = [one, two, other_key, of_account, message(6, 1, Category::Utility).tag()];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_message_is_billed_once_however_often_and_as_whatever_it_was_counted() {
        let (utility, marketing) = (message(5, 1, Category::Utility), message(5, 1, Category::Marketing));
        let counts: Usage = [(utility.key(), 2), (marketing.key(), 1)].into_iter().collect();
        let period = CountedPeriod::new(counts, vec![(marketing, 1), (utility, 2)]);
        let deliveries = period.deliveries(&Zone::utc());
        assert_eq!(deliveries.len(), 1);
        assert_eq!(deliveries[0].1.key.traits(), utility.key().traits());
        let [drift] = &period.drift()[..] else { panic!("{:?}", period.drift()) };
        assert_eq!((drift.key, drift.counted, drift.folded), (utility.key(), 2, 1));
    }

    #[test]
    fn what_was_accepted_before_midnight_is_of_the_day_before() {
        let last = Timestamp::from_millis(1_795_305_600_000 - 1);
        let to = Number::parse("+4915112345678").unwrap();
        let counted = |at: Timestamp| {
            let id = MessageId::new(at, &SeededRng::new(1));
            CountedMessage::new((PhoneNumberId::new(5), id), &to, Category::Utility, &tags(7)).key()
        };
        let date = |at| Zone::utc().date(counted(at).in_zone(&Zone::utc()).hour()).to_string();
        let next = Timestamp::from_millis(last.as_millis() + 1);
        assert_ne!(date(last), date(next));
    }
}
