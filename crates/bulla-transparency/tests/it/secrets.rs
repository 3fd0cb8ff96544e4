//! The log's secret key does not print, and is not left where it was used.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::ptr;

use bulla_transparency::LogSigner;
use sha2::{Digest, Sha512};

use crate::test_log::{TestLog, origin};

const SEED: [u8; 32] = *b"a seed that stands nowhere else!";

#[test]
fn a_signer_prints_its_public_key_alone() {
    let signer = LogSigner::from_seed(origin(), &SEED);
    let public = signer.public().to_string();
    assert_eq!(format!("{signer:?}"), format!("LogSigner {{ public: LogKey({public}), .. }}"));
}

/// So far below us it is worked, so that to look does not overwrite what was left.
const BELOW: usize = 64 << 10;
const LOOKED_AT: usize = 160 << 10;

#[test]
fn nothing_of_the_key_is_left_on_the_stack() {
    let expanded = Sha512::digest(SEED);
    let mut scalar: [u8; 32] = expanded[..32].try_into().unwrap();
    scalar[0] &= 248;
    scalar[31] = scalar[31] & 63 | 64;
    let head = TestLog::of(5).head(5);
    let sign = |signer: &LogSigner| black_box(signer.sign(&head));

    let signer = Box::new(LogSigner::from_seed(origin(), &SEED));
    let secrets = [&SEED[..], &expanded[..32], &expanded[32..], &scalar];
    for secret in secrets {
        assert_eq!(left_on_the_stack(secret, || sign(&signer)), 0);
    }
    // That it would be seen.
    assert!(left_on_the_stack(&scalar, || remember(&scalar)) > 0, "what is left is not seen");
}

#[inline(never)]
fn remember(secret: &[u8]) {
    let mut there = [0_u8; 100];
    there[..secret.len()].copy_from_slice(secret);
    black_box(&there);
}

/// How often `secret` stands on the stack after `work`.
fn left_on_the_stack<T>(secret: &[u8], work: impl FnOnce() -> T) -> usize {
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
