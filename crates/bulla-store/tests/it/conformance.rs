use std::sync::Arc;

use bulla_store::{BoxStore, MemoryStore, conformance};

use crate::run;
use crate::upkeep::Nothing;

#[test]
fn the_memory_engine_keeps_every_rule() {
    run(conformance::all(async || MemoryStore::new()));
}

#[test]
fn layers_that_change_nothing_keep_every_rule() {
    run(conformance::all(async || Nothing(Arc::new(MemoryStore::new()))));
}

#[test]
fn boxed_stores_keep_every_rule() {
    run(conformance::all(async || BoxStore::new(MemoryStore::new())));
}
