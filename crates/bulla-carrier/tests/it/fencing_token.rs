use bulla_store::BoxStore;
use std::sync::Arc;

use bulla_carrier::Carrier;
use bulla_transport::{InProcess, NumberProof, Sequence, Transport, TransportError};

use crate::{World, alice, caller, shop, upload};

fn fenced<T>(result: Result<T, TransportError>) -> bool {
    matches!(result, Err(TransportError::Fenced { .. }))
}

#[tokio::test]
async fn an_older_incarnation_can_do_nothing_once_a_later_one_has_connected() {
    let world = World::new().await;
    let (old, alice) = (world.join(shop()).await, world.join(alice()).await);
    let transport = world.transport();
    let new = caller(shop(), 2);
    transport.connect(&new).await.unwrap();

    assert!(fenced(transport.connect(&old).await));
    assert!(fenced(transport.send(&old, world.envelope(&old, &alice)).await));
    assert!(fenced(transport.receive(&old, Sequence::START).await));
    assert!(fenced(transport.acknowledge(&old, &[Sequence::new(1, 1)]).await));
    assert!(fenced(transport.bundle(&old, alice.address()).await));
    assert!(fenced(transport.publish(&old, upload(b"identity", 0)).await));
    assert!(fenced(transport.low_stock(&old, 0).await));
    assert!(fenced(transport.register(&old, &NumberProof::none()).await));
    transport.send(&new, world.envelope(&new, &alice)).await.unwrap();
}

#[tokio::test]
async fn a_fence_ends_the_waiting_of_those_it_shuts_out() {
    let world = World::new().await;
    let old = world.join(shop()).await;
    let waiting = tokio::spawn({
        let (transport, old) = (world.transport(), old.clone());
        async move { transport.receive(&old, Sequence::START).await }
    });
    tokio::task::yield_now().await;
    world.transport().connect(&caller(shop(), 2)).await.unwrap();
    assert!(fenced(waiting.await.unwrap()));
}

#[tokio::test]
async fn a_fence_outlives_the_carrier() {
    let world = World::new().await;
    let (old, _) = (world.join(shop()).await, world.join(alice()).await);
    world.transport().connect(&caller(shop(), 7)).await.unwrap();
    let restarted = Carrier::open(BoxStore::new(Arc::clone(&world.store)), world.clock.clone(), &world.rng)
        .await
        .unwrap();
    assert!(fenced(InProcess::new(Arc::new(restarted)).connect(&old).await));
}

#[tokio::test]
async fn caller_that_has_not_connected_is_refused() {
    let world = World::new().await;
    let alice = world.join(alice()).await;
    let stranger = caller(shop(), 1);
    let refused = world.transport().send(&stranger, world.envelope(&stranger, &alice)).await;
    assert!(matches!(refused, Err(TransportError::Unavailable { .. })));
}
