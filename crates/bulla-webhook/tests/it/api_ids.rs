use bulla_base::{MessageId, PhoneNumberId, SeededRng, Timestamp};
use bulla_relay::MessageRef;

/// The numbers the sink knows a webhook for.
pub(crate) const NUMBER: PhoneNumberId = PhoneNumberId::new(106_540_352_242_922);
pub(crate) const OTHER_NUMBER: PhoneNumberId = PhoneNumberId::new(7);

/// A message's reference; each `seed` has its own.
pub(crate) fn reference(seed: u64) -> MessageRef {
    let id = MessageId::new(Timestamp::from_millis(1_795_293_590_960), &SeededRng::new(seed));
    let mut bytes = [0xa5; MessageRef::BYTES];
    bytes[..16].copy_from_slice(id.as_bytes());
    MessageRef::from_bytes(bytes).unwrap()
}

/// The same reference, as clients name it. Written here anew, so that a change of the form is noticed.
pub(crate) fn wamid(seed: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut name = String::from("wamid.");
    for chunk in reference(seed).to_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..=chunk.len() {
            let digit = bits >> (18 - 6 * position) & 63;
            name.push(char::from(DIGITS[usize::try_from(digit).unwrap()]));
        }
    }
    name
}
