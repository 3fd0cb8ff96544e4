//! How a card is written.
//!
//! ```text
//!   mark         "bulla card 1\n"
//!   id           text
//!   currency     3 letters
//!   rules        u32, then each: from u32, category u8, window u8, entry point u8, type u8
//!   prices       u32, then each: from u32, category u8, unit u8, market u16 (0xffff: all others), mode u8,
//!                tiers u32, then each: units u64, micros u64
//!   allotments   u32, then each: from u32, category u8, unit u8, units u64
//! ```

use super::{Allotment, Price, PriceMode, RateCard, TierPrice, TypeRule};
use crate::error::invalid;
use crate::form::{Reader, put_count, put_text};
use crate::limits::{MAX_CARD_ALLOTMENTS, MAX_CARD_ID_BYTES, MAX_CARD_PRICES, MAX_CARD_RULES, MAX_TIERS};
use crate::{
    Currency, EntryPoint, InvalidForm, LocalDate, Market, PricingCategory, PricingType, Unit, WindowState,
};

const FORM: &[u8] = b"bulla card 1\n";
const OTHERS: u16 = 0xffff;

pub(super) fn read(bytes: &[u8]) -> Result<RateCard, InvalidForm> {
    let mut reader = Reader::marked(bytes, "rate card", FORM)?;
    let id = reader.text("id of the card", MAX_CARD_ID_BYTES)?;
    let currency = Currency::from_bytes(reader.array()?)?;
    let rules = list(&mut reader, "rules of the card", MAX_CARD_RULES, 8, rule)?;
    let prices = list(&mut reader, "prices of the card", MAX_CARD_PRICES, 29, price)?;
    let allotments = list(&mut reader, "allotments of the card", MAX_CARD_ALLOTMENTS, 14, allotment)?;
    reader.end()?;
    RateCard::checked(id, currency, rules, prices, allotments)
}

fn list<T>(
    reader: &mut Reader<'_>,
    field: &'static str,
    limit: usize,
    item_bytes: usize,
    item: impl Fn(&mut Reader<'_>) -> Result<T, InvalidForm>,
) -> Result<Vec<T>, InvalidForm> {
    let count = reader.count(field, limit, item_bytes)?;
    (0..count).map(|_| item(reader)).collect()
}

fn rule(reader: &mut Reader<'_>) -> Result<TypeRule, InvalidForm> {
    let unknown = invalid("rule of the card", "words there are");
    Ok(TypeRule {
        from: LocalDate::from_days(reader.u32()?),
        category: PricingCategory::from_code(reader.u8()?).ok_or(unknown.clone())?,
        window: WindowState::from_code(reader.u8()?).ok_or(unknown.clone())?,
        entry_point: EntryPoint::from_code(reader.u8()?).ok_or(unknown.clone())?,
        pricing_type: PricingType::from_code(reader.u8()?).ok_or(unknown)?,
    })
}

fn price(reader: &mut Reader<'_>) -> Result<Price, InvalidForm> {
    let unknown = invalid("price of the card", "words there are");
    let from = LocalDate::from_days(reader.u32()?);
    let category = PricingCategory::from_code(reader.u8()?).ok_or(unknown.clone())?;
    let unit = Unit::from_code(reader.u8()?).ok_or(unknown.clone())?;
    let market = match reader.u16()? {
        OTHERS => None,
        code => Some(Market::from_code(code).ok_or(unknown.clone())?),
    };
    let mode = match reader.u8()? {
        0 => PriceMode::Fixed,
        1 => PriceMode::Auction,
        _ => return Err(unknown),
    };
    let tiers = list(reader, "tiers of a price", MAX_TIERS, 16, |reader| {
        Ok(TierPrice { units: reader.u64()?, micros: reader.u64()? })
    })?;
    Price::new(from, (category, unit), market, mode, tiers)
}

fn allotment(reader: &mut Reader<'_>) -> Result<Allotment, InvalidForm> {
    let unknown = invalid("allotment of the card", "words there are");
    Ok(Allotment {
        from: LocalDate::from_days(reader.u32()?),
        category: PricingCategory::from_code(reader.u8()?).ok_or(unknown.clone())?,
        unit: Unit::from_code(reader.u8()?).ok_or(unknown)?,
        units: reader.u64()?,
    })
}

pub(super) fn write(card: &RateCard) -> Vec<u8> {
    let mut bytes = FORM.to_vec();
    put_text(&mut bytes, &card.id);
    bytes.extend(card.currency.letters());
    put_count(&mut bytes, card.rules.len());
    for rule in &card.rules {
        bytes.extend(rule.from.days().to_be_bytes());
        bytes.extend([rule.category.code(), rule.window.code()]);
        bytes.extend([rule.entry_point.code(), rule.pricing_type.code()]);
    }
    put_count(&mut bytes, card.prices.len());
    for price in &card.prices {
        bytes.extend(price.from().days().to_be_bytes());
        bytes.extend([price.category().code(), price.unit().code()]);
        bytes.extend(price.market().map_or(OTHERS, Market::code).to_be_bytes());
        bytes.push(u8::from(price.mode() == PriceMode::Auction));
        put_count(&mut bytes, price.tiers().len());
        for tier in price.tiers() {
            bytes.extend(tier.units.to_be_bytes());
            bytes.extend(tier.micros.to_be_bytes());
        }
    }
    put_count(&mut bytes, card.allotments.len());
    for allotment in &card.allotments {
        bytes.extend(allotment.from.days().to_be_bytes());
        bytes.extend([allotment.category.code(), allotment.unit.code()]);
        bytes.extend(allotment.units.to_be_bytes());
    }
    bytes
}
