use crate::billing_key::{BillingKey, BillingSigner, Purpose, Signature};
use crate::error::{at_most, invalid};
use crate::form::{Reader, put_text};
use crate::limits::MAX_REASON_BYTES;
use crate::{InvalidForm, Statement};

/// A statement with the signature of who bills, and the answer of who is billed.
///
/// ```text
///   mark        "bulla signed statement 1\n"
///   issuer      32 bytes       signature  64 bytes    of the statement
///   answer      u8             0 none, 1 counter-signed, 2 disputed
///     answerer  32 bytes       signature  64 bytes    of the statement, and of the reason
///     reason    text           of a dispute alone
///   statement   to the end
/// ```
///
/// # Security
/// Anybody can make one: [`SignedStatement::verify`] is what tells, with keys that come from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    statement: Statement,
    issuer: BillingKey,
    signature: Signature,
    answer: Option<Answer>,
}

/// What the other side says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It agrees.
    CounterSigned {
        /// Who does.
        by: BillingKey,
        /// Of the statement.
        signature: Signature,
    },
    /// It does not.
    Disputed {
        /// Who does not.
        by: BillingKey,
        /// Of the statement and the reason.
        signature: Signature,
        /// Why.
        reason: Box<str>,
    },
}

const FORM: &[u8] = b"bulla signed statement 1\n";

impl SignedStatement {
    /// `statement`, signed by who bills.
    #[must_use]
    pub fn issue(statement: Statement, issuer: &BillingSigner) -> Self {
        let signature = issuer.sign(Purpose::Statement, &statement.to_bytes());
        Self { statement, issuer: *issuer.public(), signature, answer: None }
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When it is not as it would be written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = Reader::marked(bytes, "signed statement", FORM)?;
        let (issuer, signature) = signed_by(&mut reader)?;
        let answer = match reader.u8()? {
            0 => None,
            1 => {
                let (by, signature) = signed_by(&mut reader)?;
                Some(Answer::CounterSigned { by, signature })
            }
            2 => {
                let (by, signature) = signed_by(&mut reader)?;
                let reason = reader.text("reason of the dispute", MAX_REASON_BYTES)?;
                check_reason(reason)?;
                Some(Answer::Disputed { by, signature, reason: reason.into() })
            }
            _ => return Err(invalid("answer to the statement", "0, 1 or 2")),
        };
        let statement = Statement::from_bytes(reader.rest())?;
        Ok(Self { statement, issuer, signature, answer })
    }

    /// The same, with the agreement of who is billed.
    #[must_use]
    pub fn counter_sign(self, by: &BillingSigner) -> Self {
        let signature = by.sign(Purpose::CounterSignature, &self.statement.to_bytes());
        Self { answer: Some(Answer::CounterSigned { by: *by.public(), signature }), ..self }
    }

    /// The same, with what who is billed does not agree with.
    ///
    /// # Errors
    /// When the reason is empty, longer than [`MAX_REASON_BYTES`] or has control characters.
    pub fn dispute(self, by: &BillingSigner, reason: &str) -> Result<Self, InvalidForm> {
        check_reason(reason)?;
        let signature = by.sign(Purpose::Dispute, &disputed(&self.statement, reason));
        let answer = Answer::Disputed { by: *by.public(), signature, reason: reason.into() };
        Ok(Self { answer: Some(answer), ..self })
    }

    /// Whether `issuer` signed it.
    #[must_use]
    pub fn is_issued_by(&self, issuer: &BillingKey) -> bool {
        let bytes = self.statement.to_bytes();
        self.issuer == *issuer && issuer.has_signed(Purpose::Statement, &bytes, &self.signature)
    }

    /// Whether `issuer` signed it and, if there is an answer, `answerer` did.
    #[must_use]
    pub fn verify(&self, issuer: &BillingKey, answerer: &BillingKey) -> bool {
        let is_answered = match &self.answer {
            None => true,
            Some(Answer::CounterSigned { by, signature }) => {
                let bytes = self.statement.to_bytes();
                by == answerer && by.has_signed(Purpose::CounterSignature, &bytes, signature)
            }
            Some(Answer::Disputed { by, signature, reason }) => {
                let bytes = disputed(&self.statement, reason);
                by == answerer && by.has_signed(Purpose::Dispute, &bytes, signature)
            }
        };
        is_answered && self.is_issued_by(issuer)
    }

    /// The statement, signed or not.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Who says they issued it.
    #[must_use]
    pub const fn issuer(&self) -> &BillingKey {
        &self.issuer
    }

    /// What the other side said.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = FORM.to_vec();
        bytes.extend(self.issuer.as_bytes());
        bytes.extend(self.signature.as_bytes());
        match &self.answer {
            None => bytes.push(0),
            Some(Answer::CounterSigned { by, signature }) => {
                bytes.push(1);
                bytes.extend(by.as_bytes());
                bytes.extend(signature.as_bytes());
            }
            Some(Answer::Disputed { by, signature, reason }) => {
                bytes.push(2);
                bytes.extend(by.as_bytes());
                bytes.extend(signature.as_bytes());
                put_text(&mut bytes, reason);
            }
        }
        bytes.extend(self.statement.to_bytes());
        bytes
    }
}

fn signed_by(reader: &mut Reader<'_>) -> Result<(BillingKey, Signature), InvalidForm> {
    Ok((BillingKey::from_bytes(&reader.array()?)?, Signature::from_bytes(reader.array()?)))
}

/// What is signed of a dispute.
fn disputed(statement: &Statement, reason: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_text(&mut bytes, reason);
    bytes.extend(statement.to_bytes());
    bytes
}

fn check_reason(reason: &str) -> Result<(), InvalidForm> {
    at_most("reason of the dispute, in bytes", MAX_REASON_BYTES, reason.len())?;
    if reason.is_empty() || reason.contains(char::is_control) {
        return Err(invalid("reason of the dispute", "some text without control characters"));
    }
    Ok(())
}
