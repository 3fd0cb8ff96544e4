//! The floor: a file that is appended to and synced.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use bytes::Bytes;

use crate::engine_under_test::EngineUnderTest;
use crate::group_commit::Group;
use crate::submit_batch::id;

pub(crate) struct RawLog(Group);

impl EngineUnderTest for RawLog {
    const NAME: &'static str = "raw log";

    fn open(folder: &Path, _callers: usize) -> Self {
        let mut file = File::create(folder.join("log")).unwrap();
        let mut frames = Vec::new();
        Self(Group::start(move |group| {
            frames.clear();
            for item in group {
                let length = u32::try_from(item.message.len()).unwrap();
                frames.extend(length.to_be_bytes());
                frames.extend(id(item.caller, item.number));
                frames.extend(&item.message);
            }
            file.write_all(&frames).unwrap();
            file.sync_data().unwrap();
        }))
    }

    async fn accept(&self, caller: usize, number: u64, message: Bytes) {
        self.0.accept(caller, number, message).await;
    }

    fn syncs(&self) -> u64 {
        self.0.syncs()
    }
}
