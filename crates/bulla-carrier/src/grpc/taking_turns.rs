use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::{TURN_BYTES, WRITING_TURN_BYTES};

/// A connection that lets the others have their turn after it has read [`TURN_BYTES`], or written
/// [`WRITING_TURN_BYTES`].
///
/// A peer that sends without a pause has always more to be read, and one that reads as fast takes all that is
/// written; what does so would not stop, and whoever else is served on the same thread would wait for it. It
/// is put behind them here, and goes on when they have been served.
#[derive(Debug)]
pub(crate) struct TakingTurns<C> {
    connection: C,
    left: usize,
    left_to_write: usize,
}

impl<C> TakingTurns<C> {
    /// `connection`, at the beginning of its turn.
    pub(crate) const fn new(connection: C) -> Self {
        Self { connection, left: TURN_BYTES, left_to_write: WRITING_TURN_BYTES }
    }
}

impl<C> TakingTurns<C> {
    fn poll_turn_to_write(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.left_to_write > 0 {
            return Poll::Ready(());
        }
        self.left_to_write = WRITING_TURN_BYTES;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    const fn wrote(&mut self, written: &Poll<io::Result<usize>>) {
        self.left_to_write = match written {
            Poll::Ready(Ok(bytes)) => self.left_to_write.saturating_sub(*bytes),
            _ => WRITING_TURN_BYTES,
        };
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for TakingTurns<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.left = TURN_BYTES;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.connection).poll_read(cx, buffer);
        self.left = match read {
            // Others have been served in the meantime.
            Poll::Pending => TURN_BYTES,
            Poll::Ready(_) => self.left.saturating_sub(buffer.filled().len() - before),
        };
        Poll::Ready(ready!(read))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for TakingTurns<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn_to_write(cx));
        let written = Pin::new(&mut self.connection).poll_write(cx, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn_to_write(cx));
        let written = Pin::new(&mut self.connection).poll_write_vectored(cx, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_sends_without_a_pause_is_read_in_turns_and_to_the_end() {
        const ALL: usize = 4 * TURN_BYTES;
        let bytes = vec![7; ALL];
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut reading = TakingTurns::new(&bytes[..]);
        let (mut of_this_turn, mut all, mut turns) = (0, 0, 0);
        while all < ALL {
            let mut place = [0; 1024];
            let mut buffer = ReadBuf::new(&mut place);
            match Pin::new(&mut reading).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(read) => {
                    read.unwrap();
                    of_this_turn += buffer.filled().len();
                    all += buffer.filled().len();
                }
                Poll::Pending => {
                    assert_eq!(std::mem::take(&mut of_this_turn), TURN_BYTES);
                    turns += 1;
                }
            }
        }
        assert_eq!((turns, wakes.0.load(Ordering::Relaxed)), (3, 3), "it asks to go on each time");
    }

    #[test]
    fn who_reads_without_a_pause_is_written_to_in_turns() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut writing = TakingTurns::new(Vec::new());
        let (mut of_this_turn, mut turns) = (0, 0);
        while turns < 3 {
            match Pin::new(&mut writing).poll_write(&mut cx, &[7; 1024]) {
                Poll::Ready(written) => of_this_turn += written.unwrap(),
                Poll::Pending => {
                    assert_eq!(std::mem::take(&mut of_this_turn), WRITING_TURN_BYTES);
                    turns += 1;
                }
            }
        }
        assert_eq!(writing.connection.len(), 3 * WRITING_TURN_BYTES);
    }
}
