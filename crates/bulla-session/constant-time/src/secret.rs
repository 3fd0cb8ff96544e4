//! What is secret, told to the memory checker: a secret byte is one it takes for undefined.

use std::ffi::c_void;
use std::hint::black_box;

use crabgrind::memcheck::{MemState, mark_mem, set_vbits, vbits};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_core::{Infallible, TryCryptoRng, TryRng};

/// Of a private key, what clamping leaves to chance (RFC 7748, section 5); the other bits everybody knows.
const UNCLAMPED: [u8; 32] = {
    let mut bits = [0xFF; 32];
    (bits[0], bits[31]) = (0xF8, 0x3F);
    bits
};

/// What a case takes for granted.
const DRIVEN: &str = "cases are run by the driver, under the memory checker";

/// Makes bytes secret: from now on nothing may branch on them or be looked up by them.
pub(crate) fn hide(bytes: &mut [u8]) {
    mark(address(bytes), bytes.len(), MemState::Undefined);
    black_box(bytes);
}

/// Makes a clamped private key secret, but for the bits that are the same in all.
pub(crate) fn hide_private(key: &mut [u8; 32]) {
    set_vbits(address(key), UNCLAMPED.as_ptr(), key.len()).expect(DRIVEN);
    black_box(key);
}

/// Makes bytes public: they are what the protocol lets everybody see.
pub(crate) fn reveal(bytes: &[u8]) {
    mark(address(bytes), bytes.len(), MemState::Defined);
    black_box(bytes);
}

/// Makes a value public without what it points at: whether there is something, and how long it is. Secrets
/// that stand in the value itself would be given away: box it first.
pub(crate) fn reveal_shape<T>(mut value: T) -> T {
    mark(black_box((&raw mut value).cast()), size_of::<T>(), MemState::Defined);
    black_box(value)
}

/// How many of these bytes are secret at least in part.
pub(crate) fn hidden(bytes: &[u8]) -> usize {
    let mut bits = vec![0_u8; bytes.len()];
    vbits(address(bytes), bits.as_mut_ptr(), bytes.len()).expect(DRIVEN);
    black_box(&mut bits).iter().filter(|bits| **bits != 0).count()
}

/// Marks memory, and asks whether it is marked: what the call itself returns is the wrong way round in this
/// version.
fn mark(address: *mut c_void, length: usize, state: MemState) {
    let _ = mark_mem(address, length, state);
    let secret = if state == MemState::Undefined { length } else { 0 };
    assert_eq!(hidden_at(address, length), secret, "the checker has not marked what it was told");
}

fn hidden_at(address: *mut c_void, length: usize) -> usize {
    let mut bits = vec![0_u8; length];
    vbits(address, bits.as_mut_ptr(), length).expect(DRIVEN);
    black_box(&mut bits).iter().filter(|bits| **bits != 0).count()
}

fn address(bytes: &[u8]) -> *mut c_void {
    // The checker's marks are beside the memory, so nothing is ever written through this.
    black_box(bytes).as_ptr().cast_mut().cast()
}

/// Chance of which every byte is secret, and the same in every run.
pub(crate) struct Chance(ChaCha20Rng);

impl Chance {
    pub(crate) fn new(seed: u8) -> Self {
        Self(ChaCha20Rng::from_seed([seed; 32]))
    }
}

impl TryRng for Chance {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)?;
        hide(bytes);
        Ok(())
    }
}

impl TryCryptoRng for Chance {}
