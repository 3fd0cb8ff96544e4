use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bulla::base::{BusinessAccountId, PhoneNumberId};
use bulla::relay::LogKey;
use bulla::transport::NumberProof;
use bulla::webhook::{AllowedNetworks, Webhook};
use bulla_example_program::arguments::{Arguments, UsageError};
use bulla_example_program::storage::IfLost;

use crate::options::token;
use crate::parties::{BUSINESS_ACCOUNT_ID, PHONE_NUMBER_ID};
use crate::tls_dialer::{NOBODY_TRUSTED, is_https};

/// The options that take a value, and what they take.
const VALUED: [(&str, &str); 16] = [
    ("--authority", "a file such as TLS/authority.pem"),
    ("--carrier", "a name and a port such as localhost:7443"),
    ("--grant", "a file that the carrier's operator has given out"),
    ("--log-key", "the key that the carrier shows when it starts"),
    ("--listen", "an address such as 127.0.0.1:8080"),
    ("--metrics", "an address such as 127.0.0.1:9090"),
    ("--data", "a folder"),
    ("--begin-anew", "relay"),
    ("--token", "a bearer token"),
    ("--phone-number-id", "a decimal number"),
    ("--business-account-id", "a decimal number"),
    ("--webhook", "a URL that starts with https:// or http://"),
    ("--trust", "a file such as /etc/ssl/certs/ca-certificates.crt"),
    ("--allow-network", "a range of addresses such as 10.0.0.0/8"),
    ("--verify-token", "a text"),
    ("--app-secret", "a text"),
];

/// Whose relay it is, where the carrier is, and where the business is served.
#[derive(Debug)]
pub struct RelayOptions {
    pub(crate) authority: PathBuf,
    pub(crate) carrier: String,
    pub(crate) proof: NumberProof,
    pub(crate) log_key: Option<LogKey>,
    pub(crate) listen: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) data: Option<PathBuf>,
    pub(crate) if_lost: IfLost,
    pub(crate) token: String,
    pub(crate) phone_number_id: PhoneNumberId,
    pub(crate) business_account_id: BusinessAccountId,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) trust: Option<PathBuf>,
    pub(crate) networks: AllowedNetworks,
}

impl RelayOptions {
    /// Reads the arguments of the program, its name left out. `None` when it is asked for help.
    ///
    /// # Errors
    /// When an option is not known, lacks its value or does not take it, and without an authority.
    pub fn read(arguments: Vec<OsString>) -> Result<Option<Self>, UsageError> {
        let Some(arguments) = Arguments::read(arguments, &[], &VALUED)? else { return Ok(None) };
        let (mut authority, mut webhook) = (None, None);
        let (mut verify_token, mut app_secret) =
            ("demo-verify-token".to_owned(), "demo-app-secret".to_owned());
        let mut options = Self {
            authority: PathBuf::new(),
            carrier: "localhost:7443".to_owned(),
            proof: NumberProof::none(),
            log_key: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            if_lost: IfLost::Refuse,
            token: "demo-token".to_owned(),
            phone_number_id: PHONE_NUMBER_ID,
            business_account_id: BUSINESS_ACCOUNT_ID,
            webhook: None,
            trust: None,
            networks: AllowedNetworks::loopback(),
        };
        for given in arguments.values {
            match given.name() {
                "--authority" => authority = Some(given.filled()?.into()),
                "--carrier" => options.carrier = given.filled()?,
                "--grant" => options.proof = given.parse(grant)?,
                "--log-key" => options.log_key = Some(given.parse(LogKey::parse)?),
                "--listen" => options.listen = given.parse(str::parse)?,
                "--metrics" => options.metrics = given.parse(str::parse)?,
                "--data" => options.data = Some(given.filled()?.into()),
                "--begin-anew" if given.filled()? == "relay" => options.if_lost = IfLost::BeginAnew,
                "--begin-anew" => return Err(given.refused("nobody else has a store here")),
                "--token" => options.token = token(&given)?,
                "--phone-number-id" => {
                    options.phone_number_id = given.word(PhoneNumberId::parse)?;
                }
                "--business-account-id" => {
                    options.business_account_id = given.word(BusinessAccountId::parse)?;
                }
                "--allow-network" => options.networks = options.networks.and(given.parse(str::parse)?),
                "--trust" => options.trust = Some(given.filled()?.into()),
                "--verify-token" => verify_token = given.filled()?,
                "--app-secret" => app_secret = given.filled()?,
                _ => webhook = Some(given),
            }
        }
        let (name, takes) = VALUED[0];
        options.authority = authority.ok_or(UsageError::Needed { name, takes })?;
        if let Some(given) = webhook {
            if options.trust.is_none() && is_https(&given.filled()?) {
                return Err(given.refused(NOBODY_TRUSTED));
            }
            options.webhook =
                Some(given.parse(|url| {
                    Webhook::new(url, verify_token, app_secret).map(Webhook::account_updates)
                })?);
        }
        Ok(Some(options))
    }
}

/// The grant in the file at `path`.
fn grant(path: &str) -> Result<NumberProof, String> {
    let line = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let bytes = BASE64_STANDARD.decode(line.trim()).map_err(|_| "there is no grant in it")?;
    if bytes.is_empty() {
        return Err("it is empty: the carrier that was to make the grant has said why not".to_owned());
    }
    NumberProof::new(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::HELP;

    fn read(arguments: &[&str]) -> Result<Option<RelayOptions>, UsageError> {
        RelayOptions::read(arguments.iter().map(OsString::from).collect())
    }

    #[test]
    fn all_but_the_authority_has_a_default_and_is_explained() {
        let error = read(&[]).unwrap_err().to_string();
        assert_eq!(error, "--authority is missing: it takes a file such as TLS/authority.pem");
        let options = read(&["--authority", "x"]).unwrap().unwrap();
        assert_eq!(
            (options.listen.to_string(), options.token),
            ("127.0.0.1:8080".into(), "demo-token".into())
        );
        assert!(read(&["--help"]).unwrap().is_none());
        assert!(VALUED.iter().all(|(name, _)| HELP.contains(name)));
        let error = read(&["--authority", "x", "--webhook", "https://a.b"]).unwrap_err().to_string();
        assert!(error.ends_with(NOBODY_TRUSTED), "{error}");
        let error = read(&["--begin-anew", "carrier"]).unwrap_err().to_string();
        assert!(error.ends_with("nobody else has a store here"), "{error}");
    }
}
