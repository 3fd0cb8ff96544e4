//! What is looked for: texts and numbers nobody else has, and every shape in which they could stand
//! somewhere.

use std::sync::Mutex;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use bulla::SystemRng;
use bulla::base::Rng;

/// The printable bytes of which canaries are made.
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CANARY_BYTES: usize = 16;
const NUMBER_DIGITS: usize = 15;

/// The canaries and numbers of one run. All begin alike, so that one pass finds whatever may be one of them.
#[derive(Debug)]
pub(crate) struct Canaries {
    /// What every canary begins with: six letters.
    pub(crate) text_start: String,
    /// What every number begins with: nine digits.
    pub(crate) number_start: String,
    texts: Mutex<Vec<String>>,
    numbers: Vec<String>,
}

impl Canaries {
    /// The numbers of so many users, and no canaries yet.
    pub(crate) fn new(users: usize) -> Self {
        let digits = |count| (0..count).map(|_| char::from(b'0' + byte_below(10))).collect::<String>();
        // None begins with zero.
        let number_start = format!("{}{}", 1 + byte_below(9), digits(8));
        // 999,983 is a prime: the endings are all different, and not in a row.
        let step = 1 + u64::from(byte_below(250)) * 3_989;
        let numbers = (1..=users as u64)
            .map(|user| format!("{number_start}{:06}", user * step % 999_983))
            .inspect(|number| assert_eq!(number.len(), NUMBER_DIGITS));
        let numbers = numbers.collect();
        Self { text_start: letters(6), number_start, texts: Mutex::default(), numbers }
    }

    /// A canary nobody has yet: sixteen random letters.
    pub(crate) fn canary(&self) -> String {
        let canary = format!("{}{}", self.text_start, letters(CANARY_BYTES - self.text_start.len()));
        self.texts.lock().unwrap().push(canary.clone());
        canary
    }

    /// Every canary that was given out.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.texts.lock().unwrap().clone()
    }

    /// The number of somebody nobody knows.
    pub(crate) fn stranger(&self) -> String {
        // Steps never come to the prime itself.
        format!("{}999983", self.number_start)
    }

    /// The users' numbers.
    pub(crate) fn numbers(&self) -> &[String] {
        &self.numbers
    }
}

/// The shapes in which a text could stand, by name. Of the start of a text they are the starts of its shapes.
pub(crate) fn shapes_of_text(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = text.as_bytes();
    let mut shapes = vec![
        ("UTF-8", bytes.to_vec()),
        ("UTF-16LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("hex", hex(bytes).into_bytes()),
        ("HEX", hex(bytes).to_uppercase().into_bytes()),
    ];
    base64(bytes, &mut shapes);
    shapes
}

/// The shapes in which a number could stand, by name.
pub(crate) fn shapes_of_number(digits: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut shapes = vec![
        // With or without a plus before it; and packed digits as hex are the digits again.
        ("digits", digits.as_bytes().to_vec()),
        ("UTF-16LE", digits.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE", digits.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("hex", hex(digits.as_bytes()).into_bytes()),
        ("BCD", packed(digits, 0, |high, low| high << 4 | low)),
        ("BCD, after half a byte", packed(digits, 1, |high, low| high << 4 | low)),
        ("BCD, low half first", packed(digits, 0, |low, high| high << 4 | low)),
        ("BCD, low half first, after half a byte", packed(digits, 1, |low, high| high << 4 | low)),
    ];
    base64(digits.as_bytes(), &mut shapes);
    shapes
}

/// Two digits a byte, as far as two are known.
fn packed(digits: &str, from: usize, byte: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let pairs = digits.as_bytes()[from..].chunks_exact(2);
    pairs.map(|pair| byte(pair[0] - b'0', pair[1] - b'0')).collect()
}

/// What base64 makes of the bytes behind 0, 1 or 2 others, as far as it does not depend on these or on what
/// follows.
fn base64(bytes: &[u8], shapes: &mut Vec<(&'static str, Vec<u8>)>) {
    let names = [
        ["base64", "base64, behind 1 byte", "base64, behind 2 bytes"],
        ["base64url", "base64url, behind 1 byte", "base64url, behind 2 bytes"],
    ];
    for (names, alphabet) in names.into_iter().zip([alphabet::STANDARD, alphabet::URL_SAFE]) {
        let engine = GeneralPurpose::new(&alphabet, NO_PAD);
        for (behind, name) in names.into_iter().enumerate() {
            let encoded = engine.encode([&vec![0; behind], bytes].concat());
            let known = (behind * 8).div_ceil(6)..(behind + bytes.len()) * 8 / 6;
            shapes.push((name, encoded.as_bytes()[known].to_vec()));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn letters(count: usize) -> String {
    (0..count).map(|_| char::from(LETTERS[usize::from(byte_below(62))])).collect()
}

/// A random number below `bound`, each as likely as the others.
fn byte_below(bound: u8) -> u8 {
    let mut byte = [0];
    loop {
        SystemRng.fill(&mut byte);
        if byte[0] < u8::MAX / bound * bound {
            return byte[0] % bound;
        }
    }
}
