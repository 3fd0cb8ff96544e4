use std::cell::RefCell;

use bulla_store::conformance;

use crate::{Fresh, run};

#[test]
fn the_embedded_engine_keeps_every_rule() {
    let folders = RefCell::new(Vec::new());
    run(conformance::all(async || {
        let Fresh { store, folder } = Fresh::open();
        folders.borrow_mut().push(folder);
        store
    }));
}
