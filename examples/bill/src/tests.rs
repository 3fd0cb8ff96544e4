use super::*;

/// What the program says to these arguments, in a folder with a sample.
fn told(folder: &std::path::Path, arguments: &[&str]) -> Result<String, Fault> {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut all = vec!["bill".to_owned()];
    for argument in arguments {
        all.push(argument.strip_prefix('@').map_or_else(|| (*argument).to_owned(), path));
    }
    let mut out = Vec::new();
    run(&Options::read(lexopt::Parser::from_iter(all))?, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    sample::sample(folder.path()).unwrap();
    folder
}

#[test]
fn a_month_is_shown_with_what_it_would_cost_and_what_differs() {
    let folder = folder();
    let arguments = [
        "show",
        "--statement",
        "@statement",
        "--leaves",
        "@leaves",
        "--under",
        "@other-card",
        "--theirs",
        "@theirs",
        "--html",
        "@page.html",
    ];
    let table = told(folder.path(), &arguments).unwrap();
    for part in
        ["to be paid", "sample-2026", "3 messages differ", "only here", "other category", "21 doubled"]
    {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.matches("<rect ").count() > 200, "bars of 30 days and categories");
    assert!(!page.contains("<script") && !page.contains("http"), "it needs nothing else");
}

#[test]
fn a_statement_is_verified_with_one_command() {
    let folder = folder();
    let issuer = std::fs::read_to_string(folder.path().join("issuer")).unwrap();
    let verify =
        ["verify", "--statement", "@statement", "--leaves", "@leaves", "--card", "@card", "--issuer"];
    let good = told(folder.path(), &[&verify[..], &[&issuer]].concat()).unwrap();
    assert_eq!(good, "The statement follows from its 20000 leaves and the card, and is signed.\n");
    let other = bulla_meter::BillingSigner::from_seed(&[2; 32]).public().to_string();
    assert!(matches!(told(folder.path(), &[&verify[..], &[&other]].concat()), Err(Fault::NotSigned(_))));
    let wrong = ["verify", "--statement", "@statement", "--leaves", "@theirs", "--card", "@card"];
    assert!(matches!(told(folder.path(), &wrong), Err(Fault::Wrong(_))));
}

#[test]
fn one_message_is_proved() {
    let folder = folder();
    let tag = "00".repeat(16);
    let arguments = ["proof", "--statement", "@statement", "--leaves", "@leaves", "--tag", &tag];
    assert!(told(folder.path(), &arguments).unwrap().contains("proved by"));
    let arguments = ["proof", "--statement", "@statement", "--leaves", "@leaves", "--tag", &"ff".repeat(16)];
    assert!(matches!(told(folder.path(), &arguments), Err(Fault::NotBilled)));
}

#[test]
fn rows_are_exported_in_three_forms() {
    let folder = folder();
    for (format, beginning) in [("csv", "kind,"), ("jsonl", "{\"kind\""), ("focus", "BillingAccountId,")] {
        let arguments = ["export", "--statement", "@statement", "--format", format];
        assert!(told(folder.path(), &arguments).unwrap().starts_with(beginning));
    }
}
