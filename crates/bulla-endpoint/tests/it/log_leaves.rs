//! What the leaves of a carrier's log say of a business behind its back.

use bulla_base::{PhoneNumberId, SeededRng};
use bulla_endpoint::{Foreign, ForeignKind, KeyLog, LeafReading, LeavesRead, Watched};
use bulla_transparency::{IdentityKey, KeyStatement};
use bytes::Bytes;

use crate::key_log::{SHOP, TestLog, log_of, statement};
use crate::{End, NOW, shop};

/// A shop that reads the log, and its key as the log states it.
async fn reader() -> (End, IdentityKey, KeyLog) {
    let shop = End::open(shop(), &SeededRng::new(1)).await;
    let key = IdentityKey::from_bytes(&shop.endpoint.identity().to_bytes()).unwrap();
    let log = log_of(&shop).await;
    (shop, key, log)
}

/// Looks at the log and reads what is new for the shop; keeps all that a relay keeps.
async fn read(shop: &End, log: &KeyLog, carrier: &TestLog) -> LeavesRead {
    read_as(shop, log, carrier, true).await
}

async fn read_as(shop: &End, log: &KeyLog, carrier: &TestLog, is_published: bool) -> LeavesRead {
    let is_fresh = log.look(&shop.store, carrier, NOW).await.unwrap().proven == 1;
    assert_eq!(is_fresh, !*carrier.is_silent.lock().unwrap());
    let kept = shop.endpoint.logged_keys(&shop.store, NOW).await.unwrap();
    let businesses = [Watched::new(SHOP, shop.endpoint.identity(), kept, is_published)];
    let read = log.read_leaves(&shop.store, carrier, businesses, NOW).await.unwrap();
    if let LeavesRead::All(reading) = &read {
        for (business, logged) in &reading.changed {
            assert_eq!(*business, SHOP);
            shop.endpoint.keep_logged_keys(&shop.store, logged).await.unwrap();
        }
        log.keep_reading(&shop.store, reading).await.unwrap();
    }
    read
}

fn all(read: LeavesRead) -> LeafReading {
    match read {
        LeavesRead::All(reading) => *reading,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_leaf_is_read_once_and_only_what_is_about_the_business_is_told() {
    let (shop, key, log) = reader().await;
    let old = KeyStatement::first(SHOP, *statement(1, 9).key());
    let ours = old.next(key).unwrap();
    let (one, two, three) = (statement(1, 1), statement(2, 2), statement(3, 3));
    let reading = all(read(&shop, &log, &TestLog::of(&[&old, &one, &two, &ours, &three])).await);
    assert_eq!((reading.own, reading.past, reading.unreadable), (1, 1, 0), "a key of before is the past");
    assert_eq!((reading.foreign.len(), reading.changed.len()), (0, 1));

    let grown = TestLog::of(&[&old, &one, &two, &ours, &three, &statement(4, 4)]);
    let reading = all(read(&shop, &log, &grown).await);
    assert_eq!((reading.own, reading.past, reading.changed.len()), (0, 0, 0), "it was read before");
    assert!(matches!(read(&shop, &log, &grown).await, LeavesRead::UpToDate));
    // So it is for one that is opened anew.
    assert!(matches!(read(&shop, &log_of(&shop).await, &grown).await, LeavesRead::UpToDate));
}

#[tokio::test]
async fn another_key_after_our_own_is_found_even_if_ours_is_stated_again() {
    let (shop, key, log) = reader().await;
    let ours = KeyStatement::first(SHOP, key);
    let theirs = ours.next(*statement(1, 9).key()).unwrap();
    let again = theirs.next(key).unwrap();
    all(read(&shop, &log, &TestLog::of(&[&ours])).await);
    let reading = all(read(&shop, &log, &TestLog::of(&[&ours, &statement(2, 2), &theirs, &again])).await);
    assert_eq!(reading.foreign.len(), 1);
    let (business, Foreign { leaf, kind, .. }) = reading.foreign[0];
    assert_eq!((business, leaf, kind), (SHOP, 2, ForeignKind::OtherKey));
    let kept = shop.endpoint.logged_keys(&shop.store, NOW).await.unwrap().unwrap();
    assert_eq!(kept.foreign(), Some(reading.foreign[0].1), "it is durable");
}

#[tokio::test]
async fn a_second_beginning_is_found_also_with_our_own_key() {
    let (shop, key, log) = reader().await;
    let ours = KeyStatement::first(SHOP, key);
    let reading = all(read(&shop, &log, &TestLog::of(&[&ours, &statement(2, 2), &ours])).await);
    assert_eq!(reading.foreign.len(), 1);
    assert_eq!((reading.foreign[0].1.leaf, reading.foreign[0].1.kind), (2, ForeignKind::OutOfSequence));
    assert_eq!(reading.own, 1);
}

/// The head is signed, so whoever shows other leaves than are under it is found out, and not believed.
#[tokio::test]
async fn leaves_that_the_log_has_not_signed_are_not_believed() {
    let (shop, key, log) = reader().await;
    let ours = KeyStatement::first(SHOP, key);
    let theirs = ours.next(*statement(1, 9).key()).unwrap();
    let true_log = || TestLog::of(&[&ours, &theirs, &statement(2, 2)]);
    let with = |change: &dyn Fn(&mut Vec<Bytes>)| {
        let mut carrier = true_log();
        change(&mut carrier.shown);
        carrier
    };
    let hidden = Bytes::copy_from_slice(&statement(3, 3).to_bytes());
    for carrier in [
        with(&|shown| shown[1] = hidden.clone()),
        with(&|shown| shown.truncate(2)),
        with(&|shown| shown.swap(1, 2)),
        with(&|shown| shown[2] = Bytes::from_static(b"?")),
    ] {
        let read = read(&shop, &log, &carrier).await;
        assert!(matches!(read, LeavesRead::Contradicted { size: 3 }), "{read:?}");
    }
    assert!(shop.endpoint.logged_keys(&shop.store, NOW).await.unwrap().is_none(), "nothing is kept");
    let silent = true_log();
    all(read(&shop, &log, &true_log()).await);
    *silent.is_silent.lock().unwrap() = true;
    assert!(matches!(read(&shop, &log, &silent).await, LeavesRead::UpToDate), "nothing new is known of");
    // More than is signed is not looked at.
    let more = with(&|shown| shown.push(hidden.clone()));
    assert!(matches!(read(&shop, &log, &more).await, LeavesRead::UpToDate));
}

#[tokio::test]
async fn a_business_that_comes_later_is_looked_for_from_the_beginning() {
    let (shop, key, log) = reader().await;
    let ours = KeyStatement::first(SHOP, key);
    let theirs = ours.next(*statement(1, 9).key()).unwrap();
    let carrier = TestLog::of(&[&ours, &theirs, &statement(2, 2)]);
    let _compared = log.look(&shop.store, &carrier, NOW).await.unwrap();
    // Somebody else's reading has come to the end.
    let other = Watched::new(PhoneNumberId::new(2), shop.endpoint.identity(), None, false);
    let reading = all(log.read_leaves(&shop.store, &carrier, [other], NOW).await.unwrap());
    log.keep_reading(&shop.store, &reading).await.unwrap();
    assert_eq!(reading.past, 1);
    assert_eq!(all(read(&shop, &log, &carrier).await).foreign.len(), 1);
}

/// A carrier that never logs our key can show users its own, with a proof.
#[tokio::test]
async fn a_log_that_has_another_key_instead_of_ours_is_found_once_ours_is_published() {
    let (shop, key, log) = reader().await;
    let theirs = KeyStatement::first(SHOP, *statement(1, 9).key());
    let carrier = TestLog::of(&[&statement(2, 2), &theirs]);
    let reading = all(read_as(&shop, &log, &carrier, false).await);
    assert_eq!((reading.past, reading.foreign.len()), (1, 0), "ours may still come");
    let reading = all(read(&shop, &log, &carrier).await);
    assert_eq!(reading.foreign.len(), 1);
    assert_eq!((reading.foreign[0].1.leaf, reading.foreign[0].1.kind), (1, ForeignKind::OtherKey));
    assert!(matches!(read(&shop, &log, &carrier).await, LeavesRead::UpToDate), "it is told once");

    // One that states ours thereafter has been found out all the same.
    let carrier = TestLog::of(&[&statement(2, 2), &theirs, &theirs.next(key).unwrap()]);
    assert_eq!(all(read(&shop, &log, &carrier).await).own, 1);
    let kept = shop.endpoint.logged_keys(&shop.store, NOW).await.unwrap().unwrap();
    assert_eq!(kept.foreign(), Some(reading.foreign[0].1));
}

/// Before anybody has asked for a business, the log need not have it.
#[tokio::test]
async fn a_log_that_does_not_name_the_business_says_nothing_of_it() {
    let (shop, _, log) = reader().await;
    let reading = all(read(&shop, &log, &TestLog::of(&[&statement(2, 2)])).await);
    assert_eq!((reading.foreign.len(), reading.changed.len()), (0, 1));
}
