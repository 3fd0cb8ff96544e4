//! The traffic through the carrier: from senders who share a connection, as the businesses of a relay do, to
//! receivers who have one each, as devices do.

use bulla_transport::grpc::GrpcTransport;
use bulla_transport::{Sequence, Transport};
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::task::JoinSet;

use crate::load::{Load, Run};
use crate::parties::Party;
use crate::served_carrier::{ServedCarrier, Way};

/// Two parties of whom one writes to the other.
#[derive(Clone)]
struct Pair {
    business: Party,
    user: Party,
    relay: GrpcTransport,
    device: GrpcTransport,
    /// How far the user has received.
    after: Sequence,
}

pub(crate) struct Carried(Vec<Pair>);

impl Carried {
    /// So many pairs, with their identities proven.
    pub(crate) async fn start(served: &ServedCarrier, pairs: usize) -> Self {
        let (relay, connector) = (served.way.transport(), served.way.connector());
        let joined = (0..pairs).map(async |place| {
            let (business, user) = (Party::business(place), Party::user(place));
            let device = Way::transport_over(&connector);
            business.join(&relay).await;
            user.join(&device).await;
            Pair { business, user, relay: relay.clone(), device, after: Sequence::START }
        });
        Self(join_all(joined).await)
    }

    /// Until each message is stored, delivered and acknowledged, and both sides know.
    pub(crate) async fn run(&mut self, load: Load) -> Run {
        let (pairs, each) = (std::mem::take(&mut self.0), load.messages / load.pairs);
        let messages = each * pairs.len();
        Run::of(messages, async {
            let mut working = JoinSet::new();
            for mut pair in pairs {
                working.spawn(async move {
                    let (sender, receiver) = (pair.clone(), pair.clone());
                    let received = tokio::spawn(receiver.receive(each));
                    let sent = tokio::spawn(sender.send(each, load.in_flight));
                    sent.await.unwrap();
                    pair.after = received.await.unwrap();
                    pair
                });
            }
            self.0 = working.join_all().await;
        })
        .await
    }
}

impl Pair {
    async fn send(self, messages: usize, in_flight: usize) {
        futures_util::stream::iter(0..messages)
            .for_each_concurrent(in_flight, async |_| {
                let envelope = self.business.envelope_to(&self.user);
                self.relay.send(&self.business.caller, envelope).await.unwrap();
            })
            .await;
    }

    async fn receive(self, messages: usize) -> Sequence {
        let (caller, mut after, mut count) = (&self.user.caller, self.after, 0);
        let mut acknowledged = Vec::new();
        while count < messages {
            // What was received is acknowledged while the next is waited for.
            let acknowledge = async {
                if !acknowledged.is_empty() {
                    self.device.acknowledge(caller, &acknowledged).await.unwrap();
                }
            };
            let (received, ()) = tokio::join!(self.device.receive(caller, after), acknowledge);
            acknowledged = received.unwrap().iter().map(|delivery| delivery.sequence).collect();
            count += acknowledged.len();
            after = acknowledged.last().copied().unwrap_or(after);
        }
        assert_eq!(count, messages, "each once");
        self.device.acknowledge(caller, &acknowledged).await.unwrap();
        after
    }
}
