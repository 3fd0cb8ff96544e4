use bulla_base::SeededRng;
use bulla_endpoint::OpenError;
use bulla_envelope::{Envelope, Form, FrankingTag};
use bulla_store::{Batch, Commit, Scan, Space, Store};

use crate::{met, said, seal};

#[tokio::test]
async fn a_conversation_goes_both_ways() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    for round in 0..5 {
        let (question, answer) = (format!("question {round}"), format!("answer {round}"));
        let envelope = shop.say(&alice, &question, &rng).await;
        assert_eq!(alice.hear(&shop, &envelope, &rng).await.content.unwrap(), said(&question));
        let envelope = alice.say(&shop, &answer, &rng).await;
        assert_eq!(envelope.form(), Form::Signal, "who has heard needs no keys");
        assert_eq!(shop.hear(&alice, &envelope, &rng).await.content.unwrap(), said(&answer));
    }
}

#[tokio::test]
async fn of_two_steps_from_one_record_the_second_loses() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let (mut first, mut second) = (shop.peer(&alice).await, shop.peer(&alice).await);
    seal(&mut first, "one", &rng);
    seal(&mut second, "another under the same keys", &rng);
    assert!(matches!(shop.keep(first).await, Commit::Committed(_)));
    assert!(matches!(shop.keep(second).await, Commit::Conflict(_)), "what it sealed must never leave");
}

#[tokio::test]
async fn many_steps_can_go_into_one_record() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let mut peer = shop.peer(&alice).await;
    let envelopes: Vec<Envelope> = (0..3).map(|n| seal(&mut peer, &format!("{n}"), &rng)).collect();
    assert!(matches!(shop.keep(peer).await, Commit::Committed(_)));

    let mut peer = alice.peer(&shop).await;
    for (n, envelope) in envelopes.iter().enumerate() {
        let received = peer.open(&alice.store, envelope, crate::NOW, &rng).await.unwrap();
        assert_eq!(received.content.unwrap(), said(&n.to_string()));
    }
    let answer = seal(&mut peer, "all three", &rng);
    assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));
    assert_eq!(shop.hear(&alice, &answer, &rng).await.content.unwrap(), said("all three"));
}

#[tokio::test]
async fn what_was_not_kept_has_not_happened() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let envelope = shop.say(&alice, "hello", &rng).await;
    let mut peer = alice.peer(&shop).await;
    drop(peer.open(&alice.store, &envelope, crate::NOW, &rng).await.unwrap());
    drop(peer);
    assert_eq!(alice.hear(&shop, &envelope, &rng).await.content.unwrap(), said("hello"));
}

#[tokio::test]
async fn an_envelope_opens_once() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let envelope = shop.say(&alice, "hello", &rng).await;
    let spent = alice.hear(&shop, &envelope, &rng).await.spent.expect("it began with a one-time key");
    alice.endpoint.spend(&alice.store, spent).await.unwrap();
    let again = alice.peer(&shop).await.open(&alice.store, &envelope, crate::NOW, &rng).await;
    assert!(matches!(again, Err(OpenError::Duplicate)), "{again:?}");
}

#[tokio::test]
async fn a_spent_key_starts_no_second_session() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let envelope = shop.say(&alice, "hello", &rng).await;
    let spent = alice.hear(&shop, &envelope, &rng).await.spent.unwrap();
    alice.endpoint.spend(&alice.store, spent).await.unwrap();
    // The same first message, to an alice who has lost her sessions but not her prekeys.
    let mut peer =
        alice.endpoint.peer(&alice.store, crate::OTHER, shop.endpoint.address(), crate::NOW).await.unwrap();
    let replayed = peer.open(&alice.store, &envelope, crate::NOW, &rng).await;
    assert!(matches!(replayed, Err(OpenError::Undecipherable(_))), "{replayed:?}");
}

#[tokio::test]
async fn a_first_message_is_not_believed_again_when_its_session_is_forgotten() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let envelope = shop.say(&alice, "hello", &rng).await;
    // Neither the one-time key nor the session is left to tell, as when forty newer sessions have pushed it
    // out.
    let _ = alice.hear(&shop, &envelope, &rng).await.spent;
    let sessions = alice.store.scan(crate::USER, &Scan::undated(Space::new(0x15)), crate::NOW).await.unwrap();
    let mut forget = Batch::new(crate::USER);
    sessions.into_iter().for_each(|(key, _)| forget.delete(key));
    assert!(matches!(alice.store.commit(forget).await.unwrap(), Commit::Committed(_)));

    let again = alice.peer(&shop).await.open(&alice.store, &envelope, crate::NOW, &rng).await;
    assert!(matches!(again, Err(OpenError::Duplicate)), "{again:?}");
}

#[tokio::test]
async fn an_envelope_for_another_or_from_another_is_not_opened() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let envelope = shop.say(&alice, "hello", &rng).await;
    let turned = Envelope::new(
        envelope.id(),
        envelope.to().clone(),
        envelope.from().clone(),
        envelope.kind(),
        *envelope.franking(),
        envelope.form(),
        envelope.sealed().clone(),
    );
    let refused = alice.peer(&shop).await.open(&alice.store, &turned.unwrap(), crate::NOW, &rng).await;
    assert!(matches!(refused, Err(OpenError::NotForUs)));
}

#[tokio::test]
async fn a_franking_tag_of_other_content_is_noticed_and_the_step_counts() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let envelope = shop.say(&alice, "hello", &rng).await;
    let franked_anew = Envelope::new(
        envelope.id(),
        envelope.from().clone(),
        envelope.to().clone(),
        envelope.kind(),
        FrankingTag::from_bytes([1; 32]),
        envelope.form(),
        envelope.sealed().clone(),
    );
    let received = alice.hear(&shop, &franked_anew.unwrap(), &rng).await;
    assert_eq!(received.content.unwrap_err(), bulla_endpoint::Unreadable::Franking);
    let next = shop.say(&alice, "still here", &rng).await;
    assert_eq!(alice.hear(&shop, &next, &rng).await.content.unwrap(), said("still here"));
}

#[tokio::test]
async fn both_may_begin_at_once() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let mut peer = alice.peer(&shop).await;
    peer.begin(&alice.store, &shop.bundle(&rng).await, crate::NOW, &rng).await.unwrap();
    let from_alice = seal(&mut peer, "from alice", &rng);
    assert!(matches!(alice.keep(peer).await, Commit::Committed(_)));
    let from_shop = shop.say(&alice, "from the shop", &rng).await;
    assert_eq!(alice.hear(&shop, &from_shop, &rng).await.content.unwrap(), said("from the shop"));
    assert_eq!(shop.hear(&alice, &from_alice, &rng).await.content.unwrap(), said("from alice"));
    for round in 0..4 {
        let text = format!("{round}");
        let envelope = shop.say(&alice, &text, &rng).await;
        assert_eq!(alice.hear(&shop, &envelope, &rng).await.content.unwrap(), said(&text));
        let envelope = alice.say(&shop, &text, &rng).await;
        assert_eq!(shop.hear(&alice, &envelope, &rng).await.content.unwrap(), said(&text));
    }
}
