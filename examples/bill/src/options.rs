use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser, ValueExt};

use crate::fault::Fault;

/// What the program is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Version,
    Sample,
    Show,
    Verify,
    Compare,
    Export,
    Proof,
}

/// What a statement is checked with: every command that reads one takes these.
const CHECKING: [&str; 7] =
    ["--statement", "--leaves", "--card", "--issuer", "--trust", "--earlier", "--before"];

/// What only some commands take.
const OTHERS: [&str; 5] = ["--theirs", "--under", "--html", "--format", "--tag"];

/// What can be given several times.
const REPEATED: [&str; 3] = ["--trust", "--earlier", "--before"];

impl Command {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "help" => Self::Help,
            "sample" => Self::Sample,
            "show" => Self::Show,
            "verify" => Self::Verify,
            "compare" => Self::Compare,
            "export" => Self::Export,
            "proof" => Self::Proof,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Version => "--version",
            Self::Sample => "sample",
            Self::Show => "show",
            Self::Verify => "verify",
            Self::Compare => "compare",
            Self::Export => "export",
            Self::Proof => "proof",
        }
    }

    fn takes(self, option: &str) -> bool {
        let own: &[&str] = match self {
            Self::Help | Self::Version | Self::Sample => return false,
            Self::Verify => &[],
            Self::Show => &["--theirs", "--under", "--html"],
            Self::Compare => &["--theirs"],
            Self::Export => &["--format"],
            Self::Proof => &["--tag"],
        };
        own.contains(&option) || CHECKING.contains(&option)
    }
}

/// What was given on the command line. A command takes its own options and no others.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) command: Command,
    folder: Option<PathBuf>,
    values: BTreeMap<&'static str, Vec<OsString>>,
}

impl Options {
    pub(crate) fn read(mut parser: Parser) -> Result<Self, Fault> {
        let (mut command, mut folder) = (None, None);
        let mut values = BTreeMap::<&'static str, Vec<OsString>>::new();
        let of = |command| Self { command, folder: None, values: BTreeMap::new() };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(of(Command::Help)),
                Arg::Long("version") | Arg::Short('V') => return Ok(of(Command::Version)),
                Arg::Long(name) => {
                    let Some(option) = known(name) else { return Err(Arg::Long(name).unexpected().into()) };
                    values.entry(option).or_default().push(parser.value()?);
                }
                Arg::Value(name) if command.is_none() => {
                    let name = name.string()?;
                    command = Some(Command::parse(&name).ok_or(Fault::UnknownCommand(name))?);
                }
                Arg::Value(name) if command == Some(Command::Sample) && folder.is_none() => {
                    folder = Some(name.into());
                }
                other => return Err(other.unexpected().into()),
            }
        }
        let command = match command {
            Some(command) => command,
            None if values.is_empty() => Command::Help,
            None => return Err(Fault::Missing("the command")),
        };
        for (option, given) in &values {
            if !command.takes(option) {
                return Err(Fault::NotTaken { command: command.name(), option });
            }
            if given.len() > 1 && !REPEATED.contains(option) {
                return Err(Fault::Twice(option));
            }
        }
        Ok(Self { command, folder, values })
    }

    /// The folder that the sample goes to.
    pub(crate) fn folder(&self) -> Result<&Path, Fault> {
        self.folder.as_deref().ok_or(Fault::Missing("FOLDER"))
    }

    /// The file that an option names.
    pub(crate) fn file(&self, option: &'static str) -> Option<&Path> {
        self.files(option).next()
    }

    /// The same, which the command cannot do without.
    pub(crate) fn needed(&self, option: &'static str) -> Result<&Path, Fault> {
        self.file(option).ok_or(Fault::Missing(option))
    }

    /// All files that an option names.
    pub(crate) fn files(&self, option: &'static str) -> impl Iterator<Item = &Path> {
        self.values.get(option).into_iter().flatten().map(Path::new)
    }

    /// All texts that were given with an option.
    pub(crate) fn texts(&self, option: &'static str) -> Result<Vec<&str>, Fault> {
        let texts = self.values.get(option).into_iter().flatten();
        texts.map(|text| text.to_str().ok_or(Fault::NotText(option))).collect()
    }

    /// The text that was given with an option.
    pub(crate) fn text(&self, option: &'static str) -> Result<Option<&str>, Fault> {
        Ok(self.texts(option)?.first().copied())
    }
}

fn known(name: &str) -> Option<&'static str> {
    CHECKING.iter().chain(&OTHERS).find(|option| option.strip_prefix("--") == Some(name)).copied()
}
