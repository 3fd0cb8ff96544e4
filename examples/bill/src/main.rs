//! Shows, verifies, compares and forecasts the bill of a business. `bill --help` tells how it is used.
//!
//! It links the meter alone, so a business can have it without the rest.

mod fault;
mod files;
mod options;
mod overview;
mod page;
mod sample;
mod terminal;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::process::ExitCode;

use bulla_meter::{BillingKey, LeafTree, MessageTag, SignedStatement, focus_csv, rows_csv, rows_json_lines};

use self::fault::Fault;
use self::options::Options;
use self::overview::Overview;

const HELP: &str = include_str!("help.txt");

fn main() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = Options::read(lexopt::Parser::from_env()).and_then(|options| run(&options, &mut out));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Whoever closed it does not read it.
            let _ = writeln!(io::stderr(), "bill: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    match options.command.as_str() {
        "help" | "" => Ok(out.write_all(HELP.as_bytes())?),
        "sample" => sample::sample(options.folder.as_ref().ok_or(Fault::Missing("FOLDER"))?),
        "show" => show(options, out),
        "verify" => verify(options, out),
        "compare" => compare(options, out),
        "export" => export(options, out),
        "proof" => proof(options, out),
        other => Err(Fault::UnknownCommand(other.to_owned())),
    }
}

fn show(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    let signed = files::statement(options.statement.as_ref())?;
    let leaves = files::leaves(options.leaves.as_ref(), "leaves")?;
    let mut overview = Overview::new(signed.statement(), &leaves);
    if options.under.is_some() {
        let card = files::card(options.under.as_ref())?;
        let amount = overview::forecast(signed.statement(), &leaves, &card).map_err(Fault::Unrated)?;
        overview.forecast = Some((card.id().to_owned(), amount));
    }
    if options.theirs.is_some() {
        let theirs = files::leaves(options.theirs.as_ref(), "theirs")?;
        overview.report = Some(overview::compare(signed.statement(), leaves, theirs)?);
    }
    terminal::show(out, &overview)?;
    match &options.html {
        Some(file) => files::write(file, page::page(&overview)),
        None => Ok(()),
    }
}

fn verify(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    let signed = files::statement(options.statement.as_ref())?;
    let leaves = files::leaves(options.leaves.as_ref(), "leaves")?;
    signed.statement().verify(&leaves, &files::card(options.card.as_ref())?, &[])?;
    let count = leaves.len();
    match &options.issuer {
        None => writeln!(
            out,
            "The statement follows from its {count} leaves and the card. Who signed it was not checked."
        )?,
        Some(issuer) => {
            is_issued(&signed, issuer)?;
            writeln!(out, "The statement follows from its {count} leaves and the card, and is signed.")?;
        }
    }
    Ok(())
}

fn is_issued(signed: &SignedStatement, issuer: &str) -> Result<(), Fault> {
    let issuer = BillingKey::from_bytes(&files::hex(issuer.trim(), "the key of --issuer")?)?;
    if signed.is_issued_by(&issuer) {
        return Ok(());
    }
    Err(Fault::NotSigned("the statement is not signed with that key"))
}

fn compare(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    let signed = files::statement(options.statement.as_ref())?;
    let ours = files::leaves(options.leaves.as_ref(), "leaves")?;
    let theirs = files::leaves(options.theirs.as_ref(), "theirs")?;
    let report = overview::compare(signed.statement(), ours, theirs)?;
    write!(out, "{report}")?;
    match report.differences().len() {
        0 => Ok(()),
        count => Err(Fault::Differs(count)),
    }
}

fn export(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    let signed = files::statement(options.statement.as_ref())?;
    let table = match options.format.as_deref() {
        None | Some("csv") => rows_csv(signed.statement()),
        Some("jsonl") => rows_json_lines(signed.statement()),
        Some("focus") => focus_csv(signed.statement()),
        Some(_) => return Err(Fault::Missing("format csv, jsonl or focus")),
    };
    Ok(out.write_all(table.as_bytes())?)
}

fn proof(options: &Options, out: &mut impl Write) -> Result<(), Fault> {
    let signed = files::statement(options.statement.as_ref())?;
    let leaves = files::leaves(options.leaves.as_ref(), "leaves")?;
    let tag = options.tag.as_deref().ok_or(Fault::Missing("tag"))?;
    let tag = MessageTag::from_bytes(files::hex(tag, "the tag of --tag")?);
    let proof = LeafTree::new(&leaves).proof(tag)?.ok_or(Fault::NotBilled)?;
    let leaf = proof.verify(signed.statement()).map_err(|_| Fault::NotBilled)?;
    let (bytes, amount) = (proof.to_bytes(), leaf.amount());
    writeln!(
        out,
        "{} to {}, {}, {amount} {}: proved by {} bytes",
        leaf.traits.category.name(),
        leaf.traits.market,
        leaf.pricing_type.name(),
        signed.statement().currency(),
        bytes.len()
    )?;
    for line in bytes.chunks(32) {
        line.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        writeln!(out)?;
    }
    Ok(())
}
