use bulla_base::SeededRng;
use bulla_envelope::Envelope;
use bulla_store::{
    Batch, Commit, Key, MAX_BATCH_BYTES, MAX_BATCH_ROWS, MAX_SCAN_ROWS, MAX_VALUE_BYTES, Scan, Space, Store,
};

use crate::{End, NOW, USER, alice, said, seal, shop};

/// How many messages a peer skips at a time: as many as one chain keeps keys of.
const SKIPPED: usize = 2000;

/// The names of the parts of the sessions, and how long each is.
async fn stored(end: &End) -> Vec<(Key, usize)> {
    let mut parts: Vec<(Key, usize)> = Vec::new();
    loop {
        let scan = Scan::undated(Space::new(0x15));
        let page = parts.last().cloned().into_iter().fold(scan, |scan, (last, _)| scan.after(last));
        let found = end.store.scan(USER, &page, NOW).await.unwrap();
        let full = found.len() == MAX_SCAN_ROWS;
        parts.extend(found.into_iter().map(|(key, record)| (key, record.value.len())));
        if !full {
            return parts;
        }
    }
}

/// How many keys of skipped messages are kept, by chain or by epoch. Nine bytes say whose sessions they are.
async fn skipped(end: &End, kind: u8) -> Vec<usize> {
    let parts = stored(end).await;
    let of: Vec<_> =
        parts.iter().map(|(key, _)| &key.name()[9..]).filter(|name| name.starts_with(&[1, kind])).collect();
    of.chunk_by(|a, b| a[2] == b[2]).map(<[_]>::len).collect()
}

const SEEDS: u8 = 0;
const KEYS: u8 = 1;

/// Says so many things, and then what is returned.
async fn skip(from: &End, to: &End, count: usize, rng: &SeededRng) -> Envelope {
    let mut peer = from.peer(to).await;
    for _ in 0..count {
        seal(&mut peer, "skipped", rng);
    }
    let last = seal(&mut peer, "last", rng);
    assert!(matches!(from.keep(peer).await, Commit::Committed(_)));
    last
}

/// Talks turn by turn, from this turn of the session on, until the other side keeps all that a session can
/// keep: five full chains and three full epochs.
///
/// The two begin a new epoch in turns 44, 88 and 131. Of the one before the last all is kept for as long as
/// the other has not sent in the new one, which is why the last turn is not answered.
async fn fill(from: &End, to: &End, first: usize, rng: &SeededRng) {
    const LAST: usize = 131;
    for turn in first..=LAST {
        let count = if turn == 87 || turn > LAST - 5 { SKIPPED } else { 0 };
        let last = skip(from, to, count, rng).await;
        to.hear(from, &last, rng).await;
        if turn < LAST {
            let answer = to.say(from, "answer", rng).await;
            from.hear(to, &answer, rng).await;
        }
    }
    assert_eq!(skipped(to, SEEDS).await, [SKIPPED; 5]);
    assert_eq!(skipped(to, KEYS).await, [SKIPPED; 3]);
}

async fn begin(from: &End, to: &End, rng: &SeededRng) {
    let mut peer = from.peer(to).await;
    peer.begin(&from.store, &to.bundle(rng).await, NOW, rng).await.unwrap();
    assert!(matches!(from.keep(peer).await, Commit::Committed(_)));
}

/// Opens and keeps; says how many rows and bytes that took.
async fn measured(end: &End, from: &End, envelope: &Envelope, rng: &SeededRng) -> (usize, usize) {
    let mut peer = end.peer(from).await;
    peer.open(&end.store, envelope, NOW, rng).await.unwrap();
    let mut batch = Batch::new(USER);
    drop(peer.write(&mut batch));
    let rows = batch.expectations().len() + batch.puts().len() + batch.deletes().len();
    let bytes = batch.bytes();
    assert!(matches!(end.store.commit(batch).await.unwrap(), Commit::Committed(_)));
    (rows, bytes)
}

/// A device left all it could skip in one session and began another; then it sent what was late in the first.
/// Each took more rows than a batch might have: the shop could not store what it had opened, and stopped.
#[tokio::test]
async fn whatever_a_peer_left_behind_the_next_session_can_be_stored() {
    let rng = SeededRng::new(1);
    let (shop, alice) = (End::open(shop(), &rng).await, End::open(alice(), &rng).await);
    begin(&alice, &shop, &rng).await;
    fill(&alice, &shop, 1, &rng).await;
    let late = alice.say(&shop, "late", &rng).await;

    begin(&alice, &shop, &rng).await;
    let first = skip(&alice, &shop, SKIPPED, &rng).await;
    let (rows, _) = measured(&shop, &alice, &first, &rng).await;
    assert!((8 + 2) * SKIPPED < rows && rows < MAX_BATCH_ROWS / 2, "{rows} rows");

    // The second session goes on for as long as the first did.
    let answer = shop.say(&alice, "answer", &rng).await;
    alice.hear(&shop, &answer, &rng).await;
    fill(&alice, &shop, 2, &rng).await;
    let (rows, bytes) = measured(&shop, &alice, &late, &rng).await;
    // The keys of both are of epochs with the same numbers, and so in the same rows. Else there would be that
    // many more rows.
    assert!((8 + 8 - 3) * SKIPPED < rows && rows + 3 * SKIPPED < MAX_BATCH_ROWS / 2, "{rows} rows");
    assert!(bytes < MAX_BATCH_BYTES / 4, "{bytes} bytes");
    // The late one was the next, so that the first that its chain had skipped is too far behind.
    assert_eq!(skipped(&shop, SEEDS).await, [SKIPPED, SKIPPED, SKIPPED, SKIPPED, SKIPPED - 1]);
    let answer = shop.say(&alice, "we still speak", &rng).await;
    assert_eq!(alice.hear(&shop, &answer, &rng).await.content.unwrap(), said("we still speak"));
}

#[tokio::test]
async fn a_peer_that_skips_and_skips_pushes_out_its_own_oldest_sessions_and_is_still_heard() {
    let rng = SeededRng::new(1);
    let (shop, alice) = (End::open(shop(), &rng).await, End::open(alice(), &rng).await);
    let (mut largest, mut grew) = (0, Vec::new());
    // Each new session leaves its skipped keys behind in the archive.
    for _ in 0..12 {
        let mut peer = alice.peer(&shop).await;
        peer.begin(&alice.store, &shop.bundle(&rng).await, NOW, &rng).await.unwrap();
        let first = seal(&mut peer, "first", &rng);
        for _ in 0..SKIPPED {
            seal(&mut peer, "skipped", &rng);
        }
        let last = seal(&mut peer, "last", &rng);
        assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));

        shop.hear(&alice, &first, &rng).await;
        shop.hear(&alice, &last, &rng).await;
        let parts = stored(&shop).await;
        let most = parts.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default();
        assert!(most <= MAX_VALUE_BYTES, "{most}");
        assert!(parts.len() > 2 * SKIPPED, "the skipped keys are not there: {}", parts.len());
        grew.push(most > largest);
        largest = largest.max(most);
    }
    assert!(grew.ends_with(&[false; 6]), "it never came to the limit: the test shows nothing");
    let answer = shop.say(&alice, "we still speak", &rng).await;
    assert_eq!(alice.hear(&shop, &answer, &rng).await.content.unwrap(), said("we still speak"));
}
