//! The corpus that fuzzing has left behind.

use std::path::Path;

use crate::checks::answer;

/// A corpus is read with every clone: so many files, and so many bytes.
const FILES: usize = 50;
const BYTES: u64 = 300_000;

#[test]
fn answers_of_any_web_server_replay() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus/answer");
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|file| file.unwrap().path()).collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
    println!("{} files, {bytes} bytes", files.len());
    assert!((20..=FILES).contains(&files.len()) && bytes <= BYTES);
    files.sort();
    for file in &files {
        // The last one that is printed is the one that fails.
        println!("{}", file.display());
        let bytes = std::fs::read(file).unwrap();
        answer::check(&bytes);
        // The same as an answer to the other request, and cut short anywhere.
        answer::check(&[&[bytes[0] ^ 1], &bytes[1..]].concat());
        for end in (0..bytes.len().min(400)).step_by(7) {
            answer::check(&bytes[..end]);
        }
    }
}
