//! The rules of the design as a pure function: a graph and a table in, what is broken out.

use std::collections::{BTreeMap, BTreeSet};
use std::{fmt, slice};

use super::table::{AMBIENT_EXCEPTIONS, MESSAGE_CIPHERS, Row, SEALING_EXCEPTIONS, Side};

/// Our crates by name, without the `bulla-` before it.
pub(crate) type Graph = BTreeMap<String, Crate>;

/// What one crate shows of itself. Dev-dependencies are not part of it, build-dependencies are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    /// The crates of ours its manifest names.
    pub(crate) arrows: BTreeSet<String>,
    /// Those of them that it links only when a host turns a feature on.
    pub(crate) optional: BTreeSet<String>,
    /// Everything it links when built alone, by package name, but for what it links through a crate of
    /// [`SEALING_EXCEPTIONS`] only. Read for the blind side only.
    pub(crate) outside: BTreeSet<String>,
    /// Where it names the system's clock or randomness.
    pub(crate) ambient: Vec<String>,
    /// How many source files were read for it.
    pub(crate) sources: usize,
    /// Whether its manifest says `[lints] workspace = true`.
    pub(crate) inherits_lints: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    NotInTable { name: String },
    ArrowNotInTable { from: String, to: String },
    BlindReachesSighted { path: Vec<String> },
    SessionReaches { path: Vec<String> },
    EngineReached { path: Vec<String> },
    CipherOnTheBlindSide { name: String, cipher: String },
    Ambient { name: String, place: String },
    OwnLints { name: String },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInTable { name } => write!(f, "{name} is not in the table of the design"),
            Self::ArrowNotInTable { from, to } => {
                write!(f, "{from} depends on {to}, which its row does not allow")
            }
            Self::BlindReachesSighted { path } => {
                write!(f, "the blind side reaches plaintext: {}", path.join(" -> "))
            }
            Self::SessionReaches { path } => {
                write!(f, "session reaches more of ours than spqr and xeddsa: {}", path.join(" -> "))
            }
            Self::EngineReached { path } => write!(f, "a library chooses an engine: {}", path.join(" -> ")),
            Self::CipherOnTheBlindSide { name, cipher } => write!(f, "{name} is blind, yet links {cipher}"),
            Self::Ambient { name, place } => {
                write!(f, "{name} takes time or chance from the system: {place}")
            }
            Self::OwnLints { name } => write!(f, "{name} does not say `[lints] workspace = true`"),
        }
    }
}

/// Everything in `graph` that the design forbids.
pub(crate) fn violations(graph: &Graph, table: &[Row]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, shown) in graph {
        match table.iter().find(|row| row.name == name) {
            Some(row) => of_its_row(graph, table, row, shown, &mut found),
            None => found.push(Violation::NotInTable { name: name.clone() }),
        }
        if !shown.inherits_lints {
            found.push(Violation::OwnLints { name: name.clone() });
        }
        if !AMBIENT_EXCEPTIONS.iter().any(|(excepted, _)| excepted == name) {
            let places = shown.ambient.iter();
            found.extend(places.map(|place| Violation::Ambient { name: name.clone(), place: place.clone() }));
        }
    }
    found
}

fn of_its_row(graph: &Graph, table: &[Row], row: &Row, shown: &Crate, found: &mut Vec<Violation>) {
    let from = row.name;
    for to in &shown.arrows {
        if !row.may_depend_on.contains(&to.as_str()) {
            found.push(Violation::ArrowNotInTable { from: from.to_owned(), to: to.clone() });
        }
    }

    let side = |name: &str| table.iter().find(|row| row.name == name).map(|row| row.side);
    let blind = matches!(row.side, Side::Blind | Side::Engine);
    if blind {
        let excepted = |cipher: &str| {
            SEALING_EXCEPTIONS.iter().any(|(name, ciphers, _)| *name == from && ciphers.contains(&cipher))
        };
        let linked = MESSAGE_CIPHERS.iter();
        let linked = linked.filter(|&&cipher| shown.outside.contains(cipher) && !excepted(cipher));
        found.extend(linked.map(|&cipher| Violation::CipherOnTheBlindSide {
            name: from.to_owned(),
            cipher: cipher.to_owned(),
        }));
    }
    for path in reached(graph, from) {
        let to = path.last().map_or(from, String::as_str);
        // The facade may offer an engine: the host that turns the feature on has chosen it.
        let offered = path.iter().rev().nth(1).is_some_and(|from| {
            from == "bulla" && graph.get(from).is_some_and(|facade| facade.optional.contains(to))
        });
        if side(to) == Some(Side::Engine) && !offered {
            found.push(Violation::EngineReached { path: path.clone() });
        }
        if blind && side(to) == Some(Side::Sighted) {
            found.push(Violation::BlindReachesSighted { path: path.clone() });
        }
        if from == "session" && !["spqr", "xeddsa"].contains(&to) {
            found.push(Violation::SessionReaches { path });
        }
    }
}

/// A shortest path to each crate of ours that `from` reaches.
fn reached(graph: &Graph, from: &str) -> Vec<Vec<String>> {
    let mut paths = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut next = 0;
    while next < paths.len() {
        let path = paths[next].clone();
        next += 1;
        let Some(shown) = path.last().and_then(|name| graph.get(name)) else { continue };
        for to in &shown.arrows {
            if seen.insert(to.clone()) {
                paths.push([path.as_slice(), slice::from_ref(to)].concat());
            }
        }
    }
    paths.split_off(1)
}
