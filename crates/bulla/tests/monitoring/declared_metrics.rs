//! What is declared in every crate's `src/metrics.rs`, and what the page lists.

use std::fs;
use std::path::Path;

/// One metric, as it is declared or listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    /// The crate, without the `bulla-` before it.
    pub(crate) crate_name: String,
    pub(crate) name: String,
    /// `counter`, `gauge` or `histogram`.
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) labels: Vec<String>,
    pub(crate) what: String,
}

/// Every constant of every `src/metrics.rs`.
pub(crate) fn in_crates() -> Vec<Metric> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut metrics = Vec::new();
    for folder in fs::read_dir(crates).unwrap() {
        let folder = folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        if let Ok(source) = fs::read_to_string(folder.path().join("src/metrics.rs")) {
            metrics.extend(in_source(name.trim_start_matches("bulla-"), &source));
        }
    }
    metrics.sort();
    metrics
}

fn in_source(crate_name: &str, source: &str) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let mut docs = String::new();
    for line in source.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            docs.push_str(if docs.is_empty() { "" } else { " " });
            docs.push_str(doc);
        } else if let Some((_, name)) = line.split_once(": &str = \"") {
            let name = name.trim_end_matches("\";");
            metrics.push(declared(crate_name, name, &docs).unwrap_or_else(|| {
                panic!("{name} in {crate_name}: \"{docs}\" is not `Type of unit[, by `label`]: what.`")
            }));
            docs.clear();
        } else if !line.starts_with("#[") {
            docs.clear();
        }
    }
    metrics
}

/// Reads ``Counter of messages, by `category` and `reason`: what it counts.``
fn declared(crate_name: &str, name: &str, docs: &str) -> Option<Metric> {
    let (head, what) = docs.split_once(": ")?;
    let (head, labels) = head.split_once(", by ").unwrap_or((head, ""));
    let (kind, unit) = head.split_once(" of ")?;
    let kind = kind.to_lowercase();
    let known = ["counter", "gauge", "histogram"].contains(&kind.as_str());
    known.then(|| Metric {
        crate_name: crate_name.to_owned(),
        name: name.to_owned(),
        kind,
        unit: unit.to_owned(),
        labels: quoted(labels),
        what: what.trim_end_matches('.').to_owned(),
    })
}

/// Every row of the page's tables that names a metric.
pub(crate) fn on_page(page: &str) -> Vec<Metric> {
    let rows = page.lines().filter(|line| line.starts_with("| `bulla_"));
    let read = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, unit, labels, what] = cells[..] else { panic!("{row}: not five cells") };
        let name = name.trim_matches('`');
        Metric {
            crate_name: crate_of(name),
            name: name.to_owned(),
            kind: kind.to_owned(),
            unit: unit.to_owned(),
            labels: quoted(labels),
            what: what.to_owned(),
        }
    };
    rows.map(read).collect()
}

fn crate_of(name: &str) -> String {
    let rest = name.trim_start_matches("bulla_");
    let fjall = rest.starts_with("store_fjall_").then_some("store-fjall");
    fjall.unwrap_or_else(|| rest.split('_').next().unwrap_or_default()).to_owned()
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn a_declaration_is_read_with_its_labels() {
    let source = "/// Counter of messages, by `category` and `reason`: what\n/// it counts.\n#[cfg(feature = \"grpc\")]\npub(crate) const A: &str = \"bulla_relay_a_total\";\n";
    let row = "| `bulla_relay_a_total` | counter | messages | `category`, `reason` | what it counts |";
    assert_eq!(in_source("relay", source), on_page(row));
    assert_ne!(in_source("relay", source), on_page(&row.replace("reason", "kind")));
}
