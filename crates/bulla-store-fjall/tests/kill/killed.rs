use std::collections::HashMap;
use std::env;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use bulla_store_fjall::FjallStore;
use tempfile::TempDir;

use crate::ledger::{self, WRITERS};
use crate::{FOLDER, ROLE, wait};

const LOOPS: u64 = 30;

/// Kills a writing child at a random moment, thirty times over on the same store. It is a failure if an entry that a child reported is
/// absent, differs or has another version, if the three tables disagree, if a version was used before, or if the store does not open.
pub(crate) fn nothing_acknowledged_is_lost() {
    let folder = TempDir::new().unwrap();
    let mut acknowledged = HashMap::new();
    let mut newest = 0;
    for round in 0..LOOPS {
        let moment = Duration::from_millis(20 + RandomState::new().hash_one(round) % 400);
        let role = if round % 3 == 0 { "write and compact" } else { "write" };
        for (writer, number, version) in report(folder.path(), role, moment) {
            assert!(
                version > newest,
                "version {version} was used before the child began, which was at {newest}"
            );
            let first = acknowledged.insert((writer, number), version);
            assert_eq!(first, None, "entry {number} of writer {writer} is acknowledged once");
        }
        let found = wait(entries(folder.path()));
        for (entry, version) in &acknowledged {
            assert_eq!(
                found.get(entry),
                Some(version),
                "{entry:?} was acknowledged, then killed after {moment:?}"
            );
        }
        newest = found.values().copied().max().unwrap_or(0);
    }
    assert!(
        acknowledged.len() > 300,
        "only {} entries were acknowledged: too few to tell",
        acknowledged.len()
    );
}

/// What a child reports until it is killed at `moment`.
fn report(folder: &Path, role: &str, moment: Duration) -> Vec<(u8, u64, u64)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    });
    thread::sleep(moment);
    assert!(child.try_wait().unwrap().is_none(), "the child ended before it was killed");
    child.kill().unwrap();
    child.wait().unwrap();
    let text = reader.join().unwrap();
    // The last line may have been cut.
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    whole
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mut next = || words.next().unwrap().parse::<u64>().unwrap();
            (u8::try_from(next()).unwrap(), next(), next())
        })
        .collect()
}

async fn entries(folder: &Path) -> HashMap<(u8, u64), u64> {
    let store = FjallStore::open(folder, ledger::options()).unwrap();
    let mut found = HashMap::new();
    for writer in 0..WRITERS {
        for (number, record) in ledger::entries(&store, writer).await {
            found.insert((writer, number), record.version.number());
        }
    }
    store.close().await.unwrap();
    found
}
