//! The corpora of the fuzz targets, and what was found with them.

use std::path::{Path, PathBuf};

use crate::checks::{keyring, row};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus");

/// A corpus is read with every clone: so many files, and so many bytes, for all targets of the crate.
const FILES: usize = 100;
const BYTES: u64 = 100_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(target: &str, check: fn(&[u8])) {
    let files = files(&Path::new(CORPUS).join(target));
    assert!(!files.is_empty(), "{target} has no corpus");
    for file in &files {
        // The last one that is printed is the one that fails.
        println!("{}", file.display());
        check(&std::fs::read(file).unwrap());
    }
}

#[test]
fn the_corpora_stay_small() {
    let files: Vec<_> = files(Path::new(CORPUS)).iter().flat_map(|target| files(target)).collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(files.len() <= FILES && bytes <= BYTES, "{} files, {bytes} bytes", files.len());
}

#[test]
fn keyrings_replay() {
    replay("keyring", keyring::check);
}

#[test]
fn sealed_rows_replay() {
    replay("row", row::check);
}

/// What a fuzzer reaches soon, so that a machine that never runs one has seen it too.
#[test]
fn every_byte_of_a_row_and_of_a_keyrings_head_counts() {
    for form in 0..8 {
        for place in 0..60 {
            row::check(&[form, place, 1]);
            row::check(&[form, place, 0x80]);
        }
        row::check(&[form]);
        for length in 0..60 {
            row::check(&[&[form | 8][..], &vec![form + 1; length]].concat());
        }
    }
    keyring::opens_untouched();
    for form in 1..=6 {
        for place in (0..160_u16).chain(8180..8200) {
            let [high, low] = place.to_be_bytes();
            keyring::check(&[form, high, low, 0x41, 0]);
        }
    }
}
