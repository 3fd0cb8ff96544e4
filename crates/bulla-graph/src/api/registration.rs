//! Whether a number is registered, its PIN, and codes by which whoever holds it shows that it is theirs.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::{Number, PhoneNumberId, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::GraphApi;
use super::body::Incoming;
use super::parameters::Parameters;
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{
    CODE_LIFE, MAX_CODE_GUESSES, MAX_PIN_GUESSES, MAX_REGISTRATIONS, PIN_PERIOD, REGISTRATION_PERIOD,
};
use crate::{CodeMethod, RelayApi, TokenLookup};

/// The digits of a PIN, and of a code.
const DIGITS: usize = 6;

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Registers a number with its PIN, or sets that: a number has none until it is registered with one.
    pub(super) async fn register(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        is_posted(head)?;
        let said = self.parameters(head, body).await?;
        said.check_product()?;
        let pin = pin(&said)?;
        let (now, salt) = (self.clock.now(), self.salt());
        let register = |kept: &mut Option<Kept>| {
            let mut record = kept.take().unwrap_or_default();
            let outcome = take_turn(&mut record, now).map(|()| check_pin(&mut record, &pin, &salt, now));
            *kept = Some(record);
            Ok(outcome)
        };
        // What was tried is counted, whatever comes of it.
        self.change(business, (Kind::Registration, ""), register).await???;
        self.set_registered(business, true).await
    }

    /// Has a number send nothing until it is registered again.
    pub(super) async fn deregister(&self, head: &Parts, business: PhoneNumberId) -> Result<Value, ApiError> {
        is_posted(head)?;
        let now = self.clock.now();
        let deregister = |kept: &mut Option<Kept>| {
            let mut record = kept.take().unwrap_or_default();
            let outcome = take_turn(&mut record, now);
            *kept = Some(record);
            Ok(outcome)
        };
        self.change(business, (Kind::Registration, ""), deregister).await??;
        self.set_registered(business, false).await
    }

    /// Sets the PIN of a number.
    pub(super) async fn set_pin(&self, business: PhoneNumberId, said: &Parameters) -> Result<(), ApiError> {
        let (pin, salt) = (pin(said)?, self.salt());
        let set = |kept: &mut Option<Kept>| {
            let record = kept.get_or_insert_default();
            put_digest(record, "pin", &pin, &salt);
            Ok(())
        };
        self.change(business, (Kind::Registration, ""), set).await
    }

    /// Has a code told to whoever holds the number.
    pub(super) async fn request_code(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (business, own): (PhoneNumberId, &Number),
    ) -> Result<Value, ApiError> {
        is_posted(head)?;
        let said = self.parameters(head, body).await?;
        let by = match said.required("code_method", 16)? {
            word if word.eq_ignore_ascii_case("sms") => CodeMethod::Sms,
            word if word.eq_ignore_ascii_case("voice") => CodeMethod::Voice,
            _ => return Err(ApiError::one_of("code_method", "SMS, VOICE")),
        };
        // As it was called once.
        let language = match said.text("locale", 16)? {
            Some(locale) if !said.has("language") && !locale.is_empty() => locale,
            _ => said.required("language", 16)?,
        };
        let codes = self.codes.clone().ok_or_else(ApiError::no_codes)?;
        let (code, salt, now) = (self.code(), self.salt(), self.clock.now());
        let draw = |kept: &mut Option<Kept>| {
            let mut record = kept.take().unwrap_or_default();
            let outcome = take_turn(&mut record, now);
            if outcome.is_ok() {
                put_digest(&mut record, "code", &code, &salt);
                record.insert("code_until".into(), now.after(CODE_LIFE).as_millis().into());
                record.insert("code_guesses".into(), 0.into());
            }
            *kept = Some(record);
            Ok(outcome)
        };
        // Kept first: a code that was told is one that counts.
        self.change(business, (Kind::Registration, ""), draw).await??;
        codes.send(own, &code, by, &language).await.map_err(|error| self.failed(error))?;
        Ok(json!({ "success": true }))
    }

    /// Hears the code that was told.
    pub(super) async fn verify_code(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        is_posted(head)?;
        let said = self.parameters(head, body).await?;
        // Some write it with a hyphen in its middle.
        let code: String = said.required("code", 16)?.chars().filter(char::is_ascii_digit).collect();
        let now = self.clock.now();
        let verify = |kept: &mut Option<Kept>| {
            let mut record = kept.take().unwrap_or_default();
            let outcome = check_code(&mut record, &code, now);
            *kept = Some(record);
            Ok(outcome)
        };
        self.change(business, (Kind::Registration, ""), verify).await??;
        if let Some(codes) = &self.codes {
            codes.verified(business);
        }
        Ok(json!({ "success": true }))
    }

    async fn set_registered(&self, business: PhoneNumberId, is_so: bool) -> Result<Value, ApiError> {
        self.relay.set_registered(business, is_so).await.map_err(|error| self.failed(error))?;
        Ok(json!({ "success": true }))
    }

    fn salt(&self) -> String {
        let mut salt = [0; 16];
        self.rng.fill(&mut salt);
        hex(&salt)
    }

    /// Six digits, each as likely as any.
    fn code(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 16]);
        self.rng.fill(&mut *bytes);
        Zeroizing::new(format!("{:06}", u128::from_be_bytes(*bytes) % 1_000_000))
    }
}

fn is_posted(head: &Parts) -> Result<(), ApiError> {
    if head.method == Method::POST { Ok(()) } else { Err(ApiError::method(Methods::Post)) }
}

fn pin(said: &Parameters) -> Result<Zeroizing<String>, ApiError> {
    let pin = Zeroizing::new(said.required("pin", DIGITS)?);
    let is_pin = pin.len() == DIGITS && pin.bytes().all(|byte| byte.is_ascii_digit());
    if is_pin { Ok(pin) } else { Err(ApiError::value("pin", "it has six digits")) }
}

/// Counts that the number is registered, deregistered or asked a code for once more, if it may be.
fn take_turn(record: &mut Kept, now: Timestamp) -> Result<(), ApiError> {
    let mut turns = recent(record, "turns", now, REGISTRATION_PERIOD);
    if turns.len() >= MAX_REGISTRATIONS {
        return Err(ApiError::too_many_registrations());
    }
    turns.push(now.as_millis());
    record.insert("turns".into(), turns.into());
    Ok(())
}

/// Compares the PIN, or sets it where there is none.
fn check_pin(record: &mut Kept, pin: &str, salt: &str, now: Timestamp) -> Result<(), ApiError> {
    let Some(is_it) = is_same(record, "pin", pin) else {
        put_digest(record, "pin", pin, salt);
        return Ok(());
    };
    let mut guesses = recent(record, "guesses", now, PIN_PERIOD);
    if guesses.len() >= MAX_PIN_GUESSES {
        return Err(ApiError::too_many_pins());
    }
    if is_it {
        record.remove("guesses");
        return Ok(());
    }
    guesses.push(now.as_millis());
    record.insert("guesses".into(), guesses.into());
    Err(ApiError::wrong_pin())
}

/// Compares a code with the one that was sent, which it then is no more.
fn check_code(record: &mut Kept, code: &str, now: Timestamp) -> Result<(), ApiError> {
    let number = |name: &str| record.get(name).and_then(Value::as_u64).unwrap_or_default();
    let (until, guesses) = (number("code_until"), number("code_guesses"));
    let is_it = is_same(record, "code", code);
    match is_it {
        Some(true) if now.as_millis() < until && guesses < MAX_CODE_GUESSES => {
            for name in ["code", "code_salt", "code_until", "code_guesses"] {
                record.remove(name);
            }
            Ok(())
        }
        _ => {
            record.insert("code_guesses".into(), guesses.saturating_add(1).into());
            Err(ApiError::wrong_code())
        }
    }
}

/// The moments under a name that are not older than `period`.
fn recent(record: &Kept, name: &str, now: Timestamp, period: std::time::Duration) -> Vec<u64> {
    let since = now.before(period).as_millis();
    let moments = record.get(name).and_then(Value::as_array).into_iter().flatten();
    moments.filter_map(Value::as_u64).filter(|moment| *moment > since).collect()
}

/// Keeps a digest of a secret, under a salt of its own, so that the secret itself stands nowhere. That alone
/// does not hide it: whoever reads the record, in an export too, has the salt beside it and finds six digits
/// by trying all of them, in a second. What keeps it is that the record is sealed.
fn put_digest(record: &mut Kept, name: &str, secret: &str, salt: &str) {
    record.insert(format!("{name}_salt"), salt.into());
    record.insert(name.into(), digest(salt, secret).into());
}

/// Whether `secret` is the one kept under a name; nothing when there is none.
fn is_same(record: &Kept, name: &str, secret: &str) -> Option<bool> {
    let (known, salt) = (record.get(name)?.as_str()?, record.get(&format!("{name}_salt"))?.as_str()?);
    Some(digest(salt, secret).as_bytes().ct_eq(known.as_bytes()).into())
}

fn digest(salt: &str, secret: &str) -> String {
    let Ok(keyed) = Hmac::<Sha256>::new_from_slice(salt.as_bytes()) else { return String::new() };
    hex(&keyed.chain_update(secret).finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
