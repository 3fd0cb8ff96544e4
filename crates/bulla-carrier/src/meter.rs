use bulla_base::{Address, Category, Day, Party, PhoneNumberId};
use bulla_envelope::{Envelope, Kind};
use bulla_meter::{Bill, Flow, Tally};
use bulla_store::{Batch, Counter, Store, StoreError};

use crate::Carrier;
use crate::store_layout::METER;

/// Counts `envelope`, if it is a message, in the batch that queues it. What a user sends is of the service
/// category, whatever the envelope says: no sender chooses what a business pays for.
pub(crate) fn count(batch: &mut Batch, envelope: &Envelope, day: Day) {
    let Kind::Message(category) = envelope.kind() else { return };
    let (business, flow, category) = match (envelope.from().party(), envelope.to().party()) {
        (Party::Business(business), _) => (*business, Flow::ToUser, category),
        (_, Party::Business(business)) => (*business, Flow::ToBusiness, Category::Service),
        _ => return,
    };
    let tally = Tally::new(business, day, flow, category);
    batch.add(Counter::new(METER, tally.to_name().to_vec()), 1);
}

impl<S: Store> Carrier<S> {
    /// What `business` has sent and received, by day and category.
    ///
    /// # Errors
    /// When the store fails or holds a damaged counter.
    pub async fn bill(&self, business: PhoneNumberId) -> Result<Bill, StoreError> {
        let span = self.call("bill", &Address::business(business), None);
        let prefix = Tally::prefix(business);
        let counts = self.for_host(span, bulla_store::every_counter(&self.store, METER, &prefix)).await?;
        let tally = |(counter, count): (Counter, u64)| {
            let tally = Tally::from_name(counter.name()).ok_or(StoreError::Damaged { what: "counter" })?;
            Ok((tally, count))
        };
        counts.into_iter().map(tally).collect()
    }
}
