//! What a message's three key derivations cost by the crates everybody uses, and by the floor's hand.

use std::hint::black_box;
use std::sync::LazyLock;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::bare_primitives::sha::Keyed;
use crate::clock::{median, timed};

/// One derivation of what a message needs.
type Derive = fn(&[u8; 32]) -> [u8; 32];

/// Names, and the same derivation twice.
const DERIVATIONS: [(&str, Derive, Derive); 3] = [
    ("chain step", chain_by_crate, |key| {
        let keyed = Keyed::new(key);
        black_box(keyed.short(&[1]));
        keyed.short(&[2])
    }),
    (
        "post-quantum chain step",
        |key| by_crate::<64>(&[0; 32], key, &[7; 35]),
        |key| {
            let zero = black_box(*ZERO);
            first(Keyed::new(&zero.short(key)).expand::<64>(&[7; 35]))
        },
    ),
    (
        "message keys",
        |key| by_crate::<80>(key, key, b"WhisperMessageKeys"),
        |key| first(Keyed::new(&Keyed::new(key).short(key)).expand::<80>(b"WhisperMessageKeys")),
    ),
];

/// The key schedule of a salt that never changes.
static ZERO: LazyLock<Keyed> = LazyLock::new(|| Keyed::new(&[0; 32]));

/// Name, median by the crates, median by hand.
pub(crate) fn measured(rounds: usize) -> impl Iterator<Item = (&'static str, Option<f64>, Option<f64>)> {
    DERIVATIONS.into_iter().map(move |(name, by_crate, by_hand)| {
        assert_eq!(by_crate(&[3; 32]), by_hand(&[3; 32]), "two derivations differ: {name}");
        let [mut theirs, mut ours] = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            let time = |derive: Derive| {
                timed(50, |_| {
                    black_box(derive(black_box(&[3; 32])));
                })
            };
            theirs.push(time(by_crate));
            ours.push(time(by_hand));
        }
        (name, median(&theirs), median(&ours))
    })
}

fn chain_by_crate(key: &[u8; 32]) -> [u8; 32] {
    let keyed = Hmac::<Sha256>::new_from_slice(key).unwrap();
    black_box(keyed.clone().chain_update([1]).finalize());
    keyed.chain_update([2]).finalize().into_bytes().into()
}

fn by_crate<const N: usize>(salt: &[u8; 32], key: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(Some(salt), key).expand(info, &mut out).unwrap();
    first(out)
}

fn first<const N: usize>(bytes: [u8; N]) -> [u8; 32] {
    let mut first = [0; 32];
    first.copy_from_slice(&black_box(bytes)[..32]);
    first
}
