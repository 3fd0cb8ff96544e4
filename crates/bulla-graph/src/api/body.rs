use std::pin::pin;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bulla_base::Clock;
use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::limits::{BODY_PATIENCE, MAX_BODY_BYTES};
use crate::refusal::Refusal;

/// Reads a body of a request as a JSON object, whatever else its content type says, for some clients say nothing or the wrong thing.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    clock: &dyn Clock,
) -> Result<Map<String, Value>, Refusal> {
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    for form in [&b"multipart/"[..], b"application/x-www-form-urlencoded"] {
        if content_type.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form)) {
            return Err(Refusal::unreadable(
                "the request's body is a form; only a JSON object is supported here",
            ));
        }
    }
    let collected = pin!(Limited::new(body, MAX_BODY_BYTES).collect());
    let bytes = match select(collected, clock.sleep(BODY_PATIENCE)).await {
        Either::Left((Ok(collected), _)) => collected.to_bytes(),
        Either::Left((Err(error), _)) if error.is::<LengthLimitError>() => {
            return Err(Refusal::too_long(MAX_BODY_BYTES));
        }
        Either::Left((Err(_), _)) => return Err(Refusal::unreadable("the request's body broke off")),
        Either::Right(_) => return Err(Refusal::too_slow(BODY_PATIENCE)),
    };
    parse(&bytes)
}

fn parse(bytes: &Bytes) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Refusal::unreadable("the request's body must be a JSON object")),
        Err(_) if bytes.is_empty() => {
            Err(Refusal::unreadable("the request's body is empty; it must be a JSON object"))
        }
        // The parser's own message is not repeated: its wording is not ours to promise.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            Err(Refusal::unreadable(format!(
                "the request's body is not JSON, or nested deeper than {} levels, at line {line}, column {column}",
                crate::limits::MAX_NESTING
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_NESTING;

    fn nested(levels: usize) -> Bytes {
        // The object is the first level.
        let inner = levels - 1;
        format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner)).into()
    }

    #[test]
    fn the_deepest_body_is_read_and_one_level_more_is_not() {
        assert!(parse(&nested(MAX_NESTING)).is_ok());
        assert!(parse(&nested(MAX_NESTING + 1)).is_err());
    }
}
