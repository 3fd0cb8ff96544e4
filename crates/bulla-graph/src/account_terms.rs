use std::sync::Arc;

use bulla_base::BusinessAccountId;
use bulla_meter::{Tariff, Zone};

/// The port through which the API learns by which clock an account counts, and at which prices. Handed over
/// with [`GraphApi::account_terms`](crate::GraphApi::account_terms); without, days are those of UTC, and
/// nothing has a price.
///
/// # For implementors
/// It is asked once for each request about figures. Both come out of memory: nothing waits.
pub trait AccountTerms: Send + Sync + 'static {
    /// The account's time zone: where its days and months begin.
    fn zone(&self, account: BusinessAccountId) -> Arc<Zone>;

    /// Its rate card, as it applies to it, if it has one. Of a card with prices or allotments that depend on
    /// what was before in the month, all that the account's numbers had delivered since its beginning is read
    /// for an answer: a token then sees by its own numbers' prices how much the others sent. Numbers that the
    /// relay does not have any more count no longer.
    fn tariff(&self, _account: BusinessAccountId) -> Option<Arc<Tariff>> {
        None
    }
}

impl<C: AccountTerms + ?Sized> AccountTerms for Arc<C> {
    fn zone(&self, account: BusinessAccountId) -> Arc<Zone> {
        (**self).zone(account)
    }

    fn tariff(&self, account: BusinessAccountId) -> Option<Arc<Tariff>> {
        (**self).tariff(account)
    }
}

/// The same for all: UTC, and no prices.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NoTerms;

impl AccountTerms for NoTerms {
    fn zone(&self, _: BusinessAccountId) -> Arc<Zone> {
        Arc::new(Zone::utc())
    }
}
