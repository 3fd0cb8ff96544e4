//! The least that the parts of a message's way cost, each by itself, in microseconds of processor time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_base::{Clock, Day, Number, Partition};
use bulla_session::{
    DeviceId, IdentityKeyPair, KyberPreKey, KyberPreKeyId, LoadedPreKeys, LocalIdentity, NoPreKeys,
    OneTimePreKey, OneTimePreKeyId, PreKeyBundle, RegistrationId, Sessions, SignedPreKey, SignedPreKeyId,
    Trust, UnixMillis, UnixSeconds,
};
use bulla_store::{Batch, Commit, Key, Retention, Space, Store};
use bulla_store_fjall::FjallOptions;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::task::JoinSet;

use super::http::Server;
use crate::Extent;
use crate::clock::{Machine, spent};
use crate::system_under_test::{TEXT, open_store};

/// What one of each takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LowerBounds {
    /// A request and its answer, by a server that does nothing.
    pub(crate) http: f64,
    /// Sealing a text in a session that is in memory.
    pub(crate) seal: f64,
    /// Opening it.
    pub(crate) open: f64,
    /// A commit of nothing but a row, beside others.
    pub(crate) commit: f64,
    /// Each further row in it.
    pub(crate) row: f64,
}

impl LowerBounds {
    pub(crate) async fn measured(extent: Extent) -> Self {
        let http = http(extent).await;
        let (seal, open) = sessions(extent.speed);
        let (one, six) = (commits(extent, 1).await, commits(extent, 6).await);
        let row = (six - one) / 5.0;
        Self { http, seal, open, commit: one - row, row }
    }
}

async fn http(extent: Extent) -> f64 {
    let server = Arc::new(Server::empty().await);
    let (to, next) = (Number::parse("16500000001").unwrap(), Arc::new(AtomicUsize::new(0)));
    let (mut callers, cpu, last) = (JoinSet::new(), spent(), extent.speed);
    for _ in 0..extent.in_flight {
        let (server, to, next) = (Arc::clone(&server), to.clone(), Arc::clone(&next));
        callers.spawn(async move {
            let mut connection = server.connect().await;
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= last {
                    return;
                }
                connection.post(&to, place).await;
            }
        });
    }
    callers.join_all().await;
    (spent() - cpu) * 1e6 / last as f64
}

/// Texts and answers by turns, as texts and receipts are: what sealing takes, and what opening does.
fn sessions(messages: usize) -> (f64, f64) {
    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
    let (mut rng, made) = (ChaCha20Rng::from_seed([9; 32]), UnixMillis::new(1_800_000_000_000));
    let [alice, bob] =
        [1, 2].map(|id| LocalIdentity::new(IdentityKeyPair::generate(&mut rng), RegistrationId::new(id)));
    let mut prekeys = LoadedPreKeys::default();
    let signed = SignedPreKey::generate(SignedPreKeyId::new(1), bob.identity(), made, &mut rng);
    let kyber = KyberPreKey::generate(KyberPreKeyId::new(2), bob.identity(), made, &mut rng);
    let one_time = OneTimePreKey::generate(OneTimePreKeyId::new(3), &mut rng);
    let bundle = PreKeyBundle::of(&bob, DeviceId::new(1).unwrap(), Some(&one_time), &signed, &kyber);
    (prekeys.signed, prekeys.kyber, prekeys.one_time) = (Some(signed), Some(kyber), Some(one_time));
    let trust = Trust::Anyone;
    let begun = Sessions::new().initiate(&alice, &bundle, trust, NOW, &mut rng).unwrap();
    let hello = begun.seal(b"hello", None, NOW, &mut rng).unwrap();
    let heard = Sessions::new().open(&bob, &hello.message, None, trust, &prekeys, &mut rng).unwrap();
    let (mut ends, parties) = ([hello.sessions, heard.sessions], [&alice, &bob]);
    let (mut sealing, mut opening, mut turns) = (0.0, 0.0, 0);
    // A text of the business, and two receipts of the user's.
    for from in (0..messages).flat_map(|_| [0, 1, 1]) {
        let [one, other] = ends;
        let (writer, reader) = if from == 0 { (one, other) } else { (other, one) };
        let began = spent();
        let sealed = writer.seal(TEXT.as_bytes(), None, NOW, &mut rng).unwrap();
        let sealed_at = spent();
        let opened =
            reader.open(parties[1 - from], &sealed.message, None, trust, &NoPreKeys, &mut rng).unwrap();
        sealing += sealed_at - began;
        opening += spent() - sealed_at;
        turns += 1;
        ends =
            if from == 0 { [sealed.sessions, opened.sessions] } else { [opened.sessions, sealed.sessions] };
    }
    (sealing * 1e6 / f64::from(turns), opening * 1e6 / f64::from(turns))
}

/// What a commit of so many rows costs in a sealed store, as many at once as there are messages on their way.
async fn commits(extent: Extent, rows: u8) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(folder.path(), FjallOptions::default()).await;
    let (mut writers, next, last) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)), extent.speed);
    let cpu = spent();
    for _ in 0..extent.in_flight {
        let (store, next) = (store.clone(), Arc::clone(&next));
        writers.spawn(async move {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= last {
                    return;
                }
                let now = Machine.now();
                let mut partition = [0; 16];
                partition[..8].copy_from_slice(&(place as u64 % 1_000).to_be_bytes());
                let mut batch = Batch::new(Partition::from_bytes(partition));
                for row in 0..rows {
                    let name = [&(place as u64).to_be_bytes()[..], &[row]].concat();
                    let day: Day = now.day();
                    let key = Key::dated(Space::new(0x20), day, name);
                    batch.put_until(key, vec![row; 120], Retention::LONGEST.from(now));
                }
                assert!(matches!(store.commit(batch).await.unwrap(), Commit::Committed(_)));
            }
        });
    }
    writers.join_all().await;
    let cpu = (spent() - cpu) * 1e6 / last as f64;
    store.close().await.unwrap();
    cpu
}
