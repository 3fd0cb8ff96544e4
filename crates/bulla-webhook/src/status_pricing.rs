use std::sync::Arc;

use bulla_base::{BusinessAccountId, Category, Timestamp};
use bulla_relay::{PricingType, WindowState};

/// The port through which a sink learns what type of price a message has, which statuses tell. Handed over
/// with [`WebhookSink::pricing`](crate::WebhookSink::pricing).
///
/// Without one, answers to users, which are messages of the service category, are told to be free, and all
/// else to be regular.
///
/// # For implementors
/// It is asked for each status that tells a price. It comes out of memory: nothing waits.
pub trait StatusPricing: Send + Sync + 'static {
    /// The type of a message of `account` in a `category`, sent at a time in this state of the user's window.
    fn pricing_type(
        &self,
        account: BusinessAccountId,
        of: (Category, WindowState),
        at: Timestamp,
    ) -> PricingType;
}

impl<P: StatusPricing + ?Sized> StatusPricing for Arc<P> {
    fn pricing_type(
        &self,
        account: BusinessAccountId,
        of: (Category, WindowState),
        at: Timestamp,
    ) -> PricingType {
        (**self).pricing_type(account, of, at)
    }
}

/// Answers are free.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreeAnswers;

impl StatusPricing for FreeAnswers {
    fn pricing_type(
        &self,
        _: BusinessAccountId,
        (category, _): (Category, WindowState),
        _: Timestamp,
    ) -> PricingType {
        match category {
            Category::Service => PricingType::FreeCustomerService,
            _ => PricingType::Regular,
        }
    }
}
