//! The carrier's log of keys, and what is found of it.

use std::convert::Infallible;
use std::sync::Arc;

use bulla::relay::Report;
use bulla_transparency::{Evidence, LogSigner, Origin, Verdict};

use crate::invariants::Invariant;
use crate::world::{SimDevice, SimRelay, World};

/// The carrier's key of the log.
pub(crate) fn signer() -> LogSigner {
    LogSigner::from_seed(Origin::parse("carrier.example/keys").unwrap(), &[7; 32])
}

/// Ends the run if the relay has evidence that there are two histories; goes on for ever.
pub(crate) async fn relay_finds(world: &World, relay: &SimRelay) -> Infallible {
    let mut reports = relay.reports();
    while let Some(report) = reports.next().await {
        match report {
            Report::LogSplit { evidence } => found(world, &evidence, "the relay"),
            // Nobody but the relay's own business leaves keys under its number.
            foreign @ (Report::ForeignKey { .. } | Report::LogNotShown { .. }) => {
                let what = format!("the relay has read in the log what is not its doing: {foreign:?}");
                world.run_log.violated(Invariant::OneHistory, what);
            }
            _ => {}
        }
    }
    std::future::pending().await
}

/// Ends the run if the device has evidence that there are two histories; goes on for ever.
pub(crate) async fn device_finds(world: &World, device: &SimDevice) -> Infallible {
    found(world, &device.log_split().await, "a device");
    std::future::pending().await
}

fn found(world: &World, evidence: &Arc<str>, who: &str) {
    let verdict = Evidence::parse(evidence.as_bytes()).map(|read| read.verify(signer().public()));
    let what = match verdict {
        Ok(Verdict::Equivocation) => format!("{who} can prove that the carrier has signed two histories"),
        other => format!("{who} accuses the carrier with what proves nothing: {other:?}"),
    };
    world.run_log.violated(Invariant::OneHistory, what);
}
