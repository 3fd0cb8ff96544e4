//! The guide's page on monitoring against the code, and what is told and counted at its most talkative, on
//! every route and every error path.
//!
//! Would count as failure: a number in any shape, a text, a name, an emoji that was used, a token, a secret,
//! an idempotency key or a tracking text in an event, a span, or the name or a label of a counter; or a
//! counter of the guide's page that a run through the system never moves. Would count as failure of the test
//! itself: that it does not see what is planted.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that fails should say so by panicking"
)]

mod attackers;
mod business;
#[path = "../canary/canaries.rs"]
mod canaries;
mod declared_metrics;
mod faults;
#[path = "../../../../benches/abuse/frames.rs"]
#[allow(dead_code, reason = "the benchmark makes more of them")]
mod frames;
mod guide_page;
#[path = "../canary/log.rs"]
mod log;
mod personal_data;
mod requests;
mod scenario;
mod spans;
mod system_under_test;

use std::collections::BTreeSet;
use std::path::Path;

use metrics_util::debugging::{DebuggingRecorder, Snapshotter};

use guide_page::PAGE;
use personal_data::PersonalData;

#[test]
fn nothing_personal_is_told_or_counted_and_every_counter_of_the_page_counts() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("traces");
    log::log_to(&written);
    let recorder = DebuggingRecorder::new();
    let counted = recorder.snapshotter();
    recorder.install().unwrap();

    let personal = PersonalData::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(scenario::run(folder.path(), &personal));
    runtime.shutdown_background();

    let (told, counted) = (std::fs::read(&written).unwrap(), names_and_labels(&counted));
    what_is_planted_is_found(&personal, &written);
    let found = personal.find(&told);
    assert!(found.is_empty(), "in {} bytes of traces:\n{}", told.len(), found.join("\n"));
    let found = personal.find(counted.iter().map(|(_, text)| &**text).collect::<String>().as_bytes());
    assert!(found.is_empty(), "in counters:\n{}", found.join("\n"));

    let told = String::from_utf8(told).unwrap();
    let (outside, begun, listed) = (spans::outside(&told), spans::begun(&told), spans::on_page(PAGE));
    assert!(outside.is_empty(), "told outside of every span:\n{}", outside.join("\n"));
    let (silent, unlisted) = (&listed - &begun, &begun - &listed);
    assert!(
        silent.is_empty() && unlisted.is_empty(),
        "spans on the page that never were: {silent:#?}\nspans that are not on the page: {unlisted:#?}"
    );
    let names: BTreeSet<&str> = counted.iter().map(|(name, _)| &**name).collect();
    let page = declared_metrics::on_page(PAGE);
    let silent: Vec<&str> =
        page.iter().map(|metric| &*metric.name).filter(|name| !names.contains(name)).collect();
    assert!(silent.is_empty(), "these never counted anything: {silent:?}");
    let unlisted: Vec<&&str> =
        names.iter().filter(|name| page.iter().all(|metric| metric.name != **name)).collect();
    assert!(unlisted.is_empty(), "these are not on the page: {unlisted:?}");
    println!(
        "traces: {} KiB of events and spans, {} counters with labels, nothing personal",
        told.len() >> 10,
        counted.len()
    );
}

/// The name of each metric that was moved or set, and the same with its labels.
fn names_and_labels(counted: &Snapshotter) -> Vec<(String, String)> {
    let counted = counted.snapshot().into_vec();
    let text = |labels: metrics_util::CompositeKey| {
        let key = labels.key();
        let labels: String =
            key.labels().map(|label| format!(" {}={}", label.key(), label.value())).collect();
        (key.name().to_owned(), format!("{}{labels}\n", key.name()))
    };
    counted.into_iter().map(|(key, ..)| text(key)).collect()
}

/// Guards the guard: an event with everything in it is seen in every shape.
fn what_is_planted_is_found(personal: &PersonalData, written: &Path) {
    let before = std::fs::read(written).unwrap().len();
    for (name, shape) in personal.shapes() {
        let shape = String::from_utf8_lossy(&shape).into_owned();
        tracing::trace!(planted = shape, "planted");
        assert!(!personal.find(shape.as_bytes()).is_empty(), "{name}: {shape:?} is not seen");
    }
    let told = std::fs::read(written).unwrap();
    assert!(
        personal.find(&told[before..]).len() >= personal.shapes().len() / 2,
        "events are not written down"
    );
}
