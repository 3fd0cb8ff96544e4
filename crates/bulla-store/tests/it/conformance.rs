use bulla_store::{MemoryStore, conformance};

#[test]
fn the_memory_engine_keeps_every_rule() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(conformance::all(async || MemoryStore::new()));
}
