//! Reading the carrier's log of keys, for what it says of businesses behind their backs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bulla_base::PhoneNumberId;
use bulla_endpoint::{Foreign, KeyLog, LeafReading, LeavesRead, LoggedKeys, Watched};
use bulla_store::{Store, StoreError};
use bulla_transport::Transport;

use super::Inner;
use super::active_business::ActiveBusiness;
use super::key_log::CarrierLog;
use crate::limits::LOG_READING_INTERVAL;
use crate::metrics::{LOG_LEAVES, LOG_READINGS};
use crate::{EventSink, RelayError, Report};

type Tenants = BTreeMap<PhoneNumberId, Arc<ActiveBusiness>>;

/// What the host was told of the log since the relay was opened.
#[derive(Default)]
struct Told {
    businesses: BTreeSet<PhoneNumberId>,
    is_contradicted: bool,
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    /// Reads what is new in the carrier's log of keys, again and again, and tells the host what is not the
    /// doing of its businesses.
    pub(super) async fn keep_reading_log(self: Arc<Self>) -> Result<(), RelayError> {
        let Some(log) = &self.key_log else { return Ok(()) };
        let mut told = Told::default();
        loop {
            // A store that has failed for good is met by others, too.
            if let Err(error) = self.read_log(log, &mut told).await {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what is new in the log of keys is not read for now");
            }
            self.clock.sleep(LOG_READING_INTERVAL).await;
        }
    }

    async fn read_log(self: &Arc<Self>, log: &KeyLog, told: &mut Told) -> Result<(), StoreError> {
        let ids = self.businesses.ids().into_iter();
        let tenants: Tenants = ids.filter_map(|id| Some((id, self.businesses.tenant(id)?))).collect();
        // Before the head is asked for: what the log has to state was left before.
        let connected = tenants.iter().filter(|(_, tenant)| tenant.is_connected.load(Ordering::Relaxed));
        let published: BTreeSet<_> = connected.map(|(id, _)| *id).collect();
        let Some(asking) = published.first().and_then(|id| tenants.get(id)) else { return Ok(()) };
        let source = CarrierLog { transport: &self.transport, caller: &asking.caller };
        let looked = log.look(&self.store, &source, self.clock.now()).await?;
        let is_newest = looked.proven > 0;
        if looked.evidence.is_some() {
            self.tell_settled(looked);
        }
        let read = match is_newest {
            true => {
                let watched = self.watched(&tenants, &published, told).await?;
                log.read_leaves(&self.store, &source, watched, self.clock.now()).await?
            }
            false => LeavesRead::Unanswered,
        };
        let outcome = match read {
            LeavesRead::All(reading) => {
                self.keep_and_tell(log, &tenants, &reading, told).await?;
                told.is_contradicted = false;
                "all"
            }
            LeavesRead::Contradicted { size } => {
                tracing::error!(size, "the carrier does not show the leaves of the log that it has signed");
                if !std::mem::replace(&mut told.is_contradicted, true) {
                    self.reports.tell(Report::LogNotShown { size });
                }
                "contradicted"
            }
            LeavesRead::Unanswered => "unanswered",
            _ => return Ok(()),
        };
        metrics::counter!(LOG_READINGS, "outcome" => outcome).increment(1);
        Ok(())
    }

    /// What is known of each business; of what was found before, the host is told.
    async fn watched(
        &self,
        tenants: &Tenants,
        published: &BTreeSet<PhoneNumberId>,
        told: &mut Told,
    ) -> Result<Vec<Watched>, StoreError> {
        let mut watched = Vec::with_capacity(tenants.len());
        for (&business, tenant) in tenants {
            let kept = match tenant.endpoint.logged_keys(&self.store, self.clock.now()).await {
                // It is looked for from the beginning again, and written anew.
                Err(StoreError::Damaged { what }) => {
                    tracing::warn!(%business, what, "a record is damaged");
                    None
                }
                kept => kept?,
            };
            if let Some(foreign) = kept.as_ref().and_then(LoggedKeys::foreign)
                && told.businesses.insert(business)
            {
                self.tell_foreign(business, foreign);
            }
            let is_published = published.contains(&business);
            watched.push(Watched::new(business, tenant.endpoint.identity(), kept, is_published));
        }
        Ok(watched)
    }

    /// Keeps what was read, business by business, and how far it was read last.
    async fn keep_and_tell(
        &self,
        log: &KeyLog,
        tenants: &Tenants,
        reading: &LeafReading,
        told: &mut Told,
    ) -> Result<(), StoreError> {
        for (business, logged) in &reading.changed {
            // Who erases the business waits for members, so that nothing is written after it.
            let member = tenants.get(business).and_then(|tenant| Some((tenant, tenant.tasks.join()?)));
            let Some((tenant, _member)) = member else { continue };
            tenant.endpoint.keep_logged_keys(&self.store, logged).await?;
        }
        let leaves = [
            ("own", reading.own),
            ("past", reading.past),
            ("foreign", u64::try_from(reading.foreign.len()).unwrap_or(u64::MAX)),
            ("unreadable", reading.unreadable),
        ];
        for (kind, count) in leaves {
            metrics::counter!(LOG_LEAVES, "kind" => kind).increment(count);
        }
        for (business, foreign) in &reading.foreign {
            told.businesses.insert(*business);
            self.tell_foreign(*business, *foreign);
        }
        log.keep_reading(&self.store, reading).await
    }

    fn tell_foreign(&self, business: PhoneNumberId, foreign: Foreign) {
        let Foreign { leaf, kind, .. } = foreign;
        tracing::error!(%business, leaf, ?kind, "the log of keys says of the business what is not its doing");
        self.reports.tell(Report::ForeignKey { business, foreign });
    }
}
