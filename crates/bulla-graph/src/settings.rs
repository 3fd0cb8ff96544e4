use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::api::AllowedOrigins;
use crate::limits::MAX_BODY_BYTES;

/// What an operator may turn on the API: how much of it may go on at once, and what names a message.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) body_bytes: usize,
    pub(crate) callback_data_is_key: bool,
    pub(crate) origin: Option<String>,
    pub(crate) allowed_origins: AllowedOrigins,
    pub(crate) deep_link: Option<String>,
    pub(crate) app: u64,
    pub(crate) app_secret: Option<AppSecret>,
    app_owner: Option<AppSecret>,
    pub(crate) is_proof_required: bool,
}

/// A secret of the app, which somebody else knows as well, and which does not print.
#[derive(Clone)]
pub(crate) struct AppSecret(Zeroizing<String>);

impl AppSecret {
    /// The HMAC-SHA-256 of `bytes` under it; of an empty one, which is none, nothing.
    pub(crate) fn tag(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        if self.0.is_empty() {
            return None;
        }
        let keyed = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        Some(keyed.chain_update(bytes).finalize().into_bytes().into())
    }

    /// Whether `presented` is it, behind `begins`, in a time that does not tell how far it is.
    pub(crate) fn is_shown(&self, begins: &str, presented: &[u8]) -> bool {
        let whole = Zeroizing::new([begins.as_bytes(), self.0.as_bytes()].concat());
        let (Some(known), Some(shown)) = (self.tag(&whole), self.tag(presented)) else { return false };
        known.ct_eq(&shown).into()
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(…)")
    }
}

impl Default for Settings {
    /// 512 connections, 512 requests and 32 MiB of bodies at once; what clients attach is no key.
    fn default() -> Self {
        Self {
            connections: 512,
            requests: 512,
            body_bytes: 32 * 1024 * 1024,
            callback_data_is_key: false,
            origin: None,
            allowed_origins: AllowedOrigins::default(),
            deep_link: None,
            app: 1,
            app_secret: None,
            app_owner: None,
            is_proof_required: false,
        }
    }
}

impl Settings {
    /// How many connections [`serve`](crate::GraphApi::serve) holds at once, at least one. When one more
    /// comes, the connection that has waited longest for a request is closed for it; when all are busy, it
    /// waits for one to become free.
    ///
    /// Default: 512, half of the files that a process may commonly have open, so that store and webhooks keep
    /// theirs. Each takes a file and some 20 KiB. The more there are, the longer clients keep what they have
    /// opened; too few, and they open a new one for each request.
    #[must_use]
    pub fn connections(mut self, at_once: usize) -> Self {
        self.connections = at_once.max(1);
        self
    }

    /// How many requests may be under way at once, at least one: from when their body is read to when the
    /// relay has answered. Others wait up to [`ROOM_TIMEOUT`](crate::ROOM_TIMEOUT) and are then asked to
    /// try again.
    ///
    /// Default: 512. Each holds its message, some 20 KiB at most. With few, a slow disk is felt by all at
    /// once; with thousands, what waits for the relay waits there instead of at its clients.
    #[must_use]
    pub fn requests(mut self, at_once: usize) -> Self {
        self.requests = at_once.max(1);
        self
    }

    /// How many bytes of bodies may be read at once, at least one body of [`MAX_BODY_BYTES`]. A body counts
    /// with the length it says, without one as the longest; one of up to 16 KiB does not count, as most
    /// messages are. Others wait up to [`ROOM_TIMEOUT`](crate::ROOM_TIMEOUT) and are then asked to try
    /// again.
    ///
    /// Default: 32 MiB, 128 of the longest. Memory for up to four times as much may be needed.
    #[must_use]
    pub fn body_bytes(mut self, at_once: usize) -> Self {
        self.body_bytes = at_once.max(MAX_BODY_BYTES);
        self
    }

    /// Where clients reach the API, such as `https://graph.example.org/api`: what the addresses of files
    /// begin with. Behind a proxy that ends TLS, or under a prefix, it has to be said.
    ///
    /// Default: `http://`, or `https://` where this server speaks TLS, and the host that each request
    /// names. Clients that find another origin there than they call do not send their token.
    #[must_use]
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        let origin: String = origin.into();
        self.origin = Some(origin.trim_end_matches('/').to_owned());
        self
    }

    /// The origins, such as `https://app.example.org`, whose web pages may call the API from a browser and
    /// read its answers (CORS). `*` is every one. Others are answered as well, and their browser keeps it
    /// from them: this protects users of browsers, and no secret of the API's.
    ///
    /// Default: none. A page that calls the API holds a token, and so does whoever opens its source: keep
    /// tokens on a server where you can. Cookies and the like are never allowed, with `*` least of all; the
    /// origin `null` is not, unless all are.
    #[must_use]
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_origins = AllowedOrigins::new(origins);
        self
    }

    /// What the links begin with that lead a user to a number, such as `https://m.example.org/`: a code
    /// follows. Whatever stands there is the messenger's.
    ///
    /// Default: the [origin](Self::origin) and `/message/`, where nothing stands.
    #[must_use]
    pub fn deep_link(mut self, begins: impl Into<String>) -> Self {
        self.deep_link = Some(begins.into());
        self
    }

    /// The id of the app that clients find themselves to be.
    ///
    /// Default: 1. Some clients are told theirs and compare.
    #[must_use]
    pub const fn app(mut self, id: u64) -> Self {
        self.app = id;
        self
    }

    /// Has requests show that their client knows this secret: by `appsecret_proof`, the HMAC-SHA-256 of the
    /// token under it, in hexadecimal digits. A wrong one is refused; a missing one if it `is_required`.
    ///
    /// Default: none, and what is shown is not looked at. Where it is required, a token alone is of no use to
    /// whoever finds it; clients that cannot show it are locked out.
    ///
    /// # Security
    /// Every client knows it, so it opens nothing by itself. What is the app's own has
    /// [another](Self::app_owner_secret).
    #[must_use]
    pub fn app_secret(mut self, secret: impl Into<String>, is_required: bool) -> Self {
        self.app_secret = Some(AppSecret(Zeroizing::new(secret.into())));
        self.is_proof_required = is_required;
        self
    }

    /// Lets whoever knows this secret act as the app: have its token (`/oauth/access_token`), or write
    /// `{app id}|{secret}` for it.
    ///
    /// Default: none. The app has no token then, and what it opens is not there. One of up to about 1000
    /// bytes can be shown. An empty one is none, and so is the one that [proves requests](Self::app_secret),
    /// which clients know: a warning tells that.
    ///
    /// # Security
    /// It is the operator's. Whoever knows it is told of any token what it opens and until when; and where
    /// clients set [callbacks](crate::GraphApi::callbacks), has all that is written to every number of every
    /// business that has no callback of its own, nor its account one, sent elsewhere, past the host's
    /// webhook. No client needs it that is for one business.
    #[must_use]
    pub fn app_owner_secret(mut self, secret: impl Into<String>) -> Self {
        self.app_owner = Some(AppSecret(Zeroizing::new(secret.into())));
        self
    }

    /// The secret that opens what is the app's own, if there is one that does.
    pub(crate) fn app_owner(&self) -> Option<&AppSecret> {
        let owner = self.app_owner.as_ref().filter(|owner| !owner.0.is_empty())?;
        (!self.is_owner_shared()).then_some(owner)
    }

    /// Whether it is the one that all clients know.
    pub(crate) fn is_owner_shared(&self) -> bool {
        let (Some(owner), Some(proof)) = (&self.app_owner, &self.app_secret) else { return false };
        owner.is_shown("", proof.0.as_bytes())
    }

    /// Has `biz_opaque_callback_data` name the message, as the header `Idempotency-Key` does where it is
    /// given: for clients that cannot set a header, and give each message a reference of their own. The same
    /// message with the same reference is then answered with the first one's id and not sent again, for 30
    /// days; another one is refused, with 409.
    ///
    /// Default: off. Clients of the original may attach the same text to many messages, such as the name of a
    /// campaign: with this on, all but the first of them are refused. It costs a commit more a message.
    #[must_use]
    pub const fn callback_data_is_key(mut self, is_key: bool) -> Self {
        self.callback_data_is_key = is_key;
        self
    }
}
