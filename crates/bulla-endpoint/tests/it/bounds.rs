use bulla_base::SeededRng;
use bulla_endpoint::{MAX_SESSIONS_BYTES, OpenError};
use bulla_store::{Commit, Scan, Space, Store};

use crate::{End, NOW, USER, alice, said, seal, shop};

/// How many messages a peer skips at a time: as many as one chain keeps keys of.
const SKIPPED: usize = 2000;

async fn stored(end: &End) -> usize {
    let sessions = Scan::undated(Space::new(0x15));
    let found = end.store.scan(USER, &sessions, NOW).await.unwrap();
    found.iter().map(|(_, record)| record.value.len()).max().unwrap_or_default()
}

#[tokio::test]
async fn a_peer_that_skips_and_skips_is_refused_before_its_record_is_too_large_and_others_still_open() {
    let rng = SeededRng::new(1);
    let (shop, alice) = (End::open(shop(), &rng).await, End::open(alice(), &rng).await);
    let mut refused = false;
    // Each new session leaves its skipped keys behind in the archive.
    for _ in 0..12 {
        let mut peer = alice.peer(&shop).await;
        peer.begin(&shop.bundle(&rng).await, NOW, &rng).unwrap();
        let first = seal(&mut peer, "first", &rng);
        for _ in 0..SKIPPED {
            seal(&mut peer, "skipped", &rng);
        }
        let last = seal(&mut peer, "last", &rng);
        assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));

        shop.hear(&alice, &first, &rng).await;
        let before = stored(&shop).await;
        let mut peer = shop.peer(&alice).await;
        match peer.open(&shop.store, &last, NOW, &rng).await {
            Ok(_) => assert!(matches!(shop.keep(peer).await, Commit::Committed(_))),
            Err(OpenError::TooManySkipped { limit }) => {
                refused = true;
                assert_eq!(limit, MAX_SESSIONS_BYTES);
                assert!(matches!(shop.keep(peer).await, Commit::Committed(_)));
                assert_eq!(stored(&shop).await, before, "a refusal leaves no trace");
                break;
            }
            Err(other) => panic!("{other:?}"),
        }
        assert!(stored(&shop).await <= MAX_SESSIONS_BYTES);
    }
    assert!(refused, "it never came to the limit: the test shows nothing");
    let answer = shop.say(&alice, "we still speak", &rng).await;
    assert_eq!(alice.hear(&shop, &answer, &rng).await.content.unwrap(), said("we still speak"));
}
