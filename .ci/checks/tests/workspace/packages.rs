//! What would go to the registry: that each crate says what it is, and that nothing is packed but what it is.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::architecture::{cargo, root};

/// A package has at most so many bytes unpacked: sources and pages, and no corpus.
const MAX_PACKAGE_BYTES: u64 = 1024 * 1024;

/// The crates that are to be published.
fn packages() -> Vec<Value> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().clone();
    packages.retain(|package| package["publish"].is_null());
    packages
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

fn folder(package: &Value) -> &Path {
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap()
}

#[test]
fn all_crates_but_the_simulator_are_ready_for_the_registry_and_nothing_else_is() {
    let mut found: Vec<_> = packages().iter().map(|package| folder(package).to_owned()).collect();
    let mut expected: Vec<_> =
        fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path()).collect();
    expected.retain(|path| !path.ends_with("bulla-sim"));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn every_manifest_says_what_the_registry_asks() {
    let licence = fs::read(root().join("LICENSE")).unwrap();
    for package in packages() {
        let (name, folder) = (name(&package), folder(&package));
        for field in ["description", "license", "readme", "documentation", "rust_version"] {
            assert!(package[field].as_str().is_some_and(|text| !text.is_empty()), "{name} has no {field}");
        }
        // What the registry takes at most.
        for field in ["keywords", "categories"] {
            let words = package[field].as_array().unwrap();
            assert!((1..=5).contains(&words.len()), "{name}: {field}");
            let fits = |word: &Value| field == "categories" || word.as_str().unwrap().len() <= 20;
            assert!(words.iter().all(fits), "{name}: {field}");
        }
        assert!(fs::read(folder.join("LICENSE")).unwrap() == licence, "{name} has another licence file");
        for dependency in package["dependencies"].as_array().unwrap() {
            let (to, version) = (dependency["name"].as_str().unwrap(), dependency["req"].as_str().unwrap());
            // Without a version it is left out of what is packed: fine for a test's, and for itself.
            let is_left_out = dependency["kind"] == "dev" && [name, "bulla-sim"].contains(&to);
            assert!(version != "*" || is_left_out, "{name} names no version of {to}");
        }
    }
}

#[test]
fn every_crate_says_how_to_depend_on_it() {
    for package in packages() {
        let (name, version) = (name(&package), package["version"].as_str().unwrap());
        let (short, _) = version.rsplit_once('.').unwrap();
        let readme = fs::read_to_string(folder(&package).join("README.md")).unwrap();
        let plain = format!("[dependencies]\n{name} = \"{short}\"\n");
        let featured = format!("[dependencies]\n{name} = {{ version = \"{short}\", features = [");
        assert!(readme.contains(&plain) || readme.contains(&featured), "{name}: {plain}");
    }
}

/// What is there for people is told apart from what is there for tools, which is hidden.
#[test]
fn the_top_level_is_as_the_style_has_it_and_the_pages_for_contributors_are_hidden() {
    let entries =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // What is built is no part of it.
    let mut found: Vec<_> = entries.filter(|name| !name.starts_with('.') && name != "target").collect();
    found.sort();
    let expected =
        ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "benches", "crates", "examples", "fuzz"];
    assert_eq!(found, expected);
    for page in ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"] {
        assert!(root().join(".github").join(page).exists(), "{page} is not there");
    }
}

#[test]
fn no_test_and_no_corpus_is_packed() {
    for package in packages() {
        let (name, folder) = (name(&package), folder(&package));
        let list = cargo(&["package", "--list", "--allow-dirty", "--package", name]);
        let mut bytes = 0;
        for file in list.lines() {
            let made = ["Cargo.toml", "Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json"];
            // What describes the wire form or the API, and what compiles the former, are no tests either.
            let wire_form = name == "bulla-transport" && (file.starts_with("proto/") || file == "build.rs");
            let description = name == "bulla-graph" && file == "openapi.json";
            let written = file.starts_with("src/") || ["README.md", "LICENSE"].contains(&file);
            let written = written || wire_form || description;
            assert!(made.contains(&file) || written, "{name} packs {file}");
            bytes += fs::metadata(folder.join(file)).map_or(0, |file| file.len());
        }
        for file in ["README.md", "LICENSE", "src/lib.rs"] {
            assert!(list.lines().any(|packed| packed == file), "{name} does not pack {file}");
        }
        assert!(bytes < MAX_PACKAGE_BYTES, "{name} packs {bytes} bytes");
    }
}
