//! The rules, each shown to catch one planted fault and nothing beside it.

use super::rules::{Crate, Graph, Violation, violations};
use super::table::{AMBIENT_EXCEPTIONS, SEALING_EXCEPTIONS, TABLE};

/// A small graph that breaks nothing.
fn sound() -> Graph {
    let drawn: &[(&str, &[&str])] = &[
        ("base", &[]),
        ("spqr", &[]),
        ("session", &["spqr"]),
        ("content", &["base"]),
        ("envelope", &["base"]),
        ("store", &["base"]),
        ("store-fjall", &["base", "store"]),
        ("vault", &["base", "store"]),
        ("transport", &["base", "envelope"]),
        ("carrier", &["base", "transport", "vault"]),
        ("endpoint", &["content", "session", "store"]),
        ("relay", &["endpoint", "transport"]),
        ("bulla", &["relay"]),
    ];
    let shown = |arrows: &[&str]| Crate {
        arrows: arrows.iter().map(|&to| to.to_owned()).collect(),
        inherits_lints: true,
        ..Crate::default()
    };
    drawn.iter().map(|(name, arrows)| ((*name).to_owned(), shown(arrows))).collect()
}

/// The sound graph with `plant` done to the crate `name`.
fn with(name: &str, plant: impl FnOnce(&mut Crate)) -> Vec<Violation> {
    let mut graph = sound();
    plant(graph.entry(name.to_owned()).or_insert(Crate { inherits_lints: true, ..Crate::default() }));
    violations(&graph, TABLE)
}

fn arrow(from: &str, to: &str) -> Vec<Violation> {
    with(from, |shown| {
        shown.arrows.insert(to.to_owned());
    })
}

fn path(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn a_sound_graph_breaks_nothing() {
    assert_eq!(violations(&sound(), TABLE), []);
}

#[test]
fn an_arrow_beside_the_table_is_found() {
    let expected = Violation::ArrowNotInTable { from: "vault".to_owned(), to: "envelope".to_owned() };
    assert_eq!(arrow("vault", "envelope"), [expected]);
}

#[test]
fn a_crate_beside_the_table_is_found() {
    assert_eq!(with("helpers", |_| ()), [Violation::NotInTable { name: "helpers".to_owned() }]);
}

#[test]
fn a_blind_crate_that_reaches_plaintext_through_another_is_found() {
    let found = arrow("store", "content");
    for from in ["vault", "store-fjall"] {
        let expected = Violation::BlindReachesSighted { path: path(&[from, "store", "content"]) };
        assert!(found.contains(&expected), "{from} was not found: {found:?}");
    }
    let expected = Violation::BlindReachesSighted { path: path(&["carrier", "vault", "store", "content"]) };
    assert!(found.contains(&expected), "{found:?}");
}

#[test]
fn a_session_that_reaches_more_than_the_ratchet_is_found() {
    let found = arrow("spqr", "base");
    assert!(
        found.contains(&Violation::SessionReaches { path: path(&["session", "spqr", "base"]) }),
        "{found:?}"
    );
    let found = arrow("session", "base");
    assert!(found.contains(&Violation::SessionReaches { path: path(&["session", "base"]) }), "{found:?}");
}

#[test]
fn the_facade_may_offer_an_engine_and_not_choose_one() {
    let offered = with("bulla", |shown| {
        shown.arrows.insert("store-fjall".to_owned());
        shown.optional.insert("store-fjall".to_owned());
    });
    assert_eq!(offered, []);
    let chosen = Violation::EngineReached { path: path(&["bulla", "store-fjall"]) };
    assert_eq!(arrow("bulla", "store-fjall"), [chosen]);
    // Nobody else may even offer one.
    let found = with("relay", |shown| {
        shown.arrows.insert("store-fjall".to_owned());
        shown.optional.insert("store-fjall".to_owned());
    });
    assert!(found.contains(&Violation::EngineReached { path: path(&["relay", "store-fjall"]) }), "{found:?}");
}

#[test]
fn a_library_that_chooses_an_engine_is_found() {
    let found = arrow("relay", "store-fjall");
    for chosen in [&["relay", "store-fjall"][..], &["bulla", "relay", "store-fjall"]] {
        assert!(found.contains(&Violation::EngineReached { path: path(chosen) }), "{found:?}");
    }
}

#[test]
fn a_message_cipher_on_the_blind_side_is_found_and_on_the_other_is_not() {
    let link = |shown: &mut Crate| {
        shown.outside.insert("cbc".to_owned());
    };
    let expected = Violation::CipherOnTheBlindSide { name: "carrier".to_owned(), cipher: "cbc".to_owned() };
    assert_eq!(with("carrier", link), [expected]);
    assert_eq!(with("endpoint", link), []);
}

#[test]
fn a_row_cipher_beside_the_vault_is_found_and_in_it_is_not() {
    let link = |cipher: &'static str| {
        move |shown: &mut Crate| {
            shown.outside.insert(cipher.to_owned());
        }
    };
    let found = |name: &str, cipher: &str| Violation::CipherOnTheBlindSide {
        name: name.to_owned(),
        cipher: cipher.to_owned(),
    };
    for (excepted, ciphers, _reason) in SEALING_EXCEPTIONS {
        for cipher in *ciphers {
            assert_eq!(with(excepted, link(cipher)), []);
            assert_eq!(with("carrier", link(cipher)), [found("carrier", cipher)]);
            assert_eq!(with("store-fjall", link(cipher)), [found("store-fjall", cipher)]);
        }
        // What messages are sealed with is none of its business.
        assert_eq!(with(excepted, link("cbc")), [found(excepted, "cbc")]);
        assert_eq!(with(excepted, link("graviola")), [found(excepted, "graviola")]);
    }
}

#[test]
fn the_systems_clock_is_found_everywhere_but_in_the_facade() {
    let read_the_clock = |shown: &mut Crate| shown.ambient.push("src/lib.rs:7: Instant::now".to_owned());
    let expected =
        Violation::Ambient { name: "vault".to_owned(), place: "src/lib.rs:7: Instant::now".to_owned() };
    assert_eq!(with("vault", read_the_clock), [expected]);
    for (excepted, _reason) in AMBIENT_EXCEPTIONS {
        assert_eq!(with(excepted, read_the_clock), []);
    }
}

#[test]
fn a_crate_with_lints_of_its_own_is_found() {
    let found = with("base", |shown| shown.inherits_lints = false);
    assert_eq!(found, [Violation::OwnLints { name: "base".to_owned() }]);
}
