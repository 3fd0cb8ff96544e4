//! What calls leave on the stack, looked at by tests.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::ptr;

use zeroize::zeroize_stack;

use crate::committing_aead::DEEP;

const LOOKED_AT: usize = 8 * DEEP;

/// The stack below us as `work` leaves it.
pub(crate) fn after<T>(work: impl FnOnce() -> T) -> Vec<u8> {
    let mut stack = vec![0; LOOKED_AT];
    zeroize_stack::<{ 2 * LOOKED_AT }>();
    black_box(further_down(work));
    let start = ptr::from_ref(&stack).addr() - LOOKED_AT;
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut stack, start as u64).unwrap();
    stack
}

/// Does `work` where looking at the stack overwrites nothing.
#[inline(never)]
fn further_down<T>(work: impl FnOnce() -> T) -> T {
    let between = [0_u8; DEEP];
    let result = work();
    black_box(&between);
    result
}

/// Whether the first half of `secret` stands in `stack`, which is more than chance would put there.
pub(crate) fn holds(stack: &[u8], secret: &[u8]) -> bool {
    stack.windows(16).any(|bytes| *bytes == secret[..16])
}
