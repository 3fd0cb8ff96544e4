use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bulla_envelope::Envelope;
use bulla_transport::grpc::CALL_DEADLINE;
use bulla_transport::{Caller, Sequence, Transport, TransportError, in_order};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::{Served, Steps, join, listener, real_time};
use crate::{alice, caller, shop};

/// Passes bytes on, until it is told to cut all connections there are, or to forget them without a word.
struct Between {
    address: SocketAddr,
    cut: Arc<Notify>,
    forget: Arc<Notify>,
}

impl Between {
    async fn new(to: SocketAddr) -> Self {
        let (listener, cut, forget) = (listener().await, Arc::new(Notify::new()), Arc::new(Notify::new()));
        let address = listener.local_addr().unwrap();
        tokio::spawn(pass_on(listener, to, Arc::clone(&cut), Arc::clone(&forget)));
        Self { address, cut, forget }
    }
}

async fn pass_on(listener: TcpListener, to: SocketAddr, cut: Arc<Notify>, forget: Arc<Notify>) {
    loop {
        let (mut here, _) = listener.accept().await.unwrap();
        let (cut, forget) = (Arc::clone(&cut), Arc::clone(&forget));
        tokio::spawn(async move {
            let mut there = TcpStream::connect(to).await.unwrap();
            tokio::select! {
                () = cut.notified() => {}
                // Both ends are left open, and nobody reads them.
                () = forget.notified() => std::future::pending().await,
                _ = tokio::io::copy_bidirectional(&mut here, &mut there) => {}
            }
        });
    }
}

/// Repeats `call` for as long as the network is to blame. How often it was.
pub(super) async fn repeated<R, F: Future<Output = Result<R, TransportError>>>(
    call: impl Fn() -> F,
) -> (R, usize) {
    for failures in 0.. {
        match call().await {
            Ok(done) => return (done, failures),
            Err(error) => assert!(error.may_pass(), "{error:?}"),
        }
    }
    unreachable!("it counts further than this test lasts")
}

/// What `call` comes to, while the waits between attempts are over soon after they have begun. The sockets
/// are real: a clock that runs ahead of them has calls fail that are only on their way.
pub(super) async fn in_haste<R>(clock: &Steps, call: impl Future<Output = R>) -> R {
    let hurrying = async {
        loop {
            clock.advance(Duration::from_millis(20));
            real_time(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        done = call => done,
        () = hurrying => unreachable!("it has no end"),
    }
}

const SENT: usize = 300;

#[tokio::test]
async fn over_connections_that_are_cut_again_and_again_nothing_is_lost_or_doubled() {
    let served = Served::new().await;
    let between = Between::new(served.address).await;
    let (relay, device) = (served.transport_at(between.address), served.transport_at(between.address));
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&relay, &us).await;
    join(&device, &her).await;
    let sent: Vec<Envelope> = (0..SENT).map(|_| served.world.envelope(&us, &her)).collect();

    let sending = async {
        let mut failures = 0;
        for (count, envelope) in sent.iter().enumerate() {
            if count % 10 == 5 {
                between.cut.notify_waiters();
            }
            failures += repeated(|| relay.send(&us, envelope.clone())).await.1;
        }
        failures
    };
    let both = async { tokio::join!(sending, receive_all(&device, &her, SENT)) };
    let (failures, (received, interruptions)) = in_haste(&served.clock, both).await;
    assert!(received.iter().eq(&sent));
    assert!(failures >= SENT / 20 && interruptions >= SENT / 20, "{failures} and {interruptions}");
    let stats = served.world.carrier.stats().await.unwrap();
    assert_eq!((stats.enqueued, stats.acknowledged), (SENT as u64, SENT as u64), "each was queued once");
}

/// Receives and acknowledges, as a device does that knows nothing but how far it has come.
async fn receive_all(device: &impl Transport, her: &Caller, count: usize) -> (Vec<Envelope>, usize) {
    let (mut received, mut after, mut interruptions) = (Vec::new(), Sequence::START, 0);
    while received.len() < count {
        let (deliveries, failures) = repeated(|| device.receive(her, after)).await;
        interruptions += failures;
        let deliveries = in_order(deliveries, after);
        let places: Vec<_> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        interruptions += repeated(|| device.acknowledge(her, &places)).await.1;
        after = places.last().copied().unwrap_or(after);
        received.extend(deliveries.into_iter().map(|delivery| delivery.envelope));
    }
    (received, interruptions)
}

/// Nobody is there: calls fail at once, and the attempts after that have waits between them that grow.
#[tokio::test]
async fn a_carrier_that_is_not_there_is_tried_with_growing_waits() {
    let served = Served::new().await;
    let nobody = listener().await.local_addr().unwrap();
    let transport = served.transport_at(nobody);
    let us = caller(shop(), 1);
    assert!(matches!(transport.connect(&us).await, Err(TransportError::Unavailable { source: Some(_) })));
    for millis in [250, 500, 1000, 2000] {
        let call = transport.connect(&us);
        let mut call = std::pin::pin!(call);
        // Half of it are waited for at least.
        served.clock.advance(Duration::from_millis(millis / 2 - 1));
        let waits = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
        assert!(waits, "{millis}");
        served.clock.advance(Duration::from_millis(millis / 2 + 1));
        assert!(matches!(call.await, Err(TransportError::Unavailable { .. })));
    }
}

/// A network that forgets connections without a word, as those of phones do. Calls would have waited for the
/// silence of two heartbeats.
#[tokio::test]
async fn a_connection_that_is_dead_without_a_word_is_given_up_with_the_first_call_on_it() {
    let served = Served::new().await;
    let between = Between::new(served.address).await;
    let transport = served.transport_at(between.address);
    let (us, her) = (caller(shop(), 1), caller(alice(), 1));
    join(&transport, &us).await;
    served.world.join(alice()).await;
    for _ in 0..2 {
        let envelope = served.world.envelope(&us, &her);
        in_haste(&served.clock, repeated(|| transport.send(&us, envelope.clone()))).await;
        between.forget.notify_waiters();
        let clock = Arc::clone(&served.clock);
        let (lost, ()) = tokio::join!(biased; transport.send(&us, served.world.envelope(&us, &her)), async {
            clock.advance(CALL_DEADLINE);
        });
        assert!(matches!(lost, Err(TransportError::Unavailable { .. })), "{lost:?}");
    }
    let envelope = served.world.envelope(&us, &her);
    in_haste(&served.clock, repeated(|| transport.send(&us, envelope.clone()))).await;
}

/// Who only waits makes no call that could fail. It is told when the carrier has been silent for too long,
/// and not before.
#[tokio::test]
async fn who_waits_on_a_dead_connection_is_told_when_two_heartbeats_are_missing() {
    let served = Served::new().await;
    let between = Between::new(served.address).await;
    let device = served.transport_at(between.address);
    let (us, her) = (served.world.join(shop()).await, caller(alice(), 1));
    join(&device, &her).await;
    let first = served.world.envelope(&us, &her);
    served.world.carrier.send(&us, first).await.unwrap();
    let after = device.receive(&her, Sequence::START).await.unwrap()[0].sequence;
    between.forget.notify_waiters();
    let waiting = device.receive(&her, after);
    let mut waiting = std::pin::pin!(waiting);
    for is_over in [false, true] {
        served.clock.advance(Duration::from_secs(240) - Duration::from_millis(u64::from(!is_over)));
        let yielding = async {
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
        };
        let told = tokio::select! {
            biased;
            told = &mut waiting => Some(told),
            () = yielding => None,
        };
        match told {
            None => assert!(!is_over),
            Some(Err(TransportError::Unavailable { source: Some(why) })) => {
                assert!(is_over);
                assert_eq!(why.to_string(), "the carrier has fallen silent");
            }
            Some(other) => panic!("{other:?}"),
        }
        served.clock.advance(Duration::from_millis(u64::from(!is_over)));
    }
    let second = served.world.envelope(&us, &her);
    served.world.carrier.send(&us, second.clone()).await.unwrap();
    let (received, _) = in_haste(&served.clock, repeated(|| device.receive(&her, after))).await;
    assert_eq!(received[0].envelope, second);
}
