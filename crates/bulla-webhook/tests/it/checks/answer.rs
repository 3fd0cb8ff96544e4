//! What a web server answers.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bulla_base::{BusinessAccountId, Clock, MessageId, Number, PhoneNumberId, SeededRng, Sleep, Timestamp};
use bulla_content::Text;
use bulla_relay::{Business, Event, EventSink, Incoming, MessageRef, Subject, UserId};
use bulla_webhook::{
    Connector, Dialer, Dialing, MAX_RETRY_AFTER, Resolver, Resolving, Webhook, WebhookError, WebhookSink,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const BUSINESS: PhoneNumberId = PhoneNumberId::new(1);
const AT: Timestamp = Timestamp::from_millis(1_795_293_590_960);

/// The first byte says whether the rest answers the handshake or, being odd, an update after a good
/// handshake.
pub(crate) fn check(bytes: &[u8]) {
    let Some((first, answer)) = bytes.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(answered(first % 2 == 1, answer));
}

async fn answered(to_an_update: bool, answer: &[u8]) {
    let server = Server { answer: answer.into(), to_an_update };
    let connector = Connector::new().resolve_by(Anyone).dial_by(server);
    let sink = WebhookSink::new(connector, Arc::new(Patient), Arc::new(SeededRng::new(1)));
    let business = Business::new(BUSINESS, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    sink.subscribe([business], Webhook::new("http://shop.example/", "t", "s").unwrap()).unwrap();
    let is_200 = answer.windows(3).any(|window| window == b"200");
    if to_an_update {
        sink.verify().await.unwrap();
    } else if sink.verify().await.is_ok() {
        assert!(is_200 && answer.len() > 15, "the challenge was not answered");
    }
    match sink.forward(&event()).await {
        Ok(()) => assert!(is_200, "what was not taken counts as taken"),
        Err(error) => {
            assert!(error.retry_after().unwrap_or_default() <= MAX_RETRY_AFTER);
            let cause: &WebhookError = error.source().unwrap().downcast_ref().unwrap();
            if let WebhookError::Status { status, .. } = cause {
                assert_ne!(*status, 200);
            }
        }
    }
}

fn event() -> Event {
    let id = MessageId::new(AT, &SeededRng::new(1));
    let mut reference = [0xa5; MessageRef::BYTES];
    reference[..16].copy_from_slice(id.as_bytes());
    let (user, reference) =
        (Number::parse("16505551234").unwrap(), MessageRef::from_bytes(reference).unwrap());
    let subject = Subject::new(BUSINESS, user, UserId::from_bytes([0xab; 16]), reference, AT);
    Event::Message(subject, Incoming::Text { text: Text::new("x").unwrap(), in_reply_to: None })
}

/// Waits for ever: every answer here ends by itself.
#[derive(Debug)]
struct Patient;

impl Clock for Patient {
    fn now(&self) -> Timestamp {
        AT
    }

    fn sleep(&self, _span: Duration) -> Sleep<'_> {
        Box::pin(std::future::pending())
    }
}

/// Every name is public.
#[derive(Debug)]
struct Anyone;

impl Resolver for Anyone {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::new(93, 184, 216, 34))]) })
    }
}

/// A web server in memory.
#[derive(Debug)]
struct Server {
    answer: Arc<[u8]>,
    to_an_update: bool,
}

impl Dialer for Server {
    fn dial<'a>(&'a self, _to: SocketAddr, _host: &'a str) -> Dialing<'a> {
        Box::pin(async move {
            let (ours, theirs) = duplex(4096);
            tokio::spawn(serve(theirs, Arc::clone(&self.answer), self.to_an_update));
            Ok(Box::new(ours) as Box<dyn bulla_webhook::Connection>)
        })
    }
}

/// Reads a request and answers it; whoever hangs up meanwhile is none of its business.
async fn serve(mut stream: DuplexStream, answer: Arc<[u8]>, to_an_update: bool) {
    let (mut head, mut bytes) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut bytes).await {
            Ok(read @ 1..) => head.extend_from_slice(&bytes[..read]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let challenge = head.split("hub.challenge=").nth(1).and_then(|rest| rest.split('&').next());
    let good = challenge.filter(|_| to_an_update).map(|challenge| {
        format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{challenge}",
            challenge.len()
        )
    });
    let _ = stream.write_all(good.as_deref().map_or(&*answer, str::as_bytes)).await;
    let _ = stream.shutdown().await;
}
