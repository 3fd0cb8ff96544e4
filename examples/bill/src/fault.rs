use std::io;
use std::path::PathBuf;

use bulla_meter::{InvalidForm, StatementFault, Unrated};

/// Why the program ends without having done what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Usage(#[from] lexopt::Error),
    #[error("--{0} is missing; --help tells more")]
    Missing(&'static str),
    #[error("{0} is none of the commands; --help names them")]
    UnknownCommand(String),
    #[error("{file}: {cause}")]
    File { file: PathBuf, cause: io::Error },
    #[error("{file}: {cause}")]
    Form { file: PathBuf, cause: InvalidForm },
    #[error("{file}: leaves have 46 bytes each")]
    Leaves { file: PathBuf },
    #[error(transparent)]
    Invalid(#[from] InvalidForm),
    #[error("the statement is wrong: {0}")]
    Wrong(#[from] StatementFault),
    #[error("{0}")]
    NotSigned(&'static str),
    #[error("the other card does not rate every message: {0}")]
    Unrated(Unrated),
    #[error("{0} is not hexadecimal, or has another length")]
    NotHex(&'static str),
    #[error("no message with this tag is billed")]
    NotBilled,
    #[error("{0} messages differ")]
    Differs(usize),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}
