//! Between the relay's webhook sink and the program: what is told is written down here, and what magic
//! numbers want is changed.
//!
//! ```text
//!   relay ─► webhook sink ─► tap ─► the program's web server, if the seed names one
//!                             └──► log
//! ```
//!
//! The sink signs and posts as it always does, on a connection that ends here. What is handed on has its very
//! bytes, unless a magic number fails: then `sent` becomes `failed`, and is signed once more.

mod in_flight;
mod update;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::header::{CONTENT_LENGTH, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use bulla::SystemClock;
use bulla::base::Clock;
use bulla::webhook::{Connection, Dialer, Dialing, signature};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

pub(crate) use self::in_flight::InFlight;
use self::update::Judgement;
use super::log::{Kind, Log};

/// How long the program may take to answer, by the machine's clock.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Of the program's answer so much is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// How much is on its way between the sink and the tap.
const PIPE_BYTES: usize = 64 << 10;

/// Sees all that the relay tells businesses.
pub(crate) struct Tap {
    log: Arc<Log>,
    app_secret: String,
    /// Whether there is a program to be told.
    has_program: bool,
    in_flight: InFlight,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_open: bool,
    /// The sink's own question whether the program knows the verify token, and whether it was answered.
    handshake: Option<(Parts, bool)>,
    /// Users of whom the next message is nobody's business.
    unheard: BTreeSet<String>,
}

impl Tap {
    /// A tap that hands on nothing until it is [opened](Self::open).
    pub(crate) fn new(log: Arc<Log>, app_secret: &str, has_program: bool) -> Arc<Self> {
        let (in_flight, state) = (InFlight::default(), Mutex::default());
        Arc::new(Self { log, app_secret: app_secret.to_owned(), has_program, in_flight, state })
    }

    /// Hands on from now on. What came before has been taken, and nobody hears of it.
    pub(crate) fn open(&self) {
        self.state().is_open = true;
    }

    /// Hands on nothing any more.
    pub(crate) fn close(&self) {
        self.state().is_open = false;
    }

    /// Nobody hears of the next message of the user with these digits.
    pub(crate) fn do_not_hear(&self, user: &str) {
        self.state().unheard.insert(user.to_owned());
    }

    /// What is on its way.
    pub(crate) const fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    async fn take(&self, to: &WebServer, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let _under_way = self.in_flight.begin();
        let (mut head, body) = request.into_parts();
        if head.method == Method::GET {
            let challenge = challenge(&head).unwrap_or_default();
            self.state().handshake = Some((head, false));
            return answer(StatusCode::OK, challenge);
        }
        let Ok(body) = body.collect().await else { return answer(StatusCode::BAD_REQUEST, "") };
        let body = body.to_bytes();
        let judgement = {
            let mut state = self.state();
            let is_open = state.is_open;
            update::judge(&body, |user| is_open && !state.unheard.remove(user))
        };
        let body = match judgement {
            Judgement::Unheard => return answer(StatusCode::OK, ""),
            Judgement::AsItIs => body,
            Judgement::Changed(changed) => {
                let signed = signature::sign(self.app_secret.as_bytes(), &changed);
                if let Ok(signed) = HeaderValue::from_str(&signed) {
                    head.headers.insert(signature::HEADER, signed);
                }
                changed.into()
            }
        };
        self.tell(to, head, body).await
    }

    /// Hands `body` on, once the program has shown that it knows the verify token.
    async fn tell(&self, to: &WebServer, head: Parts, body: Bytes) -> Response<Full<Bytes>> {
        if self.has_program && !self.shake_hands(to).await {
            return answer(StatusCode::SERVICE_UNAVAILABLE, "");
        }
        let n = self.log.begin(Kind::Webhook, "POST", &to.url(&head), &body);
        if !self.has_program {
            self.log.answered(n, 200, b"");
            return answer(StatusCode::OK, "");
        }
        match to.ask(head, body).await {
            Ok((status, told)) => {
                self.log.answered(n, status.as_u16(), &told);
                answer(status, told)
            }
            Err(why) => {
                self.log.failed(n, why);
                answer(StatusCode::SERVICE_UNAVAILABLE, "")
            }
        }
    }

    /// Whether the program knows the verify token. It is asked until it does.
    async fn shake_hands(&self, to: &WebServer) -> bool {
        let head = match &self.state().handshake {
            Some((_, true)) | None => return true,
            Some((head, false)) => head.clone(),
        };
        let n = self.log.begin(Kind::Handshake, "GET", &to.url(&head), b"");
        let expected = challenge(&head).unwrap_or_default();
        let outcome = to.ask(head, Bytes::new()).await;
        let knows = match outcome {
            Ok((status, told)) => {
                self.log.answered(n, status.as_u16(), &told);
                status == StatusCode::OK && told == expected.as_bytes()
            }
            Err(why) => {
                self.log.failed(n, why);
                false
            }
        };
        if let Some((_, is_done)) = &mut self.state().handshake {
            *is_done = knows;
        }
        knows
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("has_program", &self.has_program).finish_non_exhaustive()
    }
}

/// Connects the sink to the tap, wherever it wants to go.
#[derive(Debug)]
pub(crate) struct TapDialer {
    tap: Arc<Tap>,
    scheme: &'static str,
    /// Connects the tap to the program.
    onward: Arc<dyn Dialer>,
}

impl TapDialer {
    /// To `tap`, and from there by `onward` to URLs of `scheme`.
    pub(crate) fn new(tap: Arc<Tap>, scheme: &'static str, onward: impl Dialer) -> Self {
        Self { tap, scheme, onward: Arc::new(onward) }
    }
}

impl Dialer for TapDialer {
    fn dial<'a>(&'a self, to: SocketAddr, host: &'a str) -> Dialing<'a> {
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let (tap, scheme, onward) = (self.tap.clone(), self.scheme, self.onward.clone());
            let to = Arc::new(WebServer { address: to, host: host.to_owned(), scheme, onward });
            let service = service_fn(move |request| {
                let (tap, to) = (tap.clone(), to.clone());
                async move { Ok::<_, Infallible>(tap.take(&to, request).await) }
            });
            let serving = hyper::server::conn::http1::Builder::new();
            // It ends with the sink's side, and that is all that can be wrong with it.
            tokio::spawn(async move { drop(serving.serve_connection(TokioIo::new(theirs), service).await) });
            Ok(Box::new(ours) as Box<dyn Connection>)
        })
    }
}

/// The program's.
struct WebServer {
    address: SocketAddr,
    host: String,
    scheme: &'static str,
    onward: Arc<dyn Dialer>,
}

impl WebServer {
    /// What it answers.
    async fn ask(&self, mut head: Parts, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        head.headers.remove(CONTENT_LENGTH);
        let asking = async {
            let stream = self.onward.dial(self.address, &self.host).await.map_err(why)?;
            let opened = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = opened.map_err(why)?;
            // What is wrong with it shows at the answer.
            let connection = tokio::spawn(async move { drop(connection.await) });
            let response = sender.send_request(Request::from_parts(head, Full::new(body))).await;
            let (head, body) = response.map_err(why)?.into_parts();
            // Of a body that is too long, or breaks off, the status is all that counts.
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
            connection.abort();
            Ok((head.status, body.map(|body| body.to_bytes()).unwrap_or_default()))
        };
        tokio::select! {
            biased;
            outcome = asking => outcome,
            () = SystemClock.sleep(ANSWER_TIMEOUT) => Err(format!("no answer within {ANSWER_TIMEOUT:?}")),
        }
    }

    /// Where it is asked, without the query of a handshake: the verify token is in it.
    fn url(&self, head: &Parts) -> String {
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        format!("{}://{host}{}", self.scheme, head.uri.path())
    }
}

fn why(error: impl fmt::Display) -> String {
    error.to_string()
}

fn challenge(head: &Parts) -> Option<String> {
    let query = head.uri.query()?.as_bytes();
    form_urlencoded::parse(query).find(|(key, _)| key == "hub.challenge").map(|(_, value)| value.into_owned())
}

fn answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
