//! How long a web server may take and how many addresses it may have: at the edge, and one past it. Time is
//! virtual.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla_base::{BusinessAccountId, Clock, Number, SeededRng};
use bulla_relay::{Business, EventSink, SinkError};
use bulla_webhook::{
    CONNECT_TIMEOUT, Connection, Connector, Dialer, Dialing, MAX_ADDRESSES, MAX_CALLS_PER_WEBHOOK,
    QUEUE_TIMEOUT, Resolver, Resolving, Webhook, WebhookError, WebhookSink,
};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::api_ids::NUMBER;
use crate::clock::WaitingClock;
use crate::listeners::well_behaved;
use crate::updates::{VERIFY_TOKEN, cause, hello};

const ONE_MORE: Duration = Duration::from_millis(1);

/// The address at `place`, one of the public internet's.
fn address(place: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(93, 184, 216, place.try_into().unwrap()))
}

/// How an address takes a connection.
#[derive(Debug, Clone, Copy)]
enum Way {
    Refuses,
    AcceptsAfter(Duration),
}

/// A name with some addresses, what becomes of a connection to each, and how long the answer to the n-th call
/// takes.
#[derive(Debug, Clone)]
struct Net {
    ways: Vec<Way>,
    answers: fn(usize) -> Duration,
    dialed: Arc<Mutex<Vec<IpAddr>>>,
}

impl Net {
    fn of(ways: impl IntoIterator<Item = Way>) -> Self {
        let ways = ways.into_iter().collect();
        Self { ways, answers: |_| Duration::ZERO, dialed: Arc::default() }
    }

    fn sink(&self) -> WebhookSink {
        let connector = Connector::new().resolve_by(self.clone()).dial_by(self.clone());
        let sink = WebhookSink::new(connector, Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
        let number = Number::parse("15550783881").unwrap();
        let business = Business::new(NUMBER, BusinessAccountId::new(1), number);
        let webhook = Webhook::new("http://shop.example/", VERIFY_TOKEN, "s").unwrap();
        sink.subscribe([business], webhook).unwrap();
        sink
    }

    /// The places of the addresses that were tried.
    fn dialed(&self) -> Vec<usize> {
        let place = |of: &IpAddr| (0..255).find(|place| address(*place) == *of).unwrap();
        self.dialed.lock().unwrap().iter().map(place).collect()
    }
}

impl Resolver for Net {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok((0..self.ways.len()).map(address).collect()) })
    }
}

impl Dialer for Net {
    fn dial<'a>(&'a self, to: SocketAddr, _host: &'a str) -> Dialing<'a> {
        Box::pin(async move {
            let count = {
                let mut dialed = self.dialed.lock().unwrap();
                dialed.push(to.ip());
                dialed.len()
            };
            let place = (0..).find(|place| address(*place) == to.ip()).unwrap();
            let Way::AcceptsAfter(pause) = self.ways[place] else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            WaitingClock.sleep(pause).await;
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            tokio::spawn(answer(theirs, (self.answers)(count)));
            Ok(Box::new(ours) as Box<dyn Connection>)
        })
    }
}

/// Answers one request well, after `pause`.
async fn answer(mut stream: DuplexStream, pause: Duration) {
    let (mut head, mut bytes) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let Ok(read @ 1..) = stream.read(&mut bytes).await else { return };
        head.extend_from_slice(&bytes[..read]);
    }
    WaitingClock.sleep(pause).await;
    let _ = stream.write_all(well_behaved(&String::from_utf8_lossy(&head)).as_bytes()).await;
}

#[tokio::test(start_paused = true)]
async fn an_address_that_accepts_in_time_is_used_and_one_that_takes_longer_is_given_up_for_the_next() {
    for (pause, expected) in [(CONNECT_TIMEOUT, vec![0]), (CONNECT_TIMEOUT + ONE_MORE, vec![0, 1])] {
        let net = Net::of([Way::AcceptsAfter(pause), Way::AcceptsAfter(Duration::ZERO)]);
        net.sink().verify().await.unwrap();
        assert_eq!(net.dialed(), expected, "after {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_addresses_are_tried_and_not_one_more() {
    let net = |refusing| {
        let refuse = std::iter::repeat_n(Way::Refuses, refusing);
        Net::of(refuse.chain([Way::AcceptsAfter(Duration::ZERO)]))
    };
    let last = net(MAX_ADDRESSES - 1);
    last.sink().verify().await.unwrap();
    assert_eq!(last.dialed().last(), Some(&(MAX_ADDRESSES - 1)));

    let beyond = net(MAX_ADDRESSES);
    let error = beyond.sink().verify().await.unwrap_err();
    assert!(matches!(error, WebhookError::Unreachable(_)), "{error:?}");
    let tried: Vec<usize> = (0..MAX_ADDRESSES).collect();
    assert_eq!(beyond.dialed(), tried);
}

/// As many calls as there are places for, three times, one after the other; and one behind them, which gets
/// its turn after all of these, or gives up.
async fn last_in_the_queue(answers: fn(usize) -> Duration) -> Result<(), SinkError> {
    let net = Net { answers, ..Net::of([Way::AcceptsAfter(Duration::ZERO)]) };
    let (sink, event) = (net.sink(), hello());
    sink.verify().await.unwrap();
    let mut outcomes = join_all((0..=3 * MAX_CALLS_PER_WEBHOOK).map(|_| sink.forward(&event))).await;
    let last = outcomes.pop().unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "those before it had their turn in time");
    last
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_its_turn_so_long_and_no_longer() {
    const THIRD: Duration = Duration::from_millis(10_000);
    assert_eq!(THIRD * 3, QUEUE_TIMEOUT);
    // The handshake is the first call of all.
    let in_time = |count| match count {
        1 => Duration::ZERO,
        2..=33 => THIRD,
        _ => THIRD - ONE_MORE,
    };
    last_in_the_queue(in_time).await.unwrap();
    let too_late = |count| match count {
        1 => Duration::ZERO,
        2..=33 => THIRD,
        _ => THIRD + ONE_MORE,
    };
    let error = last_in_the_queue(too_late).await.unwrap_err();
    assert!(matches!(cause(&error), WebhookError::Busy { limit } if *limit == QUEUE_TIMEOUT), "{error:?}");
}
