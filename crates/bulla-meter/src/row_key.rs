use bulla_base::PhoneNumberId;

use crate::error::invalid;
use crate::form::Reader;
use crate::{Amount, InvalidForm, Market, PricingCategory, PricingType, Tier, Unit};

/// What stands in one row of a statement.
///
/// ```text
///   number u64, big-endian    market u16    category u8    type u8    tier u8    unit u8
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct RowKey {
    /// Which number sent.
    pub number: PhoneNumberId,
    /// To where.
    pub market: Market,
    /// As what.
    pub category: PricingCategory,
    /// Whether it was charged.
    pub pricing_type: PricingType,
    /// In which tier.
    pub tier: Tier,
    /// Messages or tokens.
    pub unit: Unit,
}

/// A row: how many units, and what they cost together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Of what.
    pub key: RowKey,
    /// How many.
    pub units: u64,
    /// What they cost.
    pub amount: Amount,
}

impl RowKey {
    /// How many bytes the encoded form has.
    pub const BYTES: usize = 14;

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidForm> {
        let unknown = || invalid("row", "words there are");
        Ok(Self {
            number: PhoneNumberId::new(reader.u64()?),
            market: Market::from_code(reader.u16()?).ok_or_else(unknown)?,
            category: PricingCategory::from_code(reader.u8()?).ok_or_else(unknown)?,
            pricing_type: PricingType::from_code(reader.u8()?).ok_or_else(unknown)?,
            tier: Tier::new(reader.u8()?),
            unit: Unit::from_code(reader.u8()?).ok_or_else(unknown)?,
        })
    }

    /// The encoded form. Its order is that of the keys.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.number.number().to_be_bytes());
        bytes[8..10].copy_from_slice(&self.market.code().to_be_bytes());
        bytes[10] = self.category.code();
        bytes[11] = self.pricing_type.code();
        bytes[12] = self.tier.number();
        bytes[13] = self.unit.code();
        bytes
    }
}

impl Row {
    pub(crate) const BYTES: usize = RowKey::BYTES + 8 + 16;

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidForm> {
        let (key, units) = (RowKey::read(reader)?, reader.u64()?);
        Ok(Self { key, units, amount: Amount::from_micros(reader.i128()?) })
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.key.to_bytes());
        bytes.extend(self.units.to_be_bytes());
        bytes.extend(self.amount.micros().to_be_bytes());
    }
}
