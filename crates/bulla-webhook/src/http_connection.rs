use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use crate::WebhookError;
use crate::dialer::Connection;
use crate::limits::{MAX_RESPONSE_HEAD_BYTES, READ_BUFFER_BYTES};

/// A connection that speaks HTTP. Dropping it closes it soon, [`close`](Self::close) at once, whatever is
/// under way.
pub(crate) struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    /// What moves the bytes; it ends with this.
    driver: JoinSet<()>,
}

impl HttpConnection {
    pub(crate) async fn open(connection: Box<dyn Connection>) -> Result<Self, WebhookError> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(READ_BUFFER_BYTES);
        let (sender, connection) = builder.handshake(TokioIo::new(connection)).await.map_err(unreachable)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // What goes wrong shows in the call that is under way.
            let _ = connection.await;
        });
        Ok(Self { sender, driver })
    }

    /// Ends once the connection is gone.
    pub(crate) async fn close(mut self) {
        self.driver.shutdown().await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Sends `request` as soon as the call before has left the connection, and waits for the head of the
    /// answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, WebhookError> {
        self.sender.ready().await.map_err(unreachable)?;
        let response = self.sender.send_request(request).await.map_err(unreachable)?;
        let bytes = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        // The buffer's own limit holds only while a head is still incomplete.
        if response.headers().iter().map(bytes).sum::<usize>() > MAX_RESPONSE_HEAD_BYTES {
            return Err(WebhookError::Unreachable("the head of the answer is too large".into()));
        }
        Ok(response)
    }
}

fn unreachable(error: hyper::Error) -> WebhookError {
    WebhookError::Unreachable(error.into())
}
