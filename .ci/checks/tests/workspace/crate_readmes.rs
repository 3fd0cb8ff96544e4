//! The READMEs of the crates read well where rustdoc does not render them: on the registry and in a checkout.

use std::fs;
use std::path::PathBuf;

use crate::architecture::root;

fn pages() -> Vec<PathBuf> {
    let crates = fs::read_dir(root().join("crates")).unwrap();
    crates.map(|entry| entry.unwrap().path().join("README.md")).collect()
}

/// What of `page` only rustdoc would understand, by line.
fn raw(page: &str) -> Vec<String> {
    let (mut found, mut fence) = (Vec::new(), None);
    for (number, line) in (1..).zip(page.lines()) {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(language.to_owned()) };
            continue;
        }
        let is_raw = match fence.as_deref() {
            // Without a language it is Rust to rustdoc, and nothing to anybody else.
            Some("") => true,
            Some(language) if language.starts_with("rust") => line == "#" || line.starts_with("# "),
            Some(_) => false,
            None => has_raw_link(line),
        };
        if is_raw {
            found.push(format!("{number}: {line}"));
        }
    }
    found
}

/// A link to an item, or a name in brackets that leads nowhere without rustdoc.
fn has_raw_link(line: &str) -> bool {
    let leads_away = |target: &str| ["https://", "http://", "#"].iter().any(|way| target.starts_with(way));
    let targets = line.split("](").skip(1);
    let brackets = line.split("[`").skip(1).filter_map(|rest| rest.split_once("`]"));
    targets.into_iter().any(|target| !leads_away(target))
        || brackets.into_iter().any(|(_, behind)| !behind.starts_with(['(', ':']))
}

#[test]
fn no_page_has_links_or_lines_that_only_rustdoc_understands() {
    let pages = pages();
    assert!(pages.len() >= 17, "the pages were not found");
    let mut found = String::new();
    for page in pages {
        for line in raw(&fs::read_to_string(&page).unwrap()) {
            found += &format!("  {}:{line}\n", page.display());
        }
    }
    assert!(found.is_empty(), "raw on a registry's page:\n{found}");
}

#[test]
fn what_only_rustdoc_understands_is_found() {
    for line in ["[`Vault`]", "see [`a`] b", "[opened](Carrier::open)", "[x](crate::guide)", "[x](../y)"] {
        assert_eq!(raw(line).len(), 1, "{line}");
    }
    for line in ["`Vault`", "[fjall](https://docs.rs/fjall)", "[`x`](https://y)", "# Heading", "[a] b"] {
        assert_eq!(raw(line).len(), 0, "{line}");
    }
    assert_eq!(raw("```rust\n# use x;\n#[derive(Debug)]\n#\n```\n# Heading").len(), 2);
    assert_eq!(raw("```toml\n# a comment\n```").len(), 0);
    assert_eq!(raw("```\nfn f() {}\n```").len(), 1);
}

/// The nouns come before the code: what is in it has been said by then.
#[test]
fn every_page_says_in_words_what_it_is_before_it_shows_code() {
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let before = page.split("```rust").next().unwrap();
        let prose =
            before.split("```").step_by(2).flat_map(str::lines).filter(|line| line.len() > 40).count();
        assert!(prose >= 2, "{}", path.display());
    }
}

/// That each stands where the glossary says is a link of its page, which the build of the docs checks.
#[test]
fn the_glossary_has_at_most_twenty_entries_with_the_standard_term_beside_each() {
    let page = include_str!("../../../../crates/bulla/src/guide/glossary.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!((10..=20).contains(&rows.len()), "{} entries", rows.len());
    for row in rows {
        assert!(row.split('|').skip(1).take(3).all(|cell| !cell.trim().is_empty()), "{row}");
    }
}
