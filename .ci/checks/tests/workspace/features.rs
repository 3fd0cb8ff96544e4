//! What the facade pulls into a host's build: nothing of HTTP and no engine, unless the host asks for it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::architecture::cargo;

/// What speaks HTTP, of all that our crates ever depended on or might.
const HTTP: [&str; 9] =
    ["axum", "axum-core", "h2", "http", "http-body", "http-body-util", "httparse", "hyper", "hyper-util"];

/// Each feature of the facade, and whether it brings HTTP and the embedded engine.
const FEATURES: [(&str, bool, bool); 11] = [
    ("carrier", false, false),
    ("conformance", false, false),
    ("device", false, false),
    ("fjall", false, true),
    ("graph", true, false),
    ("graph-tls", true, false),
    ("grpc", true, false),
    ("relay", false, false),
    ("sighted", false, false),
    ("webhook", true, false),
    ("webhook-tls", true, false),
];

/// What is of the sighted side, or opens messages for it.
const SIGHTED: [&str; 10] = [
    "bulla-content",
    "bulla-device",
    "bulla-endpoint",
    "bulla-graph",
    "bulla-relay",
    "bulla-session",
    "bulla-spqr",
    "bulla-webhook",
    // The cipher of messages, and the agreement on their keys.
    "cbc",
    "libcrux-ml-kem",
];

/// The names of everything a host links that depends on the facade with these features.
fn linked(features: &str) -> BTreeSet<String> {
    tree(&["--package", "bulla", "--features", features])
}

/// The names of everything that is linked with what `of` says.
fn tree(of: &[&str]) -> BTreeSet<String> {
    let how = ["--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let tree = cargo(&[&["tree"], of, &how].concat());
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn speaks_http(linked: &BTreeSet<String>) -> bool {
    HTTP.iter().any(|name| linked.contains(*name))
}

#[test]
fn the_defaults_pull_in_no_http_and_no_engine() {
    let linked = linked("default");
    assert!(linked.contains("bulla-relay"), "the tree was not read: {linked:?}");
    let http: Vec<_> = HTTP.iter().filter(|name| linked.contains(**name)).collect();
    assert!(http.is_empty(), "the defaults link {http:?}");
    assert!(!linked.contains("fjall"));
}

/// What a carrier's operator shows: nothing in the program could open a message.
#[test]
fn a_carrier_alone_links_the_blind_side_and_no_cipher_of_messages() {
    let facade = ["--package", "bulla", "--no-default-features", "--features", "carrier,fjall,grpc"];
    for carrier in [&facade[..], &["--package", "bulla-example-carrier"]] {
        let linked = tree(carrier);
        assert!(linked.contains("bulla-carrier"), "the tree was not read: {linked:?}");
        let sighted: Vec<_> = SIGHTED.iter().filter(|name| linked.contains(**name)).collect();
        assert!(sighted.is_empty(), "{carrier:?} links {sighted:?}");
    }
    // Guards the guard: those are the names.
    let all = tree(&["--package", "bulla-examples"]);
    let unknown: Vec<_> = SIGHTED.iter().filter(|name| !all.contains(**name)).collect();
    assert!(unknown.is_empty(), "nobody links {unknown:?}");
}

#[test]
fn each_feature_brings_what_it_says_and_nothing_else() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let facade = packages.find(|package| package["name"] == "bulla").unwrap();
    let mut declared: Vec<_> = facade["features"].as_object().unwrap().keys().map(String::as_str).collect();
    declared.retain(|name| *name != "default");
    assert_eq!(declared, FEATURES.map(|(name, ..)| name), "every feature stands in the table of this test");

    let without = linked("default");
    for (feature, http, engine) in FEATURES {
        let linked = linked(feature);
        assert_eq!(speaks_http(&linked), http, "{feature}");
        assert_eq!(linked.contains("fjall"), engine, "{feature}");
        assert!(linked.is_superset(&without), "{feature} takes something away");
        let of_ours = linked.difference(&without).filter(|name| name.starts_with("bulla-")).count();
        let in_others = ["conformance", "grpc", "relay", "sighted"].contains(&feature);
        assert_eq!(of_ours, usize::from(!in_others), "{feature} is of one crate");
    }
}
