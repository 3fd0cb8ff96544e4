use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{Timestamp, jitter};
use bulla_content::Body;
use bulla_meter::WindowState;
use bulla_store::{Store, StoreError};
use bulla_transport::Transport;

use futures_util::FutureExt;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::active_workers::{Waiting, Worker};
use super::attempts::Attempts;
use super::conversation::Conversation;
use super::forwarded_messages::ForwardedMessage;
use super::queue_page::QueuedRow;
use super::sink_outages;
use super::sink_permits::SinkPermit;
use super::{Inner, trace_span};
use crate::limits::{MAX_EARLY_TRIES, MAX_SETTLED_TOGETHER, QUEUE_PAGE, SLOW_SINK};
use crate::metrics::{AT_SINK, FORWARDED, NOT_TAKEN};
use crate::row::StoredEvent;
use crate::{
    Destination, Event, EventSink, Incoming, MessageRef, RelayError, Report, SinkError, StatusUpdate, Subject,
};

/// How the conversation's next event fares.
#[derive(Default)]
struct Tries<'a> {
    /// Where it stands, once it was not taken.
    place: Option<u64>,
    /// How often it was not taken when its time had come.
    failures: u32,
    /// How often it was offered early since.
    early: u32,
    waiting: Option<sink_outages::Waiting<'a>>,
}

impl Tries<'_> {
    /// The event at `place` is the next: those of another do not count, which somebody else has taken out.
    const fn are_of(&mut self, place: u64) {
        if !matches!(self.place, Some(before) if before == place) {
            (self.place, self.failures, self.early) = (Some(place), 0, 0);
        }
    }
}

/// What became of a look at the conversation's events.
enum Looked {
    /// There are none.
    Empty,
    /// Some were taken.
    Forwarded,
    /// The next was not taken; the business asks to be left alone for so long.
    NotTaken(Duration),
    /// Somebody was erased meanwhile, perhaps the one they are about.
    Erased,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Hands the conversation's events to the sink, one after the other, until there are none.
    pub(super) async fn drain_events(
        self: Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
    ) -> Result<(), RelayError> {
        let mut tries = Tries::default();
        loop {
            // In boxes: all conversations may wait for one server, and hold next to nothing then.
            let looked = Box::pin(self.forward_some(tenant, conversation, &mut tries)).await?;
            Box::pin(self.settle_messages(tenant, conversation)).await?;
            match looked {
                Looked::Empty => {
                    // What was not taken is over.
                    tries = Tries::default();
                    if self.workers.rest(conversation, Worker::Events) {
                        return Ok(());
                    }
                }
                Looked::Forwarded => {}
                Looked::NotTaken(asked) => self.wait(&mut tries, asked).await,
                // Perhaps it is ours that was begun and not finished.
                Looked::Erased => drop(self.lock(conversation.user).await?),
            }
        }
    }

    /// Reads some of the conversation's events and hands them over, up to the first that is not taken.
    ///
    /// Nothing is read before there is a place, and nothing is held while one waits after a failure:
    /// conversations that wait cost the store's space and no memory.
    async fn forward_some<'a>(
        self: &'a Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        tries: &mut Tries<'a>,
    ) -> Result<Looked, RelayError> {
        let mut free = Some(self.sink_permits.enter(conversation.business).await);
        let (page, seen) = self.page(conversation, Worker::Events, QUEUE_PAGE).await?;
        if page.is_empty() {
            return Ok(Looked::Empty);
        }
        for Waiting { read, value, expiry } in page {
            let pending = StoredEvent::read(&value)?;
            let at = read.place;
            let event = event(tenant, conversation, &pending)?;
            if self.acknowledged_events.has(conversation, pending.message()?) {
                // The one before is gone first: were both still there after a crash, `delivered` would follow
                // on `read`.
                self.settle_taken(conversation).await?;
            }
            // The first has the place that was waited for before anything was read.
            let place = match free.take() {
                Some(place) => place,
                None => self.sink_permits.enter(conversation.business).await,
            };
            let span = trace_span::about("forward", conversation, Some(event.subject().message.id()));
            let offered = self.clock.now();
            let offering = AssertUnwindSafe(self.offer(&event, place).instrument(span)).catch_unwind();
            let Some(taken) = self.erasures.unless_erased(conversation.user, read.begun, offering).await
            else {
                return Ok(Looked::Erased);
            };
            if let Err(error) = taken.unwrap_or_else(|_| Err(SinkError::panicked())) {
                tries.are_of(at);
                self.not_taken(&event, &error, tries);
                // A try counts when the event's own time had come; this one is counted by the wait that
                // follows it.
                if self.settings.event_tries.is_some_and(|most| tries.failures + 1 >= most.get()) {
                    let aside = self.set_event_aside(tenant, conversation, &read, &pending, expiry);
                    Box::pin(aside).await?;
                    *tries = Tries::default();
                    self.workers.pass(conversation, Worker::Events, at, seen);
                    return Ok(Looked::Forwarded);
                }
                // What waits long is not kept in memory: thousands of conversations may wait for one server.
                self.workers.let_go(conversation, Worker::Events);
                return Ok(Looked::NotTaken(error.retry_after().unwrap_or_default()));
            }
            self.taken(&event, tries);
            self.note_taken(tenant, conversation, (read, &pending), offered).await?;
            self.workers.pass(conversation, Worker::Events, at, seen);
        }
        Ok(Looked::Forwarded)
    }

    /// Offers `event` to the sink, which has it in `_place` for so long.
    async fn offer(&self, event: &Event, _place: SinkPermit<'_>) -> Result<(), SinkError> {
        let _counted = Counted::new();
        self.sink.forward(event).await
    }

    fn taken(&self, event: &Event, tries: &mut Tries<'_>) {
        self.counts.forwarded();
        metrics::counter!(FORWARDED, "kind" => event.kind_name()).increment(1);
        let waited = std::mem::take(tries).waiting;
        // Nearly always: the sink is then not asked where the event went.
        if self.sink_outages.is_empty() {
            return;
        }
        self.sink_outages.succeed(&self.destination(event));
        if waited.is_some_and(sink_outages::Waiting::end) {
            let business = event.subject().business;
            tracing::warn!(%business, "the business takes its events again");
            self.reports.tell(Report::SinkRecovers { business });
        }
    }

    fn not_taken<'a>(&'a self, event: &Event, error: &SinkError, tries: &mut Tries<'a>) {
        let destination = self.destination(event);
        let waiting = match tries.waiting.take() {
            // The webhook may have been changed while it waited.
            Some(waiting) if *waiting.destination() == destination => waiting,
            _ => self.sink_outages.wait(destination),
        };
        let (business, kind) = (event.subject().business, error.kind());
        metrics::counter!(NOT_TAKEN, "reason" => kind.name()).increment(1);
        let error = error as &dyn std::error::Error;
        if waiting.is_news(kind) {
            tracing::warn!(
                %business,
                kind = kind.name(),
                error,
                "the business does not take an event; it is tried again until it does"
            );
            self.reports.tell(Report::SinkFails { business, kind });
        } else {
            tracing::debug!(%business, kind = kind.name(), error, failures = tries.failures, "not taken");
        }
        tries.waiting = Some(waiting);
    }

    /// Waits after a failure: until the conversation's own time comes, or another event gets to the same
    /// destination.
    ///
    /// Never shorter than the first wait, nor than the business `asked` for.
    async fn wait(&self, tries: &mut Tries<'_>, asked: Duration) {
        let rng = &*self.rng;
        let least = asked.max(self.settings.backoff.wait(0, rng));
        let whole = self.settings.backoff.wait(tries.failures, rng);
        self.clock.sleep(least).await;
        // Those who were asked to come back at the same time do not.
        let rest = whole.saturating_sub(least) + jitter(asked / 8, rng);
        if let Some(waiting) = tries.waiting.as_mut().filter(|_| tries.early < MAX_EARLY_TRIES) {
            tokio::select! {
                biased;
                spread = waiting.success() => {
                    self.clock.sleep(jitter(spread, rng).min(rest)).await;
                    tries.early += 1;
                    return;
                }
                () = self.clock.sleep(rest) => {}
            }
        } else {
            self.clock.sleep(rest).await;
        }
        tries.failures = tries.failures.saturating_add(1);
        tries.early = 0;
    }

    /// Where the sink says that `event` goes; the business's own destination when it does not come to saying
    /// it.
    fn destination(&self, event: &Event) -> Destination {
        let named = std::panic::catch_unwind(AssertUnwindSafe(|| self.sink.destination(event)));
        named.unwrap_or_else(|_| Destination::business(event.subject().business))
    }

    /// Takes note of an event that the business has taken. It leaves the queue with the others that waited
    /// with it, or with the next record of its conversation.
    async fn note_taken(
        self: &Arc<Self>,
        tenant: &ActiveBusiness,
        conversation: Conversation,
        (read, pending): (QueuedRow, &StoredEvent),
        offered: Timestamp,
    ) -> Result<(), RelayError> {
        let id = pending.message()?;
        if pending.message_content()?.is_some() {
            let message = ForwardedMessage { read, id, device: pending.device()? };
            let waiting = self.forwarded_messages.note(conversation, message);
            // Who is slow would hold back what the user is to hear of the first for as long as all of them
            // take.
            let is_slow = self.clock.now().since(offered) > SLOW_SINK;
            if is_slow || waiting >= MAX_SETTLED_TOGETHER {
                self.settle_messages(tenant, conversation).await?;
            }
        } else if !self.acknowledged_events.note(conversation, &read, id) {
            self.remove_event(conversation, &read).await?;
        }
        Ok(())
    }

    /// Takes an event out of the queue, in a record of its own.
    async fn remove_event(
        self: &Arc<Self>,
        conversation: Conversation,
        read: &QueuedRow,
    ) -> Result<(), RelayError> {
        let mut attempts = Attempts::new();
        loop {
            self.begin_attempt(&mut attempts).await?;
            let _lock = self.lock(conversation.user).await?;
            if !self.is_still(conversation.user, read).await? {
                return Ok(());
            }
            let mut transaction = self.transaction(conversation).await?;
            transaction.remove_from_events(read.place);
            if self.commit(transaction).await? {
                return Ok(());
            }
        }
    }
}

/// An event that is with the sink.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!(AT_SINK).increment(1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(AT_SINK).decrement(1);
    }
}

pub(super) fn event(
    tenant: &ActiveBusiness,
    conversation: Conversation,
    pending: &StoredEvent,
) -> Result<Event, StoreError> {
    let user_id = tenant.user_ids.user_id(conversation.user);
    let reference = |id| MessageRef::new(id, user_id);
    let subject = Subject {
        business: conversation.business,
        user: pending.user()?,
        user_id,
        message: reference(pending.message()?),
        at: pending.at(),
    };
    let Some(content) = pending.message_content()? else {
        let (status, category) = (pending.status()?, pending.of_category()?);
        return Ok(Event::Status(
            subject,
            StatusUpdate {
                status,
                category,
                tracking: pending.tracking.clone(),
                billed_in: pending.billed_in_window.map(window_state),
            },
        ));
    };
    let in_reply_to = content.in_reply_to().map(reference);
    let incoming = match content.body() {
        Body::Text(text) => Incoming::Text { text: text.clone(), in_reply_to },
        Body::Reaction(reaction) => {
            Incoming::Reaction { to: reference(reaction.to()), emoji: reaction.emoji().map(str::to_owned) }
        }
        other => Incoming::Other { body: other.clone(), in_reply_to },
    };
    Ok(Event::Message(subject, incoming))
}

const fn window_state(is_open: bool) -> WindowState {
    if is_open { WindowState::Open } else { WindowState::Closed }
}
