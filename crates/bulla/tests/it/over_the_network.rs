//! Relay and device here, the carrier there, and a network in between.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::base::{BusinessAccountId, Clock, Number, PhoneNumberId};
use bulla::carrier::grpc::{GrpcService, GrpcSettings, Listening, ProvenIdentity, serve};
use bulla::content::{Content, Text};
use bulla::device::DeviceEventKind;
use bulla::relay::{Business, Event, EventSink, Outgoing, OutgoingBody, SinkError, Status};
use bulla::transport::BoxTransport;
use bulla::transport::grpc::{GrpcTransport, PlainTcp};
use bulla::{Host, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::test_types::{TestCarrier, any_sink, memory_store};

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the business was told: how many messages, and how many deliveries of its own.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<(usize, usize)>>);

impl EventSink for Told {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        let mut told = self.0.lock().unwrap();
        match event {
            Event::Message(..) => told.0 += 1,
            Event::Status(_, update) if update.status == Status::Delivered => told.1 += 1,
            _ => {}
        }
        Ok(())
    }
}

/// A server of the carrier's, and what ends it.
struct Server(oneshot::Sender<()>, JoinHandle<()>);

impl Server {
    fn begin(host: &Host, carrier: &Arc<TestCarrier>, listener: TcpListener) -> Self {
        let identities = ProvenIdentity::new(host.clock(), &*host.rng()).with_plain_connections();
        let service = GrpcService::new(Arc::clone(carrier), identities, GrpcSettings::default());
        let (stop, stopped) = oneshot::channel();
        let until = async {
            // Also when the test is over.
            let _ = stopped.await;
        };
        Self(stop, tokio::spawn(serve(service, Listening::in_plain(listener), until)))
    }

    async fn end(self) {
        self.0.send(()).unwrap();
        self.1.await.unwrap();
    }
}

async fn within_reason<R>(what: &str, task: impl Future<Output = R>) -> R {
    tokio::select! {
        outcome = task => outcome,
        () = SystemClock.sleep(PATIENCE) => panic!("this never happened: {what}"),
    }
}

#[tokio::test]
async fn a_conversation_goes_on_over_a_network_whose_other_end_goes_away_and_comes_back() {
    let host = Host::new();
    let carrier = host.open_carrier(memory_store()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let mut server = Server::begin(&host, &carrier, listener);

    let way = || {
        let connector = PlainTcp::new(address.to_string()).unwrap();
        BoxTransport::new(GrpcTransport::new(connector, host.clock(), host.rng()))
    };
    let (told, alice) = (Told::default(), Number::parse("16505551234").unwrap());
    let shop = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    let builder = host.relay(memory_store(), way(), any_sink(told.clone()));
    let relay = builder.business(shop).open().await.unwrap();
    let device = host.open_device(memory_store(), way(), alice.clone()).await.unwrap();

    let text = |words| Text::new(words).unwrap();
    for round in 1..=3 {
        let asked = Outgoing::new(alice.clone(), OutgoingBody::Text(text("is it there?")));
        relay.submit(SHOP, asked).await.unwrap();
        loop {
            let event = within_reason("the device shows it", device.next()).await.unwrap();
            let is_message = event.kind() == &DeviceEventKind::Message(Content::text(text("is it there?")));
            // What became of its own message of the round before comes in between.
            assert!(is_message || matches!(event.kind(), DeviceEventKind::Receipt(_)), "{event:?}");
            device.acknowledge(event).await.unwrap();
            if is_message {
                break;
            }
        }
        device.send(SHOP, &Content::text(text("it is"))).await.unwrap();
        within_reason("the business is told", async {
            while *told.0.lock().unwrap() != (round, round) {
                SystemClock.sleep(Duration::from_millis(10)).await;
            }
        })
        .await;

        server.end().await;
        server = Server::begin(&host, &carrier, TcpListener::bind(address).await.unwrap());
    }
    device.close().await;
    relay.close().await;
    server.end().await;
    carrier.close().await;
    assert_eq!(*told.0.lock().unwrap(), (3, 3), "and nothing twice");
}
