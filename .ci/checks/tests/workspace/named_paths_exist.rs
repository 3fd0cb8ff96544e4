//! Files that comments and pages name are there: whoever renames one also mends what leads to it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::root;
use crate::line_width::written;

/// Where a path begins that is told from the top of the workspace.
const FOLDERS: [&str; 5] = [".ci/", "crates/", "examples/", "benches/", "fuzz/"];

#[test]
fn files_that_are_named_are_there() {
    let (mut found, mut named) = (String::new(), 0);
    for file in written(&root()) {
        let source = fs::read_to_string(&file).unwrap();
        for (number, line) in (1..).zip(source.lines()) {
            for path in paths(line) {
                named += 1;
                if !root().join(path).exists() {
                    let within = file.strip_prefix(root()).unwrap().display();
                    found += &format!("  {within}:{number}: {path}\n");
                }
            }
        }
    }
    assert!(named >= 10, "only {named} files are named: the pages were not read");
    assert!(found.is_empty(), "these are not there:\n{found}");
}

/// `carrier::fencing_token` is a file of that crate, and so is each of `relay::relay::{submit, receive}`.
/// What is no file is a function.
#[test]
fn modules_that_the_architecture_names_are_there() {
    let page = fs::read_to_string(root().join("crates/bulla/src/guide/architecture.md")).unwrap();
    let (mut found, mut named) = (String::new(), 0);
    for (krate, module) in page.lines().flat_map(modules) {
        let sources = root().join(format!("crates/bulla-{krate}/src"));
        named += 1;
        let declaration = format!("fn {module}(");
        let declares = |file: &PathBuf| fs::read_to_string(file).unwrap().contains(&declaration);
        let is_file = sources.join(&module).with_extension("rs").exists();
        if !is_file && !written(&sources).iter().any(declares) {
            found += &format!("  {krate}: {module}\n");
        }
    }
    assert!(named >= 8, "only {named} modules are named: the page was not read");
    assert!(found.is_empty(), "these are not there:\n{found}");
}

/// Whoever adds a file to the simulator, or gives one another name, says so on its page.
#[test]
fn the_simulators_page_names_each_of_its_files() {
    let folder = root().join("crates/bulla-sim");
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    let words: Vec<_> = page.split(|char: char| !char.is_ascii_alphanumeric() && char != '_').collect();
    let stems = fs::read_dir(folder.join("src")).unwrap().map(|entry| entry.unwrap().path());
    let stems: Vec<_> = stems.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let missing: Vec<_> = stems
        .iter()
        .filter(|stem| !["lib", "main"].contains(&stem.as_str()) && !words.contains(&stem.as_str()))
        .collect();
    assert!(stems.len() > 20 && missing.is_empty(), "its page does not name {missing:?}");
}

#[test]
fn modules_are_told_from_other_code() {
    let named =
        |line: &str| modules(line).map(|(krate, module)| format!("{krate} {module}")).collect::<Vec<_>>();
    assert_eq!(
        named("`relay::relay::{submit, receive}` and `a::b`"),
        ["relay relay/submit", "relay relay/receive", "a b"]
    );
    assert!(named("`Draft` in `relay`, `Endpoint::open`, `endpoint::Peer::keep`, a::b").is_empty());
}

#[test]
fn paths_are_told_from_other_code() {
    let line =
        "See `crates/bulla/src/lib.rs` and `fuzz/`, not `src/b.rs`, `a::b`, `crates/b*.rs` or crates/c.rs.";
    assert_eq!(paths(line).collect::<Vec<_>>(), ["crates/bulla/src/lib.rs", "fuzz/"]);
}

/// What `line` names between backticks as modules: the crate, without `bulla-`, and the file of each in it.
fn modules(line: &str) -> impl Iterator<Item = (String, String)> {
    let is_module = |text: &&str| {
        text.contains("::") && text.chars().all(|char| char.is_ascii_lowercase() || "_:{}, ".contains(char))
    };
    line.split('`').skip(1).step_by(2).filter(is_module).flat_map(|text| {
        let (krate, path) = text.split_once("::").unwrap();
        let (folder, files) = match path.split_once("{") {
            Some((folder, files)) => (folder.replace("::", "/"), files.trim_end_matches('}')),
            None => (String::new(), path),
        };
        let files = files.split(", ").map(move |file| format!("{folder}{}", file.replace("::", "/")));
        files.map(|file| (krate.to_owned(), file)).collect::<Vec<_>>()
    })
}

/// What `line` names between backticks as a path from the top of the workspace.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let is_path = |path: &&str| {
        let plain = path.chars().all(|char| char.is_ascii_alphanumeric() || "/._-".contains(char));
        plain && FOLDERS.iter().any(|folder| path.starts_with(folder)) && !path.contains("/data/")
    };
    // What stands between the first and the second backtick, between the third and the fourth, and so on.
    line.split('`').skip(1).step_by(2).filter(is_path).filter(|path| Path::new(path).is_relative())
}
