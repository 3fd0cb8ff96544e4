//! The body of a request: read as a whole when it is wanted, read away when it is not.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use bulla_base::{Clock, Timestamp};
use bytes::Bytes;
use futures_util::future::{Either, poll_fn, select};

use super::folded_json;
use crate::api_error::ApiError;
use crate::limits::{
    BODY_TIMEOUT, DRAIN_TIMEOUT, MAX_BODY_BYTES, MAX_DRAINED_BYTES, MAX_FORM_BYTES, UPLOAD_TIMEOUT,
};
use crate::metrics;

/// A body that has not been read to its end.
pub(crate) struct Incoming {
    body: Body,
    /// How long it says it is.
    declared: Option<usize>,
    is_form: bool,
    is_urlencoded: bool,
    /// Whether the client sends it only after it was asked to, which the first read does.
    waits: bool,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Unread,
    Begun,
    Ended,
    /// It broke off, or took too long: nothing more is to be had from this connection.
    Lost,
}

impl Incoming {
    pub(crate) fn new(headers: &HeaderMap, body: Body) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let declared = text(CONTENT_LENGTH).parse().ok();
        let content_type = text(CONTENT_TYPE).as_bytes();
        let is = |form: &[u8]| {
            content_type.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form))
        };
        let is_urlencoded = is(b"application/x-www-form-urlencoded");
        let is_form = is_urlencoded || is(b"multipart/");
        let waits = text(EXPECT).eq_ignore_ascii_case("100-continue");
        let state = if body.is_end_stream() { State::Ended } else { State::Unread };
        Self { body, declared, is_form, is_urlencoded, waits, state }
    }

    /// How many bytes of memory it may take while it is read.
    pub(crate) fn most(&self) -> usize {
        if self.state == State::Ended { 0 } else { self.declared.unwrap_or(MAX_BODY_BYTES) }
    }

    /// Refuses what can be refused before it is read: a form with parts, whatever is in it, and what says
    /// itself that it is too long. Of another content type it may be: some clients say nothing or the wrong
    /// thing.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.is_multipart() {
            return Err(ApiError::unreadable(
                "the request's body is a form with parts; only a JSON object or a form of words is supported here",
            ));
        }
        self.check_length()
    }

    /// Refuses what says itself that it is too long, whatever its content type.
    pub(crate) fn check_length(&self) -> Result<(), ApiError> {
        if self.most() > MAX_BODY_BYTES { Err(ApiError::too_long(MAX_BODY_BYTES)) } else { Ok(()) }
    }

    /// Whether it is a form of words, without a file.
    pub(crate) const fn is_urlencoded(&self) -> bool {
        self.is_urlencoded
    }

    /// Whether it is a form with a file.
    pub(crate) const fn is_multipart(&self) -> bool {
        self.is_form && !self.is_urlencoded
    }

    /// Refuses a form that says itself that it is too long.
    pub(crate) fn check_form(&self) -> Result<(), ApiError> {
        match self.declared {
            Some(declared) if declared as u64 > MAX_FORM_BYTES => {
                Err(ApiError::too_long(usize::try_from(MAX_FORM_BYTES).unwrap_or(usize::MAX)))
            }
            _ => Ok(()),
        }
    }

    /// How long it says it is, if it says so.
    pub(crate) const fn declared(&self) -> Option<usize> {
        self.declared
    }

    /// Its next piece, nothing at its end: within [`BODY_TIMEOUT`], and before `end`.
    pub(crate) async fn piece(
        &mut self,
        clock: &dyn Clock,
        end: Timestamp,
    ) -> Result<Option<Bytes>, ApiError> {
        let limit = if clock.now() < end { BODY_TIMEOUT } else { UPLOAD_TIMEOUT };
        if clock.now() < end
            && let Either::Left((piece, _)) = select(pin!(self.next()), clock.sleep(BODY_TIMEOUT)).await
        {
            return piece;
        }
        self.state = State::Lost;
        Err(ApiError::too_slow(limit))
    }

    /// Reads it to its end.
    pub(crate) async fn read(&mut self, clock: &dyn Clock) -> Result<Vec<u8>, ApiError> {
        self.read_up_to(MAX_BODY_BYTES, clock).await
    }

    /// Reads it to its end, unless it is longer than `most` bytes.
    pub(crate) async fn read_up_to(&mut self, most: usize, clock: &dyn Clock) -> Result<Vec<u8>, ApiError> {
        if self.declared.is_some_and(|declared| declared > most) {
            return Err(ApiError::too_long(most));
        }
        let in_time = match select(pin!(self.whole(most)), clock.sleep(BODY_TIMEOUT)).await {
            Either::Left((outcome, _)) => Some(outcome),
            Either::Right(_) => None,
        };
        in_time.unwrap_or_else(|| {
            self.state = State::Lost;
            Err(ApiError::too_slow(BODY_TIMEOUT))
        })
    }

    /// Reads to its end what must be a JSON object: a form of words is made one.
    pub(crate) async fn read_object(&mut self, clock: &dyn Clock) -> Result<Vec<u8>, ApiError> {
        let bytes = self.read(clock).await?;
        Ok(if self.is_urlencoded { folded_json::of_form(&bytes) } else { bytes })
    }

    async fn whole(&mut self, most: usize) -> Result<Vec<u8>, ApiError> {
        // It grows with what arrives: a length that was only said takes no memory.
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            if bytes.len() + piece.len() > most {
                // Counted as it comes: a body may be longer than it said, or say nothing.
                return Err(ApiError::too_long(most));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Reads away what is left of it, within a bound, so that the connection can go on. Whether it can.
    pub(crate) async fn drain(&mut self, clock: &dyn Clock) -> bool {
        match self.state {
            State::Ended => return true,
            State::Lost => return false,
            // Were it read now, the client would be asked for it.
            State::Unread if self.waits => return false,
            // It would be given up half-way, so it is not begun.
            State::Unread if self.most() > MAX_DRAINED_BYTES => return false,
            State::Unread | State::Begun => {}
        }
        let mut left = MAX_DRAINED_BYTES;
        let draining = pin!(async {
            loop {
                match self.next().await {
                    Ok(None) => return true,
                    Ok(Some(piece)) if piece.len() <= left => left -= piece.len(),
                    Ok(Some(_)) | Err(_) => return false,
                }
            }
        });
        match select(draining, clock.sleep(DRAIN_TIMEOUT)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => false,
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        poll_fn(|cx| self.poll_next(cx)).await.transpose()
    }

    /// Its next piece; nothing at its end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ApiError>>> {
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        self.state = State::Begun;
        loop {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => {
                    self.state = State::Ended;
                    return Poll::Ready(None);
                }
                // Trailers are no data.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => {
                        ::metrics::counter!(metrics::BODY_BYTES).increment(piece.len() as u64);
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    Err(_) => continue,
                },
                Some(Err(_)) => {
                    self.state = State::Lost;
                    return Poll::Ready(Some(Err(ApiError::unreadable("the request's body broke off"))));
                }
            }
        }
    }
}
