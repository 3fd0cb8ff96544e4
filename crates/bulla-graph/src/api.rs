mod admission;
mod analytics;
mod app;
mod app_token;
mod batch;
mod blocked_users;
mod body;
mod callbacks;
mod contacts;
mod cross_origin;
mod date;
mod failure_log;
mod fields;
mod flows;
mod folded_json;
mod form;
mod health;
mod interactive;
mod json_field;
mod links;
mod location;
mod management;
mod media;
mod media_message;
mod media_type;
mod message_fields;
mod number;
mod number_settings;
mod page;
mod parameters;
mod path;
mod profile;
mod profile_picture;
mod qr_codes;
mod qr_picture;
mod raw_items;
mod records;
mod registration;
mod request;
mod request_headers;
mod subscriptions;
mod template_definition;
mod template_json;
mod template_message;
mod templates;
mod token_facts;
mod trace_id;
mod under_way;
mod upload;
mod upload_session;
mod upsert_templates;

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, Version};
use bulla_base::{Clock, Number, PhoneNumberId, Rng};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

use self::admission::Admission;
use self::body::Incoming;
pub(crate) use self::callbacks::callback_in;
pub(crate) use self::cross_origin::AllowedOrigins;
use self::cross_origin::Crossing;
use self::failure_log::FailureLog;
use self::links::LinkCache;
use self::path::{Edge, Path};
use self::request::Request;
pub(crate) use self::trace_id::TraceId;
use self::under_way::UnderWay;
use crate::account_terms::NoTerms;
use crate::api_error::{ApiError, Methods};
use crate::limits::{MAX_HANDSHAKES, MAX_STRANGERS};
use crate::metrics::GaugeGuard;
use crate::server::Speech;
#[cfg(feature = "tls")]
use crate::server::Tls;
use crate::{
    AccountTerms, CallbackHandshake, CallbackRecords, LinkFetcher, NumberCodes, RelayApi, Settings,
    TokenLookup, Tokens, metrics, server, wamid,
};

/// The Graph API over a [`RelayApi`], which is to say over a relay.
///
/// Under any version, or none, it answers:
///
/// | request | what it does |
/// |---|---|
/// | `POST /{phone number id}/messages` | sends a message, or marks one as read |
/// | `POST /{phone number id}/media` | takes a file, in a form: kept for 30 days, sealed like everything else |
/// | `GET /{media id}` | tells what a file is, and its URL, on the origin of the request |
/// | `GET` of that URL | the file, for whoever has the token, for as long as it is kept |
/// | `DELETE /{media id}` | deletes it; messages that were sent with it are as they were |
/// | `POST /{app id}/uploads` | begins a file that comes in several parts: the id of the upload |
/// | `GET`, `POST /{upload id}` | how much of it is there; the next bytes from `file_offset` on, and with the last of them its handle |
/// | `POST /{account id}/message_templates` | defines a message template; the answer says whether it may be sent |
/// | `GET /{account id}/message_templates` | lists them by `name`, `language`, `category`, `status`; in pages of `limit`, 25 or at most 100, that go on with `after` and back with `before`, as all lists do; with `summary` |
/// | `DELETE /{account id}/message_templates` | deletes what is called `name`, or the one with the id `hsm_id` |
/// | `GET /{template id}`, `POST /{template id}` | tells of one, and changes it: what is not said stays |
/// | `POST /{account id}/upsert_message_templates` | creates one with a one-time code in up to 100 languages, or changes what is there of it; what was done before a refusal stays |
/// | `POST /{template id}/unpause` | says that this is not lifted by its business: who pauses a template here is the operator |
/// | `GET /{phone number id}`, `GET /{account id}`, `GET /{account id}/phone_numbers` | what is known of them |
/// | `POST /{phone number id}` | sets its PIN (`pin`), its name (`new_display_name`), or its callback (`webhook_configuration`), if the host [takes](Self::callbacks) any |
/// | `POST /{phone number id}/register`, `/deregister` | whether it may send; a PIN that was set is asked for |
/// | `POST /{phone number id}/request_code`, `/verify_code` | a code for whoever holds the number, told by the host's [`NumberCodes`] |
/// | `GET`, `POST /{phone number id}/whatsapp_business_profile`, `/whatsapp_commerce_settings`, `/conversational_automation`, `/settings` | what is configured of it; users' devices are not told |
/// | `GET /{phone number id}/profile_picture` | the picture of its profile, which `profile_picture_handle` has set, for whoever has the token |
/// | `GET`, `POST`, `DELETE /{phone number id}/block_users` | what a blocked user sends is dropped, and sending to them refused |
/// | `GET`, `POST`, `DELETE /{phone number id}/message_qrdls` | codes that lead to it, with words to begin with; their pictures are asked for with `generate_qr_image` or the field `qr_image_url.format(PNG)` |
/// | `GET /{account id}?fields=analytics.start(…)…`, `pricing_analytics.start(…)…`; `GET /{account id}/pricing_analytics` | how much was sent and delivered, by half hour, day or month; what that costs, if the host [says](Self::account_terms) |
/// | `GET`, `POST`, `DELETE /{account id}/subscribed_apps` | whether the app is subscribed, and the account's callback |
/// | `GET`, `POST /{account id}/flows`; `GET`, `POST`, `DELETE /{flow id}`; `/assets`, `/publish`, `/deprecate` | flows, kept and shown, and not run |
/// | `GET /debug_token?input_token=…` | what a token opens, for one that opens as much, or the app's |
/// | `GET`, `POST /oauth/access_token` | the app's own token, for its id and its [own secret](Settings::app_owner_secret), if the host says one; `{app id}\|{own secret}` is one, too |
/// | `GET`, `POST`, `DELETE /{app id}/subscriptions` | to what the app is subscribed, and its callback, for the app's own token; its fields are told, and none is left out for them |
/// | `POST /` with `batch`; `GET /?ids=…` | up to 50 requests in one, until their answers come to 1 MiB; or as many objects |
/// | `OPTIONS` of anything | what pages of the [allowed origins](Settings::allowed_origins) may ask, if there are any |
/// | `POST /{phone number id}/messages?dry_run=true` | tells what the user would see of a message with a template; nothing is sent |
///
/// Everything else it answers with an error as clients know it:
///
/// | code | said when | HTTP | as the original, by |
/// |---|---|---|---|
/// | 190 | no token, or one that opens nothing; with the subcode 463, not any more | 401 | its documentation |
/// | 10 | a token is not for [that](crate::Scope) | 403 | its documentation |
/// | 1, 101 | the secret is not the app's; there is no such app | 400 | many programs' logs |
/// | 15 | the app's own token is asked for, and this is another | 403 | many programs' logs |
/// | 100, `GraphMethodException` | the path, the method or the sending number is not there for this token | 400, 405 | netflie/whatsapp-cloud-api#42 |
/// | 100 | the request as a whole cannot be read | 400, 408, 413 | – |
/// | 100 | a required field is missing or empty, is of another JSON type, too long, or none of the words it can be | 400 | \[A\], \[B\] |
/// | 100 | the idempotency key belongs to another message | 409 | ours |
/// | 131009 | a field is well formed and its value cannot be: no number, no such message or user | 400 | \[C\] |
/// | 131026 | the recipient is blocked | 400 | its documentation |
/// | 133005, 133008, 133010, 133016 | another PIN was set; too many were tried; the number is not registered; too many registrations and codes in three days | 400 | its documentation |
/// | 139001 to 139004, 139100, 139101 | a flow is not in a state for that; a user cannot be blocked | 400 | its documentation |
/// | 2200 | a callback was not taken: it is none that is called, or its server has not made the handshake | 400 | its documentation |
/// | 131021 | the recipient is the business's own number | 400 | its documentation |
/// | 131051 | the original has such messages, and we have not | 400 | its documentation |
/// | 131008 | a button of a template lacks what it needs | 400 | its documentation |
/// | 132000, 132005, 132012 | more or fewer parameters than a template takes; what they come to is too long; another sort, or name, than it takes | 400 | its documentation |
/// | 132001 | no such template in this language, or it is not approved; the nearest is named | 404 | its documentation |
/// | 132015, 132016 | a template is paused, or disabled | 400 | its documentation |
/// | 131052 | what a user has attached is not at the carrier any more, or is not what the message tells of | 404 | its documentation; the status ours |
/// | 131052 | a link leads to no file, or is none that is followed | 400 | its documentation |
/// | 131053 | a file is too large for its kind, or does not look like what it is said to be | 400 | its documentation |
/// | 131047 | the recipient has not written for 24 hours: by the relay's [rules](bulla_relay::Rules), if they say so | 400 | its documentation |
/// | 131056, 131048, 130429 | too many to this recipient, to too many recipients, in this second: by the same rules; `Retry-After` says when | 429 | its documentation |
/// | 131000 | the relay failed: its disk, or itself | 500 | its documentation |
/// | 131016 | the carrier cannot be reached, or this relay has been replaced or has stopped: try again | 503 | its documentation |
///
/// * \[A\] `(#100) Param text['body'] must be at most 4096 characters long.`: recorded by
///   Azure/azure-sdk-for-net, `NotificationMessagesClientLiveTests.cs`; `(#100) The parameter to is
///   required.`, `The parameter text['body'] is required.`, `must be a string.` and `Param type must be one
///   of {…}` stand in the logs of many programs. None of these has `error_data`; ours has, for whoever shows
///   the details alone.
/// * \[B\] shridarpatil/frappe_whatsapp#43. The code 131008, which the documentation has for a missing
///   parameter, was only ever seen for what a template lacks (shridarpatil/whatomate#501), and is given for
///   nothing else here.
/// * \[C\] `(#131009) Parameter value is not valid` with `The phone number is malformed` or `Invalid buttons
///   count` in the details: what passes the shape of a request and means nothing.
///
/// The details name the field and the limit. Nothing was stored, counted or sent then, but for a disk that
/// failed under way.
///
/// What clients write for nothing is nothing: `null`, an empty string, and `[]` where an object could stand.
/// Words such as `text` may be written in any case, and languages such as `en_US`. A reply to a message that
/// is not known is sent without the quote.
///
/// # Security
/// A request is authorised before its body is read, but for one that shows the app's own secret in it: of
/// that, 4 KiB are read, of 16 at once, and beside the room of all others. Nothing a client sends is logged.
///
/// What one client may do touches only the numbers of its token. Who knows the app's own
/// [secret](Settings::app_owner_secret) may do what touches all; there is none unless the host says one.
///
/// # Limits
/// Bodies, tokens and the time a body may take are bounded by this crate's constants, and a request takes
/// less than 1 MiB while it is read, also one with a file of whatever size, and one with contacts less than
/// 4 MiB. How much goes on at once is bounded by [`Settings`]. What is left of a refused request's body is
/// read away within [`MAX_DRAINED_BYTES`](crate::MAX_DRAINED_BYTES) and
/// [`DRAIN_TIMEOUT`](crate::DRAIN_TIMEOUT); beyond them the answer says `Connection: close`.
/// [`serve`](Self::serve) also bounds connections, heads and the time each step of a client may take; a
/// server that [`router`](Self::router) is put into has to do that itself. Not here: requests per second.
pub struct GraphApi<D, A = Tokens> {
    relay: Arc<D>,
    tokens: Arc<A>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    settings: Settings,
    admission: Arc<Admission>,
    failures: Arc<FailureLog>,
    codes: Option<Arc<dyn NumberCodes>>,
    fetcher: Option<Arc<dyn LinkFetcher>>,
    fetched: Arc<LinkCache>,
    callbacks: Option<Arc<dyn CallbackHandshake>>,
    terms: Arc<dyn AccountTerms>,
    /// The handshakes that are under way.
    handshakes: Arc<Semaphore>,
    /// The bodies that are read of who has shown nothing.
    strangers: Arc<Semaphore>,
    /// What one request at a time may do.
    under_way: Arc<UnderWay>,
}

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// The API over `relay`, which is a relay or an `Arc` of one, opened by the bearer tokens that `tokens`
    /// knows.
    #[must_use]
    pub fn new(relay: D, tokens: A, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        let settings = Settings::default();
        let admission = Arc::new(Admission::new(&settings));
        Self {
            relay: Arc::new(relay),
            tokens: Arc::new(tokens),
            clock,
            rng,
            settings,
            admission,
            failures: Arc::default(),
            codes: None,
            fetcher: None,
            fetched: Arc::default(),
            callbacks: None,
            terms: Arc::new(NoTerms),
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            strangers: Arc::new(Semaphore::new(MAX_STRANGERS)),
            under_way: Arc::default(),
        }
    }

    /// With other bounds on what goes on at once. Its clones share them.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        if settings.is_owner_shared() {
            tracing::warn!("the app's own secret is the one that all clients know, and opens nothing");
        }
        self.admission = Arc::new(Admission::new(&settings));
        self.settings = settings;
        self
    }

    /// Has codes for numbers told by `codes`. Without, none can be asked for.
    #[must_use]
    pub fn number_codes(mut self, codes: impl NumberCodes) -> Self {
        self.codes = Some(Arc::new(codes));
        self
    }

    /// Has files fetched by `fetcher` that a message has by their link. Without, such a message is refused.
    ///
    /// A file is bounded, looked at and kept as one that is uploaded, for 30 days. The same link of the same
    /// number is not fetched again for ten minutes.
    #[must_use]
    pub fn links(mut self, fetcher: impl LinkFetcher) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    /// Has clients set callbacks of their own, for a number, an account or the app, after a `handshake` with
    /// each. To whom [`callback_records`](Self::callback_records) are handed sends webhooks there.
    ///
    /// Without, which is the default, a request that sets one is refused: whoever has a token that may manage
    /// a number could have all that is written to it sent elsewhere, which the host's own webhook does not
    /// let them. Whoever knows the app's own [secret](Settings::app_owner_secret), if there is one, can do so
    /// for all numbers that have no callback of their own, by that of the app.
    #[must_use]
    pub fn callbacks(mut self, handshake: impl CallbackHandshake) -> Self {
        self.callbacks = Some(Arc::new(handshake));
        self
    }

    /// Has days and prices of the accounts' figures be those that `terms` tells. Without, days are those of
    /// UTC, and figures have neither a type nor a cost.
    #[must_use]
    pub fn account_terms(mut self, terms: impl AccountTerms) -> Self {
        self.terms = Arc::new(terms);
        self
    }

    /// The callbacks that clients have set. With other [`Settings::app`] they are others.
    #[must_use]
    pub fn callback_records(&self) -> CallbackRecords<D> {
        CallbackRecords::new(&self.relay, self.settings.app)
    }

    /// The API as a router, to be served by the host, alone or nested under a prefix. Whatever is under it is
    /// answered by the API, with an error where nothing stands.
    pub fn router(&self) -> Router {
        let api = self.clone();
        Router::new().fallback(move |request: HttpRequest| {
            let api = api.clone();
            async move { api.answer(request, false).await }
        })
    }

    /// Serves the API on `listener` until `end` is ready; requests under way are still answered. It runs in
    /// the tokio runtime it is awaited in, one task for each connection.
    ///
    /// A connection that cannot be accepted, for want of files above all, is waited for: that is told in a
    /// warning, and ends nothing.
    ///
    /// # Errors
    /// When the listener does not listen any more.
    pub async fn serve(
        &self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let how = (self.settings.connections, Speech::Plain);
        server::serve(self.clone(), self.clock.clone(), how, listener, end).await
    }

    /// Serves the API as [`serve`](Self::serve) does, with TLS as `tls` says: HTTP/2 and HTTP/1.1, within the
    /// same bounds. A connection of HTTP/2 has at most 32 requests under way, and takes at most 1.5 MiB.
    ///
    /// # Errors
    /// When the listener does not listen any more.
    #[cfg(feature = "tls")]
    pub async fn serve_tls(
        &self,
        listener: TcpListener,
        tls: Tls,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let how = (self.settings.connections, Speech::Tls(tls));
        server::serve(self.clone(), self.clock.clone(), how, listener, end).await
    }

    /// Answers a request; what HTTP itself asks for is asked for when this is the server.
    pub(crate) async fn answer(&self, request: HttpRequest, is_server: bool) -> Response<Body> {
        let trace = TraceId::new(&*self.rng);
        let crossing = self.settings.allowed_origins.crossing(request.method(), request.headers());
        let route = match crossing {
            Crossing::Preflight(_) => Path::route(None),
            _ => Path::route(Path::read(request.uri().path()).as_ref()),
        };
        let span =
            tracing::info_span!("request", trace = trace.as_str(), route, business = tracing::field::Empty);
        let _gauge = GaugeGuard::new(metrics::IN_FLIGHT);
        let response =
            self.respond((request, crossing), is_server, &trace, &span).instrument(span.clone()).await;
        let status = match response.status().as_u16() / 100 {
            2 => "2xx",
            4 => "4xx",
            _ => "5xx",
        };
        ::metrics::counter!(metrics::REQUESTS, "route" => route, "status" => status).increment(1);
        response
    }

    async fn respond(
        &self,
        (request, crossing): (HttpRequest, Crossing),
        is_server: bool,
        trace: &TraceId,
        span: &Span,
    ) -> Response<Body> {
        let (head, body) = request.into_parts();
        let mut body = Incoming::new(&head.headers, body);
        let outcome = match check_host(&head) {
            Err(api_error) if is_server => Err(api_error),
            _ if matches!(crossing, Crossing::Preflight(_)) => Ok(Reply::Content(cross_origin::permission())),
            _ => self.carry_out(&head, &mut body, (Some(trace), span)).await,
        };
        let mut response = match outcome {
            Ok(Reply::Json(reply)) => {
                let mut response = Response::new(Body::from(reply.to_string()));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Ok(Reply::Content(response)) => response,
            Err(api_error) => {
                tracing::debug!(?api_error, "a request was refused");
                ::metrics::counter!(metrics::REFUSED, "reason" => api_error.reason()).increment(1);
                api_error.into_response(trace)
            }
        };
        response.headers_mut().insert("x-fb-trace-id", trace.header());
        self.settings.allowed_origins.mark(&crossing, &mut response);
        // What is left of a body would be taken for the next request, so either nothing is left or there is
        // no next one.
        if !body.drain(&*self.clock).await {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Carries a request out; one without a trace is part of another.
    async fn carry_out(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (trace, span): (Option<&TraceId>, &Span),
    ) -> Result<Reply, ApiError> {
        let path = Path::read(head.uri.path());
        if let Some(path) = path.as_ref().filter(|path| path.is_of_app()) {
            let answering = Box::pin(self.app(head, body, (path, trace.is_some())));
            if let Some(reply) = answering.await? {
                return Ok(Reply::Json(reply));
            }
        }
        // The token before all else: without one nobody learns what is here, neither paths nor numbers.
        let token = request_headers::token(head).ok_or_else(ApiError::token)?;
        let grant = self.tokens.look_up(&token).await.map_err(|error| self.failed(error))?;
        let grant = grant.ok_or_else(ApiError::token)?;
        if grant.is_over(self.clock.now()) {
            return Err(ApiError::expired());
        }
        // The token of a whole batch was proven with it.
        if trace.is_some() || request_headers::query(head, "access_token").is_some() {
            self.check_proof(head, &token)?;
        }
        let path = path.ok_or_else(ApiError::path)?;
        if !path.is_open_to(&grant, &head.method) {
            return Err(ApiError::permission());
        }
        let business = match path {
            Path::Messages(_) | Path::Uploads(_) | Path::Sessions(_) if head.method != Method::POST => {
                return Err(ApiError::method(Methods::Post));
            }
            Path::Messages(number) | Path::Uploads(number) | Path::Picture(number) => {
                PhoneNumberId::parse(number).ok()
            }
            Path::Media(business, _) | Path::Content(business, _) | Path::Session(business, _) => {
                Some(business)
            }
            // There is one app, whatever it is called, and what is uploaded is of a number.
            Path::Sessions(_) => grant.numbers().find(|number| self.relay.number(*number).is_some()),
            Path::Templates(account) => self.number_of(&grant, account),
            // Whose it is has to be looked up.
            Path::Node(id) => {
                return Box::pin(self.node(head, body, (&grant, id), span)).await.map(Reply::Json);
            }
            Path::Edge(number, Edge::QrPicture(code)) => {
                let picture = Box::pin(self.qr_picture(head, (&grant, number, code), span));
                return picture.await.map(Reply::Content);
            }
            Path::Edge(id, edge) => {
                return Box::pin(self.edge(head, body, (&grant, id, edge), span)).await.map(Reply::Json);
            }
            Path::Root => {
                return Box::pin(self.root(head, body, (&grant, trace), span)).await.map(Reply::Json);
            }
            Path::DebugToken => return Box::pin(self.debug_token(head, Some(&grant))).await.map(Reply::Json),
            Path::AppToken | Path::AppSubscriptions(_) if self.settings.app_owner().is_some() => {
                return Err(ApiError::not_of_app());
            }
            Path::AppToken | Path::AppSubscriptions(_) => return Err(ApiError::path()),
        };
        let business = business.filter(|business| grant.covers(*business)).ok_or_else(ApiError::number)?;
        let own = self.relay.number(business).ok_or_else(ApiError::number)?;
        span.record("business", tracing::field::display(business));
        match path {
            Path::Messages(_) => self.message(head, body, business, &own).await.map(Reply::Json),
            Path::Uploads(_) => self.upload(head, body, business).await.map(Reply::Json),
            Path::Sessions(_) => self.begin_session(head, body, business).await.map(Reply::Json),
            Path::Session(_, media) => {
                Box::pin(self.session(head, body, (business, media))).await.map(Reply::Json)
            }
            Path::Media(_, media) => self.media(head, business, media).await.map(Reply::Json),
            Path::Content(_, media) => self.content(head, business, media).await.map(Reply::Content),
            Path::Picture(_) => Box::pin(self.picture(head, business)).await.map(Reply::Content),
            Path::Templates(_) => self.templates(head, body, business).await.map(Reply::Json),
            Path::Node(_)
            | Path::Edge(..)
            | Path::Root
            | Path::DebugToken
            | Path::AppToken
            | Path::AppSubscriptions(_) => Err(ApiError::path()),
        }
    }

    async fn message(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
        own: &Number,
    ) -> Result<Value, ApiError> {
        let once = request_headers::idempotency_key(head)?;
        // What can be refused by its head takes no place from those who wait for one.
        body.check()?;
        let admission = self.admission.take(body.most(), &*self.clock).await;
        let mut admission =
            admission.inspect_err(|api_error| self.failures.tell(api_error, "no room", &*self.clock))?;
        // The bytes are gone before the relay is asked, which may let the message wait for its turn.
        let bytes = body.read_object(&*self.clock).await?;
        let mut links = self.links_of(business);
        let request = match Request::parse(&bytes, once.clone(), &mut links) {
            Ok(request) => request,
            // Some clients write objects as strings.
            Err(error) => {
                let bytes = folded_json::unfolded(&bytes).ok_or(error)?;
                links = self.links_of(business);
                Request::parse(&bytes, once, &mut links)?
            }
        };
        let links = links.into_new();
        drop(bytes);
        admission.without_body();
        match request {
            Request::Send { contact, .. } if contact.is(own) => Err(ApiError::own_number()),
            Request::Send { contact, message } if templates::is_dry_run(head) => {
                self.preview(business, &contact, message, links).await
            }
            Request::Send { contact, mut message } => {
                if !links.is_empty() {
                    self.check_template(business, &message).await?;
                    Box::pin(self.fetch_links(business, links)).await?;
                }
                if self.settings.callback_data_is_key {
                    message = message.tracking_is_key();
                }
                let reference =
                    self.relay.submit(business, message).await.map_err(|error| self.failed(error))?;
                Ok(json!({
                    "messaging_product": "whatsapp",
                    "contacts": [contact],
                    "messages": [{ "id": wamid::write(reference) }],
                }))
            }
            Request::MarkRead { message, is_typing } => {
                let marked = match is_typing {
                    true => self.relay.mark_read_and_show_typing(business, message).await,
                    false => self.relay.mark_read(business, message).await,
                };
                marked.map_err(|error| self.failed(error))?;
                Ok(json!({ "success": true }))
            }
        }
    }

    fn failed<E: std::error::Error + Into<ApiError>>(&self, error: E) -> ApiError {
        self.failures.api_error(error, &*self.clock)
    }
}

/// What a request is answered with when it was carried out.
enum Reply {
    /// A JSON object.
    Json(Value),
    /// The bytes of media, under their own type.
    Content(Response<Body>),
}

/// That an HTTP/1.1 request names the host it is for, as the protocol asks: which one makes no difference
/// here, but a proxy that takes the request for another's would not have sent it so.
fn check_host(head: &Parts) -> Result<(), ApiError> {
    let hosts = head.headers.get_all(HOST).iter().count();
    if head.version == Version::HTTP_11 && hosts != 1 { Err(ApiError::host()) } else { Ok(()) }
}

impl<D, A> Clone for GraphApi<D, A> {
    fn clone(&self) -> Self {
        let Self {
            relay,
            tokens,
            clock,
            rng,
            settings,
            admission,
            failures,
            codes,
            fetcher,
            fetched,
            callbacks,
            terms,
            handshakes,
            strangers,
            under_way,
        } = self;
        Self {
            relay: relay.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            rng: rng.clone(),
            settings: settings.clone(),
            admission: admission.clone(),
            failures: failures.clone(),
            codes: codes.clone(),
            fetcher: fetcher.clone(),
            fetched: fetched.clone(),
            callbacks: callbacks.clone(),
            terms: terms.clone(),
            handshakes: handshakes.clone(),
            strangers: strangers.clone(),
            under_way: under_way.clone(),
        }
    }
}

impl<D, A> fmt::Debug for GraphApi<D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            relay: _,
            tokens: _,
            clock: _,
            rng: _,
            settings,
            admission: _,
            failures: _,
            codes: _,
            fetcher: _,
            fetched: _,
            callbacks: _,
            terms: _,
            handshakes: _,
            strangers: _,
            under_way: _,
        } = self;
        write!(f, "GraphApi({settings:?})")
    }
}
