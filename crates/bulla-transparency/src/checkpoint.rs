//! Signed checkpoints, as C2SP writes them: `tlog-checkpoint` over `signed-note`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{InvalidForm, NotSigned, at_most, at_most_bytes};
use crate::limits::{MAX_CHECKPOINT_BYTES, MAX_SIGNATURES};
use crate::{Head, LogKey, Origin, TreeHash};

/// A head of the log that somebody has signed: whom the log's key has to say.
///
/// ```text
/// carrier.example/keys                              origin
/// 7                                                 size, decimal
/// 3/8Cc…=                                           root, Base64
///                                                   an empty line
/// — carrier.example/keys x08go/ZJkuBS9UG/SffcvI…=   name, Base64(key id ‖ Ed25519 signature)
/// — witness.example 5q3x…=                          of others: kept, and not looked at
/// ```
///
/// What is signed is the first three lines. Narrower than the specification in two points: the origin is as
/// [`Origin`] has it, and there are no further lines below the root, which nobody could check.
///
/// # Security
/// Anybody can write one. The head is told only by [`SignedCheckpoint::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    origin: Origin,
    head: Head,
    /// At least one, and at most [`MAX_SIGNATURES`].
    signatures: Vec<NoteSignature>,
}

impl SignedCheckpoint {
    /// Reads the written form. There is one way to write it: [`fmt::Display`] gives the same text again.
    ///
    /// # Errors
    /// When it has more than [`MAX_CHECKPOINT_BYTES`] or [`MAX_SIGNATURES`], is not UTF-8, has a control
    /// character other than the newline, or one of its lines is missing or not as it must be.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidForm> {
        at_most_bytes("checkpoint, in bytes", MAX_CHECKPOINT_BYTES, bytes.len())?;
        let invalid = |field, expected| InvalidForm::Field { field, expected };
        let text = str::from_utf8(bytes).map_err(|_| invalid("checkpoint", "UTF-8"))?;
        if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(invalid("checkpoint", "no control character but the newline"));
        }
        let lines = text.strip_suffix('\n').ok_or(invalid("checkpoint", "a newline at the end"))?;
        let mut lines = lines.split('\n');

        let origin = Origin::parse(lines.next().unwrap_or_default())?;
        let size = parse_size("size of the log, in leaves", lines.next().unwrap_or_default())?;
        let root = parse_hash("root", lines.next().unwrap_or_default())?;
        let head = Head::new(size, root)?;
        if lines.next() != Some("") {
            return Err(invalid("line below the root", "an empty line"));
        }
        let mut signatures = Vec::new();
        for line in lines {
            at_most_bytes("signatures of the checkpoint", MAX_SIGNATURES, signatures.len() + 1)?;
            signatures.push(NoteSignature::parse(line)?);
        }
        if signatures.is_empty() {
            return Err(invalid("signatures of the checkpoint", "at least one"));
        }
        Ok(Self { origin, head, signatures })
    }

    pub(crate) fn signed(origin: Origin, head: Head, signature: NoteSignature) -> Self {
        Self { origin, head, signatures: vec![signature] }
    }

    /// The head, if the log with this key has signed it.
    ///
    /// Signatures of other keys are passed over. One that names this key must be right, each of them.
    ///
    /// # Errors
    /// When the checkpoint is of another origin, or has no signature of this key, or one that is wrong.
    ///
    /// # Cost
    /// Two multiplications on the curve for each signature that names the key.
    pub fn verify(&self, key: &LogKey) -> Result<Head, NotSigned> {
        if self.origin != *key.origin() {
            return Err(NotSigned::OtherOrigin);
        }
        let text = text(&self.origin, &self.head);
        let mut by_the_key = self.signatures.iter().filter(|signature| signature.is_of(key)).peekable();
        if by_the_key.peek().is_none() {
            return Err(NotSigned::NoSignature);
        }
        if !by_the_key.all(|signature| key.has_signed(&text, &signature.bytes)) {
            return Err(NotSigned::WrongSignature);
        }
        Ok(self.head)
    }

    /// The same with the signatures of this key alone: what is worth keeping. `None` if there are none.
    #[must_use]
    pub fn only_of(&self, key: &LogKey) -> Option<Self> {
        let signatures: Vec<_> =
            self.signatures.iter().filter(|signature| signature.is_of(key)).cloned().collect();
        let is_there = !signatures.is_empty();
        is_there.then(|| Self { origin: self.origin.clone(), head: self.head, signatures })
    }

    /// The first signature that names this key, if it is as long as one of Ed25519.
    pub(crate) fn signature_of(&self, key: &LogKey) -> Option<&[u8; 64]> {
        let signature = self.signatures.iter().find(|signature| signature.is_of(key))?;
        signature.bytes[..].try_into().ok()
    }

    /// What it says, whoever signed it.
    pub(crate) const fn unverified_head(&self) -> &Head {
        &self.head
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", text(&self.origin, &self.head))?;
        for NoteSignature { name, id, bytes } in &self.signatures {
            writeln!(f, "— {name} {}", STANDARD.encode([&id[..], bytes].concat()))?;
        }
        Ok(())
    }
}

/// What is signed: three lines.
pub(crate) fn text(origin: &Origin, head: &Head) -> String {
    format!("{origin}\n{}\n{}\n", head.size(), STANDARD.encode(head.root().as_bytes()))
}

/// A signature line of a note, of a key that may not be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoteSignature {
    name: String,
    id: [u8; 4],
    /// At least one.
    bytes: Vec<u8>,
}

impl NoteSignature {
    pub(crate) fn new(key: &LogKey, signature: &[u8; 64]) -> Self {
        Self { name: key.origin().as_str().to_owned(), id: key.id(), bytes: signature.to_vec() }
    }

    fn parse(line: &str) -> Result<Self, InvalidForm> {
        let expected = "an em dash, a name without spaces and plus, and Base64 of a key id and a signature";
        let invalid = InvalidForm::Field { field: "signature line", expected };
        let (name, encoded) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(invalid.clone())?;
        if name.is_empty() || name.contains(|char: char| char.is_whitespace() || char == '+') {
            return Err(invalid);
        }
        let decoded = STANDARD.decode(encoded).map_err(|_| invalid.clone())?;
        match decoded.split_first_chunk() {
            Some((id, bytes)) if !bytes.is_empty() => {
                Ok(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
            }
            _ => Err(invalid),
        }
    }

    /// Whether it names this key.
    fn is_of(&self, key: &LogKey) -> bool {
        self.name == key.origin().as_str() && self.id == key.id()
    }
}

/// A number of leaves as a line of its own.
pub(crate) fn parse_size(field: &'static str, line: &str) -> Result<u64, InvalidForm> {
    let expected = "a decimal number without leading zeros";
    let invalid = InvalidForm::Field { field, expected };
    let size: u64 = line.parse().map_err(|_| invalid.clone())?;
    // Also a plus before it.
    let is_plain =
        line.starts_with(|char: char| char.is_ascii_digit()) && (line == "0" || !line.starts_with('0'));
    if is_plain { at_most(field, crate::MAX_LOG_LEAVES, size) } else { Err(invalid) }
}

/// A hash as a line of Base64.
pub(crate) fn parse_hash(field: &'static str, line: &str) -> Result<TreeHash, InvalidForm> {
    let invalid = InvalidForm::Field { field, expected: "Base64 of 32 bytes" };
    if line.len() != 44 {
        return Err(invalid);
    }
    let decoded = STANDARD.decode(line).map_err(|_| invalid.clone())?;
    Ok(TreeHash::from_bytes(decoded.try_into().map_err(|_| invalid)?))
}
