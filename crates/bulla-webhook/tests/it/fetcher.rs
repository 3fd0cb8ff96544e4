//! Files are fetched from where webhooks may be called, and from nowhere else.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bulla_base::Clock;
use bulla_webhook::{
    AllowedNetworks, Connector, FetchError, Fetcher, MAX_REDIRECTS, Resolver, Resolving, TcpDialer,
    WebhookError,
};
use futures_util::{FutureExt, TryStreamExt};

use crate::clock::{HastyClock, WaitingClock};
use crate::listeners::Listener;

fn fetcher(clock: impl Clock) -> Fetcher {
    let networks = AllowedNetworks::none().and("127.0.0.0/30".parse().unwrap());
    Fetcher::new(Connector::new().allow(networks), Arc::new(clock))
}

async fn server(answer: fn(&str) -> String) -> SocketAddr {
    Listener::start(SocketAddr::from(([127, 0, 0, 1], 0)), Some(answer)).await.unwrap().address
}

fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn to(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

async fn body(fetcher: &Fetcher, url: &str) -> Result<(Option<String>, Vec<u8>), FetchError> {
    let fetched = fetcher.fetch(url).await?;
    let media_type = fetched.media_type().map(str::to_owned);
    let pieces: Vec<_> = fetched.into_bytes().try_collect().await?;
    Ok((media_type, pieces.concat()))
}

#[tokio::test]
async fn a_file_comes_with_its_type_and_nothing_of_who_asks_goes_along() {
    let at = server(|head| {
        let lower = head.to_ascii_lowercase();
        let names = ["host:", "user-agent: bulla/", "accept: */*"];
        let others = ["authorization", "cookie", "referer"];
        let is_right =
            names.iter().all(|name| lower.contains(name)) && !others.iter().any(|n| lower.contains(n));
        ok(if is_right { path(head) } else { "wrong" })
    });
    let at = at.await;
    let (media_type, bytes) = body(&fetcher(WaitingClock), &format!("http://{at}/a?b=c#d")).await.unwrap();
    assert_eq!((media_type.as_deref(), &bytes[..]), (Some("image/png"), &b"/a?b=c"[..]));
}

#[tokio::test]
async fn redirects_are_followed_within_their_bound_and_checked_anew() {
    // `/3` is redirected three times.
    let at = server(|head| match path(head).trim_start_matches('/').parse::<usize>() {
        Ok(0) => ok("there"),
        Ok(left) => to(&format!("/{}", left - 1)),
        Err(_) => to("http://10.0.0.1/secret"),
    })
    .await;
    let fetcher = fetcher(WaitingClock);
    let (_, bytes) = body(&fetcher, &format!("http://{at}/{MAX_REDIRECTS}")).await.unwrap();
    assert_eq!(bytes, b"there");
    let many = body(&fetcher, &format!("http://{at}/{}", MAX_REDIRECTS + 1)).await;
    assert!(matches!(many, Err(FetchError::Redirects)), "{many:?}");
    let inside = body(&fetcher, &format!("http://{at}/inside")).await;
    assert!(
        matches!(inside, Err(FetchError::NotReached(WebhookError::ForbiddenAddress { .. }))),
        "{inside:?}"
    );
}

#[tokio::test]
async fn where_nothing_may_be_called_nothing_is_connected_to() {
    let everywhere = Listener::everywhere().await;
    let port = everywhere[0].address.port();
    let nowhere = Fetcher::new(Connector::new(), Arc::new(WaitingClock));
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let refused = body(&nowhere, &format!("http://{host}:{port}/")).await;
        assert!(matches!(refused, Err(FetchError::NotReached(_))), "{host}: {refused:?}");
    }
    for bad in [
        "ftp://a.example/",
        "file:///etc/passwd",
        "a.example/b",
        "",
        "http://2130706433/",
        "http://u@a.example/",
    ] {
        let refused = body(&nowhere, bad).await;
        assert!(matches!(refused, Err(FetchError::Url { .. })), "{bad}: {refused:?}");
    }
    assert!(everywhere.iter().all(|listener| listener.connected() == 0));
}

#[tokio::test]
async fn https_goes_by_the_dialer_that_was_handed_over_for_it() {
    let at = server(|head| ok(path(head))).await;
    let plain = fetcher(WaitingClock);
    let refused = body(&plain, &format!("https://{at}/a")).await;
    assert!(matches!(refused, Err(FetchError::Https)), "{refused:?}");
    // One that only says that it speaks TLS, and obeys the same rules.
    let networks = AllowedNetworks::none().and("127.0.0.0/30".parse().unwrap());
    let connector = Connector::new().allow(networks).https_by(TcpDialer);
    let both = Fetcher::new(connector, Arc::new(WaitingClock));
    let (_, bytes) = body(&both, &format!("https://{at}/a")).await.unwrap();
    assert_eq!(bytes, b"/a");
    // The same by a connector for it alone.
    let networks = AllowedNetworks::none().and("127.0.0.0/30".parse().unwrap());
    let both = plain.https_by(Connector::new().allow(networks).dial_by(TcpDialer));
    let (_, bytes) = body(&both, &format!("https://{at}/a")).await.unwrap();
    assert_eq!(bytes, b"/a");
}

#[tokio::test]
async fn what_does_not_come_or_not_whole_is_no_file() {
    let at = server(|head| match path(head) {
        "/gone" => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
        "/nowhere" => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".into(),
        "/short" => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort".into(),
        _ => "nonsense\r\n\r\n".into(),
    })
    .await;
    let fetcher = fetcher(WaitingClock);
    let fetch = async |path: &str| body(&fetcher, &format!("http://{at}/{path}")).await;
    assert!(matches!(fetch("gone").await, Err(FetchError::Status { status: 404 })));
    assert!(matches!(fetch("nowhere").await, Err(FetchError::Url { .. })));
    assert!(matches!(fetch("short").await, Err(FetchError::BrokeOff)));
    assert!(matches!(fetch("nonsense").await, Err(FetchError::NotReached(WebhookError::Unreachable(_)))));
}

#[tokio::test]
async fn a_server_that_is_silent_is_not_waited_for() {
    let silent = Listener::start(SocketAddr::from(([127, 0, 0, 1], 0)), None).await.unwrap();
    let waited = body(&fetcher(HastyClock), &format!("http://{}/", silent.address)).await;
    assert!(matches!(waited, Err(FetchError::TooSlow)), "{waited:?}");
}

/// Names that nobody ever finds the addresses of.
#[derive(Debug, Clone, Default)]
struct Nobody(Arc<AtomicUsize>);

impl Resolver for Nobody {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }
}

/// A look-up cannot be stopped, so each that was given up stayed beside the next.
#[tokio::test]
async fn look_ups_that_were_given_up_do_not_pile_up() {
    let names = Nobody::default();
    let connector = Connector::new().resolve_by(names.clone());
    let fetcher = Fetcher::new(connector, Arc::new(WaitingClock));
    for host in 0..200 {
        let url = format!("http://{host}.example/");
        // Of a clone, too.
        let fetcher = fetcher.clone();
        let mut fetching = Box::pin(fetcher.fetch(&url));
        assert!(fetching.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(names.0.load(Ordering::Relaxed), 8);
}
