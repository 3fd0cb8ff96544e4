//! What the log of keys costs, beside the bare hashes that it takes.
//!
//! `cargo bench -p bulla-benches --bench transparency`, with `-- --quick` for a look at whether it runs at
//! all.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that goes wrong should stop")]

#[path = "../session/clock.rs"]
#[expect(dead_code, reason = "the sessions use the rest")]
mod clock;

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{self, Write};

use bulla_base::PhoneNumberId;
use bulla_transparency::{
    CompactRange, ConsistencyProof, Head, IdentityKey, InclusionProof, KeyStatement, LogSigner, Monitor,
    NodeId, Origin, SignedCheckpoint, TreeHash,
};
use clock::{median, timed};
use sha2::{Digest, Sha256};

const LEAVES: u64 = 1_000_000;
const QUICK_LEAVES: u64 = 1000;
const ROUNDS: usize = 51;
/// Calls that are timed together.
const CALLS: usize = 200;

/// A log in memory, with the head that it had earlier.
struct Log {
    range: CompactRange,
    stored: HashMap<NodeId, TreeHash>,
    old: Head,
}

impl Log {
    fn of(leaves: u64) -> Self {
        let (mut range, mut stored, mut old) = (CompactRange::new(), HashMap::new(), None);
        for number in 0..leaves {
            stored.extend(range.append(statement(number).leaf_hash()).unwrap());
            // Neither a power of two nor near one: a proof from there takes what most take.
            if number == leaves * 5 / 8 + 77 {
                old = Some(range.head());
            }
        }
        Self { range, stored, old: old.unwrap() }
    }

    fn read(&self, nodes: &[NodeId]) -> Vec<TreeHash> {
        nodes.iter().map(|node| self.stored[node]).collect()
    }
}

fn statement(number: u64) -> KeyStatement {
    KeyStatement::first(PhoneNumberId::new(number), IdentityKey::from_bytes(&[5; 33]).unwrap())
}

fn main() -> io::Result<()> {
    // Cargo says `--bench` when it is to be measured; as a test it only has to run.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let is_quick = asked("--quick") || !asked("--bench");
    let (leaves, rounds) = if is_quick { (QUICK_LEAVES, 3) } else { (LEAVES, ROUNDS) };
    let log = Log::of(leaves);
    let (head, old) = (log.range.head(), log.old);
    let (index, one) = (old.size(), statement(old.size()));

    let nodes = InclusionProof::nodes(index, leaves).unwrap();
    let inclusion = InclusionProof::from_nodes(index, leaves, &log.read(&nodes)).unwrap();
    let nodes = ConsistencyProof::nodes(old.size(), leaves).unwrap();
    let consistency = ConsistencyProof::from_nodes(old.size(), leaves, &log.read(&nodes)).unwrap();
    let signer = LogSigner::from_seed(Origin::parse("carrier.example/keys").unwrap(), &[7; 32]);
    let signed = signer.sign(&head);
    let text = signed.to_string();
    let leaf = one.to_bytes();
    let (mut range, mut monitor) = (log.range.clone(), Monitor::new([PhoneNumberId::new(7)]));

    let mut out = io::stdout().lock();
    writeln!(out, "{leaves} leaves; µs of processor time, the middle of {rounds} samples\n")?;
    let mut row = |name: &str, call: &mut dyn FnMut()| {
        let samples: Vec<_> = (0..rounds).map(|_| timed(CALLS, |_| call())).collect();
        writeln!(out, "| {name} | {:.2} |", median(&samples).unwrap())
    };
    let node = [1_u8; 65];
    row("SHA-256 of a node, 65 bytes", &mut || _ = black_box(Sha256::digest(black_box(&node))))?;
    row("a statement hashed and appended", &mut || _ = black_box(range.append(one.leaf_hash())))?;
    row("a leaf read by a monitor", &mut || _ = black_box(monitor.read(black_box(&leaf))))?;
    row("a proof of inclusion made", &mut || {
        let nodes = InclusionProof::nodes(index, leaves).unwrap();
        black_box(InclusionProof::from_nodes(index, leaves, &log.read(&nodes)).unwrap());
    })?;
    row(&format!("a proof of inclusion verified, {} hashes", inclusion.hashes().len()), &mut || {
        inclusion.verify(&one.leaf_hash(), black_box(&head)).unwrap();
    })?;
    row(&format!("a proof of consistency verified, {} hashes", consistency.hashes().len()), &mut || {
        consistency.verify(&old, black_box(&head)).unwrap();
    })?;
    row("a checkpoint signed", &mut || _ = black_box(signer.sign(black_box(&head))))?;
    row(&format!("a checkpoint read, {} bytes", text.len()), &mut || {
        black_box(SignedCheckpoint::parse(text.as_bytes()).unwrap());
    })?;
    row("a checkpoint verified", &mut || _ = black_box(signed.verify(signer.public()).unwrap()))?;
    Ok(())
}
