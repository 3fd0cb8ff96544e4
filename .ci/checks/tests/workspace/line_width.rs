//! Prose is read as it stands: comments of sources, and pages, are at most [`COLUMNS`] wide.
//!
//! What cannot be broken is excepted: what stands between fences, rows of tables, definitions of links, and a
//! line that is one word, such as an address.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::root;

/// How wide a line of prose is at most, in characters.
const COLUMNS: usize = 110;

#[test]
fn comments_and_pages_are_at_most_110_columns_wide() {
    let files = written(&root());
    let is_there = |name: &str| files.iter().any(|file| file.ends_with(name));
    assert!(is_there("crates/bulla/src/lib.rs") && is_there("guide/how_to.md"), "the workspace was not read");
    let mut found = String::new();
    for file in &files {
        let (source, within) = (fs::read_to_string(file).unwrap(), file.strip_prefix(root()).unwrap());
        for line in too_wide(&source, Prose::of(file)) {
            found += &format!("  {}:{line}\n", within.display());
        }
    }
    assert!(found.is_empty(), "wider than {COLUMNS} columns:\n{found}");
}

#[test]
fn a_line_of_110_columns_is_taken_and_one_of_111_is_not() {
    // Characters count, not bytes.
    let prose = |columns| "é ".repeat(columns / 2) + &"x".repeat(columns % 2);
    assert!(too_wide(&prose(110), Prose::Page).is_empty());
    assert_eq!(too_wide(&prose(111), Prose::Page), [1]);
    let comment =
        |begin: &str, columns: usize| format!("fn f() {{\n{begin}{}\n", prose(columns - begin.len()));
    for begin in ["//", "///", "//!", "    // "] {
        assert!(too_wide(&comment(begin, 110), Prose::Comments).is_empty());
        assert_eq!(too_wide(&comment(begin, 111), Prose::Comments), [2]);
    }
}

#[test]
fn what_is_not_prose_may_be_wider() {
    let wide = "word ".repeat(40);
    let address = "x".repeat(200);
    let page = format!("```\n{wide}\n```\n| {wide}\n[name]: {wide}\n{address}\n* {address}\n");
    assert!(too_wide(&page, Prose::Page).is_empty());
    assert_eq!(too_wide(&format!("```\n```\n{wide}\n    {wide}\n"), Prose::Page), [3, 4]);
    let source = format!(
        "/// ```\n/// {wide}\n/// ```\n/// | {wide}\n/// [name]: {wide}\n// {address}\nf(\"{wide}\");\n"
    );
    assert!(too_wide(&source, Prose::Comments).is_empty());
    // A fence ends with the comment in which it began.
    assert_eq!(too_wide(&format!("/// ```\nfn f() {{}}\n/// {wide}\n"), Prose::Comments), [3]);
}

/// Where prose stands in a file.
#[derive(Clone, Copy)]
enum Prose {
    /// Everywhere.
    Page,
    /// Behind two slashes.
    Comments,
}

impl Prose {
    fn of(file: &Path) -> Self {
        if file.extension() == Some(OsStr::new("md")) { Self::Page } else { Self::Comments }
    }
}

/// The numbers of the lines that are too wide.
fn too_wide(text: &str, prose: Prose) -> Vec<usize> {
    let (mut found, mut is_fenced) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let said = match prose {
            Prose::Page => line.trim(),
            Prose::Comments => match line.trim().strip_prefix("//") {
                Some(comment) => comment.trim_start_matches(['/', '!']).trim(),
                None => {
                    is_fenced = false;
                    continue;
                }
            },
        };
        if said.starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced && line.chars().count() > COLUMNS && can_be_broken(said) {
            found.push(number);
        }
    }
    found
}

fn can_be_broken(said: &str) -> bool {
    let words = said.trim_start_matches(['*', '-', ' ']).split_whitespace().count();
    let is_definition = said.starts_with('[') && said.contains("]: ");
    words > 1 && !said.starts_with('|') && !is_definition
}

/// The sources and pages below `folder` that are written here: nothing hidden and nothing built.
pub(crate) fn written(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        // What the gate is made of is read as well.
        if name.starts_with('.') && name != ".ci" || name == "target" {
            continue;
        }
        if path.is_dir() {
            files.extend(written(&path));
        } else if [Some(OsStr::new("rs")), Some(OsStr::new("md"))].contains(&path.extension()) {
            files.push(path);
        }
    }
    files
}
