//! A statement whose period begins within a month was called wrong: which tier its messages are in depends on
//! what was before, and there was no way to say that.

use super::*;

/// September in three statements, of which the last is of its second half.
fn parts() -> tempfile::TempDir {
    let folder = folder();
    let sample = Sample::read(folder.path());
    let (zone, month) = (sample.statement.zone(), sample.statement.period());
    let on = |day| zone.midnight(LocalDate::new(2026, 9, day).unwrap());
    let mut previous = None;
    for (number, (from, to)) in
        ["1", "2", "3"].iter().zip([(month.from(), on(8)), (on(8), on(16)), (on(16), month.to())])
    {
        let (statement, leaves) = sample.state(Period::new(from, to).unwrap(), previous.as_ref(), Vec::new());
        let (name, of_leaves) = (format!("statement-{number}"), format!("leaves-{number}"));
        put(folder.path(), (&name, &statement), (&of_leaves, &leaves));
        previous = Some(statement);
    }
    folder
}

const VERIFY: [&str; 7] =
    ["verify", "--statement", "@statement-3", "--leaves", "@leaves-3", "--card", "@card"];
const EARLIER: [&str; 4] = ["--earlier", "@leaves-1", "--earlier", "@leaves-2"];
const BEFORE: [&str; 4] = ["--before", "@statement-1", "--before", "@statement-2"];

#[test]
fn a_part_of_a_month_is_right_with_what_was_before() {
    let folder = parts();
    let believed = told(folder.path(), &[&VERIFY[..], &EARLIER].concat()).unwrap();
    assert!(believed.contains("Not checked: whether that was so, no --before given."), "{believed}");
    let proved = told(folder.path(), &[&VERIFY[..], &EARLIER, &BEFORE].concat()).unwrap();
    assert!(proved.contains("Checked: each rate follows from the card and what the statements before say"));
    // The first begins the month and needs nothing.
    let first = ["verify", "--statement", "@statement-1", "--leaves", "@leaves-1", "--card", "@card"];
    told(folder.path(), &first).unwrap();
    let (_, fault) = refused(folder.path(), &[&first[..], &["--earlier", "@leaves-2"]].concat());
    assert!(matches!(fault, Fault::NothingEarlier));
}

#[test]
fn a_part_of_a_month_is_not_called_wrong_without_it() {
    let folder = parts();
    let (said, fault) = refused(folder.path(), &VERIFY);
    assert!(said.contains("Not checked: rates") && said.contains("leaves are the statement's"), "{said}");
    assert!(matches!(fault, Fault::EarlierMissing) && !fault.to_string().contains("wrong"), "{fault}");
    let show = [&["show", "--under", "@card"], &VERIFY[1..]].concat();
    let table = told(folder.path(), &show).unwrap();
    assert!(table.contains("Not checked: rates") && table.contains("not told"), "{table}");
    assert!(!table.contains("more by"));
    let table = told(folder.path(), &[&show[..], &EARLIER].concat()).unwrap();
    let more = table.lines().find(|line| line.starts_with("which is more by")).unwrap();
    assert!(more.ends_with(" 0.000000 EUR"), "{more}");
}

#[test]
fn what_was_before_has_to_be_that() {
    let folder = parts();
    std::fs::write(folder.path().join("empty"), "").unwrap();
    let refused = |more: &[&str]| refused(folder.path(), &[&VERIFY[..], more].concat()).1;
    // Other tiers follow.
    let half = refused(&EARLIER[..2]);
    assert!(matches!(half, Fault::WrongIfEarlier(_)), "{half}");
    assert!(matches!(refused(&["--earlier", "@empty"]), Fault::WrongIfEarlier(_)), "there was something");
    assert!(matches!(refused(&["--earlier", "@leaves-3"]), Fault::NotEarlier { .. }));
    assert!(matches!(refused(&["--earlier", "@leaves-1", "--earlier", "@leaves-1"]), Fault::EarlierTwice));
    let proof = |more: &[&[&str]]| refused(&more.concat());
    let other = proof(&[&EARLIER, &BEFORE[..2]]);
    assert!(matches!(other, Fault::NotBefore { before: 0, after: 2 }), "{other}");
    let cut = proof(&[&EARLIER[2..], &BEFORE[2..]]);
    assert!(matches!(cut, Fault::BeforeMissing(0)), "{cut}");
    let half = proof(&[&EARLIER[..2], &BEFORE]);
    assert!(matches!(half, Fault::NoEarlierLeaves(1)), "{half}");
    let more = proof(&[&EARLIER, &["--earlier", "@empty"], &BEFORE]);
    assert!(matches!(more, Fault::EarlierOfNone), "{more}");
}
