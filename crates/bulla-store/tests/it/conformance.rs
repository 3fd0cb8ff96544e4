use bulla_store::{MemoryStore, conformance};

use crate::run;

#[test]
fn the_memory_engine_keeps_every_rule() {
    run(conformance::all(async || MemoryStore::new()));
}
