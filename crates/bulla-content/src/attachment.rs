//! How the bytes of an attachment are sealed, for a carrier to keep, and opened: chunk by chunk, in the
//! memory of one.
//!
//! [`Sealer`] takes plaintext and gives sealed bytes; what it ends with, [`Sealed`], goes into the message as
//! an [`AttachmentPointer`]. [`Checker`] takes sealed bytes and ends with an [`Opener`], which takes them
//! again and gives plaintext. [`seal`] and [`open`] do the same for what is in memory anyway. Nothing here
//! reads a file or a network: bytes in, bytes out.
//!
//! ```
//! use bulla_base::SeededRng;
//! use bulla_content::attachment::{Checker, Sealer};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let (picture, mut stored) = (vec![7; 100_000], Vec::new());
//!     let mut sealer = Sealer::new(100_000, &SeededRng::new(1))?;
//!     for mut part in picture.chunks(1500) {
//!         while let Some(chunk) = sealer.push(&mut part)? {
//!             stored.extend_from_slice(chunk);
//!         }
//!     }
//!     let pointer = sealer.finish()?.pointer("a7f3", "image/png")?;
//!
//!     let mut checker = Checker::new(&pointer);
//!     for part in stored.chunks(1500) {
//!         checker.push(part)?;
//!     }
//!     let (mut opener, mut shown) = (checker.finish()?, Vec::new());
//!     for mut part in stored.chunks(1500) {
//!         while let Some(plaintext) = opener.push(&mut part)? {
//!             shown.extend_from_slice(plaintext);
//!         }
//!     }
//!     opener.finish()?;
//!     assert_eq!(shown, picture);
//!     Ok(())
//! }
//! ```
//!
//! # Format
//! ```text
//! plaintext        size bytes, 1 to 104 857 600
//! padded           plaintext ‖ zeros, up to padded(size)
//! sealed           chunk(0) ‖ chunk(1) ‖ … ‖ chunk(n - 1), and nothing else
//!
//! chunk(i)         ciphertext ‖ tag (16), of AES-256-GCM with
//!                    key              32 random bytes, drawn for this attachment
//!                    nonce (12)       zeros (7) ‖ i (4, big endian) ‖ 1 if i = n - 1, else 0 (1)
//!                    associated data  size (8, big endian)
//!                    plaintext        the bytes of padded from 65 536 · i on: 65 536, in the last chunk what is left
//! n                padded(size) / 65 536, rounded up
//! digest           SHA-256(sealed)
//!
//! padded(size)     m = max(size, 4096), e = ⌊log2 m⌋, s = ⌊log2 e⌋ + 1: m rounded up to a multiple of 2^(e - s)
//! ```
//!
//! Key, digest, size and SHA-256(plaintext) travel inside the message ([`AttachmentPointer`]). The chunks are
//! the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance", 2015); the padding is Padmé (Nikitin et al.: "Reducing Metadata Leakage
//! from Encrypted Files and Communication with PURBs", 2019), not below 4 KiB.
//!
//! # Cost
//! * *Padding* adds at most 6.25 % up to 64 KiB and 3.125 % beyond, on average half of that, and up to 4 KiB
//!   what is missing to it. A tag on each chunk adds 0.024 %. The padding of contents, in steps of 256 bytes,
//!   would tell the size of a file nearly exactly.
//! * *Memory*: a sealer and an opener hold one chunk, however much is pushed at once; a checker, and the
//!   opener it ends with, also 32 bytes for each chunk there will be, 51 200 at most.
//! * *Calculation*: each byte is encrypted once and hashed twice by who seals, as plaintext and sealed;
//!   hashed three times and decrypted once by who opens.
//!
//! # Security
//! * *Nothing is shown before the digest over the whole is right.* A chunk that opens is an authentic part,
//!   in its place, of a stream that somebody sealed under this key. It need not be the stream that the
//!   message tells of: an author may seal two under one key, and AES-GCM does not commit to its key or
//!   plaintext, so that there are bytes which open to different things under two keys. What is reported is
//!   the message, with key and digest; were anything else shown, the report would prove the wrong thing.
//!   Hence two passes: there is no way to an [`Opener`] but a [`Checker`] that has found the digest right,
//!   and then each chunk may be shown as soon as it opens.
//! * *What is opened is what was checked*, also when it is fetched again in between: the checker keeps the
//!   digest of all that came up to the end of each chunk, and the opener compares before it opens one.
//! * *The digest of the plaintext is its author's word*, for who hands the plaintext on and names it by that.
//!   It is compared as the plaintext is opened, and the last piece is not given when it is another: what was
//!   given before is then the beginning of something else than the message says, and is never whole. Messages
//!   of a version that did not say it are opened without.
//! * *Order, number and size are bound*: the nonce has a chunk's place and whether it is the last, the
//!   associated data the size. Chunks that were reordered, dropped, repeated, or come from another attachment
//!   are refused, as is whatever is shorter or longer than the size asks for.
//! * *The key is used for one attachment*, so that nonces may count from zero. The same file is sealed anew
//!   for each message, under another key: a carrier does not see that it is the same.
//! * *A carrier sees the bucket*: of 1 to 104 857 600 bytes it tells one of 403 sizes.

mod chunk_cipher;
mod chunk_layout;
mod error;
mod key;
mod pointer;

mod checker;
mod opener;
mod sealer;
mod whole;

pub use sealer::{Sealed, Sealer};

pub use checker::Checker;
pub use opener::Opener;

pub use whole::{open, seal};

pub use error::AttachmentError;
pub use key::AttachmentKey;
pub use pointer::AttachmentPointer;
