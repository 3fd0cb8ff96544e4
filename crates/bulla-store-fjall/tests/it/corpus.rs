//! The corpus that fuzzing has left behind.

use std::fs;
use std::path::Path;

use crate::checks::journal;

/// A corpus is read with every clone: so many files, and so many bytes.
const FILES: usize = 30;
const BYTES: usize = 30_000;

#[test]
fn changed_journals_replay() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus/journal");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut bytes = 0;
    for file in &files {
        // The last one that is printed is the one that fails.
        println!("{}", file.display());
        let content = fs::read(file).unwrap();
        bytes += content.len();
        journal::check(&content);
    }
    assert!(files.len() <= FILES && bytes <= BYTES, "{} files, {bytes} bytes", files.len());
}
