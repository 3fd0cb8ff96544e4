use bulla_carrier::grpc::Listening;
use bulla_store::{Batch, Commit, Key, SYSTEM_PARTITION, Space, Store};
use bulla_transport::{Sequence, Transport, in_order};
use tokio::net::TcpListener;

use super::cut_connections::{in_haste, repeated};
use super::{Served, join, proven};
use crate::{World, alice, caller, shop};

/// Another program on the same store and at the same address: both parties go on, with the connections they
/// have to make anew and without a word from their hosts.
#[tokio::test]
async fn after_a_restart_of_the_carrier_what_was_not_acknowledged_comes_and_what_is_sent_arrives() {
    let served = Served::new().await;
    let (relay, device) = (served.transport(), served.transport());
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&relay, &us).await;
    join(&device, &her).await;
    let sent: Vec<_> = (0..6).map(|_| served.world.envelope(&us, &her)).collect();
    assert_eq!(relay.send_all(&us, sent[..3].to_vec()).await.taken, 3);
    let received = in_order(device.receive(&her, Sequence::START).await.unwrap(), Sequence::START);
    device.acknowledge(&her, &[received[0].sequence]).await.unwrap();
    let after = received[2].sequence;

    let Served { world, clock, address, stop, server } = served;
    stop.send(()).unwrap();
    server.await.unwrap();
    world.carrier.close().await;
    let listening = Listening::in_plain(TcpListener::bind(address).await.unwrap());
    let identities = proven(&world);
    let again = Served::on(world, identities, listening, address).await;

    for envelope in &sent[3..] {
        in_haste(&clock, repeated(|| relay.send(&us, envelope.clone()))).await;
    }
    let (received, _) = in_haste(&clock, repeated(|| device.receive(&her, after))).await;
    let received = in_order(received, after);
    assert!(received.iter().map(|delivery| &delivery.envelope).eq(&sent[1..]));
    assert_eq!(again.world.carrier.stats().await.unwrap().refused, 0);
}

/// The client opens its stream anew by itself. Whoever receives on would not learn that the carrier has lost
/// what it had taken, and would not send it again.
#[tokio::test]
async fn of_a_carrier_that_was_put_back_nothing_is_received_before_the_caller_has_connected() {
    let served = Served::new().await;
    let (relay, device) = (served.transport(), served.transport());
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&relay, &us).await;
    join(&device, &her).await;
    relay.send(&us, served.world.envelope(&us, &her)).await.unwrap();
    assert_eq!(device.connect(&her).await.unwrap().generation, 0);

    let Served { world, clock, address, stop, server } = served;
    stop.send(()).unwrap();
    server.await.unwrap();
    world.carrier.close().await;
    put_back(&world, 7).await;
    let listening = Listening::in_plain(TcpListener::bind(address).await.unwrap());
    let identities = proven(&world);
    let again = Served::on(world, identities, listening, address).await;

    let answer = again.world.envelope(&her, &us);
    let the_shop = shop();
    in_haste(&clock, repeated(|| device.bundle(&her, &the_shop))).await;
    for _ in 0..2 {
        let refused = device.receive(&her, Sequence::START).await.unwrap_err();
        assert!(refused.may_pass() && format!("{refused:?}").contains("put back"), "{refused:?}");
        assert!(device.send(&her, answer.clone()).await.unwrap_err().may_pass());
    }
    assert_eq!(device.connect(&her).await.unwrap().generation, 7);
    assert_eq!(device.receive(&her, Sequence::START).await.unwrap().len(), 1);
    device.send(&her, answer).await.unwrap();
}

/// As a carrier notes that its store is of another generation.
async fn put_back(world: &World, generation: u64) {
    let mut batch = Batch::new(SYSTEM_PARTITION);
    batch.put(Key::undated(Space::new(0x4c), ""), generation.to_be_bytes().to_vec());
    assert!(matches!(world.store.commit(batch).await.unwrap(), Commit::Committed(_)));
}
