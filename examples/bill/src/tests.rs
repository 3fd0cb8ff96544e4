mod checks;
mod earlier;
mod page;

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use bulla_meter::{
    Adjustment, AdjustmentReason, BillingSigner, Direction, Leaf, LocalDate, Period, RateCard,
    SignedStatement, Statement, StatementParts, Tariff,
};

use super::*;

/// What the program says to these arguments, in a folder with a sample: `@` begins the name of a file in it,
/// and `!` stands for the issuer's key.
fn told(folder: &Path, arguments: &[&str]) -> Result<String, Fault> {
    let mut out = Vec::new();
    run(&options(folder, arguments)?, &mut out, &mut Vec::new())?;
    Ok(String::from_utf8(out).unwrap())
}

/// What it says of checks besides, where its answer is for other programs.
fn notes(folder: &Path, arguments: &[&str]) -> String {
    let mut notes = Vec::new();
    run(&options(folder, arguments).unwrap(), &mut Vec::new(), &mut notes).unwrap();
    String::from_utf8(notes).unwrap()
}

/// What it says before it ends with an error, and the error.
fn refused(folder: &Path, arguments: &[&str]) -> (String, Fault) {
    let mut out = Vec::new();
    let fault = options(folder, arguments).and_then(|options| run(&options, &mut out, &mut Vec::new()));
    (String::from_utf8(out).unwrap(), fault.unwrap_err())
}

fn options(folder: &Path, arguments: &[&str]) -> Result<Options, Fault> {
    let mut all = vec!["bill".to_owned()];
    for argument in arguments {
        all.push(match argument.strip_prefix('@') {
            Some(name) => folder.join(name).to_str().unwrap().to_owned(),
            None if *argument == "!" => std::fs::read_to_string(folder.join("issuer")).unwrap(),
            None => (*argument).to_owned(),
        });
    }
    Options::read(lexopt::Parser::from_iter(all))
}

/// A folder with a sample, which is the same each time and made once.
fn folder() -> tempfile::TempDir {
    static FILES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        sample::sample(folder.path()).unwrap();
        let entries = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect()
    });
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Who signs the sample.
fn issuer() -> BillingSigner {
    BillingSigner::from_seed(&[1; 32])
}

/// What the sample is made of.
struct Sample {
    statement: Statement,
    leaves: Vec<Leaf>,
    card: RateCard,
}

impl Sample {
    fn read(folder: &Path) -> Self {
        let signed = files::statement(&folder.join("statement")).unwrap();
        let leaves = files::leaves(&folder.join("leaves")).unwrap();
        Self {
            statement: signed.statement().clone(),
            leaves,
            card: files::card(&folder.join("card")).unwrap(),
        }
    }

    /// The statement of those leaves that are of `period`.
    fn state(
        &self,
        period: Period,
        previous: Option<&Statement>,
        adjustments: Vec<Adjustment>,
    ) -> (Statement, Vec<Leaf>) {
        let (zone, tariff) = (self.statement.zone(), Tariff::new(&self.card, self.statement.zone()));
        let leaves: Vec<_> = self.leaves.iter().filter(|leaf| period.contains(leaf.hour)).copied().collect();
        let parts = StatementParts::new(self.statement.account(), period, zone, &tariff);
        let parts = parts.with_adjustments(adjustments);
        let parts = match previous {
            Some(previous) => parts.after(previous),
            None => parts,
        };
        (Statement::new(parts, &leaves).unwrap(), leaves)
    }

    /// That a message of August is given back, or charged.
    fn adjustment(&self, direction: Direction, note: &str, signer: &BillingSigner) -> Adjustment {
        let mut leaf = *self.leaves.iter().find(|leaf| leaf.micros == 60_400).unwrap();
        let august = self.statement.zone().month(LocalDate::new(2026, 8, 3).unwrap());
        leaf.hour = august.from();
        let (whose, why) = ((self.statement.account(), august), (AdjustmentReason::Correction, note));
        Adjustment::new(whose, leaf, direction, why, signer).unwrap()
    }
}

/// Puts a statement of the issuer and its leaves into the folder, under these names.
fn put(folder: &Path, (name, statement): (&str, &Statement), (of_leaves, leaves): (&str, &[Leaf])) {
    let signed = SignedStatement::issue(statement.clone(), &issuer());
    std::fs::write(folder.join(name), signed.to_bytes()).unwrap();
    let leaves: Vec<_> = leaves.iter().flat_map(Leaf::to_bytes).collect();
    std::fs::write(folder.join(of_leaves), leaves).unwrap();
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
    ];
    let table = told(folder.path(), &arguments).unwrap();
    for part in
        ["to be paid", "sample-2026", "3 messages differ", "only here", "other category", "21 doubled"]
    {
        assert!(table.contains(part), "{part} is missing in\n{table}");
    }
}

#[test]
fn a_month_costs_by_its_own_card_what_is_billed() {
    let folder = folder();
    let sample = Sample::read(folder.path());
    let credit = sample.adjustment(Direction::Credit, "", &issuer());
    let (statement, leaves) = sample.state(sample.statement.period(), None, vec![credit]);
    put(folder.path(), ("corrected", &statement), ("leaves", &leaves));
    for statement in ["@statement", "@corrected"] {
        let arguments = ["show", "--statement", statement, "--leaves", "@leaves", "--under", "@card"];
        let table = told(folder.path(), &arguments).unwrap();
        let more = table.lines().find(|line| line.starts_with("which is more by")).unwrap();
        assert!(more.ends_with(" 0.000000 EUR"), "corrections are none of the card's: {more}");
    }
}

#[test]
fn amounts_in_two_currencies_have_no_difference() {
    let folder = folder();
    let card = Sample::read(folder.path()).card;
    let dollars = bulla_meter::Currency::parse("USD").unwrap();
    let parts = (card.rules().to_vec(), card.prices().to_vec(), card.allotments().to_vec());
    let other = RateCard::new("dollars", dollars, parts.0, parts.1, parts.2).unwrap();
    std::fs::write(folder.path().join("dollars"), other.to_bytes()).unwrap();
    let arguments = ["show", "--statement", "@statement", "--leaves", "@leaves", "--under", "@dollars"];
    let table = told(folder.path(), &arguments).unwrap();
    assert!(table.contains("USD\n") && table.contains("the statement is in EUR, the card in USD"), "{table}");
    assert!(!table.contains("more by"));
}

#[test]
fn one_message_is_proved() {
    let folder = folder();
    let (none, tag) = ("ff".repeat(16), "00".repeat(16));
    let proof = |leaves, tag| {
        told(folder.path(), &["proof", "--statement", "@statement", "--leaves", leaves, "--tag", tag])
    };
    assert!(proof("@leaves", &tag).unwrap().contains("proved by"));
    assert!(matches!(proof("@leaves", &none), Err(Fault::NotBilled)));
    let others = proof("@theirs", &tag);
    assert!(matches!(others, Err(Fault::OtherLeaves { .. })), "what is missing may be in the others");
}

#[test]
fn rows_are_exported_in_three_forms() {
    let folder = folder();
    for (format, beginning) in [("csv", "kind,"), ("jsonl", "{\"kind\""), ("focus", "BillingAccountId,")] {
        let arguments = ["export", "--statement", "@statement", "--format", format];
        assert!(told(folder.path(), &arguments).unwrap().starts_with(beginning));
        assert!(notes(folder.path(), &arguments).contains("Not checked: whose signature it is"));
    }
    let other = told(folder.path(), &["export", "--statement", "@statement", "--format", "xml"]);
    assert!(matches!(other, Err(Fault::UnknownFormat(name)) if name == "xml"));
}

#[test]
fn a_sample_makes_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    told(folder.path(), &["sample", "@new/folder"]).unwrap();
    assert!(folder.path().join("new/folder/statement").exists());
    let missing = told(folder.path(), &["sample"]).unwrap_err();
    assert_eq!(missing.to_string(), "FOLDER is missing; --help tells more");
}

#[test]
fn a_command_takes_its_own_options_alone() {
    let folder = folder();
    let told = |arguments: &[&str]| told(folder.path(), arguments).map_err(|fault| fault.to_string());
    for (arguments, fault) in [
        (&["show", "--tag", "00"][..], "show takes no --tag; --help names what it takes"),
        (&["verify", "--theirs", "@theirs"], "verify takes no --theirs; --help names what it takes"),
        (&["sample", "@s", "--card", "@card"], "sample takes no --card; --help names what it takes"),
        (&["show", "--card", "@card", "--card", "@card"], "--card is given twice"),
        (&["show"], "--statement is missing; --help tells more"),
        (&["verify", "--statement", "@statement"], "--card is missing; --help tells more"),
        (&["--card", "@card"], "the command is missing; --help tells more"),
        (&["look"], "look is none of the commands; --help names them"),
    ] {
        assert_eq!(told(arguments), Err(fault.to_owned()));
    }
    for arguments in [&["show", "folder"][..], &["show", "--colour", "red"]] {
        assert!(told(arguments).is_err(), "{arguments:?}");
    }
    let absent = ["show", "--statement", "@statement", "--card", "/nonexistent", "--issuer", "00"];
    assert!(told(&absent).unwrap_err().starts_with("/nonexistent: "), "each file that is named is read");
    assert!(told(&["show", "--statement", "@statement", "--issuer", "00"]).is_err());
    assert_eq!(told(&["--version"]), Ok(format!("bill {}\n", env!("CARGO_PKG_VERSION"))));
    for help in [&["--help"][..], &["show", "-h"], &["help"], &[]] {
        assert_eq!(told(help), Ok(HELP.to_owned()));
    }
}
