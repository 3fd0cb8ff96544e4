//! The seed file: what is there when the sandbox begins, and after each reset.
//!
//! It is JSON; `seed/example.json` is one. What is left out has the default that stands with it. A field that
//! is not known is an error, as is one that cannot be: the error names it.

mod check;

use std::path::Path;

use bulla::base::{BusinessAccountId, Number, PhoneNumberId, Timestamp};
use bulla::webhook::AllowedNetworks;
use serde::Deserialize;
use serde_json::Value;

use super::span::Span;
use crate::exit_error::ExitError;

/// What the sandbox has without a file.
const EXAMPLE: &str = include_str!("seed/example.json");

/// More than any seed file has.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// What is there when the sandbox begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seed {
    /// Every key, id and lot comes from it; 1.
    #[serde(default = "one")]
    pub(crate) seed: u64,
    /// The time it begins at, and whether it goes on by itself.
    #[serde(default)]
    pub(crate) clock: ClockSeed,
    /// The businesses' numbers: one at least.
    pub(crate) numbers: Vec<NumberSeed>,
    /// Who may use them.
    pub(crate) tokens: Vec<TokenSeed>,
    /// Where the businesses' updates go; only into the log unless it is said.
    #[serde(default)]
    pub(crate) webhook: Option<WebhookSeed>,
    /// The rules that hold for what businesses send.
    #[serde(default)]
    pub(crate) rules: RulesSeed,
    /// The message templates there are.
    #[serde(default)]
    pub(crate) templates: Vec<TemplateSeed>,
    /// The users, and what their devices do.
    #[serde(default)]
    pub(crate) users: Vec<UserSeed>,
}

/// `"clock": {"start": "2026-01-05T09:00:00Z", "runs": false}`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockSeed {
    /// 2026-01-05T09:00:00Z unless it is said.
    #[serde(default = "monday", deserialize_with = "read_time")]
    pub(crate) start: jiff::Timestamp,
    /// Whether it goes with the machine's; else it stands until it is pushed.
    #[serde(default)]
    pub(crate) runs: bool,
}

/// `{"phone_number_id": "106…", "business_account_id": "102…", "display_phone_number": "15550783881"}`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberSeed {
    /// Digits.
    pub(crate) phone_number_id: String,
    /// Digits.
    pub(crate) business_account_id: String,
    /// What users see.
    pub(crate) display_phone_number: String,
}

/// `{"token": "sandbox-token", "numbers": ["106…"], "expires": "25h"}`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenSeed {
    /// What stands behind `Bearer`.
    pub(crate) token: String,
    /// The numbers it opens; all unless it is said.
    #[serde(default)]
    pub(crate) numbers: Option<Vec<String>>,
    /// How long after the start it ends; never unless it is said.
    #[serde(default)]
    pub(crate) expires: Option<Span>,
}

/// `{"url": "http://127.0.0.1:9000/hook", "app_secret": "…", "networks": ["10.0.0.0/8"]}`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSeed {
    /// Where it is.
    pub(crate) url: String,
    /// Shown in the handshake; `sandbox-verify-token` unless it is said.
    #[serde(default = "verify_token")]
    pub(crate) verify_token: String,
    /// Signs what is sent; `sandbox-app-secret` unless it is said.
    #[serde(default = "app_secret")]
    pub(crate) app_secret: String,
    /// Ranges of addresses where it may be, beside this machine.
    #[serde(default)]
    pub(crate) networks: Vec<String>,
}

/// `{"window": "refuse", "pair_rate": "refuse", "messaging_limit": 250, "throughput": 80}`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesSeed {
    /// What becomes of a free message to who has not written for 24 hours: `refuse` (the answer has the code
    /// 131047) unless it is said, `fail` (a status has it), or `off`.
    #[serde(default)]
    pub(crate) window: OnBreachSeed,
    /// A message every 6 seconds to one user, 45 ahead: `refuse`, `fail`, `defer` or, unless it is said,
    /// `off`.
    #[serde(default = "off")]
    pub(crate) pair_rate: OnBreachSeed,
    /// To how many users outside their windows within 24 hours; any number unless it is said.
    #[serde(default)]
    pub(crate) messaging_limit: Option<u32>,
    /// How many messages a second; any number unless it is said.
    #[serde(default)]
    pub(crate) throughput: Option<u32>,
}

/// What becomes of a message that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnBreachSeed {
    /// It is refused.
    #[default]
    Refuse,
    /// It is accepted and fails.
    Fail,
    /// It is accepted and waits.
    Defer,
    /// The rule is not there.
    Off,
}

/// `{"template": {"name": "hello", "language": "en_US", "category": "UTILITY", "components": […]}}`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateSeed {
    /// Whose it is; of the first number's account unless it is said.
    #[serde(default)]
    pub(crate) business_account_id: Option<String>,
    /// As one posts it to `/{account id}/message_templates`.
    pub(crate) template: Value,
    /// `APPROVED` unless it is said, `PENDING`, `REJECTED`, `PAUSED` or `DISABLED`.
    #[serde(default = "approved")]
    pub(crate) status: String,
}

/// `{"number": "16505551234", "reads": "30s", "answers": "echo"}`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserSeed {
    /// Their phone number.
    pub(crate) number: String,
    /// Whether their device is there.
    #[serde(default)]
    pub(crate) presence: Presence,
    /// When they read what comes: `at_once` unless it is said, `never`, or after a span such as `30s`.
    #[serde(default)]
    pub(crate) reads: Reads,
    /// What they answer; nothing unless it is said.
    #[serde(default)]
    pub(crate) answers: Answers,
    /// Whether they have written to every number just before the start, so that their windows are open;
    /// that is not told as a webhook.
    #[serde(default)]
    pub(crate) window_open: bool,
}

/// Whether a user's device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    /// It takes what comes.
    #[default]
    There,
    /// They have an account, and the device never comes: what is sent to them stays `sent`.
    Away,
    /// They have blocked every business, which sees the same as if they were away.
    Blocks,
    /// They have no account: what is sent to them fails.
    NoAccount,
}

/// When a user reads what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Reads {
    /// When it comes.
    #[default]
    AtOnce,
    /// So long after it came.
    After(Span),
    /// Not at all: what is sent to them stays `delivered`.
    Never,
}

/// What a user answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answers {
    /// Nothing.
    #[default]
    Nothing,
    /// The same that came.
    Echo,
    /// The button or row with this number, from 1 on, of whatever offers some: `{"taps": 1}`.
    Taps(usize),
}

impl Seed {
    /// Reads the seed file at `path`; the example without one.
    ///
    /// # Errors
    /// When it cannot be read, is no seed file, or says what cannot be.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, ExitError> {
        let Some(path) = path else { return Self::parse(EXAMPLE) };
        let cannot = || format!("the seed file {} cannot be read", path.display());
        let size = std::fs::metadata(path).map_err(ExitError::because(cannot()))?.len();
        if size > MAX_FILE_BYTES {
            return Err(ExitError::new(format!("{}: it has more than {MAX_FILE_BYTES} bytes", cannot())));
        }
        let text = std::fs::read_to_string(path).map_err(ExitError::because(cannot()))?;
        Self::parse(&text).map_err(ExitError::because(format!("the seed file {}", path.display())))
    }

    /// Reads a seed.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn parse(text: &str) -> Result<Self, ExitError> {
        let seed: Self = serde_json::from_str(text).map_err(ExitError::because("it is no seed"))?;
        seed.check()?;
        Ok(seed)
    }

    /// When it begins.
    pub(crate) fn start(&self) -> Timestamp {
        Timestamp::from_millis(u64::try_from(self.clock.start.as_millisecond()).unwrap_or_default())
    }
}

impl NumberSeed {
    /// The sending number, its account, and the number users see.
    pub(crate) fn words(&self) -> Result<(PhoneNumberId, BusinessAccountId, Number), String> {
        let named = |field: &'static str| move |error| format!("{field}: {error}");
        let id = PhoneNumberId::parse(&self.phone_number_id).map_err(named("phone_number_id"))?;
        let account = BusinessAccountId::parse(&self.business_account_id);
        let display = Number::parse(&self.display_phone_number).map_err(named("display_phone_number"))?;
        Ok((id, account.map_err(named("business_account_id"))?, display))
    }
}

impl WebhookSeed {
    /// Where it may lead.
    pub(crate) fn allowed(&self) -> Result<AllowedNetworks, String> {
        self.networks.iter().enumerate().try_fold(AllowedNetworks::loopback(), |allowed, (place, range)| {
            let range = range.parse().map_err(|error| format!("networks[{place}]: {error}"))?;
            Ok(allowed.and(range))
        })
    }
}

impl<'de> Deserialize<'de> for Reads {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.as_str() {
            "at_once" => Ok(Self::AtOnce),
            "never" => Ok(Self::Never),
            span => Span::parse(span).map(Self::After).map_err(|error| {
                serde::de::Error::custom(format_args!("reads: at_once, never, or a span: {error}"))
            }),
        }
    }
}

impl Default for ClockSeed {
    fn default() -> Self {
        Self { start: monday(), runs: false }
    }
}

fn read_time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<jiff::Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|error| {
        serde::de::Error::custom(format_args!("clock.start: a time such as 2026-01-05T09:00:00Z: {error}"))
    })
}

fn monday() -> jiff::Timestamp {
    jiff::Timestamp::constant(1_767_603_600, 0)
}

const fn one() -> u64 {
    1
}

const fn off() -> OnBreachSeed {
    OnBreachSeed::Off
}

fn approved() -> String {
    "APPROVED".to_owned()
}

fn verify_token() -> String {
    "sandbox-verify-token".to_owned()
}

fn app_secret() -> String {
    "sandbox-app-secret".to_owned()
}
