//! The corpora that fuzzing has left behind.

use std::path::{Path, PathBuf};

use crate::checks::{dialogue, message, parts, records, stored};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus");

/// A corpus is read with every clone: so many files, and so many bytes, for all targets of the crate.
const FILES: usize = 150;
const BYTES: u64 = 150_000;

/// Runs a check over each file of its corpus, of which there has to be one at least.
fn replay(target: &str, check: fn(&[u8])) {
    let mut files: Vec<_> =
        std::fs::read_dir(Path::new(CORPUS).join(target)).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.sort();
    for file in &files {
        // The last one that is printed is the one that fails.
        println!("{}", file.display());
        check(&std::fs::read(file).unwrap());
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn the_corpora_stay_small() {
    let files: Vec<_> = files(Path::new(CORPUS)).iter().flat_map(|target| files(target)).collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    println!("{} files, {bytes} bytes", files.len());
    assert!(files.len() <= FILES && bytes <= BYTES);
}

#[test]
fn messages_from_strangers_replay() {
    replay("message", message::check);
}

#[test]
fn stored_sessions_replay() {
    replay("stored", stored::check);
}

#[test]
fn parts_replay() {
    replay("parts", parts::check);
    // What the corpus started from is what is stored today, so that what it checks is still read.
    assert_eq!(std::fs::read(Path::new(CORPUS).join("parts/all")).unwrap(), parts::sample());
}

#[test]
fn records_replay() {
    replay("records", records::check);
}

#[test]
fn dialogues_replay() {
    replay("dialogue", dialogue::check);
}
