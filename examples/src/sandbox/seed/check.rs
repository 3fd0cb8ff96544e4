//! That what a seed says can be.

use std::collections::BTreeSet;

use bulla::base::{BusinessAccountId, Number, PhoneNumberId};
use bulla::relay::TemplateStatus;
use bulla::webhook::Webhook;

use super::super::magic;
use super::{Answers, Seed};
use crate::exit_error::ExitError;

impl Seed {
    /// That all it says can be.
    ///
    /// # Errors
    /// Names the first field that cannot.
    pub(super) fn check(&self) -> Result<(), ExitError> {
        self.checked().map_err(ExitError::new)
    }

    fn checked(&self) -> Result<(), String> {
        if self.clock.start.as_millisecond() < 0 {
            return Err("clock.start: it is before 1970".to_owned());
        }
        let numbers = self.check_numbers()?;
        for (place, token) in self.tokens.iter().enumerate() {
            if token.token.is_empty() {
                return Err(format!("tokens[{place}].token: it is empty"));
            }
            for (at, number) in token.numbers.iter().flatten().enumerate() {
                let field = format!("tokens[{place}].numbers[{at}]");
                let id = PhoneNumberId::parse(number).map_err(|error| format!("{field}: {error}"))?;
                if !numbers.contains(&id.number()) {
                    return Err(format!("{field}: {number} is none of `numbers`"));
                }
            }
        }
        if let Some(webhook) = &self.webhook {
            webhook.allowed().map_err(|error| format!("webhook.{error}"))?;
            let made = Webhook::new(&webhook.url, webhook.verify_token.as_str(), webhook.app_secret.as_str());
            made.map_err(|error| format!("webhook: {error}"))?;
        }
        for (place, template) in self.templates.iter().enumerate() {
            if let Some(account) = &template.business_account_id {
                let account = BusinessAccountId::parse(account);
                account.map_err(|error| format!("templates[{place}].business_account_id: {error}"))?;
            }
            if TemplateStatus::from_name(&template.status).is_none() {
                let known = TemplateStatus::ALL.map(TemplateStatus::name).join(", ");
                return Err(format!("templates[{place}].status: {:?} is none of {known}", template.status));
            }
        }
        self.check_users()
    }

    /// The ids of the numbers.
    fn check_numbers(&self) -> Result<BTreeSet<u64>, String> {
        let mut ids = BTreeSet::new();
        for (place, number) in self.numbers.iter().enumerate() {
            let (id, ..) = number.words().map_err(|error| format!("numbers[{place}].{error}"))?;
            if !ids.insert(id.number()) {
                return Err(format!("numbers[{place}].phone_number_id: {id} is there twice"));
            }
        }
        if ids.is_empty() { Err("numbers: there must be one at least".to_owned()) } else { Ok(ids) }
    }

    fn check_users(&self) -> Result<(), String> {
        let mut users = BTreeSet::new();
        for (place, user) in self.users.iter().enumerate() {
            let field = format!("users[{place}]");
            let number = Number::parse(&user.number).map_err(|error| format!("{field}.number: {error}"))?;
            if magic::is_magic(&number) {
                return Err(format!("{field}.number: what begins with 999 is a magic number already"));
            }
            if user.answers == Answers::Taps(0) {
                return Err(format!("{field}.answers.taps: the first has the number 1"));
            }
            if !users.insert(number) {
                return Err(format!("{field}.number: it is there twice"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Seed::parse(text).unwrap_err().with_causes()
    }

    #[test]
    fn the_example_is_a_seed() {
        let seed = Seed::open(None).unwrap();
        assert!(!seed.users.is_empty() && !seed.templates.is_empty());
    }

    #[test]
    fn what_cannot_be_is_named() {
        let number =
            r#"{"phone_number_id": "7", "business_account_id": "8", "display_phone_number": "1555"}"#;
        let seed = |more: &str| format!(r#"{{"numbers": [{number}], "tokens": []{more}}}"#);
        assert!(Seed::parse(&seed("")).is_ok());
        for (text, named) in [
            ("{}".to_owned(), "numbers"),
            (r#"{"numbers": [], "tokens": []}"#.to_owned(), "numbers: there must be one"),
            (format!(r#"{{"numbers": [{number}, {number}], "tokens": []}}"#), "numbers[1].phone_number_id"),
            (seed(r#", "colour": 1"#), "unknown field `colour`"),
            (seed(r#", "users": [{"number": "x"}]"#), "users[0].number"),
            (seed(r#", "users": [{"number": "99900000001"}]"#), "users[0].number"),
            (seed(r#", "users": [{"number": "1"}, {"number": "+1"}]"#), "users[1].number"),
            (seed(r#", "users": [{"number": "1", "answers": {"taps": 0}}]"#), "users[0].answers.taps"),
            (seed(r#", "users": [{"number": "1", "reads": "soon"}]"#), "reads"),
            (seed(r#", "webhook": {"url": "ftp://x"}"#), "webhook"),
            (seed(r#", "webhook": {"url": "http://x/", "networks": ["x"]}"#), "webhook.networks[0]"),
            (seed(r#", "templates": [{"template": {}, "status": "NICE"}]"#), "templates[0].status"),
            (seed(r#", "clock": {"start": "1960-01-01T00:00:00Z"}"#), "clock.start"),
        ] {
            assert!(why(&text).contains(named), "{text}: {}", why(&text));
        }
        let token = format!(r#"{{"numbers": [{number}], "tokens": [{{"token": "t", "numbers": ["9"]}}]}}"#);
        assert!(why(&token).contains("tokens[0].numbers[0]: 9 is none"), "{}", why(&token));
    }
}
