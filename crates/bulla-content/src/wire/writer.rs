//! The parts of a message in the Protocol Buffers wire form, as they are written.

/// How many bytes `value` has as a varint.
const fn varint_size(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

fn write_varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    to.push(value.to_le_bytes()[0]);
}

pub(crate) const fn bytes_size(number: u32, length: usize) -> usize {
    varint_size((number as u64) << 3) + varint_size(length as u64) + length
}

/// Writes the key and the length of something that has one.
pub(crate) fn write_head(number: u32, length: usize, to: &mut Vec<u8>) {
    write_varint(u64::from(number) << 3 | 2, to);
    write_varint(length as u64, to);
}

pub(crate) fn write_bytes(number: u32, bytes: &[u8], to: &mut Vec<u8>) {
    write_head(number, bytes.len(), to);
    to.extend_from_slice(bytes);
}

/// What is 0 is left out.
pub(crate) const fn number_size(number: u32, value: u64) -> usize {
    if value == 0 { 0 } else { varint_size((number as u64) << 3) + varint_size(value) }
}

pub(crate) fn write_number(number: u32, value: u64, to: &mut Vec<u8>) {
    if value != 0 {
        write_varint(u64::from(number) << 3, to);
        write_varint(value, to);
    }
}
