use std::ffi::OsString;
use std::path::PathBuf;

use bulla::base::{DeviceId, Number, PhoneNumberId};
use bulla::device::LogKey;
use bulla_example_program::arguments::{Arguments, UsageError};

use crate::parties::PHONE_NUMBER_ID;

/// The options that take a value, and what they take.
const VALUED: [(&str, &str); 7] = [
    ("--authority", "a file such as TLS/authority.pem"),
    ("--carrier", "a name and a port such as localhost:7443"),
    ("--user", "a phone number with its country code, such as +16505551234"),
    ("--device", "a number from 1 to 10"),
    ("--business", "a decimal number"),
    ("--log-key", "the key that the carrier shows when it starts"),
    ("--data", "a folder"),
];

/// Whose device it is, and where the carrier is.
#[derive(Debug)]
pub struct DeviceOptions {
    pub(crate) authority: PathBuf,
    pub(crate) carrier: String,
    pub(crate) user: Number,
    pub(crate) device: DeviceId,
    pub(crate) business: PhoneNumberId,
    pub(crate) log_key: Option<LogKey>,
    pub(crate) data: Option<PathBuf>,
}

impl DeviceOptions {
    /// Reads the arguments of the program, its name left out. `None` when it is asked for help.
    ///
    /// # Errors
    /// When an option is not known, lacks its value or does not take it, and without an authority.
    pub fn read(arguments: Vec<OsString>) -> Result<Option<Self>, UsageError> {
        let Some(arguments) = Arguments::read(arguments, &[], &VALUED)? else { return Ok(None) };
        let (mut authority, mut carrier, mut user) = (None, "localhost:7443".to_owned(), None);
        let (mut device, mut business, mut data) = (DeviceId::PRIMARY, PHONE_NUMBER_ID, None);
        let mut log_key = None;
        for given in arguments.values {
            match given.name() {
                "--authority" => authority = Some(given.filled()?.into()),
                "--carrier" => carrier = given.filled()?,
                "--user" => user = Some(given.word(Number::parse)?),
                "--device" => {
                    let number = given.parse(str::parse::<u8>)?;
                    device = DeviceId::new(number).map_err(|error| given.refused(error))?;
                }
                "--log-key" => log_key = Some(given.parse(LogKey::parse)?),
                "--business" => {
                    business = given.word(PhoneNumberId::parse)?;
                }
                _ => data = Some(given.filled()?.into()),
            }
        }
        let (name, takes) = VALUED[0];
        let authority = authority.ok_or(UsageError::Needed { name, takes })?;
        let (name, takes) = VALUED[2];
        let user = user.or_else(|| Number::parse("16505551234").ok());
        let user = user.ok_or(UsageError::Needed { name, takes })?;
        Ok(Some(Self { authority, carrier, user, device, business, log_key, data }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::HELP;

    fn read(arguments: &[&str]) -> Result<Option<DeviceOptions>, UsageError> {
        DeviceOptions::read(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn all_but_the_authority_has_a_default_and_is_explained() {
        let error = read(&[]).unwrap_err().to_string();
        assert_eq!(error, "--authority is missing: it takes a file such as TLS/authority.pem");
        let options = read(&["--authority", "x"]).unwrap().unwrap();
        assert_eq!((options.user.digits(), options.device), ("16505551234", DeviceId::PRIMARY));
        assert!(read(&["--help"]).unwrap().is_none());
        assert!(VALUED.iter().all(|(name, _)| HELP.contains(name)));
        for wrong in ["0", "11", "256", "x"] {
            assert!(read(&["--device", wrong]).unwrap_err().to_string().contains("a number from 1 to 10"));
        }
    }
}
