//! The corpora that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use bulla_content::{Content, PADDING_STEP};

use self::replay::Corpora;
use crate::checks::content;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 50, max_bytes: 50_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn contents_from_strangers_replay() {
    let mut read = 0;
    CORPORA.replay("content", |bytes| {
        read += usize::from(Content::decode(&padded(bytes)).is_ok());
        content::check(bytes);
    });
    assert!(read >= 8, "only {read} files say something");
}

fn padded(protobuf: &[u8]) -> Vec<u8> {
    let mut padded = [&[0; 32][..], protobuf, &[0x80]].concat();
    padded.resize(padded.len().next_multiple_of(PADDING_STEP), 0);
    padded
}
