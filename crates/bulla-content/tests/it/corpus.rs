//! The corpus that fuzzing has left behind.

use std::fs;
use std::path::Path;

use crate::checks::content;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus/content");

/// A corpus is read with every clone: so many files, and so many bytes.
const FILES: usize = 50;
const BYTES: usize = 50_000;

#[test]
fn contents_from_strangers_replay() {
    let mut files: Vec<_> =
        fs::read_dir(Path::new(CORPUS)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let (mut bytes, mut read) = (0, 0);
    for file in &files {
        // The last one that is printed is the one that fails.
        println!("{}", file.display());
        let content = fs::read(file).unwrap();
        bytes += content.len();
        read += usize::from(bulla_content::Content::decode(&padded(&content)).is_ok());
        content::check(&content);
    }
    assert!(files.len() <= FILES && bytes <= BYTES, "{} files, {bytes} bytes", files.len());
    assert!(read >= 8, "of {} files only {read} say something", files.len());
}

fn padded(protobuf: &[u8]) -> Vec<u8> {
    let mut padded = [&[0; 32][..], protobuf, &[0x80]].concat();
    padded.resize(padded.len().next_multiple_of(bulla_content::PADDING_STEP), 0);
    padded
}
