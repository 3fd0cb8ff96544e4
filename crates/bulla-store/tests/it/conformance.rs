use std::sync::Arc;

use bulla_store::{BoxStore, Layer, MemoryStore, conformance};

use crate::run;

#[test]
fn the_memory_engine_keeps_every_rule() {
    run(conformance::all(async || MemoryStore::new()));
}

/// A layer that changes nothing.
struct Nothing(Arc<MemoryStore>);

impl Layer for Nothing {
    type Beneath = Arc<MemoryStore>;

    fn beneath(&self) -> &Arc<MemoryStore> {
        &self.0
    }
}

#[test]
fn layers_that_change_nothing_keep_every_rule() {
    run(conformance::all(async || Nothing(Arc::new(MemoryStore::new()))));
}

#[test]
fn boxed_stores_keep_every_rule() {
    run(conformance::all(async || BoxStore::new(MemoryStore::new())));
}
