//! X25519 by the implementations there are to choose from.

use std::hint::black_box;

use curve25519_dalek::MontgomeryPoint;
use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};

use crate::clock::{median, timed};

type Agree = fn(&[u8; 32], &[u8; 32]) -> [u8; 32];
type Public = fn(&[u8; 32]) -> [u8; 32];

/// What they are called, and how long each agreement and each key generation took.
pub(crate) struct Choices {
    choices: [(&'static str, Agree, Public); 3],
    samples: [[Vec<f64>; 2]; 3],
}

impl Choices {
    pub(crate) fn new() -> Self {
        let choices: [(&str, Agree, Public); 3] = [
            (
                "curve25519-dalek",
                |private, their| MontgomeryPoint(*their).mul_clamped(*private).to_bytes(),
                |private| MontgomeryPoint::mul_base_clamped(*private).to_bytes(),
            ),
            (
                "graviola",
                |private, their| {
                    let private = StaticPrivateKey::from_array(private);
                    private.diffie_hellman(&PublicKey::from_array(their)).unwrap().0
                },
                |private| StaticPrivateKey::from_array(private).public_key().as_bytes(),
            ),
            (
                "libcrux-curve25519",
                |private, their| {
                    let mut shared = [0; 32];
                    assert!(libcrux_curve25519::ecdh(&mut shared, their, private).is_ok(), "no agreement");
                    shared
                },
                |private| {
                    let mut public = [0; 32];
                    libcrux_curve25519::secret_to_public(&mut public, private);
                    public
                },
            ),
        ];
        let (private, their) = ([0x48; 32], choices[0].2(&[0x50; 32]));
        for (name, agree, public) in &choices {
            assert_eq!(agree(&private, &their), choices[0].1(&private, &their), "{name} agrees differently");
            assert_eq!(public(&private), choices[0].2(&private), "{name} has another base point");
        }
        Self { choices, samples: Default::default() }
    }

    pub(crate) fn run(&mut self, round: usize) {
        let (private, their) = ([0x48; 32], [9; 32]);
        for turn in 0..self.choices.len() {
            let place = (turn + round) % self.choices.len();
            let (_, agree, public) = self.choices[place];
            self.samples[place][0].push(timed(10, |_| {
                black_box(agree(black_box(&private), black_box(&their)));
            }));
            self.samples[place][1].push(timed(10, |_| {
                black_box(public(black_box(&private)));
            }));
        }
    }

    /// Name, agreement and key generation.
    pub(crate) fn medians(&self) -> impl Iterator<Item = (&str, Option<f64>, Option<f64>)> {
        self.choices
            .iter()
            .zip(&self.samples)
            .map(|((name, ..), [agree, public])| (*name, median(agree), median(public)))
    }
}
