//! The end of the network at which the carrier answers, while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bulla::carrier::Carrier;
use bulla::envelope::{Envelope, KeyBundle, KeyUpload};
use bulla::transport::{
    Caller, Connected, Delivery, InProcess, LogConsistency, LogLeaves, NumberProof, SendOutcome, Sequence,
    Transport, TransportError,
};
use bulla_base::{Address, DeviceId, SeededRng};
use bytes::Bytes;

use crate::disk::Disk;
use crate::ghost_device::GhostDevice;
use crate::machine::Process;
use crate::plan::Plan;
use crate::planted_bugs::PlantedBug;
use crate::protection_checks::ProtectionChecks;
use crate::run_log::RunLog;

/// Where the carrier is, if it runs: what everybody else calls.
pub(crate) struct CarrierEndpoint {
    running: Mutex<Option<Running>>,
    run_log: Arc<RunLog>,
    planted_bug: Option<PlantedBug>,
    rng: SeededRng,
    /// How often the carrier was put back from a backup, and how often it had been when each has connected.
    put_back: Mutex<(u64, BTreeMap<Vec<u8>, u64>)>,
    ghost: Option<GhostDevice>,
    /// Who judges what the carrier lets pass.
    protection: Arc<ProtectionChecks>,
}

#[derive(Clone)]
struct Running {
    carrier: Arc<Carrier<Disk>>,
    process: Arc<Process>,
}

impl CarrierEndpoint {
    pub(crate) fn new(
        run_log: Arc<RunLog>,
        planted_bug: Option<PlantedBug>,
        plan: &Plan,
        protection: Arc<ProtectionChecks>,
    ) -> Self {
        let (running, put_back) = (Mutex::new(None), Mutex::new((0, BTreeMap::new())));
        let ghost = plan.ghost.then(|| GhostDevice::new(Arc::clone(&run_log)));
        Self { running, run_log, planted_bug, rng: SeededRng::new(!plan.seed), put_back, ghost, protection }
    }

    /// From now on this carrier answers.
    pub(crate) fn runs(&self, carrier: Arc<Carrier<Disk>>, process: Arc<Process>) {
        self.run_log.wire.carrier_starts();
        self.protection.carrier_starts();
        *self.running.lock().unwrap() = Some(Running { carrier, process });
    }

    /// Nobody answers any more.
    pub(crate) fn stops(&self) {
        *self.running.lock().unwrap() = None;
    }

    /// The carrier has lost what came after its backup.
    pub(crate) fn put_back(&self) {
        self.protection.put_back();
        self.put_back.lock().unwrap().0 += 1;
    }

    pub(crate) fn was_put_back(&self) -> bool {
        self.put_back.lock().unwrap().0 > 0
    }

    fn has_connected(&self, caller: &Caller) {
        let mut put_back = self.put_back.lock().unwrap();
        let times = put_back.0;
        put_back.1.insert(caller.address().to_bytes(), times);
    }

    /// That the carrier was not put back since the caller has connected. Over a network its stream would be
    /// another.
    fn is_known_to(&self, caller: &Caller) -> Result<(), TransportError> {
        let put_back = self.put_back.lock().unwrap();
        match put_back.1.get(&caller.address().to_bytes()) {
            Some(times) if *times != put_back.0 => {
                Err(TransportError::unavailable("the carrier was put back from a backup"))
            }
            _ => Ok(()),
        }
    }

    /// The carrier, if it runs.
    pub(crate) fn carrier(&self) -> Option<Arc<Carrier<Disk>>> {
        self.running.lock().unwrap().as_ref().map(|running| Arc::clone(&running.carrier))
    }

    /// Lets the carrier answer, unless it dies first.
    async fn ask<R, F>(&self, call: impl FnOnce(InProcess<Carrier<Disk>>) -> F) -> Result<R, TransportError>
    where
        F: Future<Output = Result<R, TransportError>>,
    {
        let running = self.running.lock().unwrap().clone();
        let Some(Running { carrier, process }) = running else {
            return Err(TransportError::unavailable("the carrier is down"));
        };
        tokio::select! {
            biased;
            () = process.died() => Err(TransportError::unavailable("the carrier has died")),
            answer = call(InProcess::new(carrier)) => answer,
        }
    }
}

impl Transport for CarrierEndpoint {
    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        self.run_log.wire.registers(caller);
        let answer = self.ask(|carrier| async move { carrier.register(caller, proof).await }).await?;
        self.run_log.connected(caller);
        self.has_connected(caller);
        Ok(PlantedBug::connected(self.planted_bug, answer))
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        let floor = self.run_log.wire.floor(caller);
        let asks = PlantedBug::connects_as(self.planted_bug, caller, floor);
        let answer = self.ask(|carrier| async move { carrier.connect(&asks).await }).await?;
        self.run_log.let_pass(caller, floor, "connect");
        self.run_log.connected(caller);
        self.has_connected(caller);
        Ok(PlantedBug::connected(self.planted_bug, answer))
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        let left = keys.clone();
        let answer = self.ask(|carrier| async move { carrier.publish(caller, keys).await }).await?;
        self.run_log.wire.publish(caller.address());
        self.ghost.iter().for_each(|ghost| ghost.sees_keys(caller.address(), &left));
        Ok(answer)
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        if let Some(keys) = self.ghost.as_ref().and_then(|ghost| ghost.keys_of(of)) {
            return Ok(keys);
        }
        let bundle = self.ask(|carrier| async move { carrier.bundle(caller, of).await }).await?;
        let bundle = self.ghost.iter().fold(bundle, |bundle, ghost| ghost.joins(of, bundle));
        let bundle = PlantedBug::bundle(self.planted_bug, &self.run_log, of, bundle);
        self.run_log.given(of, &bundle);
        Ok(bundle)
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.is_known_to(caller)?;
        let floor = self.run_log.wire.floor(caller);
        let asks = PlantedBug::connects_as(self.planted_bug, caller, floor);
        let envelope = match &self.ghost {
            Some(ghost) => ghost.passes(envelope)?,
            None => envelope,
        };
        let Some(envelope) = PlantedBug::carried(self.planted_bug, &self.rng, envelope) else {
            return Ok(());
        };
        self.protection.tries(&envelope);
        let sent = envelope.clone();
        let sending = self.ask(|carrier| async move { carrier.send(&asks, sent).await });
        sending.await.inspect_err(|error| self.protection.refused(&envelope, error))?;
        self.run_log.let_pass(caller, floor, "send");
        Ok(())
    }

    async fn send_all(&self, caller: &Caller, envelopes: Vec<Envelope>) -> SendOutcome {
        if let Err(error) = self.is_known_to(caller) {
            return SendOutcome::none(error);
        }
        let (mut passing, mut missed) = (Vec::with_capacity(envelopes.len()), None);
        for envelope in envelopes {
            match self.ghost.as_ref().map_or(Ok(envelope.clone()), |ghost| ghost.passes(envelope)) {
                Ok(envelope) => passing.push(envelope),
                Err(error) => {
                    missed = Some(error);
                    break;
                }
            }
        }
        if passing.is_empty()
            && let Some(error) = missed
        {
            return SendOutcome::none(error);
        }
        let (floor, count) = (self.run_log.wire.floor(caller), passing.len());
        let asks = PlantedBug::connects_as(self.planted_bug, caller, floor);
        let carried = passing
            .into_iter()
            .filter_map(|envelope| PlantedBug::carried(self.planted_bug, &self.rng, envelope));
        let carried: Vec<_> = carried.collect();
        carried.iter().for_each(|envelope| self.protection.tries(envelope));
        let asked = carried.clone();
        let sent = self.ask(|carrier| async move { Ok(carrier.send_all(&asks, asked).await) });
        let mut sent = sent.await.unwrap_or_else(SendOutcome::none);
        if let (Some(error), Some(envelope)) = (&sent.error, carried.get(sent.taken)) {
            self.protection.refused(envelope, error);
        }
        if sent.error.is_none() {
            // What was not carried is said to be taken, too.
            sent.taken = count;
            self.run_log.let_pass(caller, floor, "send");
            sent.error = missed;
        }
        sent
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        self.is_known_to(caller)?;
        let before = self.run_log.wire.acknowledgements();
        let deliveries = self.ask(|carrier| async move { carrier.receive(caller, after).await }).await?;
        let deliveries = PlantedBug::received(self.planted_bug, &self.run_log, caller, deliveries);
        self.run_log.handed_out(caller, &deliveries, before);
        Ok(deliveries)
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.ask(|carrier| async move { carrier.remove(caller, device).await }).await
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.ask(|carrier| async move { carrier.low_stock(caller, at_most).await }).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        let asks = PlantedBug::acknowledged(self.planted_bug, sequences);
        self.ask(|carrier| async move { carrier.acknowledge(caller, &asks).await }).await?;
        self.run_log.wire.acknowledged(caller, sequences);
        Ok(())
    }

    async fn log_head(&self, caller: &Caller) -> Result<Bytes, TransportError> {
        let head = self.ask(|carrier| async move { carrier.log_head(caller).await }).await?;
        Ok(PlantedBug::log_head(self.planted_bug, caller, head))
    }

    async fn log_consistency(
        &self,
        caller: &Caller,
        old: u64,
        new: u64,
    ) -> Result<LogConsistency, TransportError> {
        let proven =
            self.ask(|carrier| async move { carrier.log_consistency(caller, old, new).await }).await?;
        Ok(PlantedBug::log_consistency(self.planted_bug, caller, (old, new), proven))
    }

    async fn log_leaves(&self, caller: &Caller, first: u64) -> Result<LogLeaves, TransportError> {
        self.ask(|carrier| async move { carrier.log_leaves(caller, first).await }).await
    }

    async fn report(&self, caller: &Caller, report: Bytes) -> Result<(), TransportError> {
        self.ask(|carrier| async move { carrier.report(caller, report).await }).await
    }

    async fn billing(&self, caller: &Caller, request: Bytes) -> Result<Bytes, TransportError> {
        self.ask(|carrier| async move { carrier.billing(caller, request).await }).await
    }
}
