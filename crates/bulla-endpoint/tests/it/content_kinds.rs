use bulla_base::{Category, MessageId, SeededRng};
use bulla_content::{Body, Content, Location, Progress, Reaction, Receipt, RetryRequest, Typing};
use bulla_endpoint::{SealError, Unreadable};
use bulla_envelope::{Envelope, Kind};

use crate::{NOW, met, said};

const KINDS: [Kind; 3] = [Kind::Message(Category::Service), Kind::Receipt, Kind::RetryRequest];

/// Every content, with the place of its kind.
fn contents(of: MessageId) -> [(Content, usize); 8] {
    let receipt = Receipt::new(Progress::Read, vec![of]).unwrap();
    [
        (said("hello"), 0),
        (Content::new(Body::Reaction(Reaction::removed(of))), 0),
        (Content::new(Body::Location(Location::new(1.0, 2.0).unwrap())), 0),
        (of_newer_kind(0xfa), 0),
        (of_newer_kind(0x8a), 1),
        (Content::new(Body::Typing(Typing)), 1),
        (Content::new(Body::Receipt(receipt)), 1),
        (Content::new(Body::RetryRequest(RetryRequest::new(of, 0))), 2),
    ]
}

/// Of a kind that this version does not know, by the first byte of its field: a message, or a signal.
fn of_newer_kind(first: u8) -> Content {
    let second = if first == 0xfa { 0x01 } else { 0x06 };
    let mut plaintext = [&[7; 32][..], &[first, second, 1, b'x', 0x80]].concat();
    plaintext.resize(256, 0);
    let (content, _) = Content::decode(&plaintext).unwrap();
    assert!(matches!(content.body(), Body::Unsupported(_)));
    content
}

#[tokio::test]
async fn content_is_sealed_only_in_an_envelope_of_its_kind() {
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    let id = MessageId::new(NOW, &rng);
    for (content, fitting) in contents(id) {
        for (place, kind) in KINDS.into_iter().enumerate() {
            let sealed = shop.peer(&alice).await.seal(id, kind, &content, NOW, &rng);
            match sealed {
                Ok(envelope) => assert_eq!((place, envelope.kind()), (fitting, kind)),
                Err(SealError::Kind) => assert_ne!(place, fitting),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn content_in_an_envelope_of_another_kind_steps_and_says_nothing() {
    // A text in a receipt's envelope was read as a text, and metered by nobody.
    let rng = SeededRng::new(1);
    let (shop, alice) = met(&rng).await;
    for (content, fitting) in contents(MessageId::new(NOW, &rng)) {
        for (place, declared) in KINDS.into_iter().enumerate() {
            let (id, mut peer) = (MessageId::new(NOW, &rng), shop.peer(&alice).await);
            let sealed = peer.seal(id, KINDS[fitting], &content, NOW, &rng).unwrap();
            let _ = shop.keep(peer).await;
            let envelope = Envelope::new(
                sealed.id(),
                sealed.from().clone(),
                sealed.to().clone(),
                declared,
                *sealed.franking(),
                sealed.form(),
                sealed.sealed().clone(),
            );
            let received = alice.hear(&shop, &envelope.unwrap(), &rng).await.content;
            let expected = if place == fitting { Ok(content.clone()) } else { Err(Unreadable::Kind) };
            assert_eq!(received, expected);
        }
    }
}
