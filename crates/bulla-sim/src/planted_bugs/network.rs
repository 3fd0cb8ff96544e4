//! Bugs of the carrier and of those who call it.

use bulla::envelope::{Envelope, KeyBundle};
use bulla::transport::{Caller, Connected, Delivery, Incarnation, Sequence};
use bulla_base::{Address, DeviceId, Rng};
use bytes::Bytes;

use super::PlantedBug;
use crate::envelope_checks::CANARY;
use crate::random::below;
use crate::run_log::RunLog;

impl PlantedBug {
    /// As whom the carrier takes `caller`, of whose installation `floor` is the lowest that may pass.
    pub(crate) fn connects_as(planted_bug: Option<Self>, caller: &Caller, floor: u64) -> Caller {
        if planted_bug != Some(Self::FenceLowered) || floor == u64::MAX {
            return caller.clone();
        }
        let highest = Incarnation::new(caller.incarnation().number().max(floor));
        Caller::new(caller.address().clone(), caller.installation(), highest)
    }

    /// What the carrier tells who has connected.
    pub(crate) fn connected(planted_bug: Option<Self>, connected: Connected) -> Connected {
        match planted_bug {
            Some(Self::RestoreNotTold) => connected.in_generation(0),
            _ => connected,
        }
    }

    /// The keys that are given away of `of`.
    pub(crate) fn bundle(
        planted_bug: Option<Self>,
        run_log: &RunLog,
        of: &Address,
        bundle: KeyBundle,
    ) -> KeyBundle {
        if planted_bug != Some(Self::KeyGivenTwice) {
            return bundle;
        }
        run_log.wire.first_bundle(of, bundle)
    }

    /// What the carrier queues.
    pub(crate) fn carried(planted_bug: Option<Self>, rng: &dyn Rng, envelope: Envelope) -> Option<Envelope> {
        match planted_bug {
            Some(Self::EnvelopeLost) if below(rng, 16) == 0 => None,
            Some(Self::DeviceLeftOut)
                if envelope.to().device() != DeviceId::PRIMARY && below(rng, 4) == 0 =>
            {
                None
            }
            Some(Self::DevicesNotCompared) => Some(envelope.for_recipient()),
            Some(Self::EnvelopeAltered) if below(rng, 16) == 0 => Some(altered(&envelope)),
            _ => Some(envelope),
        }
    }

    /// What leaves a program that sends `envelope`.
    pub(crate) fn leaving(
        planted_bug: Option<Self>,
        run_log: &RunLog,
        rng: &dyn Rng,
        envelope: Envelope,
    ) -> Envelope {
        match planted_bug {
            Some(Self::NotSealed) if below(rng, 16) == 0 => sealed(&envelope, CANARY.as_bytes().to_vec()),
            Some(Self::StepTwice) if run_log.wire.has_left(envelope.id()) => altered(&envelope),
            _ => envelope,
        }
    }

    /// What `caller` is handed.
    pub(crate) fn received(
        planted_bug: Option<Self>,
        run_log: &RunLog,
        caller: &Caller,
        deliveries: Vec<Delivery>,
    ) -> Vec<Delivery> {
        if planted_bug != Some(Self::AcknowledgedHandedOut) {
            return deliveries;
        }
        run_log.wire.first_delivery(caller, &deliveries).into_iter().chain(deliveries).collect()
    }

    /// What is acknowledged when `sequences` are.
    pub(crate) fn acknowledged(planted_bug: Option<Self>, sequences: &[Sequence]) -> Vec<Sequence> {
        let mut sequences = sequences.to_vec();
        if planted_bug == Some(Self::AcknowledgedTooMuch) {
            let next = sequences.last().map(|last| Sequence::new(last.epoch(), last.number() + 1));
            sequences.extend(next);
        }
        sequences
    }
}

/// The envelope with another last byte.
fn altered(envelope: &Envelope) -> Envelope {
    let mut bytes = envelope.sealed().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    sealed(envelope, bytes)
}

fn sealed(envelope: &Envelope, bytes: Vec<u8>) -> Envelope {
    let (from, to) = (envelope.from().clone(), envelope.to().clone());
    let (kind, franking) = (envelope.kind(), *envelope.franking());
    let changed =
        Envelope::new(envelope.id(), from, to, kind, franking, envelope.form(), Bytes::from(bytes)).unwrap();
    match envelope.installation() {
        Some(installation) => changed.sealed_for(installation),
        None => changed,
    }
}
