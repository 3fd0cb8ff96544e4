//! What an endpoint promises to whoever keeps its records.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod attachments;
mod content_kinds;
mod corpus;
mod held_memory;
mod identity;
mod key_log;
mod limits;
mod log_leaves;
mod ratchet_steps;
mod renewal;
mod restored_store;
mod session_cache;
mod session_repair;

use bulla_base::{Address, Category, MessageId, Number, Partition, PhoneNumberId, Rng, SeededRng, Timestamp};
use bulla_content::{Content, Text};
use bulla_endpoint::{Endpoint, Peer, Received};
use bulla_envelope::{Envelope, KeyBundle, Kind};
use bulla_store::{Batch, Commit, MemoryStore, Store};

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);
/// Where an endpoint keeps what is its own.
const HOME: Partition = Partition::from_bytes([1; 16]);
/// Both ends keep what they have of the conversation here; each has a store of its own.
const USER: Partition = Partition::from_bytes([7; 16]);

/// Where there is nothing of the conversation.
const OTHER: Partition = Partition::from_bytes([8; 16]);

/// One end: an endpoint on its store.
struct End {
    store: MemoryStore,
    endpoint: Endpoint,
}

impl End {
    async fn open(address: Address, rng: &dyn Rng) -> Self {
        let store = MemoryStore::new();
        let endpoint = Endpoint::open(&store, HOME, address, NOW, rng).await.unwrap();
        Self { store, endpoint }
    }

    async fn bundle(&self, rng: &dyn Rng) -> KeyBundle {
        let keys = self.endpoint.keys_to_publish(&self.store, 99, 0, NOW, rng).await.unwrap();
        KeyBundle::new(self.endpoint.address().device(), &keys, keys.one_time.first().cloned()).unwrap()
    }

    async fn peer(&self, of: &Self) -> Peer<'_> {
        self.endpoint.peer(&self.store, USER, of.endpoint.address(), NOW).await.unwrap()
    }

    async fn keep(&self, peer: Peer<'_>) -> Commit {
        let mut batch = Batch::new(USER);
        drop(peer.write(&mut batch));
        self.store.commit(batch).await.unwrap()
    }

    /// Seals and keeps.
    async fn say(&self, to: &Self, text: &str, rng: &dyn Rng) -> Envelope {
        let mut peer = self.peer(to).await;
        let envelope = seal(&mut peer, text, rng);
        assert!(matches!(self.keep(peer).await, Commit::Committed(_)));
        envelope
    }

    /// Opens and keeps.
    async fn hear(&self, from: &Self, envelope: &Envelope, rng: &dyn Rng) -> Received {
        let mut peer = self.peer(from).await;
        let received = peer.open(&self.store, envelope, NOW, rng).await.unwrap();
        assert!(matches!(self.keep(peer).await, Commit::Committed(_)));
        received
    }
}

fn seal(peer: &mut Peer<'_>, text: &str, rng: &dyn Rng) -> Envelope {
    let (id, kind) = (MessageId::new(NOW, rng), Kind::Message(Category::Service));
    peer.seal(id, kind, &said(text), NOW, rng).unwrap()
}

fn said(text: &str) -> Content {
    Content::text(Text::new(text).unwrap())
}

fn shop() -> Address {
    Address::business(PhoneNumberId::new(106_540_352_242_922))
}

fn alice() -> Address {
    Address::user(Number::parse("16505551234").unwrap())
}

/// A shop that has begun a session with alice.
async fn met(rng: &SeededRng) -> (End, End) {
    let (shop, alice) = (End::open(shop(), rng).await, End::open(alice(), rng).await);
    let mut peer = shop.peer(&alice).await;
    peer.begin(&shop.store, &alice.bundle(rng).await, NOW, rng).await.unwrap();
    assert!(matches!(shop.keep(peer).await, Commit::Committed(_)));
    (shop, alice)
}
