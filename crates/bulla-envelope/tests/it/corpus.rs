//! The corpora that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use bulla_envelope::{Envelope, KeyBundle, KeyUpload};

use self::replay::Corpora;
use crate::checks::{envelope, upload};

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 20, max_bytes: 20_000 };

#[test]
fn the_corpora_stay_small() {
    CORPORA.stay_small();
}

#[test]
fn envelopes_from_strangers_replay() {
    let mut read = 0;
    CORPORA.replay("envelope", |bytes| {
        envelope::check(bytes);
        read += usize::from(Envelope::from_bytes(bytes.to_vec().into()).is_ok());
    });
    assert!(read >= 4, "only {read} files say something");
}

#[test]
fn keys_from_strangers_replay() {
    let mut read = 0;
    CORPORA.replay("upload", |bytes| {
        upload::check(bytes);
        let is_upload = KeyUpload::from_bytes(bytes.to_vec().into()).is_ok();
        read += usize::from(is_upload || KeyBundle::from_bytes(bytes.to_vec().into()).is_ok());
    });
    assert!(read >= 4, "only {read} files say something");
}
