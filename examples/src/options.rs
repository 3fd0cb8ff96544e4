//! What the program is asked to do.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use bulla::base::{BusinessAccountId, Number, PhoneNumberId};
use bulla::content::{MAX_TEXT_CHARS, Text};
use bulla::graph::MAX_TOKEN_BYTES;
use bulla::webhook::{AllowedNetworks, Webhook};
use bulla_example_program::arguments::{Arguments, Given, UsageError};

use crate::parties::{BUSINESS_ACCOUNT_ID, FOLDERS, PHONE_NUMBER_ID};
use crate::tls_dialer::{NOBODY_TRUSTED, is_https};

/// What `--help` prints.
pub const HELP: &str = include_str!("options/help.txt");

/// What the program is asked to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Command {
    /// To tell how it is used.
    Help,
    /// To run the scripted demo.
    Demo,
    /// To stay up.
    Serve(Box<Options>),
}

/// How the program is to serve. Everything has a default.
#[derive(Debug)]
pub struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) data: Option<PathBuf>,
    pub(crate) begin_anew: Vec<&'static str>,
    pub(crate) token: String,
    pub(crate) phone_number_id: PhoneNumberId,
    pub(crate) business_account_id: BusinessAccountId,
    pub(crate) webhook: Option<Webhook>,
    pub(crate) app_secret: String,
    /// Opens what is the app's own.
    pub(crate) app_owner_secret: Option<String>,
    pub(crate) networks: AllowedNetworks,
    pub(crate) users: Vec<Number>,
    pub(crate) say: Option<Text>,
    pub(crate) carrier_log: Option<PathBuf>,
    pub(crate) tls: Option<String>,
    pub(crate) client_callbacks: bool,
    pub(crate) trust: Option<PathBuf>,
    /// Whether the carrier protects users.
    pub(crate) protect: bool,
}

/// The options that take a value, and what they take.
const VALUED: [(&str, &str); 19] = [
    ("--listen", "an address such as 127.0.0.1:8080"),
    ("--metrics", "an address such as 127.0.0.1:9090"),
    ("--data", "a folder"),
    ("--begin-anew", "relay or carrier"),
    ("--token", "a bearer token"),
    ("--phone-number-id", "a decimal number"),
    ("--business-account-id", "a decimal number"),
    ("--webhook", "a URL that starts with https:// or http://"),
    ("--allow-network", "a range of addresses such as 10.0.0.0/8"),
    ("--verify-token", "a text"),
    ("--app-secret", "a text"),
    ("--app-owner-secret", "another text than --app-secret"),
    ("--user", "a phone number with its country code, such as +16505551234"),
    ("--say", "a text"),
    ("--carrier-log", "a file"),
    ("--tls", "a host's name such as localhost"),
    ("--client-callbacks", "yes or no"),
    ("--trust", "a file"),
    ("--protect", "yes or no"),
];

impl Command {
    /// Reads the arguments of the program, its name left out. A value follows its option, or stands in one
    /// with it behind a `=`.
    ///
    /// # Errors
    /// When an option is not known, lacks its value or does not take it.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let Some(arguments) = Arguments::read(arguments, &["--serve"], &VALUED)? else {
            return Ok(Self::Help);
        };
        match arguments.values.first() {
            _ if !arguments.flags.is_empty() => {
                Options::read(arguments.values).map(|options| Self::Serve(Box::new(options)))
            }
            Some(first) => Err(UsageError::Alone { name: first.name(), with: "--serve" }),
            None => Ok(Self::Demo),
        }
    }
}

impl Options {
    fn read(given: Vec<Given>) -> Result<Self, UsageError> {
        let mut options = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            begin_anew: Vec::new(),
            token: "demo-token".to_owned(),
            phone_number_id: PHONE_NUMBER_ID,
            business_account_id: BUSINESS_ACCOUNT_ID,
            webhook: None,
            app_secret: "demo-app-secret".to_owned(),
            app_owner_secret: None,
            networks: AllowedNetworks::loopback(),
            users: Vec::new(),
            say: None,
            carrier_log: None,
            tls: None,
            client_callbacks: false,
            trust: None,
            protect: false,
        };
        let (mut webhook, mut owner, mut verify_token) = (None, None, "demo-verify-token".to_owned());
        for given in given {
            match given.name() {
                "--listen" => options.listen = given.parse(str::parse)?,
                "--metrics" => options.metrics = given.parse(str::parse)?,
                "--begin-anew" => options.begin_anew.push(given.parse(party)?),
                "--data" => options.data = Some(given.filled()?.into()),
                "--token" => options.token = token(&given)?,
                "--phone-number-id" => {
                    options.phone_number_id = given.word(PhoneNumberId::parse)?;
                }
                "--business-account-id" => {
                    options.business_account_id = given.word(BusinessAccountId::parse)?;
                }
                "--allow-network" => options.networks = options.networks.and(given.parse(str::parse)?),
                "--verify-token" => verify_token = given.filled()?,
                "--app-secret" => options.app_secret = given.filled()?,
                "--app-owner-secret" => owner = Some(given),
                "--user" => options.users.push(user(&given, &options.users)?),
                "--say" => options.say = Some(said(&given)?),
                "--client-callbacks" => match given.filled()?.as_str() {
                    "yes" => options.client_callbacks = true,
                    "no" => options.client_callbacks = false,
                    _ => return Err(given.refused("it is yes or no")),
                },
                "--trust" => options.trust = Some(given.filled()?.into()),
                "--protect" => match given.filled()?.as_str() {
                    "yes" => options.protect = true,
                    "no" => options.protect = false,
                    _ => return Err(given.refused("it is yes or no")),
                },
                "--tls" => options.tls = Some(given.filled()?),
                "--carrier-log" => options.carrier_log = Some(given.filled()?.into()),
                _ => webhook = Some(given),
            }
        }
        if options.users.is_empty() {
            options.users.extend(Number::parse("16505551234"));
        }
        if let Some(given) = owner {
            let secret = given.filled()?;
            if secret == options.app_secret {
                return Err(given.refused("it is what updates are signed with, which clients know"));
            }
            options.app_owner_secret = Some(secret);
        }
        if let Some(given) = webhook {
            if options.trust.is_none() && is_https(&given.filled()?) {
                return Err(given.refused(NOBODY_TRUSTED));
            }
            let app_secret = options.app_secret.clone();
            options.webhook =
                Some(given.parse(|url| {
                    Webhook::new(url, verify_token, app_secret).map(Webhook::account_updates)
                })?);
        }
        Ok(options)
    }
}

fn party(name: &str) -> Result<&'static str, &'static str> {
    let known = FOLDERS.into_iter().find(|known| *known == name && name != "devices");
    known.ok_or("nobody else has a store to give up")
}

pub(crate) fn token(given: &Given) -> Result<String, UsageError> {
    let token = given.filled()?;
    if token.len() > MAX_TOKEN_BYTES {
        return Err(given.refused(format_args!("it is longer than {MAX_TOKEN_BYTES} bytes")));
    }
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(token)
    } else {
        Err(given.refused("in it stands something else than printable ASCII"))
    }
}

fn user(given: &Given, others: &[Number]) -> Result<Number, UsageError> {
    let user = given.word(Number::parse)?;
    if others.contains(&user) { Err(given.refused("the number is given twice")) } else { Ok(user) }
}

fn said(given: &Given) -> Result<Text, UsageError> {
    Text::new(given.filled()?)
        .map_err(|_| given.refused(format_args!("it is longer than {MAX_TEXT_CHARS} characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, UsageError> {
        Command::read(arguments.iter().map(OsString::from))
    }

    fn served(arguments: &[&str]) -> Options {
        match read(&[&["--serve"], arguments].concat()).unwrap() {
            Command::Serve(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_has_a_default() {
        assert!(matches!(read(&[]).unwrap(), Command::Demo));
        let options = served(&[]);
        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(options.metrics.to_string(), "127.0.0.1:0");
        assert_eq!(options.users, [Number::parse("16505551234").unwrap()]);
        assert!(options.webhook.is_none() && options.tls.is_none() && !options.client_callbacks);
        assert!(served(&["--client-callbacks", "yes"]).client_callbacks);
        assert_eq!(options.app_owner_secret, None);
        assert_eq!(served(&["--app-owner-secret", "x"]).app_owner_secret.as_deref(), Some("x"));
        assert_eq!(served(&["--tls", "localhost"]).tls.as_deref(), Some("localhost"));
    }

    #[test]
    fn values_follow_their_option_or_stand_behind_an_equals_sign() {
        let options =
            served(&["--say", "a=b", "--listen=[::1]:1", "--user=+1 (650) 555-1234", "--user", "2"]);
        assert_eq!(options.say.unwrap().body(), "a=b");
        assert_eq!(options.listen.to_string(), "[::1]:1");
        assert_eq!(options.users.iter().map(Number::digits).collect::<Vec<_>>(), ["16505551234", "2"]);
    }

    #[test]
    fn a_value_may_look_like_an_option_and_may_not_be_other_than_utf_8() {
        assert_eq!(served(&["--say", "--serve"]).say.unwrap().body(), "--serve");
        assert_eq!(served(&["--say=-h"]).say.unwrap().body(), "-h");
        #[cfg(unix)]
        for arguments in [&[&b"--say=\xff"[..]][..], &[b"--say", b"\xff"]] {
            let arguments = [b"--serve"].map(|name| &name[..]).into_iter().chain(arguments.iter().copied());
            let arguments = arguments
                .map(|bytes| std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec()))
                .collect::<Vec<OsString>>();
            let error = Command::read(arguments).unwrap_err().to_string();
            assert!(error.ends_with("it is not UTF-8"), "{error}");
        }
    }

    #[test]
    fn what_is_no_option_is_named() {
        for (given, named) in
            [("-x", "-x"), ("-", "-"), ("--nope", "--nope"), ("--nope=1", "--nope"), ("serve", "serve")]
        {
            let error = read(&["--serve", given]).unwrap_err();
            assert_eq!(error, UsageError::Unknown { name: named.to_owned() });
        }
        // An option without a value does not take one.
        assert!(matches!(read(&["--serve=1"]).unwrap_err(), UsageError::Unknown { .. }));
        assert!(matches!(read(&["--help=1"]).unwrap_err(), UsageError::Unknown { .. }));
    }

    #[test]
    fn help_comes_before_everything() {
        assert!(matches!(read(&["--serve", "-h", "--x"]).unwrap(), Command::Help));
    }

    #[test]
    fn every_option_that_is_known_is_explained() {
        for (name, _) in VALUED {
            assert!(HELP.contains(name), "{name}");
        }
    }

    #[test]
    fn errors_name_the_option_and_what_it_takes() {
        let said = |arguments: &[&str]| read(arguments).unwrap_err().to_string();
        assert_eq!(said(&["--serve", "--nope=1"]), "there is no option --nope");
        assert_eq!(said(&["serve"]), "there is no option serve");
        assert_eq!(said(&["--data", "x"]), "--data goes with --serve");
        assert_eq!(said(&["--serve", "--data"]), "--data takes a folder, and nothing follows it");
        let listen = "--listen takes an address such as 127.0.0.1:8080, not \"8080\": ";
        assert!(said(&["--serve", "--listen", "8080"]).starts_with(listen));
        assert!(said(&["--serve", "--user", "+0"]).contains("country code first"));
        assert!(said(&["--serve", "--user", "1", "--user", "+1"]).ends_with("the number is given twice"));
        assert!(said(&["--serve", "--webhook", "ftp://a.b"]).contains("must start with https:// or http://"));
        assert!(said(&["--serve", "--webhook", "https://a.b"]).ends_with(NOBODY_TRUSTED));
        assert!(served(&["--webhook", "https://a.b", "--trust", "x.pem"]).webhook.is_some());
        assert!(said(&["--serve", "--token", ""]).ends_with("it is empty"));
        let shared = said(&["--serve", "--app-owner-secret", "hushed", "--app-secret", "hushed"]);
        assert!(shared.ends_with("which clients know") && !shared.contains("hushed"), "{shared}");
        assert!(said(&["--serve", "--begin-anew", "all"]).contains("takes relay or carrier, not \"all\""));
        assert!(
            said(&["--serve", "--webhook", "http://a.b:0"])
                .ends_with("its port must be a number from 1 to 65535")
        );
        assert!(said(&["--serve", "--allow-network", "10.0.0.1/8"]).ends_with("has zeros beyond its prefix"));
        let long = "x".repeat(MAX_TEXT_CHARS + 1);
        assert!(said(&["--serve", "--say", &long]).ends_with("longer than 4096 characters"));
    }
}
