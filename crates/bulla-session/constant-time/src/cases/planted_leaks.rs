//! Leaks on purpose: a check that does not find these finds nothing.

use std::hint::black_box;

use crate::secret::hide;

/// Two paths, chosen by a secret bit.
pub(super) fn branch() -> usize {
    let mut key = [0x5A; 32];
    hide(&mut key);
    if black_box(key[7]) & 1 == 1 {
        black_box("odd");
    } else {
        black_box("even");
    }
    1
}

/// A table looked up by a secret byte, as in ciphers written before caches.
pub(super) fn index() -> usize {
    let table: [u8; 256] = std::array::from_fn(|place| place.to_le_bytes()[0].wrapping_mul(167));
    let mut key = [0x5A; 32];
    hide(&mut key);
    black_box(black_box(&table)[usize::from(black_box(key[7]))]);
    1
}

/// A MAC compared in the ordinary way.
pub(super) fn comparison() -> usize {
    let mut mac = [0x5A; 32];
    hide(&mut mac);
    let (mac, other): (&[u8], &[u8]) = (black_box(&mac), black_box(&[0x5A; 32]));
    black_box(mac == other);
    1
}
