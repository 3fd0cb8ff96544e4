//! The engine against the model of the port, opened again now and then, with more of it flushed than usual.

use bulla_store::conformance;
use bulla_store_fjall::{FjallOptions, FjallStore};
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::run;

/// Small write buffers, so that some of what is read was flushed.
fn open(folder: &TempDir) -> FjallStore {
    FjallStore::open(folder.path(), FjallOptions::default().write_buffer_bytes(0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_the_model_does(steps in vec(vec(any::<u8>(), 0..64), 1..80)) {
        run(async {
            let folder = TempDir::new().unwrap();
            let reopen = async |store: FjallStore| {
                store.close().await.unwrap();
                open(&folder)
            };
            conformance::walk(open(&folder), reopen, &steps).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_the_model_does_when_it_is_compacted(steps in vec(vec(any::<u8>(), 0..64), 1..40)) {
        run(async {
            let folder = TempDir::new().unwrap();
            let reopen = async |store: FjallStore| {
                store.compact().await.unwrap();
                store
            };
            conformance::walk(open(&folder), reopen, &steps).await;
        });
    }
}
