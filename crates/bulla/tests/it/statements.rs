//! Relay here, carrier there, TLS in between: a bill is told, compared message by message, and answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bulla::base::{BusinessAccountId, Clock, Number, PhoneNumberId};
use bulla::carrier::Carrier;
use bulla::carrier::grpc::{GrpcService, GrpcSettings, Listening, ProvenIdentity, serve};
use bulla::content::Text;
use bulla::meter::{
    Answer, BillingSigner, CountedPeriod, Currency, DifferenceKind, Hour, LedgerSettings, LocalDate, Period,
    Price, PricingCategory, PricingType, RateCard, Rater, SignedStatement, Statement, StatementParts, TagKey,
    Tariff, TypeRule, Zone,
};
use bulla::relay::{Business, Event, EventSink, Outgoing, OutgoingBody, Settings, SinkError};
use bulla::store::{BoxStore, MemoryStore, Space, remove_counters};
use bulla::transport::BoxTransport;
use bulla::transport::grpc::{GrpcTransport, Tls, tls_client, tls_server};
use bulla::{Host, SystemClock};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;

use crate::test_types::{TestCarrier, TestRelay, any_sink, memory_store};

const SHOP: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
const ACCOUNT: BusinessAccountId = BusinessAccountId::new(1);
const MESSAGES: usize = 20;
/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where the carrier counts messages.
const LEDGER_MESSAGES: Space = Space::new(0x80);

struct Taken;

impl EventSink for Taken {
    async fn forward(&self, _: &Event) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A carrier at an address, and the way there. What stands in the folder was made for tests: an authority,
/// and `carrier.example` with its key.
async fn over_tls(host: &Host, carrier: &Arc<TestCarrier>) -> BoxTransport {
    let provider = || Arc::new(rustls_graviola::default_provider());
    let key = &include_bytes!("../../../bulla-carrier/tests/data/tls/carrier.key.der")[..];
    let shown = &include_bytes!("../../../bulla-carrier/tests/data/tls/carrier.der")[..];
    let authority = &include_bytes!("../../../bulla-carrier/tests/data/tls/authority.der")[..];
    let (key, shown) = (PrivateKeyDer::try_from(key).unwrap(), CertificateDer::from(shown));
    let config = tls_server(provider(), vec![shown.clone()], key, host.clock()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let identities = ProvenIdentity::new(host.clock(), &*host.rng());
    let service = GrpcService::new(Arc::clone(carrier), identities, GrpcSettings::default());
    let listening = Listening::with_tls(listener, config).showing(&shown);
    tokio::spawn(serve(service, listening, std::future::pending()));

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority)).unwrap();
    let client = tls_client(provider(), roots, host.clock()).unwrap();
    let way = Tls::new("carrier.example", 443, client).unwrap().at(address);
    BoxTransport::new(GrpcTransport::new(way, host.clock(), host.rng()))
}

fn card() -> RateCard {
    let from = LocalDate::parse("2026-01-01").unwrap();
    let prices = vec![Price::of_message(from, PricingCategory::Service, None, 7_700).unwrap()];
    let rules = TypeRule::everywhere(from, |_, _| PricingType::Regular);
    RateCard::new("ours-2026", Currency::parse("EUR").unwrap(), rules, prices, Vec::new()).unwrap()
}

/// What the operator of the carrier bills.
fn bill(counted: &CountedPeriod, period: Period, operator: &BillingSigner) -> SignedStatement {
    let (zone, card) = (Zone::utc(), card());
    let tariff = Tariff::new(&card, &zone);
    let leaves = Rater::new(&tariff, &zone).rate(&counted.deliveries(&zone)).unwrap();
    let statement = Statement::new(StatementParts::new(ACCOUNT, period, &zone, &tariff), &leaves).unwrap();
    SignedStatement::issue(statement, operator)
}

/// Waits until both have counted all messages, and that is the same.
async fn agreed(carrier: &TestCarrier, relay: &TestRelay, period: Period) -> CountedPeriod {
    let counted = async {
        loop {
            let theirs = carrier.ledger(SHOP, ACCOUNT, period).await.unwrap();
            let ours = relay.ledger(SHOP, ACCOUNT, period).await.unwrap();
            if theirs.messages().len() == MESSAGES && ours == theirs {
                return ours;
            }
            SystemClock.sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        counted = counted => counted,
        () = SystemClock.sleep(PATIENCE) => panic!("both sides never agreed"),
    }
}

#[tokio::test]
async fn a_bill_is_signed_counter_signed_and_disputed_between_two_sides_of_a_network() {
    let (host, rows) = (Host::new(), Arc::new(MemoryStore::new()));
    let ledger = LedgerSettings::new(TagKey::from_bytes([7; 32].into()));
    let store = BoxStore::new(Arc::clone(&rows));
    let carrier = Carrier::open(store, host.clock(), &*host.rng()).await.unwrap();
    let carrier = Arc::new(carrier.with_ledger(ledger.clone()));
    let way = over_tls(&host, &carrier).await;
    let shop = Business::new(SHOP, ACCOUNT, Number::parse("15550783881").unwrap());
    let builder = host.relay(memory_store(), way.clone(), any_sink(Taken)).business(shop);
    let relay = builder.settings(Settings::default().ledger(ledger.clone())).open().await.unwrap();
    let alice = Number::parse("16505551234").unwrap();
    let device = host.open_device(memory_store(), way, alice.clone()).await.unwrap();
    let mut sent = Vec::new();
    for number in 0..MESSAGES {
        let text = OutgoingBody::Text(Text::new(format!("number {number}")).unwrap());
        sent.push(relay.submit(SHOP, Outgoing::new(alice.clone(), text)).await.unwrap().id());
    }
    let first = Zone::utc().midnight(Zone::utc().date(Hour::quarter(sent[0].time()))).minutes();
    let [period, longer] = [2, 3].map(|days| {
        Period::new(Hour::from_minutes(first), Hour::from_minutes(first + days * 1_440)).unwrap()
    });
    let counted = agreed(&carrier, &relay, period).await;

    // The operator bills, and the relay finds that it is what it has counted itself.
    let [operator, us] = [(); 2].map(|()| BillingSigner::generate(&*host.rng()));
    let signed = bill(&counted, period, &operator);
    carrier.issue_statement(SHOP, &signed, &card(), us.public()).await.unwrap();
    let told = relay.statement(SHOP, period).await.unwrap();
    assert!(told == signed && told.is_issued_by(operator.public()));
    let report = relay.reconcile(SHOP, told.statement(), &card()).await.unwrap();
    assert_eq!((report.differences().len(), report.rounds()), (0, 1), "{report}");
    relay.answer_statement(SHOP, &told.counter_sign(&us)).await.unwrap();
    let kept = carrier.statement(SHOP, period).await.unwrap().unwrap();
    assert!(kept.verify(operator.public(), us.public()));
    assert!(matches!(kept.answer(), Some(Answer::CounterSigned { .. })));

    // The carrier loses two messages, and bills what it has.
    let lost = [counted.messages()[3].0, counted.messages()[14].0];
    for message in lost {
        assert_eq!(remove_counters(&*rows, LEDGER_MESSAGES, &message.to_name(), None).await.unwrap(), 1);
    }
    let theirs = carrier.ledger(SHOP, ACCOUNT, longer).await.unwrap();
    let signed = bill(&theirs, longer, &operator);
    carrier.issue_statement(SHOP, &signed, &card(), us.public()).await.unwrap();
    let told = relay.statement(SHOP, longer).await.unwrap();
    let report = relay.reconcile(SHOP, told.statement(), &card()).await.unwrap();
    let found: BTreeSet<_> = report.differences().iter().filter_map(|difference| difference.tag()).collect();
    assert_eq!(found, lost.map(|message| message.tag()).into_iter().collect(), "{report}");
    assert!(report.differences().iter().all(|difference| difference.kind == DifferenceKind::OnlyHere));
    assert!(report.exchanged_bytes() <= 2 * 50_000, "{}", report.exchanged_bytes());
    relay.answer_statement(SHOP, &told.dispute(&us, "two are missing").unwrap()).await.unwrap();
    let kept = carrier.statement(SHOP, longer).await.unwrap().unwrap();
    assert!(kept.verify(operator.public(), us.public()));
    assert!(matches!(kept.answer(), Some(Answer::Disputed { reason, .. }) if &**reason == "two are missing"));
    device.close().await;
    relay.close().await;
    carrier.close().await;
}
