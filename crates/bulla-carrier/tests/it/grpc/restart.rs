use bulla_carrier::grpc::Listening;
use bulla_transport::{Sequence, Transport, in_order};
use tokio::net::TcpListener;

use super::cut_connections::{in_haste, repeated};
use super::{Served, join, proven};
use crate::{alice, caller, shop};

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
