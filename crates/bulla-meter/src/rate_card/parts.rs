use crate::error::{at_most, invalid};
use crate::form::is_ascending;
use crate::limits::{MAX_PRICE_MICROS, MAX_TIERS};
use crate::{EntryPoint, InvalidForm, LocalDate, Market, PricingCategory, PricingType, Unit, WindowState};

/// From a date on, units of a category in these circumstances have this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TypeRule {
    /// The first day on which it is valid.
    pub from: LocalDate,
    /// What the unit is billed as.
    pub category: PricingCategory,
    /// Whether the user wrote lately.
    pub window: WindowState,
    /// Where the conversation began.
    pub entry_point: EntryPoint,
    /// What it is then.
    pub pricing_type: PricingType,
}

impl TypeRule {
    /// That of one case.
    #[must_use]
    pub const fn new(
        from: LocalDate,
        category: PricingCategory,
        window: WindowState,
        entry_point: EntryPoint,
        pricing_type: PricingType,
    ) -> Self {
        Self { from, category, window, entry_point, pricing_type }
    }

    /// Those of all cases: free at a free entry point, and else as `of` says.
    pub fn everywhere(
        from: LocalDate,
        of: impl Fn(PricingCategory, WindowState) -> PricingType,
    ) -> Vec<Self> {
        let cases = PricingCategory::ALL.iter().flat_map(|category| {
            WindowState::ALL.iter().flat_map(|window| {
                EntryPoint::ALL.iter().map(|entry_point| (*category, *window, *entry_point))
            })
        });
        let rule = |(category, window, entry_point)| {
            let pricing_type = match entry_point {
                EntryPoint::Free => PricingType::FreeEntryPoint,
                EntryPoint::Ordinary => of(category, window),
            };
            Self { from, category, window, entry_point, pricing_type }
        };
        cases.map(rule).collect()
    }

    pub(crate) const fn key(&self) -> (LocalDate, PricingCategory, WindowState, EntryPoint) {
        (self.from, self.category, self.window, self.entry_point)
    }
}

/// Whether a price is the card's or found by bidding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PriceMode {
    /// The card's.
    Fixed,
    /// What was charged is known when the message is delivered; the card says the most it can be.
    Auction,
}

/// From so many units a month on, one costs this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierPrice {
    /// How many units the account has had in the month before; 0 for the first tier.
    pub units: u64,
    /// What each costs then, in micro-units.
    pub micros: u64,
}

impl TierPrice {
    /// From `units` on, `micros` each.
    #[must_use]
    pub const fn new(units: u64, micros: u64) -> Self {
        Self { units, micros }
    }
}

/// What a regular unit of a category costs from a date on, in a market or in all that have no price of their
/// own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    from: LocalDate,
    category: PricingCategory,
    unit: Unit,
    market: Option<Market>,
    mode: PriceMode,
    tiers: Vec<TierPrice>,
}

impl Price {
    /// The price of `unit`s of `category` in `market`, or in all others.
    ///
    /// # Errors
    /// When there are no tiers or more than [`MAX_TIERS`], they do not begin at 0 and ascend, one is above
    /// [`MAX_PRICE_MICROS`], or an auction has more than one.
    pub fn new(
        from: LocalDate,
        (category, unit): (PricingCategory, Unit),
        market: Option<Market>,
        mode: PriceMode,
        tiers: Vec<TierPrice>,
    ) -> Result<Self, InvalidForm> {
        at_most("tiers of a price", MAX_TIERS, tiers.len())?;
        if tiers.first().is_none_or(|tier| tier.units != 0) || !is_ascending(&tiers, |tier| tier.units) {
            return Err(invalid("tiers of a price", "units from 0 upwards"));
        }
        if tiers.len() > 1 && mode == PriceMode::Auction {
            return Err(invalid("tiers of a price", "one where it is found by bidding"));
        }
        for tier in &tiers {
            let (limit, actual) = (MAX_PRICE_MICROS, tier.micros);
            if actual > limit {
                return Err(InvalidForm::TooLarge { field: "price, in micro-units", limit, actual });
            }
        }
        Ok(Self { from, category, unit, market, mode, tiers })
    }

    /// The fixed price of messages, without tiers.
    ///
    /// # Errors
    /// As for [`Price::new`].
    pub fn of_message(
        from: LocalDate,
        category: PricingCategory,
        market: Option<Market>,
        micros: u64,
    ) -> Result<Self, InvalidForm> {
        let tiers = vec![TierPrice::new(0, micros)];
        Self::new(from, (category, Unit::Message), market, PriceMode::Fixed, tiers)
    }

    /// The first day on which it is valid.
    #[must_use]
    pub const fn from(&self) -> LocalDate {
        self.from
    }

    /// Of what.
    #[must_use]
    pub const fn category(&self) -> PricingCategory {
        self.category
    }

    /// In what it is counted.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// Where; `None` for all markets without their own.
    #[must_use]
    pub const fn market(&self) -> Option<Market> {
        self.market
    }

    /// Whether it is fixed.
    #[must_use]
    pub const fn mode(&self) -> PriceMode {
        self.mode
    }

    /// What it is, by volume.
    #[must_use]
    pub fn tiers(&self) -> &[TierPrice] {
        &self.tiers
    }

    pub(crate) const fn key(&self) -> (LocalDate, PricingCategory, Unit, Option<Market>) {
        (self.from, self.category, self.unit, self.market)
    }
}

/// The first units that each number sends in a month cost nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allotment {
    /// The first day on which it is valid.
    pub from: LocalDate,
    /// Of what.
    pub category: PricingCategory,
    /// In what it is counted.
    pub unit: Unit,
    /// How many; 0 ends an earlier one.
    pub units: u64,
}

impl Allotment {
    /// From a date on, so many free messages of `category`.
    #[must_use]
    pub const fn of_messages(from: LocalDate, category: PricingCategory, units: u64) -> Self {
        Self { from, category, unit: Unit::Message, units }
    }

    pub(crate) const fn key(&self) -> (LocalDate, PricingCategory, Unit) {
        (self.from, self.category, self.unit)
    }
}
