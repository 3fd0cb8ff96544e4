//! A failing run is only worth something if it can be had again.

use bulla_sim::{Plan, run};

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..8 {
        let (first, again) = (run(&Plan::of(seed), None, true), run(&Plan::of(seed), None, true));
        assert!(first.trace.len() > 20, "a trace of {} lines shows little", first.trace.len());
        assert_eq!(first, again, "seed {seed}");
    }
}

#[test]
fn another_seed_gives_another_trace() {
    let traces = [7, 8].map(|seed| run(&Plan::of(seed), None, true).trace);
    assert_ne!(traces[0], traces[1]);
}
