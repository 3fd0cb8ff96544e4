//! A webhook leads nowhere it must not. Whoever enters its URL would else call from where the relay stands.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_base::SeededRng;
use bulla_relay::EventSink;
use bulla_webhook::{
    AddressClass, AllowedNetworks, Connector, Dialer, Dialing, Resolver, Resolving, TcpDialer, Webhook,
    WebhookError, WebhookSink,
};

use crate::clock::WaitingClock;
use crate::listeners::{Listener, well_behaved};
use crate::receiver::Receiver;
use crate::updates::{VERIFY_TOKEN, business, cause, hello, local};

/// What people write to get a server to call where it should not. `{p}` is the port of a listener there.
const NASTY: [&str; 125] = [
    // Addresses as they are.
    "http://127.0.0.1:{p}/",
    "http://127.0.0.2:{p}/",
    "http://127.255.255.254:{p}/",
    "http://0.0.0.0:{p}/",
    "http://0.1.2.3:{p}/",
    "http://10.0.0.1:{p}/",
    "http://10.255.255.255:{p}/",
    "http://172.16.0.1:{p}/",
    "http://172.31.255.255:{p}/",
    "http://192.168.0.1:{p}/",
    "http://192.168.255.255:{p}/",
    "http://100.64.0.1:{p}/",
    "http://100.127.255.255:{p}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254:{p}/",
    "http://169.254.170.2/v2/credentials",
    "http://169.254.0.1:{p}/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16:{p}/",
    "http://192.0.0.192/opc/v2/",
    "http://192.0.0.1:{p}/",
    "http://192.0.2.1:{p}/",
    "http://198.51.100.1:{p}/",
    "http://203.0.113.1:{p}/",
    "http://198.18.0.1:{p}/",
    "http://198.19.255.255:{p}/",
    "http://192.88.99.1:{p}/",
    "http://224.0.0.1:{p}/",
    "http://239.255.255.250:1900/",
    "http://240.0.0.1:{p}/",
    "http://255.255.255.255:{p}/",
    "http://[::1]:{p}/",
    "http://[::]:{p}/",
    "http://[0:0:0:0:0:0:0:1]:{p}/",
    "http://[0000::0001]:{p}/",
    "http://[::ffff:127.0.0.1]:{p}/",
    "http://[::ffff:7f00:1]:{p}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{p}/",
    "http://[::ffff:10.0.0.1]:{p}/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:0.0.0.0]:{p}/",
    "http://[::127.0.0.1]:{p}/",
    "http://[::7f00:1]:{p}/",
    "http://[::10.0.0.1]:{p}/",
    "http://[64:ff9b::127.0.0.1]:{p}/",
    "http://[64:ff9b::7f00:1]:{p}/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b::93.184.216.34]:{p}/",
    "http://[64:ff9b:1::127.0.0.1]:{p}/",
    "http://[64:ff9b:1:7f00:0:100::]:{p}/",
    "http://[2002:7f00:1::]:{p}/",
    "http://[2002:7f00:1::1]:{p}/",
    "http://[2002:a00:1::1]:{p}/",
    "http://[2002:a9fe:a9fe::1]/",
    "http://[2002:5db8:d822::1]:{p}/",
    "http://[2001:0:7f00:1::80ff:fffe]:{p}/",
    "http://[2001::80ff:fffe]:{p}/",
    "http://[2001:db8::1]:{p}/",
    "http://[2001:2::1]:{p}/",
    "http://[2001:10::1]:{p}/",
    "http://[2001:20::1]:{p}/",
    "http://[3fff::1]:{p}/",
    "http://[5f00::1]:{p}/",
    "http://[100::1]:{p}/",
    "http://[fc00::1]:{p}/",
    "http://[fd00:ec2::254]/",
    "http://[fd12:3456:789a::1]:{p}/",
    "http://[fe80::1]:{p}/",
    "http://[fe80::1%25lo]:{p}/",
    "http://[fe80::1%lo]:{p}/",
    "http://[febf::1]:{p}/",
    "http://[fec0::1]:{p}/",
    "http://[ff02::1]:{p}/",
    "http://[ff0e::1]:{p}/",
    "http://[4000::1]:{p}/",
    "http://[::2]:{p}/",
    // Other spellings of the same.
    "http://2130706433:{p}/",
    "http://0x7f000001:{p}/",
    "http://0x7F000001:{p}/",
    "http://017700000001:{p}/",
    "http://127.1:{p}/",
    "http://127.0.1:{p}/",
    "http://0177.0.0.1:{p}/",
    "http://0x7f.0.0.1:{p}/",
    "http://0x7f.1:{p}/",
    "http://127.0.0.1.:{p}/",
    "http://127.0.0.01:{p}/",
    "http://127.000.000.001:{p}/",
    "http://00000177.0.0.1:{p}/",
    "http://0:{p}/",
    "http://4294967295:{p}/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://425.510.425.510/",
    "http://%31%32%37.0.0.1:{p}/",
    "http://127%2e0%2e0%2e1:{p}/",
    "http://%6c%6f%63%61%6c%68%6f%73%74:{p}/",
    "http://１２７.0.0.1:{p}/",
    "http://127。0。0。1:{p}/",
    "http://①②⑦.0.0.1:{p}/",
    "http://ⓛocalhost:{p}/",
    "http://127.0.0.1\u{200b}:{p}/",
    "http://[::ffff:127.0.0.1%25]:{p}/",
    "http://[127.0.0.1]:{p}/",
    "http://::1:{p}/",
    // Names that lead there.
    "http://localhost:{p}/",
    "http://LOCALHOST:{p}/",
    "http://localhost.:{p}/",
    "http://LocalHost.:{p}/hook",
    "http://rebound.example:{p}/",
    "http://metadata.example/",
    "http://ten.example.:{p}/",
    // What makes a reader or a parser look elsewhere.
    "http://public.example@127.0.0.1:{p}/",
    "http://127.0.0.1:{p}@public.example@localhost:{p}/",
    "http://public.example:80@localhost:{p}/",
    "http://public.example\\@127.0.0.1:{p}/",
    "http://127.0.0.1:{p}\\.public.example/",
    "http:\\\\127.0.0.1:{p}/",
    "http:127.0.0.1:{p}/",
    "http:///127.0.0.1:{p}/",
    "http://127.0.0.1:{p}#@public.example/",
    "http://127.0.0.1:{p}?@public.example/",
    "http://\t127.0.0.1:{p}/",
    "http://127.0.0.1\r\nHost: x:{p}/",
];

/// Knows a few names that lead where they must not.
#[derive(Debug)]
struct Names;

impl Resolver for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        let found = match name.trim_end_matches('.') {
            "localhost" | "rebound.example" => vec![IpAddr::from([127, 0, 0, 1]), "::1".parse().unwrap()],
            "metadata.example" => vec![IpAddr::from([169, 254, 169, 254])],
            "ten.example" => vec![IpAddr::from([10, 0, 0, 1]), "::ffff:127.0.0.1".parse().unwrap()],
            _ => panic!("{name} was looked up"),
        };
        Box::pin(async move { Ok(found) })
    }
}

/// Counts what is dialled, and dials it.
#[derive(Debug, Default, Clone)]
struct Dials(Arc<AtomicUsize>);

impl Dialer for Dials {
    fn dial<'a>(&'a self, to: SocketAddr, host: &'a str) -> Dialing<'a> {
        self.0.fetch_add(1, Ordering::SeqCst);
        TcpDialer.dial(to, host)
    }
}

#[tokio::test]
async fn nasty_urls_are_refused_or_lead_nowhere() {
    let listeners = Listener::everywhere().await;
    let port = listeners[0].address.port().to_string();
    let dials = Dials::default();
    let (mut refused, mut forbidden) = (0, 0);
    for url in NASTY {
        let Ok(webhook) = Webhook::new(&url.replace("{p}", &port), VERIFY_TOKEN, "s") else {
            refused += 1;
            continue;
        };
        let connector = Connector::new().resolve_by(Names).dial_by(dials.clone());
        let sink = WebhookSink::new(connector, Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
        match sink.subscribe([business()], webhook) {
            Ok(()) => {
                let error = sink.forward(&hello()).await.unwrap_err();
                assert!(matches!(cause(&error), WebhookError::ForbiddenAddress { .. }), "{url}: {error:?}");
            }
            Err(error) => assert!(matches!(error, WebhookError::ForbiddenAddress { .. }), "{url}: {error:?}"),
        }
        forbidden += 1;
    }
    assert!(refused >= 40 && forbidden >= 70, "{refused} refused, {forbidden} forbidden");
    assert_eq!(dials.0.load(Ordering::SeqCst), 0, "something was dialled");
    assert!(listeners.iter().all(|listener| listener.connected() == 0), "something was connected to");
    // The listeners do notice whoever comes.
    let webhook = Webhook::new(&format!("http://127.0.0.1:{port}"), VERIFY_TOKEN, "s").unwrap();
    let sink = local(Arc::new(crate::clock::HastyClock));
    sink.subscribe([business()], webhook).unwrap();
    assert!(sink.forward(&hello()).await.is_err());
    assert_eq!(listeners[0].connected(), 1);
}

/// A name that leads elsewhere each time it is asked for, and how often it was.
#[derive(Debug, Clone)]
struct Rebinding {
    asked: Arc<AtomicUsize>,
    answers: Arc<Vec<Vec<IpAddr>>>,
}

impl Resolver for Rebinding {
    fn resolve<'a>(&'a self, _name: &'a str) -> Resolving<'a> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers[asked % self.answers.len()].clone();
        Box::pin(async move { Ok(answer) })
    }
}

const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 216, 34));

/// The internet of the test: the one public address is a listener of ours, everything else is dialled as it
/// is.
#[derive(Debug, Clone)]
struct Internet {
    public: SocketAddr,
    dialled: Arc<AtomicUsize>,
}

impl Dialer for Internet {
    fn dial<'a>(&'a self, to: SocketAddr, host: &'a str) -> Dialing<'a> {
        self.dialled.fetch_add(1, Ordering::SeqCst);
        assert_eq!((to.ip(), host), (PUBLIC, "rebinding.example"), "something else was dialled");
        TcpDialer.dial(self.public, host)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_changes_its_mind_ten_thousand_times_never_leads_inwards() {
    const TRIES: usize = 10_000;
    let inside = Listener::everywhere().await;
    let public = Listener::start(SocketAddr::from(([127, 0, 0, 1], 0)), Some(well_behaved)).await.unwrap();
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let answers = vec![
        vec![PUBLIC],
        vec![address("127.0.0.1")],
        vec![address("127.0.0.1"), PUBLIC],
        vec![address("::1"), address("::ffff:127.0.0.1")],
        vec![PUBLIC, address("127.0.0.1")],
        vec![address("169.254.169.254")],
        vec![address("0.0.0.0"), address("::")],
    ];
    let resolver = Rebinding { asked: Arc::default(), answers: Arc::new(answers) };
    let internet = Internet { public: public.address, dialled: Arc::default() };
    let connector = Connector::new().resolve_by(resolver.clone()).dial_by(internet.clone());
    let sink = WebhookSink::new(connector, Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
    let url = format!("http://rebinding.example:{}/hook", inside[0].address.port());
    sink.subscribe([business()], Webhook::new(&url, VERIFY_TOKEN, "s").unwrap()).unwrap();
    let (mut taken, mut forbidden) = (0, 0);
    let event = hello();
    while resolver.asked.load(Ordering::SeqCst) < TRIES {
        match sink.forward(&event).await {
            Ok(()) => taken += 1,
            Err(error) => {
                assert!(matches!(cause(&error), WebhookError::ForbiddenAddress { .. }), "{error:?}");
                forbidden += 1;
            }
        }
    }
    assert!(taken > TRIES / 4 && forbidden > TRIES / 4, "{taken} taken, {forbidden} forbidden");
    assert!(inside.iter().all(|listener| listener.connected() == 0), "the name led inwards");
    // One look-up for each connection, and no other: what was checked is what was connected to.
    let dialled = internet.dialled.load(Ordering::SeqCst);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), dialled + forbidden);
    assert_eq!(public.connected(), dialled);
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let inside = Listener::everywhere().await;
    let receiver = Receiver::start().await;
    let location = format!("http://127.0.0.1:{}/", inside[0].address.port());
    let sink = crate::updates::sink(&receiver);
    for status in [301, 302, 303, 307, 308] {
        let location = location.clone();
        receiver.answer(move |_| {
            let response = axum::http::Response::builder().status(status).header("location", &location);
            response.header("refresh", format!("0; url={location}")).body(axum::body::Body::empty()).unwrap()
        });
        let error = sink.forward(&hello()).await.unwrap_err();
        assert!(matches!(cause(&error), WebhookError::Status { .. }), "{error:?}");
    }
    assert!(inside.iter().all(|listener| listener.connected() == 0));
}

/// Set in the process that has a proxy in its environment: where the web server is.
const WEB_SERVER: &str = "BULLA_TEST_WEB_SERVER";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_proxy_of_the_environment_is_asked() {
    if let Ok(url) = std::env::var(WEB_SERVER) {
        let sink = local(Arc::new(WaitingClock));
        sink.subscribe([business()], Webhook::new(&url, VERIFY_TOKEN, "s").unwrap()).unwrap();
        return sink.forward(&hello()).await.unwrap();
    }
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let proxy = Listener::start(here, Some(well_behaved)).await.unwrap();
    let server = Listener::start(here, Some(well_behaved)).await.unwrap();
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", "forbidden_addresses::no_proxy_of_the_environment_is_asked"]);
    itself
        .env(WEB_SERVER, format!("http://{}/hook", server.address))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        itself.env(name, format!("http://{}", proxy.address));
    }
    let output = tokio::task::spawn_blocking(move || itself.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((server.connected(), proxy.connected()), (2, 0), "the handshake and the update");
}

#[tokio::test]
async fn what_is_allowed_by_name_is_called() {
    let receiver = Receiver::start().await;
    let url = format!("http://localhost:{}/hook", receiver.address.rsplit(':').next().unwrap());
    let webhook = || Webhook::new(&url, VERIFY_TOKEN, "s").unwrap();
    let sink = local(Arc::new(WaitingClock));
    sink.subscribe([business()], webhook()).unwrap();
    sink.forward(&hello()).await.unwrap();
    let tenth = AllowedNetworks::none().and("10.0.0.0/8".parse().unwrap());
    let connector = Connector::new().allow(tenth);
    let sink = WebhookSink::new(connector, Arc::new(WaitingClock), Arc::new(SeededRng::new(1)));
    sink.subscribe([business()], webhook()).unwrap();
    let error = sink.forward(&hello()).await.unwrap_err();
    assert!(
        matches!(cause(&error), WebhookError::ForbiddenAddress { kind: AddressClass::Loopback }),
        "{error:?}"
    );
}
