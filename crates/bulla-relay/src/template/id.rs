use std::fmt;

use bulla_base::Rng;

use crate::limits::{FIRST_TEMPLATE_ID, TEMPLATE_IDS};

/// What a template of an account is known by: a number of 16 digits that a client in JavaScript can count to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateId(u64);

impl TemplateId {
    /// One that was not drawn before, as far as chance goes.
    pub(crate) fn draw(rng: &dyn Rng) -> Self {
        let mut bytes = [0; 8];
        rng.fill(&mut bytes);
        Self(FIRST_TEMPLATE_ID + u64::from_be_bytes(bytes) % TEMPLATE_IDS)
    }

    /// The id with these digits; nothing when no id has them.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number).and_then(Self::from_number)
    }

    /// The id with this number; nothing when no id has it.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        (FIRST_TEMPLATE_ID..FIRST_TEMPLATE_ID + TEMPLATE_IDS).contains(&number).then_some(Self(number))
    }

    /// The id as a number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::SeededRng;

    use super::*;

    #[test]
    fn an_id_has_sixteen_digits_and_leads_back_to_itself() {
        let rng = SeededRng::new(1);
        for _ in 0..100 {
            let id = TemplateId::draw(&rng);
            assert_eq!(id.to_string().len(), 16);
            assert!(id.number() < 1 << 53);
            assert_eq!(TemplateId::parse(&id.to_string()), Some(id));
        }
        let most = FIRST_TEMPLATE_ID + TEMPLATE_IDS;
        assert_eq!(TemplateId::parse(&most.to_string()), None);
        for text in ["", "1", "106540352242922", "+1000000000000000", "1e15"] {
            assert_eq!(TemplateId::parse(text), None, "{text}");
        }
    }
}
