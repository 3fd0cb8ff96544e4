//! The tier of a price that an account has come to in its month.

use std::sync::Arc;

use bulla_base::{BusinessAccountId, MessageId, PhoneNumberId};
use bulla_meter::{Hour, LocalDate, Period, ReachedTier, Tariff, UsageRater, Zone};
use bulla_store::{Batch, Key, Store, StoreError};
use bulla_transport::Transport;

use super::attempts::Attempts;
use super::tell_accounts::put_event;
use super::{Counted, Inner, Relay};
use crate::row::{StoredAccountEvent, plain_rows};
use crate::store_layout::VOLUME_TIER;
use crate::{ConfigurationError, EventSink, SubmitError};

impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// Looks whether what the account of `business` had delivered has come to another tier of a price in this
    /// month, by the clock of `zone` and the prices of `tariff`, and tells the account of those it was not
    /// told of: [`AccountEvent::VolumeTier`](crate::AccountEvent::VolumeTier). How many there were.
    ///
    /// To be called by whoever has the prices, as often as the account is to know: each hour, say. A tier is
    /// told once for a month, whatever happens; of two that were passed since the last look, the higher. What
    /// numbers had delivered that the relay does not have any more counts no longer.
    ///
    /// # Errors
    /// When the relay does not speak for `business`, or the store fails or holds a damaged row.
    ///
    /// # Cost
    /// A scan of what was counted in the month of all the account's numbers, and of what was told; a commit
    /// for each tier that is told. Nothing where no price depends on the volume.
    pub async fn tell_volume_tiers(
        &self,
        business: PhoneNumberId,
        (zone, tariff): (Arc<Zone>, Arc<Tariff>),
    ) -> Result<usize, ConfigurationError> {
        let telling = async move |inner: Arc<Inner<S, T, K>>| {
            if !tariff.depends_on_volume() {
                return Ok(0);
            }
            let account = inner.account(business)?;
            let hour = Hour::quarter(inner.clock.now());
            let date = zone.date(hour);
            let mut rater = UsageRater::new(&tariff, &zone);
            inner.rate_month(account, zone.month(date), &mut rater).await?;
            let mut told = 0;
            for reached in rater.reached(hour).into_iter().filter(|reached| reached.tier.above > 0) {
                told += usize::from(inner.tell_volume_tier(account, date.month().0, reached).await?);
            }
            Ok(told)
        };
        self.configuration_call(business, "bill", telling).await
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Rates what the account's numbers had delivered in a month: one after the other, as what each market
    /// comes to does not depend on their order.
    async fn rate_month(
        &self,
        account: BusinessAccountId,
        month: Period,
        rater: &mut UsageRater<'_>,
    ) -> Result<(), StoreError> {
        for number in self.businesses.ids_of(account) {
            let mut after = None;
            loop {
                let page = self.counted((account, number), Counted::Delivered, month, after).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                for (key, units) in page {
                    rater.rate(key, units);
                }
            }
        }
        Ok(())
    }

    /// Has the account told of a tier, unless it was, in the record that says so.
    async fn tell_volume_tier(
        &self,
        account: BusinessAccountId,
        month: LocalDate,
        reached: ReachedTier,
    ) -> Result<bool, ConfigurationError> {
        let (home, key) = (self.account_home(account), row_key(reached));
        let mut attempts = Attempts::new();
        loop {
            attempts.begin().map_err(SubmitError::from)?;
            let _lock = self.keyed_mutex.lock(home).await;
            let known = self.store.get(home, &key, self.clock.now()).await?;
            if let Some(record) = &known {
                let (of, above) = plain_rows::volume_tier(&record.value)?;
                if of > month || (of == month && above >= reached.tier.above) {
                    return Ok(false);
                }
            }
            let mut batch = Batch::new(home);
            batch.expect(key.clone(), known.map(|record| record.version));
            batch.put(key.clone(), plain_rows::from_volume_tier(month, reached.tier.above));
            let event = StoredAccountEvent::volume_tier(month, reached);
            put_event(&mut batch, &event, MessageId::new(self.clock.now(), &*self.rng));
            if self.commit_configuration(batch).await? {
                self.account_news.note(account);
                return Ok(true);
            }
        }
    }
}

fn row_key(reached: ReachedTier) -> Key {
    let [high, low] = reached.market.code().to_be_bytes();
    Key::undated(VOLUME_TIER, vec![reached.category.code(), reached.unit.code(), high, low])
}
