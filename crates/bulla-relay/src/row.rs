//! What the relay's records hold. The field numbers are for ever; nothing here prints.

mod message_pending_approval;
mod outbound;
mod queue_indexes;
mod retry_request;
mod stored_event;

use bulla_base::Category;
use bulla_store::StoreError;

pub(crate) use self::message_pending_approval::MessagePendingApproval;
pub(crate) use self::outbound::{Outbound, Stage};
pub(crate) use self::queue_indexes::QueueIndexes;
pub(crate) use self::retry_request::RetryRequest;
pub(crate) use self::stored_event::StoredEvent;

fn category(code: u32) -> Result<Category, StoreError> {
    let code = u8::try_from(code).ok();
    code.and_then(Category::from_code).ok_or(StoreError::Damaged { what: "category" })
}
