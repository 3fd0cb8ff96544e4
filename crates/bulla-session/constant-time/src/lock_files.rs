//! What is checked has to be what is shipped, so the two lock files have to agree.

use std::collections::BTreeMap;

type Versions<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// What our lock file names in another version than the workspace's does, one sentence each.
pub(crate) fn differences(ours: &str, workspace: &str) -> Vec<String> {
    let theirs = versions(workspace);
    let mut found = Vec::new();
    for (name, ours) in versions(ours) {
        // What only the check needs is not there at all, or in the version something else wants.
        let Some(theirs) = theirs.get(name).filter(|_| name != "crabgrind") else { continue };
        for version in ours.iter().filter(|version| !theirs.contains(version)) {
            found.push(format!("{name} {version} would be checked, but {} is shipped", theirs.join(" or ")));
        }
    }
    found
}

fn versions(lock: &str) -> Versions<'_> {
    let mut all = Versions::new();
    let mut name = "";
    for line in lock.lines() {
        match line.split_once(" = ").map(|(key, value)| (key, value.trim_matches('"'))) {
            Some(("name", value)) => name = value,
            // The first such line is the version of the file itself.
            Some(("version", value)) if !name.is_empty() => all.entry(name).or_default().push(value),
            _ => {}
        }
    }
    all
}
