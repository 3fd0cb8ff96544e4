//! Pages of a list: how many are asked for, where one goes on, and where the next one is.

use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::media::origin;
use super::request_headers::query;
use crate::Settings;
use crate::api_error::ApiError;
use crate::limits::{LISTED, MAX_LISTED};

/// How many are asked for.
pub(crate) fn limit(head: &Parts) -> Result<usize, ApiError> {
    match query(head, "limit").filter(|limit| !limit.is_empty()) {
        None => Ok(LISTED),
        Some(limit) => match limit.parse::<u32>() {
            Ok(limit) if limit > 0 => Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_LISTED)),
            _ => Err(ApiError::unreadable("limit: it is not a number from 1 on")),
        },
    }
}

/// Behind what the page begins, as [`cursor`] has written it.
pub(crate) fn after(head: &Parts) -> Result<Option<Vec<u8>>, ApiError> {
    let after = query(head, "after").filter(|after| !after.is_empty());
    let place = after.map(|after| URL_SAFE_NO_PAD.decode(after));
    place.transpose().map_err(|_| ApiError::unreadable("after: it is none of the cursors that were given"))
}

/// How a place in a list is written.
pub(crate) fn cursor(place: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// Where a page begins and ends, and where the next one is, if there is one.
pub(crate) fn paging(
    head: &Parts,
    settings: &Settings,
    (before, after): (&str, &str),
    has_next: bool,
) -> Result<Value, ApiError> {
    let mut paging = json!({ "cursors": { "before": before, "after": after } });
    if has_next {
        let mut next = form_urlencoded::Serializer::new(String::new());
        let asked = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        // The token, too, where it stands there: whoever follows the link has no other.
        next.extend_pairs(asked.filter(|(name, _)| name != "after"));
        next.append_pair("after", after);
        let origin = origin(head, settings)?;
        paging["next"] = format!("{origin}{}?{}", head.uri.path(), next.finish()).into();
    }
    Ok(paging)
}

/// An answer with `items`, each of which stands behind its place in the list; and the next page, if there is
/// one.
pub(crate) fn listed(
    head: &Parts,
    settings: &Settings,
    items: Vec<(impl AsRef<[u8]>, Value)>,
    has_next: bool,
) -> Result<Value, ApiError> {
    let place = |(place, _): &(_, Value)| cursor(AsRef::as_ref(place));
    let places = items.first().map(place).zip(items.last().map(place));
    let data: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    let mut reply = json!({ "data": data });
    if let Some((first, last)) = places {
        reply["paging"] = paging(head, settings, (&first, &last), has_next)?;
    }
    Ok(reply)
}
