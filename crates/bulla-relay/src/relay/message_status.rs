//! How far a message of the business has come, and which devices of its user are awaited.

use bulla_base::{DeviceId, DeviceSet, MessageId};
use bulla_store::{Record, StoreError};

use super::transaction::Transaction;
use crate::row::{Outbound, Stage, StoredEvent};
use crate::store_layout::{self, CONTENT};
use crate::{Failure, Status};

impl Transaction {
    /// Brings a message of the business forward to `status`, if it is not there yet, and tells the business.
    ///
    /// Statuses are told in their order: what has been delivered was sent, whatever the carrier's answer came
    /// to.
    pub(super) fn advance_status(
        &mut self,
        id: MessageId,
        record: &Record,
        status: Status,
    ) -> Result<(), StoreError> {
        let outbound = Outbound::read(&record.value)?;
        let awaited = outbound.awaited()?;
        self.advance(id, record, (outbound, awaited), status)
    }

    /// The device `by` has confirmed that the message has come as far as `status`. The first of them brings
    /// the message there; for as long as others have not confirmed it, it can be sent again to them.
    pub(super) fn confirm(
        &mut self,
        id: MessageId,
        record: &Record,
        status: Status,
        by: DeviceId,
    ) -> Result<(), StoreError> {
        let mut outbound = Outbound::read(&record.value)?;
        let before = outbound.awaited()?;
        outbound.set_awaited(before.without(by));
        self.advance(id, record, (outbound, before), status)
    }

    /// These devices are gone, or cannot be brought to open the message: they are awaited no more. It fails
    /// when nobody is, and none has confirmed it.
    pub(super) fn let_go(
        &mut self,
        id: MessageId,
        record: &Record,
        devices: DeviceSet,
        failure: Failure,
    ) -> Result<(), StoreError> {
        let mut outbound = Outbound::read(&record.value)?;
        let before = outbound.awaited()?;
        outbound.set_awaited(before.difference(devices));
        self.settle(id, record, (outbound, before), failure)
    }

    /// Puts `outbound`, of which other devices are awaited than `before`. It fails when nobody is, and none
    /// has confirmed it.
    pub(super) fn settle(
        &mut self,
        id: MessageId,
        record: &Record,
        (outbound, before): (Outbound, DeviceSet),
        failure: Failure,
    ) -> Result<(), StoreError> {
        match outbound.awaited()? {
            DeviceSet::EMPTY => self.advance(id, record, (outbound, before), Status::Failed(failure))?,
            awaited if awaited != before => self.put_message(id, record, &outbound),
            _ => {}
        }
        Ok(())
    }

    fn advance(
        &mut self,
        id: MessageId,
        record: &Record,
        (mut outbound, before): (Outbound, DeviceSet),
        status: Status,
    ) -> Result<(), StoreError> {
        // A user reads what was delivered, so `read` counts as arrived whether or not `delivered` came.
        let arrived = matches!(status, Status::Delivered | Status::Read);
        if matches!(status, Status::Failed(_)) {
            outbound.set_awaited(DeviceSet::EMPTY);
        }
        let (stage, awaited) = (outbound.stage()?, outbound.awaited()?);
        let advances = stage.may_advance_to(status);
        if !advances && awaited == before {
            return Ok(());
        }
        let ends = matches!(status, Status::Failed(Failure::Expired | Failure::NotOpened));
        if awaited.is_empty() && (arrived || ends) {
            self.remove_unsent(&outbound, stage);
        }
        let was_open = stage <= Stage::Reached(Status::Sent) || !before.is_empty();
        if awaited.is_empty() && was_open && status != Status::Sent {
            // What it says has served its purpose.
            self.batch.delete(store_layout::about(CONTENT, self.conversation.business, id));
        }
        if advances {
            // The first of both: what was delivered and is read was counted.
            if arrived && stage < Stage::Reached(Status::Delivered) {
                self.count_delivery(&outbound)?;
                self.count_for_ledger(id, &outbound)?;
            }
            self.tell(id, record, &outbound, stage, status);
            outbound.advance(status);
            self.reached.push(status);
        }
        self.put_message(id, record, &outbound);
        Ok(())
    }

    /// Takes out what still waits of a message, wherever it does: the carrier has it or is never to have it.
    fn remove_unsent(&mut self, outbound: &Outbound, stage: Stage) {
        if stage == Stage::Accepted && outbound.held {
            self.remove_held_at(outbound.outbox_place);
        } else if stage == Stage::Accepted && outbound.deferred {
            self.remove_deferred_at(outbound.outbox_place);
        } else if !outbound.held && !outbound.deferred {
            self.remove_from_outbox(outbound.outbox_place);
        }
    }

    /// Tells the business that a message that was at `stage` has come to `status`.
    fn tell(&mut self, id: MessageId, record: &Record, outbound: &Outbound, stage: Stage, status: Status) {
        let arrived = matches!(status, Status::Delivered | Status::Read);
        let expiry = record.expiry.unwrap_or_else(|| self.expiry());
        // The receipt was faster than the carrier's answer; `sent` is told first all the same.
        if stage == Stage::Accepted && arrived {
            let sent = StoredEvent::status_of(id, outbound, self.now, Status::Sent);
            self.push_event(&sent.billed(outbound), expiry);
        }
        // As the Cloud API does: of a reaction only `sent` and `failed` are told.
        if !(arrived && outbound.reaction) {
            let event = StoredEvent::status_of(id, outbound, self.now, status);
            // When it is sent, and when it is counted.
            let is_billed = status == Status::Sent || (arrived && stage < Stage::Reached(Status::Delivered));
            self.push_event(&if is_billed { event.billed(outbound) } else { event }, expiry);
        }
    }
}
