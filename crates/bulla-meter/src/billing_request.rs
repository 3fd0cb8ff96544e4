use crate::error::{at_most, invalid};
use crate::form::Reader;
use crate::limits::MAX_BILLING_BYTES;
use crate::{InvalidForm, Period, Question, SignedStatement};

/// What the relay of a business asks who bills, over the connection that it has with the carrier.
///
/// ```text
///   form 1 (u8), kind (u8), period: from, to (u32 each, big-endian), and then
///     1  nothing: the statement of the period is asked for
///     2  a signed statement, with an answer to it
///     3  a question about what was counted in the period
/// ```
///
/// It is answered with a signed statement, with nothing, and with [`Answers`](crate::Answers).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BillingRequest {
    /// The statement of a period.
    Statement(Period),
    /// What is said to the statement of a period: a counter-signature, or a dispute.
    Answer(Period, Box<SignedStatement>),
    /// What was counted in a period.
    Compare(Period, Question),
}

const FORM: u8 = 1;

impl BillingRequest {
    /// Reads the encoded form.
    ///
    /// # Errors
    /// When it is not as it would be written, or longer than [`MAX_BILLING_BYTES`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        at_most("billing request, in bytes", MAX_BILLING_BYTES, bytes.len())?;
        let mut reader = Reader::of(bytes, "billing request");
        let (form, kind, period) = (reader.u8()?, reader.u8()?, reader.period()?);
        match (form, kind) {
            (FORM, 1) => {
                reader.end()?;
                Ok(Self::Statement(period))
            }
            (FORM, 2) => {
                let signed = Box::new(SignedStatement::from_bytes(reader.rest())?);
                match signed.answer().is_some() && signed.statement().period() == period {
                    true => Ok(Self::Answer(period, signed)),
                    false => Err(invalid("billing request", "a statement of its period, with an answer")),
                }
            }
            (FORM, 3) => Ok(Self::Compare(period, Question::from_bytes(reader.rest())?)),
            _ => Err(invalid("billing request", "form 1, and a kind from 1 to 3")),
        }
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, rest) = match self {
            Self::Statement(_) => (1, Vec::new()),
            Self::Answer(_, signed) => (2, signed.to_bytes()),
            Self::Compare(_, question) => (3, question.to_bytes()),
        };
        let mut bytes = vec![FORM, kind];
        bytes.extend(self.period().from().minutes().to_be_bytes());
        bytes.extend(self.period().to().minutes().to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    /// About when it is.
    #[must_use]
    pub const fn period(&self) -> Period {
        match self {
            Self::Statement(period) | Self::Answer(period, _) | Self::Compare(period, _) => *period,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Comparison, Hour, Side, Zone};

    #[test]
    fn requests_are_read_as_they_were_written_and_nothing_else_is_one() {
        let period = Period::new(Hour::from_minutes(60), Hour::from_minutes(600)).unwrap();
        let side = Side::new(Zone::utc(), Vec::new()).unwrap();
        let question = Comparison::new(&side).question().unwrap();
        for request in [BillingRequest::Statement(period), BillingRequest::Compare(period, question)] {
            let bytes = request.to_bytes();
            assert_eq!(BillingRequest::from_bytes(&bytes), Ok(request));
            for length in 0..bytes.len() {
                assert!(BillingRequest::from_bytes(&bytes[..length]).is_err());
            }
            for (place, other) in [(0, 2), (1, 4), (1, 2), (5, 0xff)] {
                let mut changed = bytes.clone();
                changed[place] = other;
                let read = BillingRequest::from_bytes(&changed);
                assert!(read.is_err() || place == 5, "{place} {read:?}");
            }
        }
        let long = vec![1; MAX_BILLING_BYTES + 1];
        assert!(matches!(BillingRequest::from_bytes(&long), Err(InvalidForm::TooLarge { .. })));
    }
}
