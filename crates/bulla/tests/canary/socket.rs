//! Calls between two processes over a Unix socket: calls and answers as frames, many at a time.
//!
//! ```text
//! length (4 bytes) ‖ number of the call (8) ‖ word (1) ‖ body
//! ```
//!
//! Nothing is buffered: each frame has memory of its own, which is freed, and so overwritten, when it has
//! been dealt with.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Buf, BufMut, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// The word of a call that is taken back.
const NEVER_MIND: u8 = 0xff;
/// The word of an answer to a call that was carried out.
pub(crate) const DONE: u8 = 0;

const MAX_FRAME_BYTES: u32 = 1 << 24;

struct Frame {
    call: u64,
    word: u8,
    body: Bytes,
}

/// The calling end. A clone is the same end.
#[derive(Clone)]
pub(crate) struct SocketClient(Arc<Inner>);

struct Inner {
    out: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<(u8, Bytes)>>>,
    next: AtomicU64,
}

impl SocketClient {
    /// A client of whoever answers at `socket`, as soon as somebody does.
    pub(crate) async fn connect(socket: &Path) -> Self {
        let stream = loop {
            match UnixStream::connect(socket).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        };
        let (mut read, write) = stream.into_split();
        let inner =
            Arc::new(Inner { out: writer(write), waiting: Mutex::default(), next: AtomicU64::new(0) });
        let hears = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Some(Frame { call, word, body }) = read_frame(&mut read).await.unwrap_or(None) {
                if let Some(waiting) = hears.waiting.lock().unwrap().remove(&call) {
                    let _ = waiting.send((word, body));
                }
            }
            // Whoever still waits, or asks from now on, is told that nobody is there.
            hears.waiting.lock().unwrap().clear();
        });
        Self(inner)
    }

    /// The answer to a call. Dropped before it has come, the call is taken back.
    pub(crate) async fn call(&self, word: u8, body: &[u8]) -> io::Result<(u8, Bytes)> {
        let call = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.0.waiting.lock().unwrap().insert(call, answer);
        let _waiting = Waiting { inner: &self.0, call };
        self.0.out.send(frame(call, word, body)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        answered.await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

struct Waiting<'a> {
    inner: &'a Inner,
    call: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.inner.waiting.lock().unwrap().remove(&self.call).is_some() {
            let _ = self.inner.out.send(frame(self.call, NEVER_MIND, &[]));
        }
    }
}

/// Answers every call at `socket` with what `answer` makes of it, until the runtime ends.
pub(crate) async fn serve<F>(socket: &Path, answer: impl Fn(u8, Bytes) -> F + Clone + Send + 'static)
where
    F: Future<Output = (u8, Vec<u8>)> + Send + 'static,
{
    let listener = UnixListener::bind(socket).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = answer.clone();
        tokio::spawn(async move {
            let (mut read, write) = stream.into_split();
            let out = writer(write);
            let under_way = Arc::new(Mutex::new(HashMap::<u64, AbortHandle>::new()));
            while let Some(Frame { call, word, body }) = read_frame(&mut read).await.unwrap_or(None) {
                if word == NEVER_MIND {
                    let task = under_way.lock().unwrap().remove(&call);
                    task.inspect(AbortHandle::abort);
                    continue;
                }
                let (work, out, done) = (answer(word, body), out.clone(), Arc::clone(&under_way));
                let mut calls = under_way.lock().unwrap();
                let task = tokio::spawn(async move {
                    let (word, body) = work.await;
                    done.lock().unwrap().remove(&call);
                    let _ = out.send(frame(call, word, &body));
                });
                calls.insert(call, task.abort_handle());
            }
            under_way.lock().unwrap().drain().for_each(|(_, task)| task.abort());
        });
    }
}

/// What is sent there is written, in its order.
fn writer(mut write: OwnedWriteHalf) -> mpsc::UnboundedSender<Vec<u8>> {
    let (out, mut frames) = mpsc::unbounded_channel::<Vec<u8>>();
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            if write.write_all(&frame).await.is_err() {
                return;
            }
        }
    });
    out
}

fn frame(call: u64, word: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(13 + body.len());
    frame.put_u32(u32::try_from(9 + body.len()).unwrap());
    frame.put_u64(call);
    frame.put_u8(word);
    frame.put_slice(body);
    frame
}

async fn read_frame(read: &mut OwnedReadHalf) -> io::Result<Option<Frame>> {
    let length = match read.read_u32().await {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    assert!((9..=MAX_FRAME_BYTES).contains(&length), "a frame of {length} bytes");
    let mut frame = vec![0; usize::try_from(length).unwrap()];
    read.read_exact(&mut frame).await?;
    let mut body = Bytes::from(frame);
    let (call, word) = (body.get_u64(), body.get_u8());
    Ok(Some(Frame { call, word, body }))
}
