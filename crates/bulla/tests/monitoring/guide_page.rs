//! The guide's page "Monitoring" against the code.

use crate::declared_metrics::{Metric, in_crates, on_page};

pub(crate) const PAGE: &str = include_str!("../../src/guide/monitoring.md");

#[test]
fn the_page_lists_every_metric_of_every_crate_as_it_is() {
    let (declared, listed) = (in_crates(), on_page(PAGE));
    let lacking: Vec<&Metric> = declared.iter().filter(|metric| !listed.contains(metric)).collect();
    let invented: Vec<&Metric> = listed.iter().filter(|metric| !declared.contains(metric)).collect();
    assert!(
        lacking.is_empty() && invented.is_empty(),
        "in src/metrics.rs and not on the page: {lacking:#?}\non the page and not in src/metrics.rs: {invented:#?}"
    );
}

#[test]
fn every_name_says_its_crate_and_what_is_counted() {
    for metric in in_crates() {
        let rest = metric.name.strip_prefix(&format!("bulla_{}_", metric.crate_name.replace('-', "_")));
        assert!(rest.is_some(), "{} is in {}", metric.name, metric.crate_name);
        let unit = match metric.kind.as_str() {
            "counter" => metric.name.ends_with("_total"),
            _ => !metric.name.ends_with("_total"),
        };
        assert!(unit, "{} is a {}", metric.name, metric.kind);
    }
}
