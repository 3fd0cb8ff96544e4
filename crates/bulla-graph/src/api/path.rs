/// What a request's path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Path<'a> {
    /// The messages of the sending number with this id, as it was written.
    Messages(&'a str),
}

impl<'a> Path<'a> {
    /// Reads a path. A version before it, of any number, and a slash after it make no difference.
    pub(crate) fn read(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/').peekable();
        segments.next_if(|segment| is_version(segment));
        match (segments.next(), segments.next(), segments.next()) {
            (Some(number), Some("messages"), None) => Some(Self::Messages(number)),
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
    fn other_paths_lead_nowhere() {
        for path in [
            "",
            "/",
            "//",
            "/v1.0",
            "/1",
            "/1/",
            "/1/media",
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
