//! What is shown was checked as far as what was given allows, and what does not hold is not shown.

use super::*;

const SHOW: [&str; 3] = ["show", "--statement", "@statement"];

#[test]
fn a_statement_is_verified_with_one_command() {
    let folder = folder();
    let verify = ["verify", "--statement", "@statement", "--leaves", "@leaves", "--card", "@card"];
    let with = |key| told(folder.path(), &[&verify[..], &["--issuer", key]].concat());
    let good = with("!").unwrap();
    assert!(good.ends_with(
        "The statement follows from its 20000 leaves and the card, and is signed by the issuer.\n"
    ));
    assert!(!good.contains("Not checked"), "{good}");
    let other = BillingSigner::from_seed(&[2; 32]).public().to_string();
    assert!(matches!(with(&other), Err(Fault::OtherIssuer(named)) if *named == *issuer().public()));
    assert!(told(folder.path(), &verify).unwrap().ends_with("Who signed it was not checked.\n"));
    let wrong = ["verify", "--statement", "@statement", "--leaves", "@theirs", "--card", "@card"];
    assert!(matches!(told(folder.path(), &wrong), Err(Fault::OtherLeaves { .. })));
    let wrong = ["verify", "--statement", "@statement", "--leaves", "@leaves", "--card", "@other-card"];
    assert!(matches!(told(folder.path(), &wrong), Err(Fault::OtherCard)));
}

#[test]
fn what_was_not_checked_is_said() {
    let folder = folder();
    let nothing = told(folder.path(), &SHOW).unwrap();
    for line in [
        "Not checked: whose signature it is, no --issuer given; it names ",
        "Not checked: leaves and sums, no --leaves given.",
        "Not checked: card and rates, no --card given.",
    ] {
        assert!(nothing.contains(line), "{line} is missing in\n{nothing}");
    }
    let all = [&SHOW[..], &["--leaves", "@leaves", "--card", "@card", "--issuer", "!"]].concat();
    let all = told(folder.path(), &all).unwrap();
    for line in [
        "Checked: the statement is signed by the issuer.",
        "Checked: the 20000 leaves are the statement's, and its sums are theirs.",
        "Checked: it was rated by the card sample-2025.",
        "Checked: each rate follows from the card.",
    ] {
        assert!(all.contains(line), "{line} is missing in\n{all}");
    }
    assert!(!all.contains("Not checked"), "{all}");
}

/// A statement with one bit changed was shown, and nothing was said.
#[test]
fn a_changed_statement_is_neither_shown_nor_exported() {
    let folder = folder();
    let good = std::fs::read(folder.path().join("statement")).unwrap();
    for place in [good.len() - 1, good.len() / 2, 40, 70] {
        let mut changed = good.clone();
        changed[place] ^= 1;
        std::fs::write(folder.path().join("changed"), changed).unwrap();
        for more in [&["show", "--html", "@page"][..], &["export"], &["compare", "--theirs", "@theirs"]] {
            let more = [more, &["--statement", "@changed", "--leaves", "@leaves"]].concat();
            let (said, fault) = refused(folder.path(), &more);
            assert!(said.is_empty(), "{said}");
            assert!(matches!(fault, Fault::NotSigned(_) | Fault::Form { .. } | Fault::OtherLeaves { .. }));
        }
    }
    assert!(!folder.path().join("page").exists());
}

#[test]
fn leaves_and_cards_of_others_are_refused() {
    let folder = folder();
    std::fs::write(folder.path().join("none"), "").unwrap();
    let leaves = files::read(&folder.path().join("leaves")).unwrap();
    std::fs::write(folder.path().join("half"), &leaves[..46 * 10_000]).unwrap();
    for others in ["@none", "@half", "@theirs"] {
        let (said, fault) = refused(folder.path(), &[&SHOW[..], &["--leaves", others]].concat());
        assert!(said.is_empty() && matches!(fault, Fault::OtherLeaves { stated: 20_000, .. }), "{fault}");
    }
    let (_, fault) = refused(folder.path(), &[&SHOW[..], &["--card", "@other-card"]].concat());
    assert!(matches!(fault, Fault::OtherCard));
    // The same half on both sides says nothing of the statement.
    let half = ["compare", "--statement", "@statement", "--leaves", "@half", "--theirs", "@half"];
    let (said, fault) = refused(folder.path(), &half);
    assert!(said.is_empty());
    assert!(matches!(fault, Fault::OtherLeaves { given: 10_000, stated: 20_000, .. }), "{fault}");
    let whole = ["compare", "--statement", "@statement", "--leaves", "@leaves", "--theirs", "@leaves"];
    assert!(told(folder.path(), &whole).unwrap().ends_with("Both sides agree on every message.\n"));
}

#[test]
fn who_signed_a_correction_is_told() {
    let folder = folder();
    let (sample, stranger) = (Sample::read(folder.path()), BillingSigner::from_seed(&[9; 32]));
    let ours = sample.adjustment(Direction::Charge, "forgotten", &issuer());
    let theirs = sample.adjustment(Direction::Credit, "on \u{202e}<b>goodwill", &stranger);
    let (statement, leaves) = sample.state(sample.statement.period(), None, vec![ours, theirs]);
    put(folder.path(), ("statement", &statement), ("leaves", &leaves));
    let given = ["--statement", "@statement", "--leaves", "@leaves", "--card", "@card", "--issuer", "!"];
    let key = stranger.public().to_string();

    let table = told(folder.path(), &[&["show"][..], &given].concat()).unwrap();
    let another = format!("signed by another key, {key}; note: \"on \\u{{202e}}<b>goodwill\"");
    for part in [
        another.as_str(),
        "signed by the issuer; note: \"forgotten\"",
        "given back: marketing to +",
        "Not checked",
    ] {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
    let (said, fault) = refused(folder.path(), &[&["verify"][..], &given].concat());
    assert!(said.contains(&key) && !said.contains("and is signed"), "{said}");
    assert!(matches!(fault, Fault::UnknownSigner(named) if *named == *stranger.public()));
    let trusted = told(folder.path(), &[&["verify", "--trust", &key][..], &given].concat()).unwrap();
    assert!(trusted.contains("who is trusted") && trusted.ends_with("signed by the issuer.\n"), "{trusted}");
}

#[test]
fn what_the_other_side_answered_is_told_and_checked() {
    let folder = folder();
    let (sample, relay) = (Sample::read(folder.path()), BillingSigner::from_seed(&[3; 32]));
    let issued = SignedStatement::issue(sample.statement, &issuer());
    let disputed = issued.dispute(&relay, "12 messages are missing").unwrap().to_bytes();
    std::fs::write(folder.path().join("statement"), &disputed).unwrap();
    let table = told(folder.path(), &SHOW).unwrap();
    assert!(
        table.contains("Not checked: whether whom it is disputed, \"12 messages are missing\", by may do so")
    );
    let key = relay.public().to_string();
    let table = told(folder.path(), &[&SHOW[..], &["--trust", &key]].concat()).unwrap();
    assert!(table.contains("Checked: the statement is disputed, \"12 messages are missing\", by"), "{table}");
    let mut changed = disputed;
    let place = changed.windows(2).position(|pair| pair == b"12").unwrap();
    changed[place] = b'9';
    std::fs::write(folder.path().join("statement"), changed).unwrap();
    assert!(matches!(refused(folder.path(), &SHOW).1, Fault::AnswerNotSigned(_)));
}
