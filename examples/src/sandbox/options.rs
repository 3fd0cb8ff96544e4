use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use bulla_example_program::arguments::{Arguments, UsageError};

/// The options that take a value, and what they take.
const VALUED: [(&str, &str); 3] = [
    ("--listen", "an address such as 127.0.0.1:8080"),
    ("--seed", "a file such as seed.json"),
    ("--trust", "a file such as /etc/ssl/certs/ca-certificates.crt"),
];

/// Where the sandbox is, and what is in it.
#[derive(Debug)]
pub struct SandboxOptions {
    pub(super) listen: SocketAddr,
    pub(super) seed: Option<PathBuf>,
    pub(super) trust: Option<PathBuf>,
}

impl SandboxOptions {
    /// Reads the arguments of the program, its name left out. `None` when it is asked for help.
    ///
    /// # Errors
    /// When an option is not known, lacks its value or does not take it.
    pub fn read(arguments: Vec<OsString>) -> Result<Option<Self>, UsageError> {
        let Some(arguments) = Arguments::read(arguments, &[], &VALUED)? else { return Ok(None) };
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let mut options = Self { listen, seed: None, trust: None };
        for given in arguments.values {
            match given.name() {
                "--listen" => options.listen = given.parse(str::parse)?,
                "--trust" => options.trust = Some(given.filled()?.into()),
                _ => options.seed = Some(given.filled()?.into()),
            }
        }
        Ok(Some(options))
    }
}

#[cfg(test)]
mod tests {
    use super::super::HELP;
    use super::*;

    #[test]
    fn all_has_a_default_and_is_explained() {
        let options = SandboxOptions::read(Vec::new()).unwrap().unwrap();
        assert!(options.listen.ip().is_loopback() && options.seed.is_none());
        assert!(SandboxOptions::read(vec!["--help".into()]).unwrap().is_none());
        assert!(VALUED.iter().all(|(name, _)| HELP.contains(name)));
        assert!(SandboxOptions::read(vec!["--listen".into(), "here".into()]).is_err());
    }
}
