//! A month that is made up, with what each side has of it.

use std::path::Path;

use bulla_base::{BusinessAccountId, PhoneNumberId, Timestamp};
use bulla_meter::{
    Allotment, BillingSigner, Currency, Event, Facts, InvalidForm, Leaf, Ledger, LocalDate, Market,
    MessageTag, Price, PriceMode, PricingCategory, PricingType, RateCard, Rater, SignedStatement, Statement,
    StatementParts, Step, Tariff, TierPrice, Traits, TypeRule, Unit, WindowState, Zone,
};

use crate::fault::Fault;
use crate::files::{make_folder, write};

/// Messages of the month.
const MESSAGES: u64 = 20_000;

/// Writes it to `folder`, which is made if there is none.
pub(crate) fn sample(folder: &Path) -> Result<(), Fault> {
    make_folder(folder)?;
    let (account, zone, card) = (BusinessAccountId::new(102_290_129_340_398), Zone::utc(), card()?);
    let tariff = Tariff::new(&card, &zone);
    let period = zone.month(LocalDate::new(2026, 9, 1)?);
    let mut ledger = Ledger::new(zone.clone());
    let length = u64::from(period.minutes()) * 60_000;
    for number in 0..MESSAGES {
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let tag = MessageTag::from_bytes((u128::from(spread) << 64 | u128::from(number)).to_be_bytes());
        let at = Timestamp::from_millis(period.from().begin().as_millis() + spread.rotate_left(23) % length);
        let facts = Facts::new(account, PhoneNumberId::new(106_540_352_242_922), traits(spread), 1);
        ledger.apply(&Event::new(tag, facts, Step::Accepted, at));
        ledger.apply(&Event::new(tag, facts, Step::Delivered, at));
        if number % 997 == 0 {
            ledger.apply(&Event::new(tag, facts, Step::Delivered, at));
        }
    }
    let leaves = Rater::new(&tariff, &zone).rate(&ledger.deliveries(period));
    let leaves = leaves.map_err(|(_, why)| Fault::Unrated(why))?;
    let parts = StatementParts::new(account, period, &zone, &tariff);
    let statement = Statement::new(parts.with_irregularities(ledger.irregularities()), &leaves)?;
    // For show: a real one is drawn at random and kept.
    let signer = BillingSigner::from_seed(&[1; 32]);
    write(&folder.join("statement"), SignedStatement::issue(statement, &signer).to_bytes())?;
    write(&folder.join("leaves"), encoded(&leaves))?;
    write(&folder.join("theirs"), encoded(&theirs(&leaves)))?;
    write(&folder.join("card"), card.to_bytes())?;
    write(&folder.join("other-card"), everything_charged(&card)?.to_bytes())?;
    write(&folder.join("issuer"), signer.public().to_string())
}

fn traits(spread: u64) -> Traits {
    let category = match spread % 10 {
        0..4 => PricingCategory::Utility,
        4..7 => PricingCategory::Service,
        7..9 => PricingCategory::Marketing,
        _ => PricingCategory::Authentication,
    };
    let market = [49, 43, 1, 91, 55].get((spread >> 8) as usize % 5).copied().unwrap_or_default();
    let window = if spread >> 16 & 1 == 0 { WindowState::Open } else { WindowState::Closed };
    Traits::message(category, Market::from_code(market).unwrap_or(Market::UNKNOWN)).with_window(window)
}

/// What the other side has: two messages less, and one that it takes for something else.
fn theirs(leaves: &[Leaf]) -> Vec<Leaf> {
    let third = leaves.len() / 3;
    let mut theirs: Vec<_> = leaves
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != third && *place != 2 * third)
        .map(|(_, leaf)| *leaf)
        .collect();
    if let Some(leaf) = theirs.get_mut(7) {
        leaf.traits = Traits::message(PricingCategory::Authentication, leaf.traits.market);
    }
    theirs
}

fn encoded(leaves: &[Leaf]) -> Vec<u8> {
    leaves.iter().flat_map(Leaf::to_bytes).collect()
}

/// By the message, with answers and notices in the window free.
fn card() -> Result<RateCard, InvalidForm> {
    let from = LocalDate::new(2025, 7, 1)?;
    let rules = TypeRule::everywhere(from, |category, window| match (category, window) {
        (PricingCategory::Service, _) | (PricingCategory::Utility, WindowState::Open) => {
            PricingType::FreeCustomerService
        }
        _ => PricingType::Regular,
    });
    let tiers = vec![TierPrice::new(0, 45_600), TierPrice::new(500, 43_300), TierPrice::new(1000, 41_000)];
    let utility = (PricingCategory::Utility, Unit::Message);
    let prices = vec![
        Price::of_message(from, PricingCategory::Utility, None, 7_700)?,
        Price::new(from, utility, Market::from_code(49), PriceMode::Fixed, tiers)?,
        Price::of_message(from, PricingCategory::Authentication, None, 30_000)?,
        Price::of_message(from, PricingCategory::Marketing, None, 60_400)?,
    ];
    RateCard::new("sample-2025", Currency::parse("EUR")?, rules, prices, Vec::new())
}

/// The same prices, with everything charged, and 1,000 answers free a number.
fn everything_charged(card: &RateCard) -> Result<RateCard, InvalidForm> {
    let from = LocalDate::new(2025, 7, 1)?;
    let rules = TypeRule::everywhere(from, |_, _| PricingType::Regular);
    let mut prices = card.prices().to_vec();
    prices.push(Price::of_message(from, PricingCategory::Service, None, 7_700)?);
    let allotments = vec![Allotment::of_messages(from, PricingCategory::Service, 1000)];
    RateCard::new("sample-2026", card.currency(), rules, prices, allotments)
}
