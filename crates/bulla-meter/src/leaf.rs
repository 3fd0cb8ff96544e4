use bulla_base::PhoneNumberId;
use bulla_transparency::TreeHash;

use crate::error::invalid;
use crate::form::Reader;
use crate::{Amount, Hour, InvalidForm, MessageTag, PricingType, RowKey, Tier, Traits};

/// One message as it is billed: a leaf of a statement's tree.
///
/// ```text
///   tag      16 bytes             type     u8
///   number   u64, big-endian      tier     u8
///   hour     u32                  micros   u64    what each unit costs
///   traits   market u16, category u8, states u8
///   units    u32
/// ```
///
/// Short enough to be hashed in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Leaf {
    /// Which message, to who has the key.
    pub tag: MessageTag,
    /// Which number sent it.
    pub number: PhoneNumberId,
    /// In which hour it was delivered.
    pub hour: Hour,
    /// What it is.
    pub traits: Traits,
    /// How many units.
    pub units: u32,
    /// Whether it is charged.
    pub pricing_type: PricingType,
    /// In which tier.
    pub tier: Tier,
    /// What each unit costs, in micro-units.
    pub micros: u64,
}

impl Leaf {
    /// How many bytes the encoded form has.
    pub const BYTES: usize = 46;

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When one of its words is none.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, InvalidForm> {
        Self::read(&mut Reader::of(bytes, "leaf"))
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidForm> {
        let unknown = || invalid("leaf", "words there are");
        Ok(Self {
            tag: MessageTag::from_bytes(reader.array()?),
            number: PhoneNumberId::new(reader.u64()?),
            hour: Hour::from_minutes(reader.u32()?),
            traits: Traits::from_word(reader.u32()?).ok_or_else(unknown)?,
            units: reader.u32()?,
            pricing_type: PricingType::from_code(reader.u8()?).ok_or_else(unknown)?,
            tier: Tier::new(reader.u8()?),
            micros: reader.u64()?,
        })
    }

    /// The row of the statement that it is part of.
    #[must_use]
    pub const fn row(&self) -> RowKey {
        RowKey {
            number: self.number,
            market: self.traits.market,
            category: self.traits.category,
            pricing_type: self.pricing_type,
            tier: self.tier,
            unit: self.traits.unit,
        }
    }

    /// What it costs.
    #[must_use]
    pub fn amount(&self) -> Amount {
        Amount::from_micros(i128::from(self.micros)).times(i128::from(self.units))
    }

    /// Its hash in the tree.
    #[must_use]
    pub fn hash(&self) -> TreeHash {
        TreeHash::of_leaf(&self.to_bytes())
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(self.tag.as_bytes());
        bytes[16..24].copy_from_slice(&self.number.number().to_be_bytes());
        bytes[24..28].copy_from_slice(&self.hour.minutes().to_be_bytes());
        bytes[28..32].copy_from_slice(&self.traits.to_word().to_be_bytes());
        bytes[32..36].copy_from_slice(&self.units.to_be_bytes());
        bytes[36] = self.pricing_type.code();
        bytes[37] = self.tier.number();
        bytes[38..].copy_from_slice(&self.micros.to_be_bytes());
        bytes
    }
}
