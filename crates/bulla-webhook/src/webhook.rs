use std::fmt;

use bulla_relay::Destination;
use form_urlencoded::byte_serialize;
use http::uri::PathAndQuery;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::webhook_url::{Origin, WebhookUrl};

/// Where a business takes its updates, and the two secrets it shares with the relay for it.
///
/// # Security
/// Neither secret prints, nor does the query of the URL, in which others put theirs. Both are wiped when
/// dropped.
#[derive(Clone)]
pub struct Webhook {
    url: WebhookUrl,
    verify_token: Zeroizing<String>,
    app_secret: Zeroizing<String>,
    has_account_updates: bool,
}

impl Webhook {
    /// The web server at `url`, which answers the handshake to `verify_token` and checks signatures with
    /// `app_secret`.
    ///
    /// Whether the address behind it may be called is looked at when it is
    /// [subscribed](crate::WebhookSink::subscribe) and at every call.
    ///
    /// # Errors
    /// When `url` is not one that starts with `https://` or `http://` and names a host by its name or an
    /// address in its usual spelling, holds a user or password, or is too long for the handshake to be
    /// appended; when its port is 0 or above 65,535; when a secret is empty.
    pub fn new(
        url: &str,
        verify_token: impl Into<String>,
        app_secret: impl Into<String>,
    ) -> Result<Self, InvalidWebhook> {
        let url = WebhookUrl::parse(url)?;
        let webhook = Self {
            url,
            verify_token: Zeroizing::new(verify_token.into()),
            app_secret: Zeroizing::new(app_secret.into()),
            has_account_updates: false,
        };
        if webhook.verify_token.is_empty() {
            return Err(InvalidWebhook::EmptySecret { what: "verify token" });
        }
        if webhook.app_secret.is_empty() {
            return Err(InvalidWebhook::EmptySecret { what: "app secret" });
        }
        // Longer than any challenge: what does not fit shows now, and not when the first event is due.
        match webhook.handshake_target(&"0".repeat(20)) {
            Some(_) => Ok(webhook),
            None => Err(InvalidWebhook::Url { why: "it is too long for the handshake to be appended" }),
        }
    }

    /// What this webhook is, but at `url`, of which the handshake has been made already.
    pub(crate) fn moved_to(&self, url: &str) -> Result<Self, InvalidWebhook> {
        Ok(Self { url: WebhookUrl::parse(url)?, verify_token: Zeroizing::default(), ..self.clone() })
    }

    /// Whether updates go to the same place, and are signed the same, as those of `other`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let has_secret: bool = self.app_secret().ct_eq(other.app_secret()).into();
        has_secret
            && self.url.origin() == other.url.origin()
            && self.url.uri() == other.url.uri()
            && self.has_account_updates == other.has_account_updates
    }

    /// Has it be told what becomes of message templates, too (`message_template_status_update`), and what
    /// restricts a number (`account_update`).
    ///
    /// Default: off, since what is told of an account names no number, which breaks programs that expect one
    /// in every update.
    #[must_use]
    pub const fn account_updates(mut self) -> Self {
        self.has_account_updates = true;
        self
    }

    pub(crate) const fn has_account_updates(&self) -> bool {
        self.has_account_updates
    }

    pub(crate) const fn origin(&self) -> &Origin {
        self.url.origin()
    }

    /// The web server and the path: whatever the query says, they fail together.
    pub(crate) fn destination(&self) -> Destination {
        Destination::named(self.to_string())
    }

    /// What is asked for at the origin.
    pub(crate) fn target(&self) -> Option<PathAndQuery> {
        self.url.uri().path_and_query().cloned()
    }

    pub(crate) fn app_secret(&self) -> &[u8] {
        self.app_secret.as_bytes()
    }

    /// What asks the web server to show that it knows the verify token, by answering with `challenge`.
    pub(crate) fn handshake_target(&self, challenge: &str) -> Option<PathAndQuery> {
        let mut target = Zeroizing::new(String::from(self.url.uri().path()));
        target.push('?');
        if let Some(query) = self.url.uri().query().filter(|query| !query.is_empty()) {
            target.push_str(query);
            target.push('&');
        }
        target.push_str("hub.mode=subscribe&hub.challenge=");
        target.push_str(challenge);
        target.push_str("&hub.verify_token=");
        target.extend(byte_serialize(self.verify_token.as_bytes()));
        PathAndQuery::try_from(target.as_str()).ok()
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({self})")
    }
}

impl fmt::Display for Webhook {
    /// The URL without its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, verify_token: _, app_secret: _, has_account_updates: _ } = self;
        let origin = url.origin();
        write!(f, "{}://{origin}{}", origin.protocol.name(), url.uri().path())
    }
}

/// What was given is not a webhook. The operator's move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidWebhook {
    /// The URL cannot be used.
    #[error("not a webhook's url: {why}")]
    Url {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The URL's port is none.
    #[error("not a webhook's url: its port must be a number from 1 to 65535")]
    Port,
    /// A secret is empty.
    #[error("the {what} is empty")]
    EmptySecret {
        /// Which secret.
        what: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str) -> Result<Webhook, InvalidWebhook> {
        Webhook::new(url, "tok&en =é", "secret")
    }

    #[test]
    fn the_handshake_keeps_the_query_and_encodes_the_token() {
        let handshake = |url: &str| webhook(url).unwrap().handshake_target("123").unwrap().to_string();
        let asked = "hub.mode=subscribe&hub.challenge=123&hub.verify_token=tok%26en+%3D%C3%A9";
        assert_eq!(handshake("http://a.b:8080/hook"), format!("/hook?{asked}"));
        assert_eq!(handshake("http://a.b/hook?x=1&y"), format!("/hook?x=1&y&{asked}"));
        assert_eq!(handshake("http://a.b"), format!("/?{asked}"));
        assert_eq!(handshake("http://a.b/?#part"), format!("/?{asked}"));
    }

    #[test]
    fn what_cannot_be_called_is_refused_at_once() {
        for url in [
            "",
            "a.b",
            "/hook",
            "ftp://a.b",
            "https://",
            "https://u:p@a.b/",
            "http://",
            "http:///x",
            "http://u:p@a.b/",
            "http://a b/",
            "http://:80/",
            "http://münchen.example/",
            "http://127.1/",
        ] {
            assert!(matches!(webhook(url), Err(InvalidWebhook::Url { .. })), "{url}");
        }
        let long = format!("http://a.b/{}", "x".repeat(65_500));
        assert!(matches!(webhook(&long), Err(InvalidWebhook::Url { .. })));
        assert!(matches!(Webhook::new("http://a.b", "", "s"), Err(InvalidWebhook::EmptySecret { .. })));
        assert!(matches!(Webhook::new("http://a.b", "t", ""), Err(InvalidWebhook::EmptySecret { .. })));
    }

    #[test]
    fn a_port_that_there_is_not_is_refused_by_name() {
        for port in ["0", "65536", "99999", "4294967376", ""] {
            let url = format!("http://a.b:{port}/hook");
            assert_eq!(webhook(&url).unwrap_err(), InvalidWebhook::Port, "{url}");
        }
        for port in ["1", "65535"] {
            assert!(webhook(&format!("http://a.b:{port}/hook")).is_ok(), "{port}");
        }
    }

    #[test]
    fn neither_secrets_nor_queries_print() {
        for url in ["http://a.b:8080/hook", "https://a.b/hook"] {
            let webhook = Webhook::new(&format!("{url}?key=k3y"), "t0ken", "s3cret").unwrap();
            assert_eq!(format!("{webhook:?}"), format!("Webhook({url})"));
        }
    }
}
