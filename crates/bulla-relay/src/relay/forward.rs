use std::sync::Arc;

use bulla_content::{Body, Progress};
use bulla_store::{Store, StoreError};
use bulla_transport::Transport;

use super::conversation::{ATTEMPTS, Conversation, Read};
use super::pumps::Pump;
use super::{Inner, Voice};
use crate::row::Pending;
use crate::space::{self, EVENTS};
use crate::{AcceptError, Event, Handle, Incoming, RelayError, Sink, StatusUpdate, Subject};

/// How many events are read from the store at a time.
const PAGE: usize = 16;

impl<S: Store, T: Transport, K: Sink> Inner<S, T, K> {
    /// Hands the conversation's events to the sink, one after the other, until there are none.
    pub(super) async fn pump_events(self: Arc<Self>, conversation: Conversation) -> Result<(), RelayError> {
        let Some(voice) = self.voices.get(&conversation.business) else { return Ok(()) };
        loop {
            let (now, begun) = (self.clock.now(), self.erasures.begun());
            let scan = space::all(EVENTS, now).prefix(space::of(conversation.business)).limit(PAGE);
            let page = self.store.scan(conversation.user, &scan, now).await?;
            if page.is_empty() {
                if self.pumps.rest(conversation, Pump::Events) {
                    return Ok(());
                }
                continue;
            }
            for (key, record) in page {
                let pending = Pending::read(&record.value)?;
                let event = event(voice, conversation, &pending)?;
                let read = Read { key, version: record.version, begun };
                if !self.forward(conversation, &read, &event).await? {
                    break;
                }
                // For good, before the next one goes: were both still there after a crash, `delivered` would follow on `read`.
                self.forget(voice, conversation, read, &pending).await?;
            }
        }
    }

    /// Hands over `event`, however long it takes. False when its time ended first, or somebody was erased since it was read, perhaps the one it
    /// is about.
    async fn forward(
        &self,
        conversation: Conversation,
        read: &Read,
        event: &Event,
    ) -> Result<bool, StoreError> {
        let mut failures = 0;
        loop {
            let forwarding = self.sink.forward(event);
            let outcome = self.erasures.unless_erased(conversation.user, read.begun, forwarding).await;
            let error = match outcome {
                Some(Ok(())) => return Ok(true),
                Some(Err(error)) => error,
                None => {
                    // Perhaps it is ours that was begun and not finished.
                    drop(self.lane(conversation.user).await?);
                    return Ok(false);
                }
            };
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                failures,
                "the business did not take an event"
            );
            let pause = self.settings.pause_after(failures).max(error.pause().unwrap_or_default());
            self.clock.sleep(pause).await;
            failures = failures.saturating_add(1);
            if self.store.get(conversation.user, &read.key, self.clock.now()).await?.is_none() {
                return Ok(false);
            }
        }
    }

    /// Forgets an event the business has. If it was something said, the user is told that it arrived, in the same record.
    async fn forget(
        self: &Arc<Self>,
        voice: &Voice,
        conversation: Conversation,
        read: Read,
        pending: &Pending,
    ) -> Result<(), RelayError> {
        let said = pending.what_was_said()?.is_some();
        for _ in 0..ATTEMPTS {
            let _lane = self.lane(conversation.user).await?;
            if !self.is_still(conversation.user, &read).await? {
                return Ok(());
            }
            let mut draft = self.draft(conversation).await?;
            draft.batch.delete(read.key.clone());
            if said {
                match self.seal_receipt(voice, &mut draft, Progress::Delivered, pending.message()?).await {
                    Ok(()) => {}
                    Err(AcceptError::Store(error)) => return Err(error.into()),
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "a receipt could not be sealed"
                        );
                    }
                }
            }
            if self.commit(draft).await? {
                return Ok(());
            }
        }
        Err(RelayError::InTheWay { attempts: ATTEMPTS })
    }
}

fn event(voice: &Voice, conversation: Conversation, pending: &Pending) -> Result<Event, StoreError> {
    let user_id = voice.scope.user_id(conversation.user);
    let handle = |id| Handle::new(id, user_id);
    let subject = Subject {
        business: conversation.business,
        user: pending.user()?,
        user_id,
        message: handle(pending.message()?),
        at: pending.at(),
    };
    let Some(content) = pending.what_was_said()? else {
        let (status, category) = (pending.status()?, pending.category()?);
        return Ok(Event::Status(
            subject,
            StatusUpdate { status, category, tracking: pending.tracking.clone() },
        ));
    };
    let in_reply_to = content.in_reply_to().map(handle);
    let incoming = match content.body() {
        Body::Text(text) => Incoming::Text { text: text.clone(), in_reply_to },
        Body::Reaction(reaction) => {
            Incoming::Reaction { to: handle(reaction.to()), emoji: reaction.emoji().map(str::to_owned) }
        }
        _ => return Err(StoreError::Damaged { what: "event" }),
    };
    Ok(Event::Message(subject, incoming))
}
