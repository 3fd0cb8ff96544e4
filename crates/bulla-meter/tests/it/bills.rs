//! Messages of an account, and what comes of them.

use bulla_base::{BusinessAccountId, PhoneNumberId, Timestamp};
use bulla_meter::{
    Event, Facts, Leaf, Ledger, LocalDate, MessageTag, Period, PricingCategory, RateCard, Rater, Step,
    Tariff, Traits, WindowState, Zone,
};

use crate::cards::{berlin, changing_card, date, market};

pub(crate) const ACCOUNT: BusinessAccountId = BusinessAccountId::new(102_290_129_340_398);

pub(crate) fn tag(number: u64) -> MessageTag {
    // Spread as tags are.
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&spread.to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageTag::from_bytes(bytes)
}

pub(crate) fn facts(category: PricingCategory, code: u16) -> Facts {
    Facts::new(ACCOUNT, PhoneNumberId::new(106), Traits::message(category, market(code)), 1)
}

/// The `number`th message of those that are spread over `period`.
pub(crate) fn varied(number: u64, period: Period) -> (Facts, Timestamp) {
    let categories = [
        PricingCategory::Utility,
        PricingCategory::Marketing,
        PricingCategory::Service,
        PricingCategory::Utility,
    ];
    let place = |of: usize, by: u64| usize::try_from(number / by).unwrap() % of;
    let traits = Traits::message(categories[place(4, 1)], market([49, 1, 33][place(3, 7)]))
        .with_window([WindowState::Closed, WindowState::Open][place(2, 3)]);
    let from = period.from().begin().as_millis();
    let at = from + number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (u64::from(period.minutes()) * 60_000);
    (Facts::new(ACCOUNT, PhoneNumberId::new(106 + number % 3), traits, 1), Timestamp::from_millis(at))
}

/// An account in Berlin, in one month.
pub(crate) struct Account {
    pub(crate) zone: Zone,
    pub(crate) card: RateCard,
    pub(crate) tariff: Tariff,
    pub(crate) period: Period,
    pub(crate) ledger: Ledger,
}

impl Account {
    pub(crate) fn in_month(month: &str) -> Self {
        let (zone, card) = (berlin(), changing_card());
        let tariff = Tariff::new(&card, &zone);
        let first: LocalDate = date(month);
        Self { period: zone.month(first), ledger: Ledger::new(zone.clone()), zone, card, tariff }
    }

    pub(crate) fn deliver(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let (facts, at) = varied(number, self.period);
            self.ledger.apply(&Event::new(tag(number), facts, Step::Accepted, at));
            self.ledger.apply(&Event::new(tag(number), facts, Step::Delivered, at));
        }
    }

    pub(crate) fn leaves(&self) -> Vec<Leaf> {
        Rater::new(&self.tariff, &self.zone).rate(&self.ledger.deliveries(self.period)).unwrap()
    }
}
