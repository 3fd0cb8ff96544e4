//! The thread that waits for the disk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use fjall::OwnedWriteBatch;

use crate::error::disk;
use crate::queue::Teller;
use crate::store::Shared;

/// Writes one group after the other while the committer puts the next together.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once it is to end.
    groups: Option<SyncSender<OwnedWriteBatch>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(shared: Arc<Shared>, teller: Teller) -> io::Result<Self> {
        let (groups, handed) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name("bulla-writer".into())
            .spawn(move || run(&shared, &handed, &teller))?;
        Ok(Self { groups: Some(groups), thread: Some(thread) })
    }

    /// Begins to write; what comes of it is told to the committer. Only while no other write is under way.
    pub(crate) fn begin(&self, group: OwnedWriteBatch) -> io::Result<()> {
        let ended = || io::Error::other("the thread that writes has ended");
        self.groups.as_ref().ok_or_else(ended)?.try_send(group).map_err(|_| ended())
    }
}

/// Waits for the write that is under way.
impl Drop for Writer {
    fn drop(&mut self) {
        self.groups = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that writes ended by a panic");
        }
    }
}

fn run(shared: &Shared, groups: &Receiver<OwnedWriteBatch>, teller: &Teller) {
    for group in groups {
        teller.tell(write(shared, group));
    }
}

/// Makes a group durable, with one sync; then its rows can be read.
pub(crate) fn write(shared: &Shared, group: OwnedWriteBatch) -> io::Result<()> {
    let tables = shared.read();
    if tables.is_none() {
        return Err(io::ErrorKind::NotConnected.into());
    }
    group.commit().map_err(disk)?;
    shared.tally.sync();
    Ok(())
}
