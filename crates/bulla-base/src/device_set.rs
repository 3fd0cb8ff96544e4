use std::fmt;

use crate::{DeviceId, InvalidWord, MAX_DEVICES};

/// A set of a user's devices.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct DeviceSet(u16);

impl DeviceSet {
    /// No device.
    pub const EMPTY: Self = Self(0);

    /// The first device alone, as most users have it.
    pub const PRIMARY: Self = Self::of(DeviceId::PRIMARY);

    /// This device alone.
    #[must_use]
    pub const fn of(device: DeviceId) -> Self {
        Self(1 << (device.number() - 1))
    }

    /// The set whose bit `n`, counted from 0, says whether the device `n + 1` is in it.
    ///
    /// # Errors
    /// When it names a device beyond [`MAX_DEVICES`].
    pub fn from_bits(bits: u32) -> Result<Self, InvalidWord> {
        match u16::try_from(bits) {
            Ok(bits) if bits >> MAX_DEVICES == 0 => Ok(Self(bits)),
            _ => Err(InvalidWord::new("set of devices", "it has a device beyond the tenth")),
        }
    }

    /// The set as [`from_bits`](Self::from_bits) reads it.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// Whether `device` is in it.
    #[must_use]
    pub const fn contains(self, device: DeviceId) -> bool {
        self.0 & Self::of(device).0 != 0
    }

    /// Whether there is no device in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many devices are in it.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The same set with `device`.
    #[must_use]
    pub const fn with(self, device: DeviceId) -> Self {
        Self(self.0 | Self::of(device).0)
    }

    /// The same set without `device`.
    #[must_use]
    pub const fn without(self, device: DeviceId) -> Self {
        Self(self.0 & !Self::of(device).0)
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one and not in `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Its devices, in their order.
    pub fn iter(self) -> impl Iterator<Item = DeviceId> {
        (1..=MAX_DEVICES)
            .filter_map(|number| DeviceId::new(number).ok())
            .filter(move |device| self.contains(*device))
    }
}

impl FromIterator<DeviceId> for DeviceSet {
    fn from_iter<I: IntoIterator<Item = DeviceId>>(devices: I) -> Self {
        devices.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for DeviceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(DeviceId::number)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: u8) -> DeviceId {
        DeviceId::new(number).unwrap()
    }

    #[test]
    fn what_is_put_into_a_set_is_in_it_until_it_is_taken_out() {
        let set: DeviceSet = [10, 1, 3].map(device).into_iter().collect();
        assert_eq!((set.len(), format!("{set:?}").as_str()), (3, "{1, 3, 10}"));
        assert!(set.contains(device(3)) && !set.contains(device(2)));
        let without = set.without(device(3));
        assert!(!without.contains(device(3)) && without.with(device(3)) == set);
        assert_eq!(DeviceSet::from_bits(set.bits()), Ok(set));
        assert_eq!(DeviceSet::PRIMARY.iter().collect::<Vec<_>>(), [DeviceId::PRIMARY]);
        assert!(DeviceSet::EMPTY.is_empty() && !set.is_empty());
    }

    #[test]
    fn sets_are_joined_and_taken_from_each_other() {
        let [low, high]: [DeviceSet; 2] =
            [[1, 2], [2, 3]].map(|numbers| numbers.map(device).into_iter().collect());
        assert_eq!(format!("{:?}", low.union(high)), "{1, 2, 3}");
        assert_eq!(format!("{:?}", low.intersection(high)), "{2}");
        assert_eq!(format!("{:?}", low.difference(high)), "{1}");
    }

    #[test]
    fn ten_devices_fit_and_no_bit_beyond_them_is_read() {
        let all: DeviceSet = (1..=MAX_DEVICES).map(device).collect();
        assert_eq!((all.len(), all.bits()), (10, 0x3ff));
        assert_eq!(DeviceSet::from_bits(0x3ff), Ok(all));
        for bits in [0x400, 0x7ff, 0x1_0000, u32::MAX] {
            assert!(DeviceSet::from_bits(bits).is_err(), "{bits:x}");
        }
    }
}
