//! What the carrier is asked to do.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bulla::base::PhoneNumberId;
use bulla::carrier::grpc::GrpcSettings;
use bulla_example_program::arguments::{Arguments, UsageError};
use bulla_example_program::storage::IfLost;

use crate::key_log::Newest;

/// What `--help` prints.
pub(crate) const HELP: &str = include_str!("help.txt");

/// The options that take a value, and what they take.
const VALUED: [(&str, &str); 12] = [
    ("--listen", "an address such as 127.0.0.1:7443"),
    ("--name", "a name such as carrier.example"),
    ("--metrics", "an address such as 127.0.0.1:9090"),
    ("--data", "a folder"),
    ("--tls", "a folder"),
    ("--heartbeat", "a number of seconds, 1 to 3600"),
    ("--grant", "a decimal number"),
    ("--resume-key-log", "a file with a checkpoint, or the word new"),
    ("--begin-anew", "carrier or keys"),
    ("--protect", "yes or no"),
    ("--enforcements", "a decimal number"),
    ("--lift", "a decimal number"),
];

/// How the carrier is to serve. Everything has a default.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) name: String,
    pub(crate) metrics: SocketAddr,
    pub(crate) data: Option<PathBuf>,
    pub(crate) tls: Option<PathBuf>,
    pub(crate) settings: GrpcSettings,
    pub(crate) grant: Option<PhoneNumberId>,
    pub(crate) resume: Option<Newest>,
    pub(crate) if_lost: IfLost,
    /// Whether keys that are lost are made anew.
    pub(crate) new_keys: bool,
    pub(crate) protect: bool,
    /// Whose enforcements are shown, and of whom they are lifted besides.
    pub(crate) enforcements: Option<PhoneNumberId>,
    pub(crate) lift: Option<PhoneNumberId>,
}

impl Options {
    /// Reads them. `None` when it is asked for help.
    pub(crate) fn read(arguments: Vec<OsString>) -> Result<Option<Self>, UsageError> {
        let Some(arguments) = Arguments::read(arguments, &[], &VALUED)? else { return Ok(None) };
        let mut options = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7443)),
            name: "localhost".to_owned(),
            metrics: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            tls: None,
            settings: GrpcSettings::default(),
            grant: None,
            resume: None,
            if_lost: IfLost::Refuse,
            new_keys: false,
            protect: false,
            enforcements: None,
            lift: None,
        };
        for given in arguments.values {
            match given.name() {
                "--listen" => options.listen = given.parse(str::parse)?,
                "--name" => options.name = given.filled()?,
                "--metrics" => options.metrics = given.parse(str::parse)?,
                "--data" => options.data = Some(given.filled()?.into()),
                "--tls" => options.tls = Some(given.filled()?.into()),
                "--heartbeat" => {
                    let heartbeat = Duration::from_secs(given.parse(str::parse)?);
                    let settings = GrpcSettings::default().with_heartbeat(heartbeat);
                    options.settings = settings.map_err(|error| given.refused(error))?;
                }
                "--grant" => {
                    let number = given.word(PhoneNumberId::parse)?;
                    options.grant = Some(number);
                }
                "--resume-key-log" => {
                    options.resume = Some(match given.filled()? {
                        new if new == "new" => Newest::None,
                        file => Newest::Checkpoint(file.into()),
                    });
                }
                "--enforcements" => options.enforcements = Some(given.word(PhoneNumberId::parse)?),
                "--lift" => options.lift = Some(given.word(PhoneNumberId::parse)?),
                "--protect" => match given.filled()?.as_str() {
                    "yes" => options.protect = true,
                    "no" => options.protect = false,
                    _ => return Err(given.refused("it is yes or no")),
                },
                _ => match given.filled()?.as_str() {
                    "carrier" => options.if_lost = IfLost::BeginAnew,
                    "keys" => options.new_keys = true,
                    _ => return Err(given.refused("nobody else has a store here")),
                },
            }
        }
        Ok(Some(options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Option<Options>, UsageError> {
        Options::read(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn everything_has_a_default_and_help_comes_first() {
        let options = read(&[]).unwrap().unwrap();
        assert_eq!((options.listen.to_string(), options.name), ("127.0.0.1:7443".into(), "localhost".into()));
        assert!(read(&["--listen", "127.0.0.1:1", "--help", "--nope"]).unwrap().is_none());
    }

    #[test]
    fn errors_name_the_option_and_what_it_takes() {
        let said = |arguments: &[&str]| read(arguments).unwrap_err().to_string();
        assert!(
            said(&["--listen", "7443"]).starts_with("--listen takes an address such as 127.0.0.1:7443, not")
        );
        assert!(said(&["--protect", "maybe"]).ends_with("it is yes or no"));
        assert!(read(&["--protect", "yes"]).unwrap().unwrap().protect);
        let lifted = read(&["--lift", "7"]).unwrap().unwrap();
        assert_eq!((lifted.lift, lifted.enforcements), (Some(PhoneNumberId::new(7)), None));
        assert!(said(&["--begin-anew", "relay"]).ends_with("nobody else has a store here"));
        let resumed = |value| read(&["--resume-key-log", value]).unwrap().unwrap().resume.unwrap();
        assert_eq!((resumed("new"), resumed("a")), (Newest::None, Newest::Checkpoint("a".into())));
        assert_eq!(said(&["--data"]), "--data takes a folder, and nothing follows it");
    }

    #[test]
    fn every_option_is_explained() {
        for (name, _) in VALUED {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
