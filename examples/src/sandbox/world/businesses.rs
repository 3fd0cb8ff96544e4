//! The businesses: their numbers, who may use them, where they are told, and by which rules they send.

use bulla::Host;
use bulla::base::PhoneNumberId;
use bulla::graph::{Grant, Tokens};
use bulla::relay::{Business, MessagingLimit, OnBreach, PairRate, Rules, Throughput};
use bulla::webhook::Webhook;

use super::super::seed::{OnBreachSeed, RulesSeed, Seed};
use crate::exit_error::ExitError;
use crate::tls_dialer::{NOBODY_TRUSTED, is_https};

/// Where updates go that nobody is told: the tap takes them.
const NOWHERE: &str = "http://127.0.0.1:1/webhook";
/// Signs them.
pub(super) const NO_SECRET: &str = "sandbox-app-secret";

/// The numbers of the seed.
pub(super) fn of(seed: &Seed) -> Result<Vec<Business>, ExitError> {
    let numbers = seed.numbers.iter().map(|number| {
        let (id, account, display) = number.words().map_err(ExitError::new)?;
        Ok(Business::new(id, account, display))
    });
    numbers.collect()
}

/// Where all are told: at a URL that is `https` if TLS is spoken.
pub(super) fn webhook(seed: &Seed, has_tls: bool) -> Result<Webhook, ExitError> {
    let made = match &seed.webhook {
        Some(webhook) if !has_tls && is_https(&webhook.url) => {
            return Err(ExitError::new(format!("webhook.url: {NOBODY_TRUSTED}")));
        }
        Some(webhook) => {
            Webhook::new(&webhook.url, webhook.verify_token.as_str(), webhook.app_secret.as_str())
        }
        None => Webhook::new(NOWHERE, NO_SECRET, NO_SECRET),
    };
    made.map(Webhook::account_updates).map_err(ExitError::because("webhook"))
}

/// The tokens of the seed.
pub(super) fn tokens(seed: &Seed, host: &Host) -> Result<Tokens, ExitError> {
    let tokens = host.tokens();
    for (place, token) in seed.tokens.iter().enumerate() {
        let numbers = match &token.numbers {
            None => all(seed)?,
            Some(numbers) => {
                let ids = numbers.iter().map(|number| PhoneNumberId::parse(number)).collect();
                let ids: Vec<PhoneNumberId> = Result::map_err(ids, ExitError::because("tokens"))?;
                ids
            }
        };
        let grant = Grant::new(numbers);
        let grant = token.expires.iter().fold(grant, |grant, span| grant.until(seed.start().after(span.0)));
        let put = tokens.put(&token.token, grant);
        put.map_err(ExitError::because(format!("tokens[{place}].token")))?;
    }
    Ok(tokens)
}

/// A token that opens everything, until it is revoked.
pub(super) fn grant_internal(seed: &Seed, host: &Host, tokens: &Tokens) -> Result<String, ExitError> {
    let mut drawn = [0; 16];
    host.rng().fill(&mut drawn);
    let token = format!("sandbox-{:032x}", u128::from_be_bytes(drawn));
    tokens.put(&token, Grant::new(all(seed)?)).map_err(ExitError::because("no token can be made"))?;
    Ok(token)
}

fn all(seed: &Seed) -> Result<Vec<PhoneNumberId>, ExitError> {
    Ok(of(seed)?.iter().map(Business::id).collect())
}

/// The rules of the seed.
pub(super) fn rules(seed: &RulesSeed) -> Result<Rules, ExitError> {
    let mut rules = Rules::none();
    if let Some(on_breach) = on_breach(seed.window) {
        rules = rules.service_window(on_breach);
    }
    if let Some(on_breach) = on_breach(seed.pair_rate) {
        rules = rules.pair_rate(PairRate::CLOUD_API, on_breach);
    }
    if let Some(users) = seed.messaging_limit {
        let limit = MessagingLimit::users(users);
        let limit = limit.map_err(ExitError::because("rules.messaging_limit"))?;
        rules = rules.messaging_limit(limit, OnBreach::Refuse);
    }
    if let Some(messages) = seed.throughput {
        let throughput = Throughput::per_second(messages);
        let throughput = throughput.map_err(ExitError::because("rules.throughput"))?;
        rules = rules.throughput(throughput, OnBreach::Refuse);
    }
    Ok(rules)
}

const fn on_breach(seed: OnBreachSeed) -> Option<OnBreach> {
    match seed {
        OnBreachSeed::Refuse => Some(OnBreach::Refuse),
        OnBreachSeed::Fail => Some(OnBreach::Fail),
        OnBreachSeed::Defer => Some(OnBreach::Defer),
        OnBreachSeed::Off => None,
    }
}
