//! What the relay's records hold. The field numbers are for ever; nothing here prints.

mod message_pending_approval;
mod outbound;
mod outbox_entry;
pub(crate) mod plain_rows;
mod queue_indexes;
mod received_media;
mod reportable;
mod retry_request;
mod stored_account_event;
mod stored_event;
mod stored_media;
mod stored_standing;
mod stored_template;
mod unconfirmed_copies;

use bulla_base::{Category, DeviceId};
use bulla_store::StoreError;

pub(crate) use self::message_pending_approval::MessagePendingApproval;
pub(crate) use self::outbound::{Outbound, Stage};
pub(crate) use self::outbox_entry::OutboxEntry;
pub(crate) use self::queue_indexes::QueueIndexes;
pub(crate) use self::received_media::ReceivedMedia;
pub(crate) use self::reportable::Reportable;
pub(crate) use self::retry_request::RetryRequest;
pub(crate) use self::stored_account_event::{AccountNewsItem, StoredAccountEvent};
pub(crate) use self::stored_event::StoredEvent;
pub(crate) use self::stored_media::StoredMedia;
pub(crate) use self::stored_standing::StoredStanding;
pub(crate) use self::stored_template::StoredTemplate;
pub(crate) use self::unconfirmed_copies::UnconfirmedCopies;

/// The device with this number; the first, where none was noted.
fn device(number: u32) -> Result<DeviceId, StoreError> {
    let damaged = StoreError::Damaged { what: "number of a device" };
    match u8::try_from(number) {
        Ok(0) => Ok(DeviceId::PRIMARY),
        Ok(number) => DeviceId::new(number).map_err(|_| damaged),
        Err(_) => Err(damaged),
    }
}

fn category(code: u32) -> Result<Category, StoreError> {
    let code = u8::try_from(code).ok();
    code.and_then(Category::from_code).ok_or(StoreError::Damaged { what: "category" })
}
