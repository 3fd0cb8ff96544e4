//! Who opens a page meets what makes a value before what is done with one: in the inherent impl of a type the
//! constructors that others can call come first.

use std::fs;
use std::path::Path;

use crate::architecture::root;
use crate::line_width::written;

#[test]
fn constructors_come_before_what_is_done_with_a_value() {
    let (mut found, mut seen) = (String::new(), 0);
    for file in written(&root().join("crates")) {
        let within = file.strip_prefix(root()).unwrap();
        let is_source = within.iter().nth(2).is_some_and(|folder| folder == "src");
        if is_source && within.extension().is_some_and(|extension| extension == "rs") {
            let (constructors, late) = constructors(&fs::read_to_string(&file).unwrap());
            seen += constructors;
            found += &late.iter().map(|name| told(within, name)).collect::<String>();
        }
    }
    assert!(seen > 300, "only {seen} constructors were found");
    assert!(found.is_empty(), "these come behind what is done with a value:\n{found}");
}

#[test]
fn a_late_constructor_is_found_and_others_are_not() {
    let page = |first: &str, second: &str| format!("impl<T> A<T> {{\n{first}\n\n{second}\n}}\n");
    let (new, with) = (
        "    pub fn new(b: B) -> Self {\n    }",
        "    pub(crate) async fn with(\n        b: B,\n    ) -> Result<A<T>, E> {\n    }",
    );
    let (get, private) =
        ("    pub const fn get(&self) -> &B {\n    }", "    fn read(b: &B) -> Self {\n    }");
    assert_eq!(constructors(&page(new, get)), (1, Vec::new()));
    assert_eq!(constructors(&page(get, new)), (1, vec!["new".to_owned()]));
    assert_eq!(constructors(&page(get, with)), (1, vec!["with".to_owned()]));
    // The private ones may stand where they are used.
    assert_eq!(constructors(&page(get, private)), (0, Vec::new()));
    // A trait says itself in which order.
    assert_eq!(
        constructors(
            "impl B for A {\n    pub fn get(&self) {\n    }\n\n    pub fn new() -> Self {\n    }\n}\n"
        )
        .1,
        [""; 0]
    );
}

fn told(file: &Path, name: &str) -> String {
    format!("  {}: {name}\n", file.display())
}

/// How many constructors others can call, and which of them come behind a method.
fn constructors(source: &str) -> (usize, Vec<String>) {
    let ours = source.split("\nmod tests {").next().unwrap_or_default();
    let (mut count, mut late) = (0, Vec::new());
    for block in ours.split("\nimpl").map(|block| block.strip_prefix("impl").unwrap_or(block)) {
        let Some((head, body)) = block.split_once("{\n") else { continue };
        let Some(kind) = kind(head) else { continue };
        let mut has_method = false;
        for signature in signatures(body.split("\n}").next().unwrap_or_default()) {
            let (name, arguments, made) = parts(&signature);
            if ["self", "&self", "mut self", "&mut self"].iter().any(|own| begins_with(arguments, own)) {
                has_method = true;
            } else if signature.starts_with("pub") && words(made).any(|word| word == "Self" || word == kind) {
                count += 1;
                late.extend(has_method.then(|| name.to_owned()));
            }
        }
    }
    (count, late)
}

/// The type an inherent impl is of, by what stands between `impl` and the brace.
fn kind(head: &str) -> Option<&str> {
    let head = match head.trim_start().strip_prefix('<') {
        Some(_) => head.split_once("> ").map(|(_, behind)| behind)?,
        None => head,
    };
    let is_inherent = !format!(" {head} ").contains(" for ") && !head.contains('\n');
    words(head).next().filter(|_| is_inherent)
}

/// The functions of an impl, each in one line.
fn signatures(body: &str) -> Vec<String> {
    let (mut all, mut open) = (Vec::new(), None::<String>);
    for line in body.lines() {
        let begins = line.starts_with("    ") && !line.starts_with("     ") && line.contains("fn ");
        if open.is_none() && begins && !line.trim_start().starts_with("//") {
            open = Some(String::new());
        }
        if let Some(signature) = &mut open {
            signature.push_str(line.trim());
            if line.ends_with('{') || line.ends_with('}') || line.ends_with(';') {
                all.extend(open.take());
            }
        }
    }
    all
}

/// Its name, its arguments and what it returns.
fn parts(signature: &str) -> (&str, &str, &str) {
    let (_, behind) = signature.split_once("fn ").unwrap_or_default();
    let name = words(behind).next().unwrap_or_default();
    let (_, arguments) = behind.split_once('(').unwrap_or_default();
    let (arguments, made) = arguments.rsplit_once("->").unwrap_or((arguments, ""));
    (name, arguments, made.split(" where").next().unwrap_or_default())
}

/// Whether the first argument is this one, whatever its lifetime.
fn begins_with(arguments: &str, own: &str) -> bool {
    let first = arguments.split([',', ')', ':']).next().unwrap_or_default();
    let plain: Vec<_> = first.split_whitespace().filter(|word| !word.starts_with("&'")).collect();
    plain.join(" ").trim_start_matches('&') == own.trim_start_matches('&')
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_').filter(|word| !word.is_empty())
}
