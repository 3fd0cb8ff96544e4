//! A user loses the phone, and everything with it. What the business says in the meantime is shown by the
//! next one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulla::Host;
use bulla::base::{BusinessAccountId, Clock, Number, PhoneNumberId, Rng};
use bulla::content::{Body, Content, Text};
use bulla::device::{Device, DeviceEventKind};
use bulla::meter::Flow;
use bulla::relay::{Business, Event, EventSink, Incoming, Outgoing, OutgoingBody, SinkError, Status};
use bulla::transport::{BoxTransport, InProcess};
use bulla::{SystemClock, SystemRng};

use crate::test_types::{TestCarrier, TestDevice, any_sink, memory_store};

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the business was told: words, and how often that something was read or failed.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<(Vec<String>, usize, usize)>>);

impl EventSink for Counter {
    async fn forward(&self, event: &Event) -> Result<(), SinkError> {
        let mut told = self.0.lock().unwrap();
        match event {
            Event::Message(_, Incoming::Text { text, .. }) => told.0.push(text.body().to_owned()),
            Event::Status(_, update) if update.status == Status::Read => told.1 += 1,
            Event::Status(_, update) if matches!(update.status, Status::Failed(_)) => told.2 += 1,
            _ => {}
        }
        Ok(())
    }
}

fn alice() -> Number {
    Number::parse("16505551234").unwrap()
}

fn says(words: &str) -> Outgoing {
    Outgoing::new(alice(), OutgoingBody::Text(Text::new(words).unwrap()))
}

async fn phone(line: &BoxTransport) -> TestDevice {
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
    Device::open(memory_store(), line.clone(), clock, rng, alice()).await.unwrap()
}

async fn within_reason<R>(what: &str, task: impl Future<Output = R>) -> R {
    tokio::select! {
        outcome = task => outcome,
        () = SystemClock.sleep(PATIENCE) => panic!("this never happened: {what}"),
    }
}

/// Reads so many messages, and says what they were.
async fn reads(phone: &TestDevice, count: usize) -> Vec<String> {
    let mut shown = Vec::new();
    while shown.len() < count {
        let event = phone.next().await.unwrap();
        if let DeviceEventKind::Message(content) = event.kind()
            && let Body::Text(text) = content.body()
        {
            shown.push(text.body().to_owned());
        }
        phone.acknowledge(event).await.unwrap();
    }
    shown
}

/// Of what the business says, `queued` is with the carrier when the new phone comes, and `later` is said to
/// the new one, before and after it has said something itself, if it does so `first`.
async fn everything_is_shown(queued: usize, later: usize, first: bool) {
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
    let carrier = Arc::new(TestCarrier::open(memory_store(), clock, &*rng).await.unwrap());
    let (line, counter) = (BoxTransport::new(InProcess::new(Arc::clone(&carrier))), Counter::default());
    let business = Business::new(SHOP, BusinessAccountId::new(1), Number::parse("15550783881").unwrap());
    let builder = Host::new().relay(memory_store(), line.clone(), any_sink(counter.clone()));
    let relay = builder.business(business).open().await.unwrap();

    let before = phone(&line).await;
    relay.submit(SHOP, says("before")).await.unwrap();
    within_reason("the old phone shows it", reads(&before, 1)).await;
    before.close().await;
    let mut said = Vec::new();
    let mut say = async |words: String| {
        relay.submit(SHOP, says(&words)).await.unwrap();
        said.push(words);
    };
    for number in 0..queued {
        say(format!("queued {number}")).await;
    }
    within_reason("the carrier has it", async {
        while carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser) < 1 + queued as u64 {
            SystemClock.sleep(Duration::from_millis(10)).await;
        }
    })
    .await;

    let phone = phone(&line).await;
    if first {
        phone.send(SHOP, &Content::text(Text::new("a new phone").unwrap())).await.unwrap();
    }
    for number in 0..later {
        say(format!("later {number}")).await;
    }
    let mut shown = within_reason("all of it is shown", reads(&phone, queued + later)).await;
    // What is asked for again may come after what was said later.
    shown.sort_unstable();
    said.sort_unstable();
    assert_eq!(shown, said, "each once");
    within_reason("the business hears that all was read", async {
        while counter.0.lock().unwrap().1 < 1 + queued + later {
            SystemClock.sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let bill = carrier.bill(SHOP).await.unwrap().total(SHOP, Flow::ToUser);
    assert_eq!((counter.0.lock().unwrap().2, bill), (0, 1 + (queued + later) as u64), "none failed");
    phone.close().await;
    relay.close().await;
}

#[tokio::test]
async fn what_was_queued_for_the_old_phone_is_shown_by_the_new_one() {
    everything_is_shown(5, 0, false).await;
}

#[tokio::test]
async fn what_is_said_before_anybody_knows_of_the_new_phone_is_shown_by_it() {
    everything_is_shown(0, 5, false).await;
}

#[tokio::test]
async fn what_was_queued_is_shown_as_well_as_what_is_said_to_the_new_phone() {
    everything_is_shown(3, 3, true).await;
    everything_is_shown(3, 3, false).await;
}
