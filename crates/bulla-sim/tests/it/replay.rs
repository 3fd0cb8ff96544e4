//! A failing run is only worth something if it can be had again.

#[test]
fn the_same_seed_gives_the_same_trace() {
    let (first, again, other) = (bulla_sim::run(7), bulla_sim::run(7), bulla_sim::run(8));
    assert!(first.trace.len() > 200, "a trace of {} lines shows little", first.trace.len());
    assert_eq!(first, again);
    assert_ne!(first.trace, other.trace);
}
