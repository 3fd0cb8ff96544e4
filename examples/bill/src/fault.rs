use std::io;
use std::path::PathBuf;

use bulla_meter::{BillingKey, InvalidForm, StatementFault, Unrated};

/// Why the program ends without having done what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Usage(#[from] lexopt::Error),
    #[error("{0} is missing; --help tells more")]
    Missing(&'static str),
    #[error("{0} is none of the commands; --help names them")]
    UnknownCommand(String),
    #[error("{0} is none of the formats csv, jsonl and focus")]
    UnknownFormat(String),
    #[error("{command} takes no {option}; --help names what it takes")]
    NotTaken { command: &'static str, option: &'static str },
    #[error("{0} is given twice")]
    Twice(&'static str),
    #[error("what is given with {0} is no text")]
    NotText(&'static str),
    #[error("{0} is not hexadecimal, or has another length")]
    NotHex(&'static str),

    #[error("{file}: {cause}")]
    File { file: PathBuf, cause: io::Error },
    #[error("{file}: {cause}")]
    Form { file: PathBuf, cause: InvalidForm },
    #[error("{file}: leaves have 46 bytes each")]
    Leaves { file: PathBuf },
    #[error(transparent)]
    Invalid(#[from] InvalidForm),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),

    #[error("the statement is not as {0}, whom it names, signed it: it was changed, or never signed")]
    NotSigned(Box<BillingKey>),
    #[error("the statement is signed with another key than --issuer: {0}")]
    OtherIssuer(Box<BillingKey>),
    #[error("the answer to the statement is not as {0}, whom it names, signed it")]
    AnswerNotSigned(Box<BillingKey>),
    #[error("a correction is signed by {0}, which is neither --issuer nor one of --trust")]
    UnknownSigner(Box<BillingKey>),
    #[error("--card is not the card that the statement was rated by")]
    OtherCard,
    #[error(
        "--leaves are not those of the statement: {given} are given, and it has {stated} with the root {root}"
    )]
    OtherLeaves { given: usize, stated: u64, root: String },
    #[error("the statement is wrong: {0}")]
    Wrong(#[from] StatementFault),
    #[error("the statement is wrong, or --earlier is not all that was before in the month: {0}")]
    WrongIfEarlier(StatementFault),
    #[error(
        "the rates are not verified: the period begins within a month, and the card's prices depend on \
         what was before in it; give the leaves of that with --earlier, or an empty file if there was nothing"
    )]
    EarlierMissing,

    #[error("the period begins with a month, so nothing of --earlier or --before counts")]
    NothingEarlier,
    #[error("{file}: not leaves of the same month before the period")]
    NotEarlier { file: PathBuf },
    #[error("a message stands twice in the leaves of --earlier")]
    EarlierTwice,
    #[error("statement {before} of --before is not the one that statement {after} names as before it")]
    NotBefore { before: u32, after: u32 },
    #[error("none of --earlier are the leaves of statement {0} of --before")]
    NoEarlierLeaves(u32),
    #[error("leaves of --earlier are those of no statement of --before")]
    EarlierOfNone,
    #[error("statement {0}, which is of the same month, is missing in --before")]
    BeforeMissing(u32),

    #[error("the other card does not rate every message: {0}")]
    Unrated(Unrated),
    #[error("no message with this tag is billed")]
    NotBilled,
    #[error("{0} messages differ")]
    Differs(usize),
}
