//! What a program was asked to do, in its arguments.

use std::ffi::OsString;
use std::fmt;

use bulla::base::InvalidWord;
use lexopt::{Arg, Parser};

/// The arguments of a program, as they were given.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arguments {
    /// Options that take no value, without their dashes.
    pub flags: Vec<&'static str>,
    /// Options with their values, in their order.
    pub values: Vec<Given>,
}

/// The program cannot be used like this.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// There is no such option.
    #[error("there is no option {name}")]
    Unknown {
        /// What was given.
        name: String,
    },
    /// An option came without its value.
    #[error("{name} takes {takes}, and nothing follows it")]
    Missing {
        /// The option.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
    /// An option came with a value it does not take.
    #[error("{name} takes {takes}, not {value:?}: {why}")]
    Value {
        /// The option.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// An option came with a value it does not take, which is a secret.
    #[error("{name} takes {takes}, not what was given, which is not shown: {why}")]
    Secret {
        /// The option.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// An option came without the one it belongs to.
    #[error("{name} goes with {with}")]
    Alone {
        /// The option.
        name: &'static str,
        /// The one it belongs to.
        with: &'static str,
    },
    /// An option the program cannot do without did not come.
    #[error("{name} is missing: it takes {takes}")]
    Needed {
        /// The option.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
    },
}

impl Arguments {
    /// Reads the arguments of a program, its name left out: the `flags`, and the `valued` options with what
    /// they take, all with their two dashes. A value follows its option, or stands in one with it behind a
    /// `=`. `None` when it is asked for help.
    ///
    /// # Errors
    /// When an option is not known or lacks its value.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
        flags: &[&'static str],
        valued: &[(&'static str, &'static str)],
    ) -> Result<Option<Self>, UsageError> {
        let mut parser = Parser::from_args(arguments);
        let mut read = Self { flags: Vec::new(), values: Vec::new() };
        while let Some(argument) = parser.next().map_err(|error| unknown(error.to_string()))? {
            match argument {
                Arg::Short('h') => return Ok(None),
                Arg::Long(name) => {
                    let name = format!("--{name}");
                    let flag = flags.iter().find(|flag| **flag == name);
                    if flag.is_none() && name != "--help" {
                        read.values.push(Given::read(&name, valued, &mut parser)?);
                    } else if parser.optional_value().is_some() {
                        return Err(unknown(name));
                    } else if let Some(flag) = flag {
                        read.flags.push(flag);
                    } else {
                        return Ok(None);
                    }
                }
                Arg::Short(name) => return Err(unknown(format!("-{name}"))),
                Arg::Value(value) => return Err(unknown(value.to_string_lossy())),
            }
        }
        Ok(Some(read))
    }
}

fn unknown(name: impl Into<String>) -> UsageError {
    UsageError::Unknown { name: name.into() }
}

/// The options of all programs whose values nobody else is to read; in a URL a password may stand, or a key.
const SECRETS: [&str; 5] = ["--token", "--verify-token", "--app-secret", "--app-owner-secret", "--webhook"];

/// An option and its value, as they were given.
pub struct Given {
    name: &'static str,
    takes: &'static str,
    value: String,
}

/// Without the value, which may be a secret.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Given {
    /// The option `name`, whose value is still to be parsed.
    fn read(
        name: &str,
        valued: &[(&'static str, &'static str)],
        parser: &mut Parser,
    ) -> Result<Self, UsageError> {
        let known = valued.iter().copied().find(|(known, _)| *known == name);
        let (name, takes) = known.ok_or_else(|| unknown(name))?;
        let value = parser.value().map_err(|_| UsageError::Missing { name, takes })?;
        match value.into_string() {
            Ok(value) => Ok(Self { name, takes, value }),
            Err(value) => {
                let given = Self { name, takes, value: value.to_string_lossy().into_owned() };
                Err(given.refused("it is not UTF-8"))
            }
        }
    }

    /// The option, with its dashes.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Why its value is none.
    pub fn refused(&self, why: impl fmt::Display) -> UsageError {
        let (name, takes, why) = (self.name, self.takes, why.to_string());
        match SECRETS.contains(&name) {
            true => UsageError::Secret { name, takes, why },
            false => UsageError::Value { name, takes, value: self.value.clone(), why },
        }
    }

    /// Its value, as `read` reads it.
    ///
    /// # Errors
    /// When that cannot read it.
    pub fn parse<V, E: fmt::Display>(
        &self,
        read: impl FnOnce(&str) -> Result<V, E>,
    ) -> Result<V, UsageError> {
        read(&self.value).map_err(|error| self.refused(error))
    }

    /// Its value, as one of the words that all parties share.
    ///
    /// # Errors
    /// When it is none.
    pub fn word<V>(&self, read: impl FnOnce(&str) -> Result<V, InvalidWord>) -> Result<V, UsageError> {
        self.parse(|text| read(text).map_err(|error| error.why()))
    }

    /// Its value, which must not be empty.
    ///
    /// # Errors
    /// When it is.
    pub fn filled(&self) -> Result<String, UsageError> {
        if self.value.is_empty() { Err(self.refused("it is empty")) } else { Ok(self.value.clone()) }
    }
}
