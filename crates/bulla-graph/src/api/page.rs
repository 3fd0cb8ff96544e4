//! Pages of a list: how many are asked for, where one begins, and where those beside it are.

use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bulla_relay::PageStart;
use serde_json::{Value, json};

use super::media::origin;
use super::request_headers::query;
use crate::Settings;
use crate::api_error::ApiError;
use crate::limits::{LISTED, MAX_LISTED};

/// Which page of a list is asked for, where a `K` says where something stands in it.
#[derive(Debug)]
pub(crate) struct PageAsked<K> {
    /// From where it is read.
    pub(crate) start: PageStart<K>,
    /// How many there are in it at most.
    pub(crate) limit: usize,
}

/// Whether something stands before a page, and behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides {
    has_previous: bool,
    has_next: bool,
}

impl PageAsked<Vec<u8>> {
    /// What a request asks for: `limit`, and `after` or `before` as [`cursor`] has written it.
    pub(crate) fn of(head: &Parts) -> Result<Self, ApiError> {
        let cursor = |name: &str| query(head, name).filter(|cursor| !cursor.is_empty());
        let start = match (cursor("after"), cursor("before")) {
            (None, None) => PageStart::First,
            (Some(after), None) => PageStart::After(place("after", &after)?),
            (None, Some(before)) => PageStart::Before(place("before", &before)?),
            (Some(_), Some(_)) => {
                return Err(ApiError::unreadable("before: it cannot be said together with after"));
            }
        };
        Ok(Self { start, limit: limit(head)? })
    }

    /// The same of what `read` makes of each place; nothing of what was never given as a cursor.
    pub(crate) fn read<K>(self, read: impl FnOnce(Vec<u8>) -> Option<K>) -> Result<PageAsked<K>, ApiError> {
        let name = if self.start.is_back() { "before" } else { "after" };
        let start = match self.start.map(read) {
            PageStart::First => PageStart::First,
            PageStart::After(place) => PageStart::After(place.ok_or_else(|| unknown(name))?),
            PageStart::Before(place) => PageStart::Before(place.ok_or_else(|| unknown(name))?),
        };
        Ok(PageAsked { start, limit: self.limit })
    }
}

impl<K> PageAsked<K> {
    /// Leaves of `found`, which are in the order of the list, those that are on the page. There is more in
    /// its direction if there was one too many.
    pub(crate) fn cut<T>(&self, found: &mut Vec<T>) -> Sides {
        let spare = found.len().saturating_sub(self.limit);
        match self.start.is_back() {
            true => drop(found.drain(..spare)),
            false => found.truncate(self.limit),
        }
        self.sides(spare > 0)
    }

    /// What stands beside the page when there `is_more` in its direction. In the other there is what the
    /// cursor was given for.
    pub(crate) const fn sides(&self, is_more: bool) -> Sides {
        match &self.start {
            PageStart::First => Sides { has_previous: false, has_next: is_more },
            PageStart::After(_) => Sides { has_previous: true, has_next: is_more },
            PageStart::Before(_) => Sides { has_previous: is_more, has_next: true },
        }
    }
}

/// How many are asked for.
fn limit(head: &Parts) -> Result<usize, ApiError> {
    match query(head, "limit").filter(|limit| !limit.is_empty()) {
        None => Ok(LISTED),
        Some(limit) => match limit.parse::<u32>() {
            Ok(limit) if limit > 0 => Ok(usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_LISTED)),
            _ => Err(ApiError::unreadable("limit: it is not a number from 1 on")),
        },
    }
}

fn place(name: &str, cursor: &str) -> Result<Vec<u8>, ApiError> {
    URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unknown(name))
}

fn unknown(name: &str) -> ApiError {
    ApiError::unreadable(format!("{name}: it is none of the cursors that were given"))
}

/// How a place in a list is written.
pub(crate) fn cursor(place: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// Where a page begins and ends, and where those beside it are, if there are any.
pub(crate) fn paging(
    head: &Parts,
    settings: &Settings,
    (before, after): (&str, &str),
    sides: Sides,
) -> Result<Value, ApiError> {
    let mut paging = json!({ "cursors": { "before": before, "after": after } });
    if sides.has_previous {
        paging["previous"] = link(head, settings, ("before", before))?.into();
    }
    if sides.has_next {
        paging["next"] = link(head, settings, ("after", after))?.into();
    }
    Ok(paging)
}

/// The same request, of another page.
fn link(head: &Parts, settings: &Settings, (name, cursor): (&str, &str)) -> Result<String, ApiError> {
    let mut other = form_urlencoded::Serializer::new(String::new());
    let asked = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    // The token, too, where it stands there: whoever follows the link has no other.
    other.extend_pairs(asked.filter(|(name, _)| name != "after" && name != "before"));
    other.append_pair(name, cursor);
    let origin = origin(head, settings)?;
    Ok(format!("{origin}{}?{}", head.uri.path(), other.finish()))
}

/// An answer with `items`, each of which stands behind its place in the list; and the pages beside it, if
/// there are any.
pub(crate) fn listed(
    head: &Parts,
    settings: &Settings,
    items: Vec<(impl AsRef<[u8]>, Value)>,
    sides: Sides,
) -> Result<Value, ApiError> {
    let place = |(place, _): &(_, Value)| cursor(AsRef::as_ref(place));
    let places = items.first().map(place).zip(items.last().map(place));
    let data: Vec<Value> = items.into_iter().map(|(_, item)| item).collect();
    let mut reply = json!({ "data": data });
    if let Some((first, last)) = places {
        reply["paging"] = paging(head, settings, (&first, &last), sides)?;
    }
    Ok(reply)
}
