use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::fault::Fault;

#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) command: String,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) statement: Option<PathBuf>,
    pub(crate) leaves: Option<PathBuf>,
    pub(crate) card: Option<PathBuf>,
    pub(crate) theirs: Option<PathBuf>,
    pub(crate) under: Option<PathBuf>,
    pub(crate) html: Option<PathBuf>,
    pub(crate) issuer: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) tag: Option<String>,
}

impl Options {
    pub(crate) fn read(mut parser: Parser) -> Result<Self, Fault> {
        let mut options = Self::default();
        while let Some(argument) = parser.next()? {
            let text = |parser: &mut Parser| parser.value()?.string();
            match argument {
                Arg::Long("help") | Arg::Short('h') => options.command = "help".to_owned(),
                Arg::Long("statement") => options.statement = Some(parser.value()?.into()),
                Arg::Long("leaves") => options.leaves = Some(parser.value()?.into()),
                Arg::Long("card") => options.card = Some(parser.value()?.into()),
                Arg::Long("theirs") => options.theirs = Some(parser.value()?.into()),
                Arg::Long("under") => options.under = Some(parser.value()?.into()),
                Arg::Long("html") => options.html = Some(parser.value()?.into()),
                Arg::Long("issuer") => options.issuer = Some(text(&mut parser)?),
                Arg::Long("format") => options.format = Some(text(&mut parser)?),
                Arg::Long("tag") => options.tag = Some(text(&mut parser)?),
                Arg::Value(command) if options.command.is_empty() => options.command = command.string()?,
                Arg::Value(folder) if options.folder.is_none() => options.folder = Some(folder.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}
