//! What a calculation leaves on the stack, and that it does not stay there.

/// How deep hashing goes, SHA-256 and HMAC, and more: where nothing is optimised it is 2 KiB.
pub const HASHING_STACK_BYTES: usize = 4 << 10;

/// Does `work`, and overwrites the first `DEEP` bytes of the stack on which it was done, also when it panics.
///
/// For what is not asynchronous and handles secrets or what users say. Types that wipe themselves do so where
/// they are dropped, and were moved before; functions that hash or encrypt have variables. All that stays on
/// the stack until the thread happens to go as deep again, and on one that has nothing to do, for as long as
/// it has not.
///
/// ```
/// use bulla_base::{HASHING_STACK_BYTES, without_trace};
/// use sha2::{Digest, Sha256};
///
/// let digest = without_trace::<HASHING_STACK_BYTES, _>(|| Sha256::digest("a secret"));
/// assert_eq!(digest, Sha256::digest("a secret"));
/// ```
///
/// # Cost
/// As many bytes are set to zero: for 4 KiB some 0.05 µs. Put it around all that is done at a time, not
/// around each step.
///
/// # Security
/// What lies deeper stays, as do registers, what `work` captures by value and what it returns: return a
/// secret in a box of its own. Compilers keep to this and do not promise to; tests look at the stack.
pub fn without_trace<const DEEP: usize, T>(work: impl FnOnce() -> T) -> T {
    let _wiped = Wiped::<DEEP>;
    below(work)
}

/// Overwrites the stack when it is dropped.
struct Wiped<const DEEP: usize>;

impl<const DEEP: usize> Drop for Wiped<DEEP> {
    fn drop(&mut self) {
        zeroize::zeroize_stack::<DEEP>();
    }
}

/// Does `work` on the stack from where on it will be overwritten.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Looks at what calls have left.
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) mod tests {
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;
    use std::ptr;

    use super::*;

    /// So far below us it is worked, so that to look does not overwrite what was left.
    const BELOW: usize = 16 << 10;
    const LOOKED_AT: usize = 2 * BELOW + 2 * HASHING_STACK_BYTES;

    /// How often `secret` stands on the stack after `work`.
    pub(crate) fn left_on_the_stack<T>(secret: &[u8], work: impl FnOnce() -> T) -> usize {
        let mut stack = vec![0; LOOKED_AT];
        black_box(further_down(work));
        let end = ptr::from_ref(&stack).addr() as u64;
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut stack, end - LOOKED_AT as u64).unwrap();
        stack.windows(secret.len()).filter(|bytes| *bytes == secret).count()
    }

    #[inline(never)]
    fn further_down<T>(work: impl FnOnce() -> T) -> T {
        let between = [0_u8; BELOW];
        let result = work();
        black_box(&between);
        result
    }

    #[inline(never)]
    fn remember(secret: &[u8]) {
        let mut there = [0_u8; 100];
        there[..secret.len()].copy_from_slice(secret);
        black_box(&there);
    }

    #[test]
    fn nothing_is_left_on_the_stack() {
        let secret = b"what nobody else may know";
        assert!(left_on_the_stack(secret, || remember(secret)) > 0, "what is left is not seen");
        let wiped = || without_trace::<HASHING_STACK_BYTES, _>(|| remember(secret));
        assert_eq!(left_on_the_stack(secret, wiped), 0);
        let fails = || {
            remember(secret);
            panic!("on purpose");
        };
        let wiped = || std::panic::catch_unwind(|| without_trace::<HASHING_STACK_BYTES, ()>(fails));
        assert_eq!(left_on_the_stack(secret, wiped), 0);
    }
}
