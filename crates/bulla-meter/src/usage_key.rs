use bulla_base::{BusinessAccountId, PhoneNumberId};

use crate::{EntryPoint, Hour, Market, PricingCategory, Unit, WindowState, Zone};

/// What is counted together: units of one number of a business, in one hour, to one market, that are alike in
/// all that a rate card asks.
///
/// Not what they cost: what type and tier they have, a card says, so that another card can say otherwise of
/// the same counts. No recipient stands in it, and no message.
///
/// ```text
///   account    u64, big-endian    8 bytes
///   number     u64                8
///   hour       u32                4    minutes since the Unix epoch
///   market     u16                2    calling code, 0 for unknown
///   category   u8                 1
///   states     u8                 1    window + 2 × entry point + 4 × unit
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageKey {
    account: u64,
    number: u64,
    /// The fields from the hour on, as they are encoded.
    rest: u64,
}

/// What a unit is, besides whose and when: the part of a [`UsageKey`] that a rate card looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Traits {
    /// Where its recipient is.
    pub market: Market,
    /// What it is billed as.
    pub category: PricingCategory,
    /// Whether the user wrote lately.
    pub window: WindowState,
    /// Where the conversation began.
    pub entry_point: EntryPoint,
    /// Messages or tokens.
    pub unit: Unit,
}

impl Traits {
    /// A message of `category` to `market`, outside any window.
    #[must_use]
    pub const fn message(category: PricingCategory, market: Market) -> Self {
        let (window, entry_point) = (WindowState::Closed, EntryPoint::Ordinary);
        Self { market, category, window, entry_point, unit: Unit::Message }
    }

    pub(crate) fn from_word(word: u32) -> Option<Self> {
        let [high, low, category, states] = word.to_be_bytes();
        let market = Market::from_code(u16::from_be_bytes([high, low]))?;
        let traits = Self::plain(market, category, states)?;
        (states < 8).then_some(traits)
    }

    /// The same, with the window as it is.
    #[must_use]
    pub const fn with_window(self, window: WindowState) -> Self {
        Self { window, ..self }
    }

    /// The same, with the entry point as it is.
    #[must_use]
    pub const fn with_entry_point(self, entry_point: EntryPoint) -> Self {
        Self { entry_point, ..self }
    }

    /// The same, of another unit.
    #[must_use]
    pub const fn with_unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// Market (2 bytes), category (1), states (1).
    #[inline]
    pub(crate) const fn to_word(self) -> u32 {
        let states = self.window.code() | self.entry_point.code() << 1 | self.unit.code() << 2;
        (self.market.code() as u32) << 16 | (self.category.code() as u32) << 8 | states as u32
    }

    fn plain(market: Market, category: u8, states: u8) -> Option<Self> {
        Some(Self {
            market,
            category: PricingCategory::from_code(category)?,
            window: WindowState::from_code(states & 1)?,
            entry_point: EntryPoint::from_code(states >> 1 & 1)?,
            unit: Unit::from_code(states >> 2 & 1)?,
        })
    }
}

impl UsageKey {
    /// How many bytes the encoded form has.
    pub const BYTES: usize = 24;

    /// What is counted here.
    #[must_use]
    #[inline]
    pub const fn new(account: BusinessAccountId, number: PhoneNumberId, hour: Hour, traits: Traits) -> Self {
        let rest = (hour.minutes() as u64) << 32 | traits.to_word() as u64;
        Self { account: account.number(), number: number.number(), rest }
    }

    /// Reads the encoded form, if it is one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let words = bytes.as_chunks().0;
        let &[account, number, rest] = words else { return None };
        let rest = u64::from_be_bytes(rest);
        let [_, _, _, _, word @ ..] = rest.to_be_bytes();
        Traits::from_word(u32::from_be_bytes(word))?;
        Some(Self { account: u64::from_be_bytes(account), number: u64::from_be_bytes(number), rest })
    }

    /// Reads what a counter of `account` is called, if it is one's name.
    #[must_use]
    pub fn from_name(account: BusinessAccountId, name: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        let (of_account, rest) = bytes.split_at_mut(8);
        of_account.copy_from_slice(&account.number().to_be_bytes());
        (rest.len() == name.len()).then(|| rest.copy_from_slice(name))?;
        Self::from_bytes(&bytes)
    }

    /// Whose bill it stands in.
    #[must_use]
    pub const fn account(self) -> BusinessAccountId {
        BusinessAccountId::new(self.account)
    }

    /// Which number sent.
    #[must_use]
    pub const fn number(self) -> PhoneNumberId {
        PhoneNumberId::new(self.number)
    }

    /// In which hour it was delivered.
    #[must_use]
    pub const fn hour(self) -> Hour {
        let [a, b, c, d, ..] = self.rest.to_be_bytes();
        Hour::from_minutes(u32::from_be_bytes([a, b, c, d]))
    }

    /// The same in the hour of `zone` that its own begins in.
    #[must_use]
    pub fn in_zone(self, zone: &Zone) -> Self {
        let account = BusinessAccountId::new(self.account);
        Self::new(account, self.number(), zone.hour(self.hour().begin()), self.traits())
    }

    /// What the units are.
    #[must_use]
    pub fn traits(self) -> Traits {
        let [.., high, low, category, states] = self.rest.to_be_bytes();
        let market = Market::from_code(u16::from_be_bytes([high, low])).unwrap_or(Market::UNKNOWN);
        // What was checked when the key was made.
        Traits::plain(market, category, states)
            .unwrap_or(Traits::message(PricingCategory::Service, Market::UNKNOWN))
    }

    /// What its counter is called where the number leads to the account: the encoded form without that.
    #[must_use]
    pub fn to_name(self) -> [u8; Self::BYTES - 8] {
        let mut name = [0; Self::BYTES - 8];
        name.copy_from_slice(&self.to_bytes()[8..]);
        name
    }

    /// What all names of one number begin with.
    #[must_use]
    pub const fn prefix(number: PhoneNumberId) -> [u8; 8] {
        number.number().to_be_bytes()
    }

    /// What the names of one number are behind, which begin in `hour` or later.
    #[must_use]
    pub fn names_from(number: PhoneNumberId, hour: Hour) -> [u8; 12] {
        let mut from = [0; 12];
        from[..8].copy_from_slice(&Self::prefix(number));
        from[8..].copy_from_slice(&hour.minutes().to_be_bytes());
        from
    }

    /// The encoded form. Its order is that of the keys.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.account.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_be_bytes());
        bytes[16..].copy_from_slice(&self.rest.to_be_bytes());
        bytes
    }

    #[inline]
    pub(crate) const fn words(self) -> [u64; 3] {
        [self.account, self.number, self.rest]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_comes_back_from_its_bytes() {
        for market in Market::all() {
            for category in PricingCategory::ALL {
                for states in 0..8 {
                    let traits = Traits::plain(market, category.code(), states).unwrap();
                    let hour = Hour::from_minutes(u32::MAX - u32::from(states));
                    let (account, number) = (BusinessAccountId::new(u64::MAX), PhoneNumberId::new(7));
                    let key = UsageKey::new(account, number, hour, traits);
                    assert_eq!(UsageKey::from_bytes(&key.to_bytes()), Some(key));
                    assert_eq!((key.account(), key.number(), key.hour()), (account, number, hour));
                    assert_eq!(key.traits(), traits);
                    assert_eq!(UsageKey::from_name(account, &key.to_name()), Some(key));
                    assert!(key.to_name().starts_with(&UsageKey::prefix(number)));
                }
            }
        }
    }

    #[test]
    fn names_of_an_hour_are_behind_what_it_begins_with_and_before_what_the_next_does() {
        let number = PhoneNumberId::new(7);
        let traits = Traits::message(PricingCategory::Utility, Market::UNKNOWN);
        let key = UsageKey::new(BusinessAccountId::new(1), number, Hour::from_minutes(600), traits);
        assert!(key.to_name()[..] > UsageKey::names_from(number, key.hour())[..]);
        assert!(key.to_name()[..] < UsageKey::names_from(number, Hour::from_minutes(601))[..]);
    }

    #[test]
    fn quarters_of_hours_make_the_hours_of_every_zone() {
        let traits = Traits::message(PricingCategory::Utility, Market::UNKNOWN);
        let key = |hour| UsageKey::new(BusinessAccountId::new(1), PhoneNumberId::new(2), hour, traits);
        // Kathmandu, 5 hours and 45 minutes; Kolkata, 5 and a half; St John's, behind by 3 and a half.
        for offset in [345_i16, 330, -210, 0] {
            let bytes = [&b"\0\x01Z\0\0\0\x01\0\0\0\0"[..], &offset.to_be_bytes()].concat();
            let zone = Zone::from_bytes(&bytes).unwrap();
            for minute in (1_000_000..1_000_180).map(|minute| minute * 60_000) {
                let at = bulla_base::Timestamp::from_millis(minute);
                assert_eq!(key(Hour::quarter(at)).in_zone(&zone), key(zone.hour(at)), "{offset} {minute}");
            }
        }
    }

    #[test]
    fn other_bytes_are_no_key() {
        assert_eq!(UsageKey::from_name(BusinessAccountId::new(1), &[0; 15]), None);
        assert_eq!(UsageKey::from_name(BusinessAccountId::new(1), &[0; 17]), None);
        let good = UsageKey::new(
            BusinessAccountId::new(1),
            PhoneNumberId::new(2),
            Hour::from_minutes(3),
            Traits::message(PricingCategory::Utility, Market::UNKNOWN),
        );
        for (place, byte) in [(21, 210), (22, 8), (23, 8), (20, 0xff)] {
            let mut bytes = good.to_bytes();
            bytes[place] = byte;
            assert_eq!(UsageKey::from_bytes(&bytes), None, "{place}");
            assert_eq!(UsageKey::from_name(good.account(), &bytes[8..]), None, "{place}");
        }
    }
}
