use std::env;
use std::process::Command;

use bulla_store::Store;
use bulla_store_fjall::{FjallOptions, FjallStore};
use tempfile::TempDir;

use crate::ledger::{self, NOW};
use crate::{FOLDER, ROLE, wait};

/// The largest file the child may write, in units of 512 bytes: an empty journal and some more.
const FILE_LIMIT: u64 = (80 << 20) / 512;

/// Lets a child write until its files may grow no more. It is a failure if the child finds the store acknowledging anything after that, or
/// if something it had acknowledged before is not there when the store is opened again.
pub(crate) fn nothing_is_acknowledged_after_the_disk_failed() {
    if !cfg!(unix) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let script = format!("trap '' XFSZ; ulimit -f {FILE_LIMIT}; exec \"$0\"");
    let child = Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .env(ROLE, "fill")
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(child.status.success(), "{said}");
    let acknowledged: u64 = String::from_utf8(child.stdout).unwrap().trim().parse().unwrap();
    assert!(acknowledged > 0);
    wait(async {
        let store = FjallStore::open(folder.path(), FjallOptions::default()).unwrap();
        for number in 0..acknowledged {
            let record = store.get(ledger::partition(0), &ledger::entry(number), NOW).await.unwrap();
            assert_eq!(record.map(|record| record.value.len()), Some(1 << 20), "value {number}");
        }
        let mut batch = bulla_store::Batch::new(ledger::partition(0));
        batch.put(ledger::entry(0), "the store goes on");
        assert!(store.commit(batch).await.is_ok());
    });
}
