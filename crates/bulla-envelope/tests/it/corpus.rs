//! The corpora that fuzzing has left behind.

use std::fs;
use std::path::Path;

use bulla_envelope::{Envelope, KeyBundle, KeyUpload};

use crate::checks::{envelope, upload};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus");

/// A corpus is read with every clone: so many files, and so many bytes.
const FILES: usize = 20;
const BYTES: usize = 20_000;

#[test]
fn envelopes_from_strangers_replay() {
    replay("envelope", envelope::check, 4, |bytes| Envelope::from_bytes(bytes.into()).is_ok());
}

#[test]
fn keys_from_strangers_replay() {
    replay("upload", upload::check, 4, |bytes| {
        KeyUpload::from_bytes(bytes.clone().into()).is_ok() || KeyBundle::from_bytes(bytes.into()).is_ok()
    });
}

/// So many files at least have to be read as something.
fn replay(target: &str, check: fn(&[u8]), least: usize, reads: fn(Vec<u8>) -> bool) {
    let folder = Path::new(CORPUS).join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let (mut bytes, mut read) = (0, 0);
    for file in &files {
        // The last one that is printed is the one that fails.
        println!("{}", file.display());
        let content = fs::read(file).unwrap();
        bytes += content.len();
        check(&content);
        read += usize::from(reads(content));
    }
    assert!(files.len() <= FILES && bytes <= BYTES, "{} files, {bytes} bytes", files.len());
    assert!(read >= least, "of {} files only {read} say something", files.len());
}
