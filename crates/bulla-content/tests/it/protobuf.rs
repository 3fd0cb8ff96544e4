//! The wire form, written by hand: what a stranger sends need not be what the library would write.

use bulla_content::{Content, InvalidContent, PADDING_STEP};

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// A field that has a length.
pub(crate) fn bytes(number: u32, content: &[u8]) -> Vec<u8> {
    [varint(u64::from(number) << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// A field that is a number.
pub(crate) fn number(number: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value)].concat()
}

/// Behind an opening key, and padded.
pub(crate) fn padded(protobuf: &[u8]) -> Vec<u8> {
    let mut padded = [&[0; 32][..], protobuf, &[0x80]].concat();
    padded.resize(padded.len().next_multiple_of(PADDING_STEP), 0);
    padded
}

pub(crate) fn decode(protobuf: &[u8]) -> Result<Content, InvalidContent> {
    Content::decode(&padded(protobuf)).map(|(content, _)| content)
}

/// What of `plaintext` is protobuf.
pub(crate) fn unpadded(plaintext: &[u8]) -> &[u8] {
    let end = plaintext.iter().rposition(|byte| *byte == 0x80).unwrap();
    &plaintext[32..end]
}

/// The numbers of the fields of the content in `plaintext`.
pub(crate) fn numbers(plaintext: &[u8]) -> Vec<u64> {
    let (mut rest, mut numbers) = (unpadded(plaintext), Vec::new());
    let take = |rest: &mut &[u8]| {
        let length = rest.iter().position(|byte| *byte < 0x80).unwrap() + 1;
        let (head, behind) = rest.split_at(length);
        *rest = behind;
        head.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
    };
    while !rest.is_empty() {
        let key = take(&mut rest);
        numbers.push(key >> 3);
        let value = take(&mut rest);
        if key & 7 == 2 {
            rest = &rest[usize::try_from(value).unwrap()..];
        }
    }
    numbers
}
