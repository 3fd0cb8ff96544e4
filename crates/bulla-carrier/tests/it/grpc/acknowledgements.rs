//! Acknowledgements on the wire: by how far a client has come on its stream, by names, and by both.

use bulla_carrier::Carrier;
use bulla_store::Store;
use bulla_transport::grpc::proto::carrier_frame::Frame;
use bulla_transport::grpc::proto::{self, client_frame};
use bulla_transport::{Caller, Sequence, Transport, in_order};

use super::{RawStream, Served};
use crate::{alice, caller, shop};

/// The field that is refused when it is beyond what was handed over.
const BEYOND: &str = "number acknowledged through";

/// Somebody with so many envelopes in the queue, and the stream on which all of them were delivered.
struct Device {
    served: Served,
    us: Caller,
    her: Caller,
    stream: RawStream,
    epoch: u64,
    calls: u64,
}

impl Device {
    async fn with(queued: usize) -> Self {
        let served = Served::trusting().await;
        let (us, her) = (served.world.join(shop()).await, caller(alice(), 1));
        served.world.carrier.connect(&her).await.unwrap();
        for _ in 0..queued {
            served.world.carrier.send(&us, served.world.envelope(&us, &her)).await.unwrap();
        }
        let stream = RawStream::open(&mut served.raw().await, &her).await;
        let mut device = Self { served, us, her, stream, epoch: 0, calls: 0 };
        assert_eq!(device.receive(0).await.len(), queued);
        device
    }

    /// The numbers of what is delivered after that one.
    async fn receive(&mut self, after: u64) -> Vec<u64> {
        self.calls += 1;
        let receive = proto::Receive { call: self.calls, epoch: self.epoch, number: after };
        self.stream.say(client_frame::Frame::Receive(receive));
        let Frame::Deliveries(deliveries) = self.stream.next().await else { panic!("nothing is delivered") };
        self.epoch = deliveries.epoch;
        deliveries.deliveries.iter().map(|delivery| delivery.number).collect()
    }

    /// Acknowledges. If it is refused: for what field, what that said, and what it may say at most.
    async fn acknowledge(&mut self, through: u64, numbers: &[u64]) -> Result<(), (String, u64, u64)> {
        self.calls += 1;
        let epoch = if numbers.is_empty() { 0 } else { self.epoch };
        let these = proto::Acknowledge { call: self.calls, epoch, numbers: numbers.to_vec(), through };
        self.stream.say(client_frame::Frame::Acknowledge(these));
        match self.stream.next().await {
            Frame::Acknowledged(acknowledged) => {
                assert_eq!(acknowledged.call, self.calls);
                Ok(())
            }
            Frame::Refused(refused) => {
                let refusal = refused.refusal.unwrap();
                Err((refusal.field, refusal.actual, refusal.limit))
            }
            _ => panic!("another answer"),
        }
    }

    /// The numbers that are queued still, as a carrier tells that was told everything.
    async fn left(&self) -> Vec<u64> {
        left_with(&self.served.world.carrier, &self.her).await
    }

    async fn send(&self) {
        let envelope = self.served.world.envelope(&self.us, &self.her);
        self.served.world.carrier.send(&self.us, envelope).await.unwrap();
    }

    async fn reconnect(&mut self) {
        self.stream = RawStream::open(&mut self.served.raw().await, &self.her).await;
    }
}

async fn left_with<S: Store>(carrier: &Carrier<S>, her: &Caller) -> Vec<u64> {
    let receiving = carrier.receive(her, Sequence::START);
    let left = futures_util::FutureExt::now_or_never(receiving);
    let left = left.map_or_else(Vec::new, |left| in_order(left.unwrap(), Sequence::START));
    left.iter().map(|delivery| delivery.sequence.number()).collect()
}

#[tokio::test]
async fn a_number_acknowledges_everything_before_it_and_once_more_does_no_harm() {
    let mut device = Device::with(5).await;
    for _ in 0..2 {
        device.acknowledge(3, &[]).await.unwrap();
        assert_eq!(device.left().await, [4, 5]);
    }
    device.acknowledge(5, &[]).await.unwrap();
    device.send().await;
    assert_eq!(device.left().await, [6]);
    let stats = device.served.world.carrier.stats().await.unwrap();
    assert_eq!(stats.acknowledged, 5, "each is counted once");
}

#[tokio::test]
async fn what_lies_beyond_a_gap_is_named_until_the_gap_closes() {
    let mut device = Device::with(6).await;
    device.acknowledge(2, &[4, 6]).await.unwrap();
    assert_eq!(device.left().await, [3, 5]);
    device.acknowledge(0, &[5]).await.unwrap();
    assert_eq!(device.left().await, [3]);
    device.acknowledge(6, &[]).await.unwrap();
    device.send().await;
    assert_eq!(device.left().await, [7]);
}

#[tokio::test]
async fn what_was_not_handed_over_cannot_be_acknowledged() {
    let mut device = Device::with(2).await;
    device.send().await;
    assert_eq!(device.acknowledge(3, &[1]).await.unwrap_err(), (BEYOND.to_owned(), 3, 2));
    assert_eq!(device.left().await, [1, 2, 3], "nothing of it was carried out");
    assert_eq!(device.receive(2).await, [3]);
    device.acknowledge(3, &[]).await.unwrap();
    device.send().await;
    assert_eq!(device.left().await, [4]);
}

/// A client that has left one out on an earlier stream, and says how far it has come on this one.
#[tokio::test]
async fn on_a_new_stream_a_number_stands_for_what_was_handed_over_there() {
    let mut device = Device::with(4).await;
    device.acknowledge(1, &[]).await.unwrap();
    device.reconnect().await;
    assert_eq!(device.acknowledge(4, &[]).await.unwrap_err(), (BEYOND.to_owned(), 4, 0));
    assert_eq!(device.receive(3).await, [4]);
    device.acknowledge(4, &[]).await.unwrap();
    assert_eq!(device.left().await, [2, 3], "they were handed over on the other stream");
    device.acknowledge(0, &[2]).await.unwrap();
    assert_eq!(device.receive(0).await, [3], "it comes again, and counts");
    device.acknowledge(4, &[]).await.unwrap();
    device.send().await;
    assert_eq!(device.left().await, [5]);
}

/// The carrier dies between an acknowledgement and its answer, or soon after: what comes again is known, and
/// acknowledged by the number that it has then.
#[tokio::test]
async fn a_carrier_that_is_opened_anew_counts_anew() {
    let mut device = Device::with(4).await;
    device.acknowledge(2, &[]).await.unwrap();
    let Device { served, us, her, calls, epoch, .. } = device;
    // What was noted and is not out of the store yet.
    let served = Served::trusting_on(served.world).await;
    served.world.carrier.connect(&her).await.unwrap();
    let stream = RawStream::open(&mut served.raw().await, &her).await;
    let mut device = Device { served, us, her, stream, epoch, calls };
    assert_eq!(device.acknowledge(4, &[]).await.unwrap_err(), (BEYOND.to_owned(), 4, 0));
    device.acknowledge(0, &[1, 2, 3, 4]).await.unwrap();
    let again = device.receive(4).await;
    assert_ne!(device.epoch, epoch);
    assert!(again.ends_with(&[3, 4]), "{again:?}: what is said of another epoch is about nothing here");
    device.acknowledge(4, &[]).await.unwrap();
    device.send().await;
    assert_eq!(device.left().await, [5]);
}

/// Through the port nobody notices: it names each, and in whatever order.
#[tokio::test]
async fn our_client_acknowledges_in_any_order_and_nothing_else_goes() {
    let served = Served::new().await;
    let device = served.transport();
    let (us, her) = (served.world.join(shop()).await, caller(alice(), 1));
    super::join(&device, &her).await;
    for _ in 0..8 {
        served.world.carrier.send(&us, served.world.envelope(&us, &her)).await.unwrap();
    }
    let received = device.receive(&her, Sequence::START).await.unwrap();
    let places: Vec<_> = received.iter().map(|delivery| delivery.sequence).collect();
    for (these, left) in [
        (vec![1], vec![0, 2, 3, 4, 5, 6, 7]),
        (vec![0, 4], vec![2, 3, 5, 6, 7]),
        (vec![0, 1], vec![2, 3, 5, 6, 7]),
        (vec![7, 2], vec![3, 5, 6]),
        (vec![3, 5], vec![6]),
    ] {
        let these: Vec<_> = these.iter().map(|at: &usize| places[*at]).collect();
        device.acknowledge(&her, &these).await.unwrap();
        let left: Vec<_> = left.iter().map(|at: &usize| places[*at].number()).collect();
        assert_eq!(left_with(&served.world.carrier, &her).await, left);
    }
    // On another stream, which has seen none of them.
    let again = served.transport();
    again.connect(&her).await.unwrap();
    again.acknowledge(&her, &places).await.unwrap();
    assert_eq!(left_with(&served.world.carrier, &her).await, [0; 0]);
}
