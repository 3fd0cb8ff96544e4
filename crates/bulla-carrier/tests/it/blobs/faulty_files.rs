use std::io;
use std::sync::{Arc, Mutex};

use bulla_base::Day;
use bulla_carrier::{BlobFiles, BlobName, FolderBlobs, FoundBlob};
use bytes::Bytes;

/// Files whose disk fails when it is told to: before it does what it is asked for, or after.
#[derive(Debug, Clone)]
pub(super) struct FaultyFiles {
    files: Arc<FolderBlobs>,
    fault: Arc<Mutex<Fault>>,
}

#[derive(Debug)]
struct Fault {
    /// So many calls that change something go well. None: all do.
    good: Option<usize>,
    kind: io::ErrorKind,
    /// Whether the call that fails is carried out.
    is_done: bool,
}

impl FaultyFiles {
    pub(super) fn over(files: FolderBlobs) -> Self {
        let fault = Fault { good: None, kind: io::ErrorKind::Other, is_done: false };
        Self { files: Arc::new(files), fault: Arc::new(Mutex::new(fault)) }
    }

    pub(super) fn fail_after(&self, good: usize) {
        self.fault.lock().unwrap().good = Some(good);
    }

    /// The disk that fails does carry out what it fails at.
    pub(super) fn after_the_fact(self) -> Self {
        self.fault.lock().unwrap().is_done = true;
        self
    }

    pub(super) fn with(self, kind: io::ErrorKind) -> Self {
        self.fault.lock().unwrap().kind = kind;
        self
    }

    pub(super) fn recover(&self) {
        self.fault.lock().unwrap().good = None;
    }

    fn change(&self, call: impl Fn(&FolderBlobs) -> io::Result<()>) -> io::Result<()> {
        let mut fault = self.fault.lock().unwrap();
        match &mut fault.good {
            Some(0) => {
                if fault.is_done {
                    call(&self.files)?;
                }
                Err(fault.kind.into())
            }
            Some(good) => {
                *good -= 1;
                call(&self.files)
            }
            None => call(&self.files),
        }
    }
}

impl BlobFiles for FaultyFiles {
    fn find(&self, day: Day, name: &BlobName) -> io::Result<Option<FoundBlob>> {
        self.files.find(day, name)
    }

    fn create(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.change(|files| files.create(day, name))
    }

    fn write(&self, day: Day, name: &BlobName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(|files| files.write(day, name, offset, bytes))
    }

    fn complete(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.change(|files| files.complete(day, name))
    }

    fn read(&self, day: Day, name: &BlobName, offset: u64, at_most: usize) -> io::Result<Bytes> {
        self.files.read(day, name, offset, at_most)
    }

    fn remove(&self, day: Day, name: &BlobName) -> io::Result<()> {
        self.change(|files| files.remove(day, name))
    }

    fn drop_days_before(&self, complete: Day, partial: Day) -> io::Result<()> {
        self.files.drop_days_before(complete, partial)
    }
}
