//! Files that comments and pages name are there: whoever renames one also mends what leads to it.

use std::fs;
use std::path::Path;

use crate::architecture::root;
use crate::line_width::written;

/// Where a path begins that is told from the top of the workspace.
const FOLDERS: [&str; 4] = ["crates/", "examples/", "benches/", "fuzz/"];

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

#[test]
fn paths_are_told_from_other_code() {
    let line =
        "See `crates/bulla/src/lib.rs` and `fuzz/`, not `src/b.rs`, `a::b`, `crates/b*.rs` or crates/c.rs.";
    assert_eq!(paths(line).collect::<Vec<_>>(), ["crates/bulla/src/lib.rs", "fuzz/"]);
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
