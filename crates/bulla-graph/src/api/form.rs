//! A form with a file, read as it comes: `multipart/form-data` (RFC 7578), its fields in any order.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use bulla_base::{Clock, Timestamp};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::{Either, select};
use futures_util::stream::poll_fn;
use multer::{Field, Multipart};

use super::body::Incoming;
use crate::api_error::ApiError;
use crate::limits::{
    BODY_TIMEOUT, MAX_FORM_BUFFER_BYTES, MAX_FORM_BYTES, MAX_FORM_FIELD_BYTES, UPLOAD_TIMEOUT,
};

/// The fields of a form that come one after the other.
pub(crate) struct Form<'a> {
    parts: Multipart<'a>,
    clock: &'a dyn Clock,
    end: Timestamp,
    buffered: Arc<AtomicU64>,
}

/// A field whose bytes are still to be read.
pub(crate) struct FormField<'a> {
    field: Field<'a>,
}

impl<'a> Form<'a> {
    /// The form in `body`, whose content type is `content_type`.
    pub(crate) fn new(
        content_type: &str,
        body: &'a mut Incoming,
        clock: &'a dyn Clock,
    ) -> Result<Self, ApiError> {
        let boundary = multer::parse_boundary(content_type).map_err(|_| {
            ApiError::unreadable("the request's body must be a form with a file, as multipart/form-data")
        })?;
        let buffered = Arc::<AtomicU64>::default();
        let parts = Multipart::new(pieces(body, Arc::clone(&buffered)), boundary);
        Ok(Self { parts, clock, end: clock.now().after(UPLOAD_TIMEOUT), buffered })
    }

    /// The next field; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<FormField<'a>>, ApiError> {
        let next = in_time(self.clock, self.end, self.parts.next_field()).await?;
        self.buffered.store(0, Ordering::Relaxed);
        Ok(next.map(|field| FormField { field }))
    }

    /// The next bytes of `field`; nothing at its end.
    pub(crate) async fn bytes_of(&self, field: &mut FormField<'_>) -> Result<Option<Bytes>, ApiError> {
        let bytes = in_time(self.clock, self.end, field.field.chunk()).await?;
        self.buffered.store(0, Ordering::Relaxed);
        Ok(bytes)
    }

    /// All of `field`, which is called `name` and is short.
    pub(crate) async fn text_of(
        &self,
        mut field: FormField<'_>,
        name: &'static str,
    ) -> Result<String, ApiError> {
        let mut text = Vec::new();
        while let Some(bytes) = self.bytes_of(&mut field).await? {
            if text.len() + bytes.len() > MAX_FORM_FIELD_BYTES {
                return Err(ApiError::long(name, "bytes", text.len() + bytes.len(), MAX_FORM_FIELD_BYTES));
            }
            text.extend_from_slice(&bytes);
        }
        String::from_utf8(text).map_err(|_| ApiError::mistyped(name, "a string"))
    }
}

impl FormField<'_> {
    pub(crate) fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    pub(crate) fn content_type(&self) -> Option<String> {
        self.field.content_type().map(ToString::to_string)
    }
}

/// The pieces of `body`, one each time it is asked.
///
/// The parser takes whatever is ready before it looks at any of it. So it is told after each piece that
/// nothing more is ready just now, and that there is too much when it has found nothing in
/// [`MAX_FORM_BUFFER_BYTES`].
fn pieces(
    body: &mut Incoming,
    buffered: Arc<AtomicU64>,
) -> impl Stream<Item = Result<Bytes, multer::Error>> + Send {
    let (mut rests, mut whole) = (false, 0_u64);
    poll_fn(move |cx| {
        if std::mem::take(&mut rests) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = match body.poll_next(cx) {
            Poll::Ready(Some(piece)) => piece,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        let Ok(piece) = piece else {
            return Poll::Ready(Some(Err(multer::Error::IncompleteStream)));
        };
        rests = true;
        let length = piece.len() as u64;
        whole = whole.saturating_add(length);
        let before = buffered.fetch_add(length, Ordering::Relaxed);
        Poll::Ready(Some(if whole > MAX_FORM_BYTES {
            Err(multer::Error::StreamSizeExceeded { limit: MAX_FORM_BYTES })
        } else if before > MAX_FORM_BUFFER_BYTES {
            Err(multer::Error::FieldSizeExceeded { limit: MAX_FORM_BUFFER_BYTES, field_name: None })
        } else {
            Ok(piece)
        }))
    })
}

async fn in_time<R>(
    clock: &dyn Clock,
    end: Timestamp,
    reading: impl Future<Output = Result<R, multer::Error>>,
) -> Result<R, ApiError> {
    if clock.now() >= end {
        return Err(ApiError::too_slow(UPLOAD_TIMEOUT));
    }
    match select(pin!(reading), clock.sleep(BODY_TIMEOUT)).await {
        Either::Left((outcome, _)) => outcome.map_err(|error| unreadable(&error)),
        Either::Right(_) => Err(ApiError::too_slow(BODY_TIMEOUT)),
    }
}

fn unreadable(error: &multer::Error) -> ApiError {
    match error {
        multer::Error::StreamSizeExceeded { limit } => {
            ApiError::too_long(usize::try_from(*limit).unwrap_or(usize::MAX))
        }
        multer::Error::FieldSizeExceeded { limit, .. } => ApiError::unreadable(format!(
            "the request's form has more than {limit} bytes of heads, or in a field that is not known"
        )),
        // The parser's own message is not repeated: its wording is not ours to promise.
        _ => ApiError::unreadable("the request's body is not the form it says, or it broke off"),
    }
}
