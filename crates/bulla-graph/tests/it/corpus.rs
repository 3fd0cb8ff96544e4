//! The corpora that fuzzing has left behind.

use std::path::Path;

use crate::checks::body;

/// A corpus is read with every clone: so many files, and so many bytes.
const FILES: usize = 150;
const BYTES: usize = 150_000;

#[test]
fn bodies_of_requests_replay() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus/body");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut bytes = 0;
    for file in &files {
        // The last one that is printed is the one that fails.
        println!("{}", file.display());
        let body = std::fs::read(file).unwrap();
        bytes += body.len();
        body::check(&body);
    }
    assert!(files.len() <= FILES && bytes <= BYTES, "{} files, {bytes} bytes", files.len());
}
