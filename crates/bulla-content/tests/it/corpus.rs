//! The corpora that fuzzing has left behind.

#[path = "../../../../fuzz/replay.rs"]
mod replay;

use std::collections::BTreeSet;

use bulla_content::{Body, Content};

use self::replay::Corpora;
use crate::checks::content;
use crate::protobuf::padded;
use crate::samples::bodies;

/// Longer ones would be changed at many places that are alike.
const MAX_CHANGED_BYTES: usize = 400;

const CORPORA: Corpora = Corpora { package: env!("CARGO_MANIFEST_DIR"), max_files: 120, max_bytes: 60_000 };

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

/// Each small one cut at each place, and with each of its bytes changed.
#[test]
fn contents_that_were_cut_or_changed_replay() {
    CORPORA.replay_changed("content", |bytes| {
        if bytes.len() <= MAX_CHANGED_BYTES {
            content::check(bytes);
        }
    });
}

/// Every kind has a seed, which says what its name tells.
#[test]
fn every_kind_has_a_seed() {
    let mut kinds = BTreeSet::new();
    CORPORA.replay("content", |bytes| {
        if let Ok((content, _)) = Content::decode(&padded(bytes)) {
            kinds.insert(content.body().name());
        }
    });
    let expected = bodies().iter().map(Body::name).chain(["unsupported"]).collect();
    assert_eq!(kinds, expected);
}
