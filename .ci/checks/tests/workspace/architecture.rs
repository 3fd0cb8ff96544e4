//! The arrows between our crates, held to the table of the design.
//!
//! Absences are the architecture: what a crate does not depend on is what it cannot do, and an absence shows
//! in no diff. So every manifest is read and compared with [`table`]; the rules themselves are a pure
//! function in [`rules`], which is shown there to catch one planted fault of each kind.

mod planted_violations;
mod rules;
mod table;
mod workspace;

use std::collections::BTreeSet;

use rules::{Crate, Graph, Violation, violations};
use table::TABLE;
pub(crate) use workspace::{cargo, root};

#[test]
fn every_manifest_keeps_to_the_table() {
    let found = violations(&workspace::graph(), TABLE);
    assert!(found.is_empty(), "the architecture is broken:\n{}", lines(&found));
}

#[test]
fn one_arrow_too_many_in_a_real_manifest_is_found() {
    let mut graph = workspace::graph();
    graph.get_mut("transport").unwrap().arrows.insert("endpoint".to_owned());

    let found = violations(&graph, TABLE);
    let plain = Violation::ArrowNotInTable { from: "transport".to_owned(), to: "endpoint".to_owned() };
    assert!(found.contains(&plain), "{}", lines(&found));
    // The carrier links the transport, so the fault crosses the seal line there too.
    let through = ["carrier", "transport", "endpoint"].map(str::to_owned).to_vec();
    assert!(found.contains(&Violation::BlindReachesSighted { path: through }), "{}", lines(&found));
}

/// Guards the guard: a reader that finds nothing would let everything pass.
#[test]
fn the_reader_sees_what_is_there() {
    let graph = workspace::graph();
    assert!(graph.len() >= 14, "only {} crates were read", graph.len());
    assert!(graph["carrier"].arrows.contains("transport"), "the carrier's arrows were not read");
    assert!(graph["carrier"].outside.contains("bytes"), "the carrier's closure was not read");
    assert!(graph["vault"].outside.contains("aes-gcm"), "the vault's closure was not read");
    assert!(
        !graph["carrier"].outside.contains("aes-gcm"),
        "the carrier's closure was read through the vault"
    );
    assert!(graph["session"].sources > 0, "the session's sources were not read");
}

/// Crates that are still to come are bound by the table already, so the table itself must break no rule.
#[test]
fn the_table_breaks_none_of_its_own_rules() {
    let drawn: Graph = TABLE
        .iter()
        .map(|row| {
            let arrows: BTreeSet<String> = row.may_depend_on.iter().map(|&to| to.to_owned()).collect();
            // What is optional for the facade is all that it may link, in the table's eyes.
            let optional = if row.name == "bulla" { arrows.clone() } else { BTreeSet::new() };
            (row.name.to_owned(), Crate { arrows, optional, inherits_lints: true, ..Crate::default() })
        })
        .collect();
    let found = violations(&drawn, TABLE);
    assert!(found.is_empty(), "the table is at odds with itself:\n{}", lines(&found));
}

fn lines(found: &[Violation]) -> String {
    found.iter().map(|violation| format!("  {violation}\n")).collect()
}
