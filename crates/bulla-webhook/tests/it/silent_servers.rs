//! Web servers that say nothing use up neither files nor the patience of others.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bulla_base::{BusinessAccountId, Clock, Number, PhoneNumberId, SeededRng};
use bulla_relay::{Business, Event, EventSink, Subject};
use bulla_webhook::{
    Connector, Dialer, Dialing, MAX_CALLS, MAX_CALLS_PER_WEBHOOK, MAX_PROBES, Resolver, Resolving, Webhook,
    WebhookError, WebhookSink,
};
use futures_util::future::join_all;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::{HastyClock, WaitingClock};
use crate::listeners::{Listener, well_behaved};
use crate::updates::{VERIFY_TOKEN, cause, hello};

const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 216, 34));

/// Every name is public.
#[derive(Debug)]
struct Anyone;

impl Resolver for Anyone {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![PUBLIC]) })
    }
}

/// How many connections are open, and how many were at most.
#[derive(Debug, Clone, Default)]
struct Open(Arc<(AtomicUsize, AtomicUsize)>);

impl Open {
    fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// Leads `silent.example` and its like to one listener, and everybody else to another.
#[derive(Debug, Clone)]
struct Network {
    silent: SocketAddr,
    lively: SocketAddr,
    open: Open,
}

impl Dialer for Network {
    fn dial<'a>(&'a self, _to: SocketAddr, host: &'a str) -> Dialing<'a> {
        Box::pin(async move {
            let silent = host.starts_with("silent");
            let to = if silent { self.silent } else { self.lively };
            let counted = self.open.clone();
            let open = counted.0.0.fetch_add(1, Ordering::SeqCst) + 1;
            counted.0.1.fetch_max(open, Ordering::SeqCst);
            let counted = Counted(counted);
            let stream = TcpStream::connect(to).await?;
            Ok(Box::new(Socket { stream, _counted: counted }) as Box<dyn bulla_webhook::Connection>)
        })
    }
}

struct Counted(Open);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Socket {
    stream: TcpStream,
    _counted: Counted,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn network() -> Network {
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let silent = Listener::start(here, None).await.unwrap();
    let lively = Listener::start(here, Some(well_behaved)).await.unwrap();
    Network { silent: silent.address, lively: lively.address, open: Open::default() }
}

fn sink(network: &Network, clock: Arc<dyn Clock>) -> WebhookSink {
    let connector = Connector::new().resolve_by(Anyone).dial_by(network.clone());
    WebhookSink::new(connector, clock, Arc::new(SeededRng::new(1)))
}

fn subscribe(sink: &WebhookSink, number: u64, host: &str) -> Event {
    let id = PhoneNumberId::new(number);
    let business = Business::new(id, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    sink.subscribe([business], Webhook::new(&format!("http://{host}/"), VERIFY_TOKEN, "s").unwrap()).unwrap();
    let Event::Message(subject, incoming) = hello() else { unreachable!() };
    Event::Message(Subject::new(id, subject.user, subject.user_id, subject.message, subject.at), incoming)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_web_servers_hold_so_many_connections_and_no_more() {
    const WEBHOOKS: u64 = 400;
    let network = network().await;
    let sink = sink(&network, Arc::new(HastyClock));
    let events: Vec<Event> =
        (1..=WEBHOOKS).map(|number| subscribe(&sink, number, &format!("silent-{number}.example"))).collect();
    for round in 0..3 {
        let outcomes = join_all(events.iter().map(|event| sink.forward(event))).await;
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            let told = cause(&error);
            assert!(
                matches!(
                    told,
                    WebhookError::TooSlow { .. } | WebhookError::Busy { .. } | WebhookError::StillSilent
                ),
                "{told:?}"
            );
        }
        let most = network.open.most();
        assert!(most <= MAX_CALLS + MAX_PROBES, "{most} at once in round {round}");
    }
    assert!(network.open.most() >= MAX_PROBES, "nothing was held");
    WaitingClock.sleep(Duration::from_millis(200)).await;
    assert_eq!(network.open.now(), 0, "connections that nobody waits for are still open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_server_that_falls_silent_is_called_by_few_and_then_by_one() {
    const UPDATES: usize = 100;
    let mut network = network().await;
    let sink = sink(&network, Arc::new(HastyClock));
    let event = subscribe(&sink, 1, "shop.example");
    sink.forward(&event).await.unwrap();
    // From here on the same web server is silent.
    network.lively = network.silent;
    let falls_silent = Connector::new().resolve_by(Anyone).dial_by(network.clone());
    let sink = WebhookSink::new(falls_silent, Arc::new(HastyClock), Arc::new(SeededRng::new(1)));
    let event = subscribe(&sink, 1, "shop.example");
    for most_in_round in [MAX_CALLS_PER_WEBHOOK, 1] {
        network.open.0.1.store(0, Ordering::SeqCst);
        let outcomes = join_all((0..UPDATES).map(|_| sink.forward(&event))).await;
        assert!(outcomes.iter().all(Result::is_err));
        let most = network.open.most();
        assert!((1..=most_in_round).contains(&most), "{most} connections");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_is_not_kept_waiting_by_those_who_do_not() {
    let network = network().await;
    let sink = Arc::new(sink(&network, Arc::new(WaitingClock)));
    let lively = subscribe(&sink, 1, "lively.example");
    let mut waiting = tokio::task::JoinSet::new();
    for number in 2..(MAX_CALLS as u64 / 2) {
        let event = subscribe(&sink, number, &format!("silent-{number}.example"));
        let sink = Arc::clone(&sink);
        waiting.spawn(async move { sink.forward(&event).await });
    }
    for _ in 0..100 {
        sink.forward(&lively).await.unwrap();
    }
    assert!(waiting.try_join_next().is_none(), "the silent ones were no longer waited for");
}

#[tokio::test]
async fn connections_are_used_again_and_closed_when_they_are_not() {
    let receiver = crate::receiver::Receiver::start().await;
    let mut network = network().await;
    network.lively = receiver.address.parse().unwrap();
    let sink = sink(&network, Arc::new(HastyClock));
    let event = subscribe(&sink, 1, "lively.example");
    for _ in 0..20 {
        sink.forward(&event).await.unwrap();
    }
    assert_eq!((network.open.now(), network.open.most()), (1, 1), "a connection for each call");
    // The clock is hasty: what is unused is closed after some tenths of a second.
    WaitingClock.sleep(Duration::from_millis(500)).await;
    assert_eq!(network.open.now(), 0);
    sink.forward(&event).await.unwrap();
    assert_eq!(network.open.now(), 1);
}

/// Web servers close connections that they find unused, and do not say so before: the next update must not
/// pay for it.
#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let unannounced = |head: &str| well_behaved(head).replace("connection: close\r\n", "");
    let closing = Listener::start(here, Some(unannounced)).await.unwrap();
    let mut network = network().await;
    network.lively = closing.address;
    let sink = sink(&network, Arc::new(WaitingClock));
    let event = subscribe(&sink, 1, "closing.example");
    for update in 0..50 {
        sink.forward(&event).await.unwrap();
        // Sometimes the closing is seen before the next call, sometimes by it.
        if update % 2 == 0 {
            WaitingClock.sleep(Duration::from_millis(2)).await;
        }
    }
    assert_eq!(closing.connected(), 51, "the handshake and the updates");
}
