//! The workspace as it is: manifests through `cargo metadata`, closures through `cargo tree`, sources by
//! reading them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, iter};

use serde_json::Value;

use super::rules::{Crate, Graph};
use super::table::{AMBIENT_NAMES, SEALING_EXCEPTIONS, Side, TABLE};

/// Every crate under `crates/`, by name without the `bulla-` before it.
pub(crate) fn graph() -> Graph {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let crates = root().join("crates");
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().filter(|package| manifest_path(package).starts_with(&crates));
    ours.map(|package| (short(text(&package["name"])), read(package))).collect()
}

fn read(package: &Value) -> Crate {
    let name = text(&package["name"]);
    let manifest = manifest_path(package);
    let dependencies = package["dependencies"].as_array().unwrap();
    let counted: Vec<&Value> = dependencies.iter().filter(|dependency| dependency["kind"] != "dev").collect();
    let files = sources(&manifest.with_file_name("src"));

    let mut shown = Crate {
        inherits_lints: inherits_lints(&fs::read_to_string(&manifest).unwrap()),
        sources: files.len(),
        ..Crate::default()
    };
    for &dependency in &counted {
        if dependency["path"].is_string() {
            shown.arrows.insert(short(text(&dependency["name"])));
            if dependency["optional"] == true && !is_default(package, text(&dependency["name"])) {
                shown.optional.insert(short(text(&dependency["name"])));
            }
        }
        shown.ambient.extend(ambient_dependency(dependency).map(|place| format!("Cargo.toml: {place}")));
    }
    for file in &files {
        let within = file.strip_prefix(root()).unwrap().display();
        let places = ambient_lines(&fs::read_to_string(file).unwrap());
        shown.ambient.extend(places.into_iter().map(|(line, named)| format!("{within}:{line}: {named}")));
    }
    let side = TABLE.iter().find(|row| row.name == short(name)).map(|row| row.side);
    if matches!(side, Some(Side::Blind | Side::Engine)) {
        shown.outside = closure(name);
    }
    shown
}

/// Whether a default feature of the package turns the dependency on, by itself or through others.
fn is_default(package: &Value, dependency: &str) -> bool {
    let mut turned_on = vec!["default".to_owned()];
    let mut next = 0;
    while next < turned_on.len() {
        let implied = package["features"][&turned_on[next]].as_array().into_iter().flatten();
        for implied in implied.map(|implied| text(implied).to_owned()) {
            if !turned_on.contains(&implied) {
                turned_on.push(implied);
            }
        }
        next += 1;
    }
    turned_on
        .iter()
        .any(|name| name.strip_prefix("dep:").unwrap_or(name).split('/').next() == Some(dependency))
}

/// The names of everything the crate links when it is built alone, but for what it links through a crate that
/// may seal, and no other way.
fn closure(name: &str) -> BTreeSet<String> {
    let everything = linked(name, &[]);
    let sealing = SEALING_EXCEPTIONS.iter().map(|(sealing, ..)| format!("bulla-{sealing}"));
    let sealing: Vec<String> =
        sealing.filter(|sealing| sealing != name && everything.contains(sealing)).collect();
    if sealing.is_empty() { everything } else { linked(name, &sealing) }
}

/// What `cargo tree` shows of the crate, `pruned` and what only those link left out.
fn linked(name: &str, pruned: &[String]) -> BTreeSet<String> {
    let mut arguments =
        vec!["tree", "--package", name, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    arguments.extend(pruned.iter().flat_map(|pruned| ["--prune", pruned]));
    let tree = cargo(&arguments);
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The dependency's name or feature that reaches for the system, if it has one.
fn ambient_dependency(dependency: &Value) -> Option<String> {
    let features = dependency["features"].as_array().into_iter().flatten();
    let mut named = iter::once(&dependency["name"]).chain(features).map(text);
    let ambient = ["getrandom", "rand", "os_rng", "sys_rng", "thread_rng"];
    named.find(|name| ambient.contains(name)).map(|found| format!("{} ({found})", text(&dependency["name"])))
}

/// Line numbers and names, comments left out: a page may say what the code must not do.
fn ambient_lines(source: &str) -> Vec<(usize, &'static str)> {
    let code = source.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter_map(|(at, line)| {
        AMBIENT_NAMES.iter().find(|&&name| line.contains(name)).map(|&name| (at + 1, name))
    })
    .collect()
}

/// Whether the manifest hands its lints to the workspace.
fn inherits_lints(manifest: &str) -> bool {
    let mut table = manifest.lines().map(str::trim).skip_while(|&line| line != "[lints]").skip(1);
    table.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line == "workspace = true")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension() == Some(OsStr::new("rs")) {
            files.push(path);
        }
    }
    files
}

/// Runs the cargo that builds this test, without the network: what it asks for was needed to build.
pub(crate) fn cargo(arguments: &[&str]) -> String {
    let run =
        Command::new(env!("CARGO")).args(arguments).arg("--offline").current_dir(root()).output().unwrap();
    assert!(run.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

fn manifest_path(package: &Value) -> PathBuf {
    PathBuf::from(text(&package["manifest_path"]))
}

fn short(name: &str) -> String {
    name.strip_prefix("bulla-").unwrap_or(name).to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn a_clock_in_the_code_is_seen_and_one_in_a_comment_is_not() {
    let source = "//! Never `Instant::now`.\nfn f() {\n    let at = std::time::Instant::now();\n}\n";
    assert_eq!(ambient_lines(source), [(3, "Instant::now")]);
}

#[test]
fn a_dependency_is_default_when_a_default_feature_leads_to_it() {
    let package = serde_json::json!({ "features": {
        "default": ["more"], "more": ["dep:a", "b/std"], "other": ["dep:c"],
    }});
    assert!(is_default(&package, "a") && is_default(&package, "b"));
    assert!(!is_default(&package, "c"));
    assert!(!is_default(&serde_json::json!({ "features": {} }), "a"));
}

#[test]
fn randomness_in_a_manifest_is_seen_by_name_and_by_feature() {
    let dependency =
        |name: &str, features: &[&str]| serde_json::json!({ "name": name, "features": features });
    assert_eq!(ambient_dependency(&dependency("bytes", &["std"])), None);
    assert_eq!(ambient_dependency(&dependency("getrandom", &[])).as_deref(), Some("getrandom (getrandom)"));
    assert_eq!(ambient_dependency(&dependency("jitter", &["os_rng"])).as_deref(), Some("jitter (os_rng)"));
}

#[test]
fn lints_count_as_the_workspaces_only_where_the_manifest_says_so() {
    assert!(inherits_lints("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n"));
    assert!(!inherits_lints("[lints]\n\n[dependencies.base]\nworkspace = true\n"));
    assert!(!inherits_lints("[dependencies.base]\nworkspace = true\n"));
}
