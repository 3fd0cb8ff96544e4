use std::cmp::Ordering;

use crate::error::invalid;
use crate::form::Reader;
use crate::{Hour, InvalidForm, Leaf, LocalDate, MessageTag, Zone};

/// What is asked about: all, a day, an hour, or those of an hour whose tags begin alike.
///
/// ```text
///   kind  u8    0 all; 1 a day, u32; 2 an hour, u32; 3 a range: hour u32, nibbles u8, 16 bytes
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// All of it.
    Period,
    /// A day by the account's clock.
    Day(LocalDate),
    /// An hour.
    Hour(Hour),
    /// Those of `hour` whose tags begin so.
    Range {
        /// Of which hour.
        hour: Hour,
        /// How the tags begin.
        prefix: TagPrefix,
    },
}

/// How a tag begins: so many nibbles of four bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagPrefix {
    /// What is behind the prefix is 0.
    bits: u128,
    /// From 1 to [`Self::MOST_NIBBLES`].
    nibbles: u8,
}

impl TagPrefix {
    const MOST_NIBBLES: u8 = 32;

    fn of(tag: &MessageTag, nibbles: u8) -> Self {
        Self { bits: u128::from_be_bytes(*tag.as_bytes()) & Self::mask(nibbles), nibbles }
    }

    fn mask(nibbles: u8) -> u128 {
        u128::MAX.checked_shl(128 - 4 * u32::from(nibbles)).unwrap_or_default()
    }

    /// Where `tag` stands to those that begin so.
    pub(super) fn compare(&self, tag: &MessageTag) -> Ordering {
        (u128::from_be_bytes(*tag.as_bytes()) & Self::mask(self.nibbles)).cmp(&self.bits)
    }
}

/// How many leaves are at a place, and the first half of SHA-256 over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many.
    pub count: u32,
    /// Of what.
    pub digest: [u8; 16],
}

impl Place {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidForm> {
        let wrong = invalid("place", "a kind there is, and a prefix with nothing behind it");
        match reader.u8()? {
            0 => Ok(Self::Period),
            1 => Ok(Self::Day(LocalDate::from_days(reader.u32()?))),
            2 => Ok(Self::Hour(Hour::from_minutes(reader.u32()?))),
            3 => {
                let hour = Hour::from_minutes(reader.u32()?);
                let (nibbles, bits) = (reader.u8()?, u128::from_be_bytes(reader.array()?));
                let is_whole = (1..=TagPrefix::MOST_NIBBLES).contains(&nibbles);
                if !is_whole || bits & TagPrefix::mask(nibbles) != bits {
                    return Err(wrong);
                }
                Ok(Self::Range { hour, prefix: TagPrefix { bits, nibbles } })
            }
            _ => Err(wrong),
        }
    }

    /// The part of this place that `leaf` is in: nothing below the last nibble.
    pub(super) fn part(&self, leaf: &Leaf, zone: &Zone) -> Option<Self> {
        let range = |nibbles| Self::Range { hour: leaf.hour, prefix: TagPrefix::of(&leaf.tag, nibbles) };
        match self {
            Self::Period => Some(Self::Day(zone.date(leaf.hour))),
            Self::Day(_) => Some(Self::Hour(leaf.hour)),
            Self::Hour(_) => Some(range(1)),
            Self::Range { prefix, .. } if prefix.nibbles < TagPrefix::MOST_NIBBLES => {
                Some(range(prefix.nibbles + 1))
            }
            Self::Range { .. } => None,
        }
    }

    /// Whether `part` is one step below this.
    pub(super) fn has(&self, part: &Self, zone: &Zone) -> bool {
        match (self, part) {
            (Self::Period, Self::Day(_)) => true,
            (Self::Day(date), Self::Hour(hour)) => zone.date(*hour) == *date,
            (Self::Hour(hour), Self::Range { hour: of, prefix }) => hour == of && prefix.nibbles == 1,
            (Self::Range { hour, prefix }, Self::Range { hour: of, prefix: below }) => {
                hour == of
                    && below.nibbles == prefix.nibbles + 1
                    && below.bits & TagPrefix::mask(prefix.nibbles) == prefix.bits
            }
            _ => false,
        }
    }

    /// Whether `leaf` is there.
    pub(super) fn holds(&self, leaf: &Leaf, zone: &Zone) -> bool {
        match self {
            Self::Period => true,
            Self::Day(date) => zone.date(leaf.hour) == *date,
            Self::Hour(hour) => leaf.hour == *hour,
            Self::Range { hour, prefix } => leaf.hour == *hour && prefix.compare(&leaf.tag).is_eq(),
        }
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Period => bytes.push(0),
            Self::Day(date) => {
                bytes.push(1);
                bytes.extend(date.days().to_be_bytes());
            }
            Self::Hour(hour) => {
                bytes.push(2);
                bytes.extend(hour.minutes().to_be_bytes());
            }
            Self::Range { hour, prefix } => {
                bytes.push(3);
                bytes.extend(hour.minutes().to_be_bytes());
                bytes.push(prefix.nibbles);
                bytes.extend(prefix.bits.to_be_bytes());
            }
        }
    }
}
