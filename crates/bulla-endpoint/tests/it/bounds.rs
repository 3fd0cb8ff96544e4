use bulla_base::SeededRng;
use bulla_store::{Commit, MAX_VALUE_BYTES, Scan, Space, Store};

use crate::{End, NOW, USER, alice, said, seal, shop};

/// How many messages a peer skips at a time: as many as one chain keeps keys of.
const SKIPPED: usize = 2000;

/// The largest part of the sessions, and how many parts there are.
async fn stored(end: &End) -> (usize, usize) {
    let sessions = Scan::undated(Space::new(0x15));
    let found = end.store.scan(USER, &sessions, NOW).await.unwrap();
    (found.iter().map(|(_, record)| record.value.len()).max().unwrap_or_default(), found.len())
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
        let (most, parts) = stored(&shop).await;
        assert!(most <= MAX_VALUE_BYTES, "{most}");
        // A scan returns no more than so many.
        assert!(parts > 2 * SKIPPED, "the skipped keys are not there: {parts}");
        grew.push(most > largest);
        largest = largest.max(most);
    }
    assert!(grew.ends_with(&[false; 6]), "it never came to the limit: the test shows nothing");
    let answer = shop.say(&alice, "we still speak", &rng).await;
    assert_eq!(alice.hear(&shop, &answer, &rng).await.content.unwrap(), said("we still speak"));
}
