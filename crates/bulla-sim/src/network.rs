//! The network: a transport that loses, delays, doubles and reorders.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bulla::envelope::{Envelope, KeyBundle, KeyUpload, Kind};
use bulla::transport::{
    Caller, Connected, Delivery, LogConsistency, LogLeaves, NumberProof, SendOutcome, Sequence, Transport,
    TransportError,
};
use bulla_base::{Address, Clock, DeviceId, MessageId, Rng};
use bytes::Bytes;

use crate::carrier_endpoint::CarrierEndpoint;
use crate::current_faults::CurrentFaults;
use crate::disk_contents::DiskContents;
use crate::faults::FaultKind;
use crate::invariants::Invariant;
use crate::machine::{Machine, Process};
use crate::plan::FaultRates;
use crate::planted_bugs::PlantedBug;
use crate::random::{below, happens};
use crate::run_log::RunLog;

/// One process's link to the carrier: it loses, delays, doubles and shuffles, and is cut with the machine.
#[derive(Clone)]
pub(crate) struct NetworkLink {
    pub(crate) carrier_endpoint: Arc<CarrierEndpoint>,
    pub(crate) machine: Arc<Machine>,
    pub(crate) process: Arc<Process>,
    pub(crate) rows: Arc<DiskContents>,
    pub(crate) planted_bug: Option<PlantedBug>,
    pub(crate) current_faults: Arc<CurrentFaults>,
    pub(crate) rng: Arc<dyn Rng>,
    pub(crate) run_log: Arc<RunLog>,
}

/// The longest a doubled request is under way.
const LATEST_DOUBLE_MS: u64 = 3_000;

impl NetworkLink {
    fn rates(&self) -> FaultRates {
        self.current_faults.rates()
    }

    async fn delay(&self) {
        let delay = below(&*self.rng, self.rates().delay_ms);
        self.machine.clock.truth().sleep(Duration::from_millis(delay)).await;
        self.process.goes_on().await;
    }

    /// That there is a connection.
    fn holds(&self) -> Result<(), TransportError> {
        self.run_log.event();
        if self.process.is_dead() {
            return Err(TransportError::unavailable("the caller is dead"));
        }
        if self.machine.is_cut_off.load(Ordering::SeqCst) {
            self.run_log.count(FaultKind::CutOff);
            return Err(TransportError::unavailable("the caller is cut off"));
        }
        Ok(())
    }

    /// Carries out `call`, or not, or twice, and brings its answer, or not.
    async fn pass<R, F>(&self, call: impl Fn(Arc<CarrierEndpoint>) -> F) -> Result<R, TransportError>
    where
        F: Future<Output = Result<R, TransportError>> + Send + 'static,
        R: Send + 'static,
    {
        if !self.process.is_dead() && happens(&*self.rng, self.rates().doubled) {
            self.run_log.count(FaultKind::Doubled);
            let (again, clock) = (call(Arc::clone(&self.carrier_endpoint)), Arc::clone(&self.machine.clock));
            let later = Duration::from_millis(below(&*self.rng, LATEST_DOUBLE_MS));
            tokio::spawn(async move {
                clock.sleep(later).await;
                let _ = again.await;
            });
        }
        self.once(call).await
    }

    /// Carries out `call`, or not, and brings its answer, or not.
    async fn once<R, F>(&self, call: impl Fn(Arc<CarrierEndpoint>) -> F) -> Result<R, TransportError>
    where
        F: Future<Output = Result<R, TransportError>> + Send + 'static,
    {
        self.holds()?;
        self.delay().await;
        self.holds()?;
        if happens(&*self.rng, self.rates().lost) {
            self.run_log.count(FaultKind::LostRequest);
            return Err(TransportError::unavailable("the request was lost"));
        }
        let answer = call(Arc::clone(&self.carrier_endpoint)).await;
        self.holds()?;
        self.delay().await;
        self.holds()?;
        if happens(&*self.rng, self.rates().lost) {
            self.run_log.count(FaultKind::LostAnswer);
            return Err(TransportError::unavailable("the answer was lost"));
        }
        answer
    }

    fn is_to_be_sent(&self, envelope: &Envelope) {
        self.run_log.sealed(envelope);
        if matches!(envelope.kind(), Kind::Message(_))
            && self.machine.name == crate::machine::MachineName::Relay
        {
            self.is_durable(envelope.id(), "sends");
        }
    }

    /// Nothing is said of a message before it is on the disk of whoever says it.
    fn is_durable(&self, id: MessageId, what: &str) {
        if !self.rows.has_name(id.as_bytes()) && !self.current_faults.is_forgetting() {
            let name = self.machine.name;
            self.run_log
                .violated(Invariant::Durable, format_args!("{name} {what} {id}, which it does not have"));
        }
    }
}

impl Transport for NetworkLink {
    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        // Late, it would be one more phone that proves the number to be its own.
        self.holds()?;
        self.delay().await;
        self.holds()?;
        let answer = self.carrier_endpoint.register(caller, proof).await;
        self.holds()?;
        self.delay().await;
        self.holds()?;
        answer
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        self.run_log.speaks(caller, &self.process);
        let call = |carrier: Arc<CarrierEndpoint>| {
            let caller = caller.clone();
            async move { carrier.connect(&caller).await }
        };
        // A late one after an erasure is a fault that is known and not mended (`FaultRates::late_connects`).
        if self.rates().late_connects { self.pass(call).await } else { self.once(call).await }
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.pass(|carrier| {
            let (caller, keys) = (caller.clone(), keys.clone());
            async move { carrier.publish(&caller, keys).await }
        })
        .await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.pass(|carrier| {
            let (caller, of) = (caller.clone(), of.clone());
            async move { carrier.bundle(&caller, &of).await }
        })
        .await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        let envelope = PlantedBug::leaving(self.planted_bug, &self.run_log, &*self.rng, envelope);
        if !self.process.is_dead() {
            self.is_to_be_sent(&envelope);
        }
        self.pass(|carrier| {
            let (caller, envelope) = (caller.clone(), envelope.clone());
            async move { carrier.send(&caller, envelope).await }
        })
        .await
    }

    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        let leaving = envelopes.into_iter();
        let leaving = leaving
            .map(|envelope| PlantedBug::leaving(self.planted_bug, &self.run_log, &*self.rng, envelope));
        let envelopes: Vec<_> = leaving.collect();
        if !self.process.is_dead() {
            for envelope in &envelopes {
                self.is_to_be_sent(envelope);
            }
        }
        let sent = self.pass(|carrier| {
            let (caller, envelopes) = (caller.clone(), envelopes.clone());
            async move { Ok(carrier.send_all(&caller, envelopes).await) }
        });
        sent.await.unwrap_or_else(SendOutcome::none)
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.holds()?;
        let received = tokio::select! {
            biased;
            () = self.process.died() => Err(TransportError::unavailable("the caller is dead")),
            received = self.carrier_endpoint.receive(caller, after) => received,
        };
        let mut deliveries = received?;
        self.holds()?;
        self.delay().await;
        self.holds()?;
        if happens(&*self.rng, self.rates().shuffled) {
            self.run_log.count(FaultKind::Shuffled);
            for place in 0..deliveries.len() {
                let other = below(&*self.rng, deliveries.len() as u64);
                deliveries.swap(place, usize::try_from(other).unwrap());
            }
        }
        if happens(&*self.rng, self.rates().doubled) {
            deliveries.extend_from_within(..1);
        }
        if happens(&*self.rng, self.rates().lost) {
            self.run_log.count(FaultKind::LostDelivery);
            deliveries.pop();
        }
        Ok(deliveries)
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        let call = |carrier: Arc<CarrierEndpoint>| {
            let caller = caller.clone();
            async move { carrier.remove(&caller, device).await }
        };
        // Late, it would remove a device that has come back since.
        self.once(call).await
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.holds()?;
        tokio::select! {
            biased;
            () = self.process.died() => Err(TransportError::unavailable("the caller is dead")),
            low = self.carrier_endpoint.low_stock(caller, at_most) => low,
        }
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        for id in sequences.iter().filter_map(|sequence| self.run_log.wire.envelope(caller, *sequence)) {
            if !self.process.is_dead() && self.run_log.wire.is_message(id) {
                self.is_durable(id, "acknowledges");
            }
        }
        self.pass(|carrier| {
            let (caller, sequences) = (caller.clone(), sequences.to_vec());
            async move { carrier.acknowledge(&caller, &sequences).await }
        })
        .await
    }

    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        self.pass(|carrier| {
            let caller = caller.clone();
            async move { carrier.log_head(&caller).await }
        })
        .await
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        self.pass(|carrier| {
            let caller = caller.clone();
            async move { carrier.log_consistency(&caller, old, new).await }
        })
        .await
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        self.pass(|carrier| {
            let caller = caller.clone();
            async move { carrier.log_leaves(&caller, first).await }
        })
        .await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        self.pass(|carrier| {
            let (caller, report) = (caller.clone(), report.clone());
            async move { carrier.report(&caller, report).await }
        })
        .await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        self.pass(|carrier| {
            let (caller, request) = (caller.clone(), request.clone());
            async move { carrier.billing(&caller, request).await }
        })
        .await
    }
}
