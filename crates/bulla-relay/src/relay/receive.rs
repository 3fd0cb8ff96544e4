use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_base::{Number, Party, PhoneNumberId, Retries};
use bulla_endpoint::{ONE_TIME_KEYS, OpenError, REFILL_BELOW};
use bulla_store::Store;
use bulla_transport::{Delivery, Sequence, Transport, TransportError, in_order};
use futures_util::FutureExt;
use tracing::Instrument;

use super::active_business::ActiveBusiness;
use super::active_workers::Worker;
use super::fault_isolation::FailureScope;
use super::open_envelopes::{refused, run_of};
use super::{Inner, trace_span};
use crate::limits::{ROOM_INTERVAL, UNANSWERED_RETRY};
use crate::{EventSink, RelayError};

/// What became of deliveries.
#[derive(Debug, Default)]
struct Opened {
    /// How many one-time prekeys were spent on them.
    spent: usize,
    /// Those that are durable here, or never will be.
    durable: Vec<Sequence>,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Receives what users send to the business, for as long as it is spoken for.
    ///
    /// There is one such task for each business, and nearly all of them wait: what is only needed when
    /// something came is in boxes of its own.
    pub(super) async fn keep_receiving(
        self: Arc<Self>,
        tenant: Arc<ActiveBusiness>,
    ) -> Result<(), RelayError> {
        // Who has not left keys yet cannot be written to: that comes first.
        let is_connected = tenant.is_connected.load(Ordering::Relaxed);
        let mut retries = Retries::new(self.settings.backoff);
        let (mut after, mut spent) = (Sequence::START, if is_connected { 0 } else { ONE_TIME_KEYS });
        let mut low_stock = Box::pin(self.transport.low_stock(&tenant.caller, REFILL_BELOW));
        loop {
            if self.has_room_for(tenant.business(), Worker::Events).is_err() {
                Box::pin(self.has_room_again(tenant.business())).await;
            }
            let outcome = if spent >= ONE_TIME_KEYS - REFILL_BELOW {
                Box::pin(self.connect(&tenant)).await.map(|()| spent = 0)
            } else {
                tokio::select! {
                    biased;
                    // What was passed over may be opened now.
                    () = tenant.again.notified() => {
                        after = Sequence::START;
                        Ok(())
                    }
                    // Whoever has taken them, and whether or not they write; or the business stands
                    // otherwise.
                    low = &mut low_stock => {
                        low_stock = Box::pin(self.transport.low_stock(&tenant.caller, REFILL_BELOW));
                        match low {
                            Ok(connected) => {
                                let noted = Box::pin(self.note_connected(&tenant, connected)).await;
                                // It says so once; but to whoever connects.
                                noted.inspect_err(|_| spent = ONE_TIME_KEYS)
                            }
                            Err(error) => Err(error.into()),
                        }
                    }
                    received = self.transport.receive(&tenant.caller, after) => match received {
                        Ok(deliveries) => {
                            let taken = Box::pin(self.take_deliveries(&tenant, deliveries, &mut after)).await;
                            taken.map(|keys| spent += keys)
                        }
                        Err(error) => Err(error.into()),
                    },
                }
            };
            let error = match outcome {
                Ok(()) => {
                    retries.reset();
                    continue;
                }
                Err(error) if error.failure_scope() == FailureScope::Passing => error,
                Err(error) => return Err(error),
            };
            let is_of_carrier = matches!(error, RelayError::Transport(_));
            self.counts.retried(if is_of_carrier { "carrier" } else { "store" });
            if retries.failures() == 0 {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(business = %tenant.business(), error, "nothing is received; it is tried again");
            }
            self.clock.sleep(retries.next_wait(&*self.rng)).await;
            if is_of_carrier {
                // The carrier may have been restarted, and may not know us any more.
                spent = ONE_TIME_KEYS;
            }
        }
    }

    /// Waits until events of one conversation more may wait for the business: until then the carrier keeps
    /// what users send.
    async fn has_room_again(&self, business: PhoneNumberId) {
        tracing::warn!(%business, "nothing is received: events of as many conversations as may wait for it");
        while self.has_room_for(business, Worker::Events).is_err() {
            self.clock.sleep(ROOM_INTERVAL).await;
        }
        tracing::info!(%business, "what users send is received again");
    }

    /// Opens everything that came after `after`, and acknowledges what is durable. How many one-time prekeys
    /// that took.
    async fn take_deliveries(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        deliveries: Vec<Delivery>,
        after: &mut Sequence,
    ) -> Result<usize, RelayError> {
        let in_order = in_order(deliveries, *after);
        let last = in_order.last().map(|delivery| delivery.sequence);
        let opened = self.open_all(tenant, in_order).await?;
        self.acknowledge(tenant, &opened.durable).await?;
        *after = last.unwrap_or(*after);
        Ok(opened.spent)
    }

    async fn acknowledge(&self, tenant: &ActiveBusiness, sequences: &[Sequence]) -> Result<(), RelayError> {
        match Box::pin(self.transport.acknowledge(&tenant.caller, sequences)).await {
            Ok(()) => Ok(()),
            // They come again after a restart, and are known then.
            Err(error) if error.may_pass() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the deliveries: those of one user in their order, those of different users at once.
    async fn open_all(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        deliveries: Vec<Delivery>,
    ) -> Result<Opened, RelayError> {
        let (mut all, mut by_user) = (Opened::default(), BTreeMap::<Number, Vec<Delivery>>::new());
        for delivery in deliveries {
            match delivery.envelope.from().party() {
                Party::User(number) => by_user.entry(number.clone()).or_default().push(delivery),
                _ => {
                    refused("not_from_a_user", &OpenError::NotForUs);
                    self.counts.dropped();
                    all.durable.push(delivery.sequence);
                }
            }
        }
        let of_users = by_user
            .into_iter()
            .map(|(number, deliveries)| Box::pin(self.open_of_user(tenant, number, deliveries)));
        for opened in futures_util::future::join_all(of_users).await {
            let Opened { spent, durable } = opened?;
            all.spent += spent;
            all.durable.extend(durable);
        }
        Ok(all)
    }

    /// Opens the deliveries of one user, in their order, up to one that stops the conversation. What is left
    /// stays with the carrier, and is received again when the conversation is resumed.
    async fn open_of_user(
        self: &Arc<Self>,
        tenant: &Arc<ActiveBusiness>,
        number: Number,
        deliveries: Vec<Delivery>,
    ) -> Result<Opened, RelayError> {
        let (conversation, mut opened) = (self.conversation(tenant, &number), Opened::default());
        let mut rest = &deliveries[..];
        while let Some(first) = rest.first() {
            if self.suspensions.of(conversation).is_some() {
                break;
            }
            let run = &rest[..run_of(rest)];
            let only = (run.len() == 1).then_some(first.envelope.id());
            let span = trace_span::about("receive", conversation, only);
            let opening = self.open_run(tenant, &number, run).instrument(span);
            let opening = AssertUnwindSafe(opening).catch_unwind();
            match opening.await.unwrap_or(Err(RelayError::Panicked)) {
                Ok(settled) => {
                    opened.spent += settled.keys;
                    self.compare_logs(tenant);
                    let (done, left) = rest.split_at(settled.envelopes.min(rest.len()));
                    opened.durable.extend(done.iter().map(|delivery| delivery.sequence));
                    rest = left;
                }
                Err(RelayError::Transport(TransportError::NoKeys)) => {
                    self.look_again(tenant);
                    break;
                }
                Err(error) if error.failure_scope() == FailureScope::Part => {
                    self.contain(tenant, Some(conversation), error)?;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(opened)
    }

    /// Receives again, after a while, what was left with the carrier because it cannot be answered yet.
    /// Others do not wait for it.
    fn look_again(self: &Arc<Self>, tenant: &Arc<ActiveBusiness>) {
        if tenant.looks_again.swap(true, Ordering::Relaxed) {
            return;
        }
        let looking = Arc::clone(tenant);
        let is_begun = self.spawn_for(tenant, None, move |inner| async move {
            inner.clock.sleep(UNANSWERED_RETRY).await;
            looking.looks_again.store(false, Ordering::Relaxed);
            looking.again.notify_one();
            Ok(())
        });
        if !is_begun {
            tenant.looks_again.store(false, Ordering::Relaxed);
        }
    }
}
