//! What is derived from secrets, decides something, and gives nothing away: each place with its reason.
//!
//! A place is a line of source, so that no exception covers a function, let alone a library; when the line
//! changes, the exception has to be thought over. One that excepts nothing any more is an error.

use crate::report::{Call, Report};

/// A file, as reports name it, and a line in it.
type Line = (&'static str, &'static str);

/// One exception.
pub(crate) struct Public {
    /// What is public.
    pub(crate) name: &'static str,
    at: At,
}

enum At {
    /// The line itself decides.
    Line(Line),
    /// Something in this file decides, or the standard library on its behalf, while all of these lines are
    /// being executed, the innermost first.
    Below(&'static str, &'static [Line]),
}

pub(crate) const PUBLIC: &[Public] = &[
    // Verdicts: whether something was right is told to the caller, and to the peer by what happens next.
    // Whatever is compared has been compared as a whole by then.
    Public {
        name: "whether the MAC of a message is right",
        at: At::Line((
            "bulla-session/src/session/ratchet_decrypt.rs",
            "if !keys.verify(sender, receiver, message.authenticated(), message.mac()) {",
        )),
    },
    Public {
        name: "whether the MAC of a header of the ratchet is right",
        at: At::Line((
            "bulla-spqr/src/ml_kem_braid/responder.rs",
            "if !authenticator.verifies_header(epoch, header, mac) {",
        )),
    },
    // This is also how a ciphertext that does not decapsulate shows, and the only way.
    Public {
        name: "whether the MAC of a ciphertext of the ratchet is right",
        at: At::Line((
            "bulla-spqr/src/ml_kem_braid/offerer.rs",
            "if !authenticator.verifies_ciphertext(epoch, ct1, ct2, mac) {",
        )),
    },
    // Whether the shared secret is zero (RFC 7748, section 6.1) hangs on the peer's public key alone: with a
    // point of low order it always is, with any other never.
    Public {
        name: "whether the peer's key is of low order, as graviola asks",
        at: At::Line((
            "graviola/src/mid/x25519.rs",
            "if low::ct::into_public(low::bignum_eq(&res, &ZERO)) {",
        )),
    },
    Public {
        name: "whether the peer's key is of low order, as portable code asks",
        at: At::Line((
            "bulla-session/src/x25519.rs",
            "if bool::from(shared.ct_eq(&Secret::ZERO)) { None } else { Some(shared) }",
        )),
    },
    // The keys of a record belong together unless it was damaged, and public keys are what is compared.
    Public {
        name: "whether an identity's two keys belong together",
        at: At::Line((
            "bulla-session/src/identity.rs",
            "if pair.public == public { Ok(pair) } else { Err(RecordError::Mismatch) }",
        )),
    },
    Public {
        name: "whether a signed prekey's two keys belong together",
        at: At::Line((
            "bulla-session/src/prekey/signed.rs",
            "if prekey.pair.public == public { Ok(prekey) } else { Err(RecordError::Mismatch) }",
        )),
    },
    Public {
        name: "whether a one-time prekey's two keys belong together",
        at: At::Line((
            "bulla-session/src/prekey/one_time.rs",
            "if prekey.pair.public == public { Ok(prekey) } else { Err(RecordError::Mismatch) }",
        )),
    },
    // The MAC has shown by then that the peer put the padding there, so nobody else can ask about it. It
    // tells how long the plaintext is, which the ciphertext's length tells but for 16 bytes, and which the
    // caller learns anyway.
    Public {
        name: "the padding behind a right MAC",
        at: At::Below(
            "block-padding/src/lib.rs",
            &[(
                "bulla-session/src/session/message_key.rs",
                "let length = cipher.decrypt_padded_b2b::<Pkcs7>(ciphertext, &mut out).ok()?.len();",
            )],
        ),
    },
    // The matrix is drawn by rejection from rho, which is in the public key (FIPS 203, sections 4.2.2 and
    // 5.1). The checker takes it for secret where a key pair is made: a hash cuts it off the same seed as
    // what is secret.
    Public {
        name: "the matrix of a Kyber key pair: how many drawn values are kept",
        at: At::Below("libcrux-ml-kem/src/sampling.rs", &[MATRIX, KYBER_PAIR]),
    },
    Public {
        name: "the matrix of a Kyber key pair: which drawn values are kept",
        at: At::Below("libcrux-ml-kem/src/vector/avx2/sampling.rs", &[MATRIX, KYBER_PAIR]),
    },
    Public {
        name: "the matrix of a ratchet's key pair: how many drawn values are kept",
        at: At::Below("libcrux-ml-kem/src/sampling.rs", &[MATRIX, RATCHET_PAIR]),
    },
    Public {
        name: "the matrix of a ratchet's key pair: which drawn values are kept",
        at: At::Below("libcrux-ml-kem/src/vector/avx2/sampling.rs", &[MATRIX, RATCHET_PAIR]),
    },
];

const MATRIX: Line =
    ("libcrux-ml-kem/src/matrix.rs", "let sampled = sample_from_xof::<K, Vector, Hasher>(&seeds);");
const KYBER_PAIR: Line =
    ("bulla-session/src/kyber.rs", "let pair = kyber1024::generate_key_pair(*seed.expose());");
const RATCHET_PAIR: Line =
    ("bulla-spqr/src/kem.rs", "incremental::generate_key_pair_compressed(*seed, pair.0.expose_mut());");

impl Public {
    /// Whether this is what a report is of.
    pub(crate) fn excepts(&self, report: &Report) -> bool {
        match self.at {
            At::Line(line) => report.calls.first().is_some_and(|call| is(call, line)),
            At::Below(file, lines) => {
                let mut calls = report.calls.iter().skip_while(|call| is_wrapper(call));
                calls.next().is_some_and(|call| call.file == file)
                    && lines.iter().all(|line| calls.any(|call| is(call, *line)))
            }
        }
    }
}

fn is(call: &Call, (file, text): Line) -> bool {
    call.file == file && call.text == text
}

/// The standard library, and names for the processor's instructions.
fn is_wrapper(call: &Call) -> bool {
    call.file.contains("/library/core/src/") || call.file == "libcrux-intrinsics/src/avx2.rs"
}
