//! Shows, verifies, compares and forecasts the bill of a business. `bill --help` tells how it is used.
//!
//! It links the meter alone, so a business can have it without the rest.

mod checks;
mod earlier;
mod fault;
mod files;
mod forecast;
mod given;
mod keys;
mod options;
mod overview;
mod page;
mod sample;
mod terminal;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::process::ExitCode;

use bulla_meter::{LeafTree, MessageTag, focus_csv, rows_csv, rows_json_lines};

use self::checks::Checks;
use self::fault::Fault;
use self::forecast::Forecast;
use self::given::Given;
use self::options::{Command, Options};
use self::overview::Overview;

const HELP: &str = include_str!("help.txt");

fn main() -> ExitCode {
    let (mut out, mut notes) = (io::stdout().lock(), io::stderr());
    let options = Options::read(lexopt::Parser::from_env());
    match options.and_then(|options| run(&options, &mut out, &mut notes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Whoever closed it does not read it.
            let _ = writeln!(notes, "bill: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Does what `options` say. What was checked goes to `notes` where `out` is for other programs.
fn run(options: &Options, out: &mut impl Write, notes: &mut impl Write) -> Result<(), Fault> {
    match options.command {
        Command::Help => Ok(out.write_all(HELP.as_bytes())?),
        Command::Version => Ok(writeln!(out, "bill {}", env!("CARGO_PKG_VERSION"))?),
        Command::Sample => sample::sample(options.folder()?),
        Command::Show => show(options, out),
        Command::Verify => verify(options, out),
        Command::Compare => compare(options, out),
        Command::Export => export(options, out, notes),
        Command::Proof => proof(options, out, notes),
    }
}

fn show(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    let given = Given::read(options)?;
    let checks = Checks::of(&given)?;
    let mut overview = Overview::new(&given, &checks);
    if let Some(card) = options.file("--under") {
        overview.forecast = Some(Forecast::new(&given, &files::card(card)?)?);
    }
    if let Some(theirs) = options.file("--theirs") {
        let theirs = files::leaves(theirs)?;
        overview.report = Some(overview::compare(given.statement(), given.leaves()?.to_vec(), theirs)?);
    }
    terminal::show(out, &overview)?;
    match options.file("--html") {
        Some(file) => files::write(file, page::page(&overview)),
        None => Ok(()),
    }
}

fn verify(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    options.needed("--card")?;
    let given = Given::read(options)?;
    let count = given.leaves()?.len();
    let checks = Checks::of(&given)?;
    put_lines(out, &checks)?;
    if checks.lacks_earlier {
        return Err(Fault::EarlierMissing);
    }
    match (&given.keys.issuer, checks.stranger) {
        (Some(_), Some(stranger)) => return Err(Fault::UnknownSigner(Box::new(stranger))),
        (Some(_), None) => {
            writeln!(
                out,
                "The statement follows from its {count} leaves and the card, and is signed by the issuer."
            )?;
        }
        (None, _) => writeln!(
            out,
            "The statement follows from its {count} leaves and the card. Who signed it was not checked."
        )?,
    }
    Ok(())
}

fn compare(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    let given = Given::read(options)?;
    let ours = given.leaves()?.to_vec();
    let theirs = files::leaves(options.needed("--theirs")?)?;
    let checks = Checks::of(&given)?;
    put_lines(out, &checks)?;
    writeln!(
        out,
        "{} messages are here, which are the statement's, and {} there.",
        ours.len(),
        theirs.len()
    )?;
    let report = overview::compare(given.statement(), ours, theirs)?;
    write!(out, "{report}")?;
    match report.differences().len() {
        0 => Ok(()),
        count => Err(Fault::Differs(count)),
    }
}

fn export(options: &Options, out: &mut impl Write, notes: &mut impl Write) -> Result<(), Fault> {
    let given = Given::read(options)?;
    let table = match options.text("--format")? {
        None | Some("csv") => rows_csv,
        Some("jsonl") => rows_json_lines,
        Some("focus") => focus_csv,
        Some(other) => return Err(Fault::UnknownFormat(other.to_owned())),
    };
    put_lines(notes, &Checks::of(&given)?)?;
    Ok(out.write_all(table(given.statement()).as_bytes())?)
}

fn proof(options: &Options, out: &mut impl Write, notes: &mut impl Write) -> Result<(), Fault> {
    let tag = options.text("--tag")?.ok_or(Fault::Missing("--tag"))?;
    let tag = MessageTag::from_bytes(files::hex(tag, "the tag of --tag")?);
    let given = Given::read(options)?;
    let (statement, leaves) = (given.statement(), given.leaves()?);
    put_lines(notes, &Checks::of(&given)?)?;
    let proof = LeafTree::new(leaves).proof(tag)?.ok_or(Fault::NotBilled)?;
    let leaf = proof.verify(statement).map_err(|_| Fault::NotBilled)?;
    let (bytes, amount) = (proof.to_bytes(), leaf.amount());
    writeln!(
        out,
        "{} to {}, {}, {amount} {}: proved by {} bytes",
        leaf.traits.category.name(),
        leaf.traits.market,
        leaf.pricing_type.name(),
        statement.currency(),
        bytes.len()
    )?;
    for line in bytes.chunks(32) {
        line.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        writeln!(out)?;
    }
    Ok(())
}

fn put_lines(out: &mut impl Write, checks: &Checks) -> io::Result<()> {
    checks.lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}
