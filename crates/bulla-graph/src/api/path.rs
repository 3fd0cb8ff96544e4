use axum::http::Method;
use bulla_base::PhoneNumberId;
use bulla_relay::MediaId;

use crate::{Grant, Scope, media_name};

/// What a request's path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Path<'a> {
    /// The messages of the sending number with this id, as it was written.
    Messages(&'a str),
    /// The uploads of the sending number with this id.
    Uploads(&'a str),
    /// The uploads in several parts of the app with this id.
    Sessions(&'a str),
    /// One of them, that may not be finished.
    Session(PhoneNumberId, MediaId),
    /// The picture of the profile of the number with this id.
    Picture(&'a str),
    /// Media of a number.
    Media(PhoneNumberId, MediaId),
    /// Its bytes.
    Content(PhoneNumberId, MediaId),
    /// The message templates of the account with this id, as it was written.
    Templates(&'a str),
    /// What has this id: a number, an account, a template or a flow.
    Node(&'a str),
    /// A part of it.
    Edge(&'a str, Edge<'a>),
    /// Nothing in particular: several requests in one.
    Root,
    /// What a token opens.
    DebugToken,
    /// The app's own token.
    AppToken,
    /// To what the app with this id is subscribed.
    AppSubscriptions(&'a str),
}

/// A part of what has an id, or what is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge<'a> {
    Profile,
    Register,
    Deregister,
    RequestCode,
    VerifyCode,
    Settings,
    Commerce,
    Automation,
    BlockedUsers,
    QrCodes,
    QrCode(&'a str),
    /// Its picture.
    QrPicture(&'a str),
    /// One of an account's message templates: some clients ask for it there.
    Template(&'a str),
    Numbers,
    Flows,
    SubscribedApps,
    PricingAnalytics,
    UpsertTemplates,
    /// Of a template.
    Unpause,
    FlowAssets,
    FlowJson,
    PublishFlow,
    DeprecateFlow,
}

/// What they are called; but for a code, which is called by itself.
const EDGES: [(&str, Edge<'static>); 20] = [
    ("whatsapp_business_profile", Edge::Profile),
    ("register", Edge::Register),
    ("deregister", Edge::Deregister),
    ("request_code", Edge::RequestCode),
    ("verify_code", Edge::VerifyCode),
    ("settings", Edge::Settings),
    ("whatsapp_commerce_settings", Edge::Commerce),
    ("conversational_automation", Edge::Automation),
    ("block_users", Edge::BlockedUsers),
    ("message_qrdls", Edge::QrCodes),
    ("phone_numbers", Edge::Numbers),
    ("flows", Edge::Flows),
    ("subscribed_apps", Edge::SubscribedApps),
    ("pricing_analytics", Edge::PricingAnalytics),
    ("upsert_message_templates", Edge::UpsertTemplates),
    ("unpause", Edge::Unpause),
    ("assets", Edge::FlowAssets),
    ("flow.json", Edge::FlowJson),
    ("publish", Edge::PublishFlow),
    ("deprecate", Edge::DeprecateFlow),
];

impl<'a> Edge<'a> {
    fn read(name: &str) -> Option<Self> {
        EDGES.into_iter().find(|(known, _)| *known == name).map(|(_, edge)| edge)
    }

    /// Whether accounts have it, and not numbers.
    pub(crate) const fn is_of_account(self) -> bool {
        matches!(
            self,
            Self::Template(_)
                | Self::Numbers
                | Self::Flows
                | Self::SubscribedApps
                | Self::PricingAnalytics
                | Self::UpsertTemplates
        )
    }

    /// Whether flows have it.
    pub(crate) const fn is_of_flow(self) -> bool {
        matches!(self, Self::FlowAssets | Self::FlowJson | Self::PublishFlow | Self::DeprecateFlow)
    }
}

impl<'a> Path<'a> {
    /// A name for counters and traces.
    pub(crate) const fn route(path: Option<&Self>) -> &'static str {
        match path {
            Some(Self::Messages(_)) => "messages",
            Some(
                Self::Uploads(_)
                | Self::Sessions(_)
                | Self::Session(..)
                | Self::Picture(_)
                | Self::Media(..)
                | Self::Content(..),
            ) => "media",
            Some(Self::Templates(_)) => "templates",
            Some(Self::Node(_) | Self::Edge(..) | Self::AppSubscriptions(_)) => "management",
            Some(Self::Root) => "batch",
            Some(Self::DebugToken | Self::AppToken) => "token",
            None => "other",
        }
    }

    /// Reads a path. A version before it, of any number, and a slash after it make no difference.
    pub(crate) fn read(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/').peekable();
        segments.next_if(|segment| is_version(segment));
        match (segments.next(), segments.next(), segments.next()) {
            (Some(number), Some("messages"), None) => Some(Self::Messages(number)),
            (Some(number), Some("media"), None) => Some(Self::Uploads(number)),
            (Some(number), Some("profile_picture"), None) if is_id(number) => Some(Self::Picture(number)),
            // The app that the token is of, by any number or as the original's own examples name it.
            (Some(app), Some("uploads"), None) if app == "app" || is_id(app) => Some(Self::Sessions(app)),
            (Some(account), Some("message_templates"), None) => Some(Self::Templates(account)),
            (None | Some(""), None, None) => Some(Self::Root),
            (Some("debug_token"), None, None) => Some(Self::DebugToken),
            (Some("oauth"), Some("access_token"), None) => Some(Self::AppToken),
            (Some(app), Some("subscriptions"), None) if is_id(app) => Some(Self::AppSubscriptions(app)),
            (Some(name), None, None) => {
                let media = media_name::read(name).map(|(of, media)| Self::Media(of, media));
                let session = || media_name::read_session(name).map(|(of, media)| Self::Session(of, media));
                media.or_else(session).or_else(|| is_id(name).then_some(Self::Node(name)))
            }
            (Some(name), Some("content"), None) => {
                media_name::read(name).map(|(of, media)| Self::Content(of, media))
            }
            (Some(id), Some("message_qrdls"), Some(code))
                if segments.peek().is_none() && !code.is_empty() =>
            {
                Some(Self::Edge(id, Edge::QrCode(code)))
            }
            (Some(id), Some("message_qrdls"), Some(code)) if !code.is_empty() => {
                match (segments.next(), segments.next()) {
                    (Some("image"), None) => Some(Self::Edge(id, Edge::QrPicture(code))),
                    _ => None,
                }
            }
            (Some(id), Some("message_templates"), Some(template))
                if segments.next().is_none() && is_id(id) && is_id(template) =>
            {
                Some(Self::Edge(id, Edge::Template(template)))
            }
            (Some(id), Some(edge), None) if is_id(id) => Edge::read(edge).map(|edge| Self::Edge(id, edge)),
            _ => None,
        }
    }

    /// Whether the app's own token may open it, or its secret.
    pub(crate) const fn is_of_app(&self) -> bool {
        matches!(self, Self::DebugToken | Self::AppToken | Self::AppSubscriptions(_))
    }

    /// Whether a token that opens `grant` is for this, by this method.
    pub(crate) fn is_open_to(&self, grant: &Grant, method: &Method) -> bool {
        match self {
            Self::Messages(_) | Self::Uploads(_) | Self::Media(..) | Self::Content(..) => {
                grant.has(Scope::Messaging)
            }
            Self::Edge(_, Edge::Profile) if *method != Method::GET => grant.has(Scope::Management),
            // A file may be for either.
            Self::Sessions(_)
            | Self::Session(..)
            | Self::Picture(_)
            | Self::Edge(_, Edge::BlockedUsers | Edge::Profile) => {
                Scope::ALL.into_iter().any(|scope| grant.has(scope))
            }
            // Each part of a batch says for itself.
            Self::Root | Self::DebugToken | Self::AppToken | Self::AppSubscriptions(_) => true,
            Self::Templates(_) | Self::Node(_) | Self::Edge(..) => grant.has(Scope::Management),
        }
    }
}

/// Whether a segment can be the id of a number, an account, a template or a flow.
fn is_id(segment: &str) -> bool {
    (1..=20).contains(&segment.len()) && segment.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a segment is `v` and a number, such as `v23.0` or `v3`.
fn is_version(segment: &str) -> bool {
    let Some(number) = segment.strip_prefix('v') else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match number.split_once('.') {
        Some((major, minor)) => is_digits(major) && is_digits(minor),
        None => is_digits(number),
    }
}

#[cfg(test)]
mod described;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_version_or_none_leads_to_the_messages() {
        for path in
            ["/v14.0/1/messages", "/v26.0/1/messages", "/v3/1/messages", "/1/messages", "/1/messages/"]
        {
            assert_eq!(Path::read(path), Some(Path::Messages("1")), "{path}");
        }
    }

    #[test]
    fn media_is_uploaded_to_a_number_and_has_a_path_of_its_own() {
        for path in ["/v23.0/1/media", "/1/media", "/1/media/"] {
            assert_eq!(Path::read(path), Some(Path::Uploads("1")), "{path}");
        }
        let id =
            bulla_base::MessageId::new(bulla_base::Timestamp::from_millis(9), &bulla_base::SeededRng::new(1));
        let (of, media) = (PhoneNumberId::new(1), MediaId::from_bytes(*id.as_bytes()).unwrap());
        let name = media_name::write(of, media);
        assert_eq!(Path::read(&format!("/v23.0/{name}")), Some(Path::Media(of, media)));
        assert_eq!(Path::read(&format!("/{name}/content")), Some(Path::Content(of, media)));
        assert_eq!(Path::route(Path::read(&format!("/{name}")).as_ref()), "media");
        assert_eq!(Path::read(&format!("/{}", name.split_at(1).1)), None);
        let session = media_name::write_session(of, media);
        assert_eq!(Path::read(&format!("/v23.0/{session}")), Some(Path::Session(of, media)));
        assert_eq!(Path::read("/v23.0/1/uploads"), Some(Path::Sessions("1")));
        assert_eq!(Path::read("/v23.0/app/uploads"), Some(Path::Sessions("app")));
        assert_eq!(Path::read("/v23.0/apps/uploads"), None);
    }

    #[test]
    fn an_account_has_templates_and_each_has_a_path_of_its_own() {
        for path in ["/v23.0/7/message_templates", "/7/message_templates/"] {
            assert_eq!(Path::read(path), Some(Path::Templates("7")), "{path}");
        }
        assert_eq!(Path::read("/v23.0/1000000000000001"), Some(Path::Node("1000000000000001")));
        for path in ["/v23.0/7/message_templates/1000000000000001", "/7/message_templates/1000000000000001/"]
        {
            assert_eq!(Path::read(path), Some(Path::Edge("7", Edge::Template("1000000000000001"))), "{path}");
        }
        assert_eq!(Path::read("/7/message_templates/hello_world"), None);
        assert_eq!(Path::read("/7/message_templates/1000000000000001/compare"), None);
        assert_eq!(Path::read("/1000000000000001/compare"), None);
    }

    #[test]
    fn what_has_an_id_has_parts() {
        assert_eq!(Path::read("/v26.0/1/"), Some(Path::Node("1")));
        assert_eq!(Path::read("/v26.0/debug_token"), Some(Path::DebugToken));
        assert_eq!(Path::read("/v26.0/oauth/access_token"), Some(Path::AppToken));
        assert_eq!(Path::read("/v26.0/5/subscriptions/"), Some(Path::AppSubscriptions("5")));
        for path in ["", "/", "/v1.0", "/v1.0/"] {
            assert_eq!(Path::read(path), Some(Path::Root), "{path}");
        }
        for (path, edge) in [
            ("/v23.0/1/whatsapp_business_profile", Edge::Profile),
            ("/1/message_qrdls/", Edge::QrCodes),
            ("/1/message_qrdls/ABC", Edge::QrCode("ABC")),
            ("/1/message_qrdls/ABC/image/", Edge::QrPicture("ABC")),
            ("/1/phone_numbers", Edge::Numbers),
        ] {
            assert_eq!(Path::read(path), Some(Path::Edge("1", edge)), "{path}");
        }
        for path in [
            "/a/register",
            "/oauth",
            "/app/subscriptions",
            "/1/message_qrdls/ABC/2",
            "/1/message_qrdls//",
            "/1/message_qrdls/A/image/2",
            "/123456789012345678901",
        ] {
            assert_eq!(Path::read(path), None, "{path}");
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in ["///", "/1/content", "/1/media/2", "/v/1/messages", "/v1.x/1/messages", "/1/messages//"]
        {
            assert_eq!(Path::read(path), None, "{path}");
        }
        assert_eq!(Path::read("/v1.0/v2.0/messages"), Some(Path::Messages("v2.0")));
        assert_eq!(Path::read("/1/messages/2"), None);
        assert_eq!(Path::read("/a/1/messages"), None);
    }
}
