//! What a request says of itself: its token, in a header or the query, and its idempotency key.

use std::borrow::Cow;

use axum::http::HeaderName;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use bulla_relay::MAX_IDEMPOTENCY_BYTES;
use bytes::Bytes;

use crate::api_error::ApiError;
use crate::limits::MAX_TOKEN_BYTES;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The token a request presents, if one can be: neither empty nor too long.
pub(crate) fn token(head: &Parts) -> Option<Cow<'_, [u8]>> {
    presented(head).filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN_BYTES)
}

/// In `Authorization: Bearer`, or `OAuth`, as those write it that upload in parts, in any case; or else in
/// the query as `access_token`.
fn presented(head: &Parts) -> Option<Cow<'_, [u8]>> {
    let in_header = head.headers.get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    in_header
        .map(Cow::Borrowed)
        .or_else(|| query(head, "access_token").map(|token| Cow::Owned(token.into_bytes())))
}

/// What the query says of `name`, if anything.
pub(crate) fn query(head: &Parts, name: &str) -> Option<String> {
    let query = form_urlencoded::parse(head.uri.query()?.as_bytes());
    Some(query.into_iter().find(|(found, _)| found == name)?.1.into_owned())
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, token) = value.split_at(space);
    let is_known = [&b"bearer"[..], b"oauth"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_known.then(|| token.trim_ascii())
}

/// The idempotency key a request names, if any.
pub(crate) fn idempotency_key(head: &Parts) -> Result<Option<Bytes>, ApiError> {
    let mut keys = head.headers.get_all(IDEMPOTENCY_KEY).iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        // Which of the two is meant is not guessed: by the wrong one a message would go out twice, or not
        // at all.
        (Some(_), Some(_)) => Err(ApiError::value("Idempotency-Key", "it is given more than once")),
        (Some(key), None) if key.is_empty() => Err(ApiError::value("Idempotency-Key", "it is empty")),
        (Some(key), None) if key.len() > MAX_IDEMPOTENCY_BYTES => {
            let (actual, limit) = (key.len(), MAX_IDEMPOTENCY_BYTES);
            let why = format_args!("it has {actual} bytes, more than the {limit} allowed");
            Err(ApiError::value("Idempotency-Key", why))
        }
        (Some(key), None) => Ok(Some(Bytes::copy_from_slice(key.as_bytes()))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn asked(authorization: Option<&str>, target: &str) -> Option<String> {
        let mut request = Request::builder().uri(target);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        token(&head).map(|token| String::from_utf8(token.into_owned()).unwrap())
    }

    #[test]
    fn a_token_stands_in_the_header_or_in_the_query() {
        for scheme in ["Bearer", "bearer", "BEARER", "OAuth", "oauth"] {
            assert_eq!(asked(Some(&format!("{scheme} EAA")), "/").as_deref(), Some("EAA"));
        }
        assert_eq!(asked(Some("Bearer  EAA "), "/?access_token=other").as_deref(), Some("EAA"));
        assert_eq!(asked(None, "/x?a=b&access_token=E%7CA&c").as_deref(), Some("E|A"));
        assert_eq!(asked(Some("Basic eA=="), "/?access_token=EAA").as_deref(), Some("EAA"));
    }

    #[test]
    fn the_longest_is_presented_and_one_byte_more_is_not() {
        let longest = "t".repeat(MAX_TOKEN_BYTES);
        assert_eq!(asked(Some(&format!("Bearer {longest}")), "/"), Some(longest.clone()));
        assert_eq!(asked(Some(&format!("Bearer {longest}t")), "/"), None);
    }

    #[test]
    fn without_one_there_is_none() {
        assert_eq!(asked(None, "/"), None);
        assert_eq!(asked(None, "/?token=EAA"), None);
        assert_eq!(asked(Some("EAA"), "/"), None);
        assert_eq!(asked(Some("Basic EAA"), "/"), None);
        assert_eq!(asked(Some("Bearer "), "/"), None);
    }
}
