use bulla_base::PhoneNumberId;
use bulla_relay::{MediaId, TemplateId};

use crate::media_name;

/// What a request's path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Path<'a> {
    /// The messages of the sending number with this id, as it was written.
    Messages(&'a str),
    /// The uploads of the sending number with this id.
    Uploads(&'a str),
    /// Media of a number.
    Media(PhoneNumberId, MediaId),
    /// Its bytes.
    Content(PhoneNumberId, MediaId),
    /// The message templates of the account with this id, as it was written.
    Templates(&'a str),
    /// One of them.
    Template(TemplateId),
}

impl<'a> Path<'a> {
    /// A name for counters and traces.
    pub(crate) const fn route(path: Option<&Self>) -> &'static str {
        match path {
            Some(Self::Messages(_)) => "messages",
            Some(Self::Uploads(_) | Self::Media(..) | Self::Content(..)) => "media",
            Some(Self::Templates(_) | Self::Template(_)) => "templates",
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
            (Some(account), Some("message_templates"), None) => Some(Self::Templates(account)),
            (Some(name), None, None) => {
                let media = media_name::read(name).map(|(of, media)| Self::Media(of, media));
                media.or_else(|| TemplateId::parse(name).map(Self::Template))
            }
            (Some(name), Some("content"), None) => {
                media_name::read(name).map(|(of, media)| Self::Content(of, media))
            }
            _ => None,
        }
    }
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
    }

    #[test]
    fn an_account_has_templates_and_each_has_a_path_of_its_own() {
        for path in ["/v23.0/7/message_templates", "/7/message_templates/"] {
            assert_eq!(Path::read(path), Some(Path::Templates("7")), "{path}");
        }
        let id = TemplateId::parse("1000000000000001").unwrap();
        assert_eq!(Path::read("/v23.0/1000000000000001"), Some(Path::Template(id)));
        assert_eq!(Path::read("/1000000000000001/compare"), None);
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "/",
            "//",
            "/v1.0",
            "/1",
            "/1/",
            "/1/content",
            "/1/media/2",
            "/v/1/messages",
            "/v1.x/1/messages",
            "/1/messages//",
        ] {
            assert_eq!(Path::read(path), None, "{path}");
        }
        assert_eq!(Path::read("/v1.0/v2.0/messages"), Some(Path::Messages("v2.0")));
        assert_eq!(Path::read("/1/messages/2"), None);
        assert_eq!(Path::read("/a/1/messages"), None);
    }
}
