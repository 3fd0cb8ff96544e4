/// Whether `message` is in the Protocol Buffers wire form and holds no group, and neither do its fields
/// `nested`, which are messages of the same sort.
///
/// Groups are the one thing in that form that nests without a length. No message of ours has any; a decoder
/// walks over one that it does not know by calling itself, a call for each byte, and stops in time only
/// unless somebody in the build turned that off (`no-recursion-limit` of `prost`). So whoever decodes a
/// stranger's bytes asks this first.
///
/// ```
/// use bulla_base::is_flat;
///
/// // Field 1 is 5; field 2 is a message, in which field 1 is 5.
/// assert!(is_flat(&[0x08, 5, 0x12, 2, 0x08, 5], &[2]));
/// // In field 2 a group begins, and ends.
/// assert!(!is_flat(&[0x12, 2, 0x0b, 0x0c], &[2]));
/// ```
///
/// # Cost
/// One step for each field; contents are passed over.
#[must_use]
pub fn is_flat(message: &[u8], nested: &[u32]) -> bool {
    let mut rest = message;
    while !rest.is_empty() {
        match take_field(&mut rest) {
            Some((field, content)) if !nested.contains(&field) || is_flat(content, &[]) => {}
            _ => return false,
        }
    }
    true
}

/// A field that holds a message, and which of that one's fields do in turn.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "tables of it are written by hand")]
pub struct Nested {
    /// The field's number.
    pub field: u32,
    /// The fields of its message that hold messages.
    pub within: &'static [Nested],
}

/// How many fields `message` has, with those of the messages `nested` in it, if it is in the Protocol Buffers
/// wire form and neither it nor they hold a group; see [`is_flat`].
///
/// A decoder makes room for each field that may come more than once: of a few bytes on the wire each may take
/// ten times as many in memory. So whoever reads a stranger's bytes bounds this number, too.
///
/// # Cost
/// One step for each field; contents that are no messages are passed over.
#[must_use]
pub fn flat_fields(message: &[u8], nested: &[Nested]) -> Option<usize> {
    let (mut rest, mut count) = (message, 0_usize);
    while !rest.is_empty() {
        let (field, content) = take_field(&mut rest)?;
        count += 1;
        if let Some(nested) = nested.iter().find(|nested| nested.field == field) {
            count += flat_fields(content, nested.within)?;
        }
    }
    Some(count)
}

/// The number of the field that stands first, and what it holds if that has a length; `None` if it is a group
/// or cut short.
fn take_field<'a>(rest: &mut &'a [u8]) -> Option<(u32, &'a [u8])> {
    let key = u32::try_from(take_number(rest)?).ok()?;
    let length = match key & 7 {
        0 => take_number(rest).map(|_| 0)?,
        1 => 8,
        2 => take_number(rest)?,
        5 => 4,
        _ => return None,
    };
    let (content, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = behind;
    Some((key >> 3, content))
}

/// A number of seven bits a byte, the lowest first.
fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_and_groups_found_however_deep_they_stand() {
        const INNER: &[Nested] = &[Nested { field: 3, within: &[] }];
        const OUTER: &[Nested] = &[Nested { field: 2, within: INNER }];
        // Field 1, and in field 2 twice field 3, in the first of which is field 1.
        let message = [0x08, 5, 0x12, 6, 0x1a, 2, 0x08, 7, 0x1a, 0];
        assert_eq!(flat_fields(&message, OUTER), Some(5));
        assert_eq!(flat_fields(&message, &[]), Some(2));
        assert_eq!(flat_fields(&[], OUTER), Some(0));
        let with_group = [0x12, 4, 0x1a, 2, 0x0b, 0x0c];
        assert_eq!(flat_fields(&with_group, OUTER), None);
        assert_eq!(flat_fields(&with_group, &[]), Some(1));
        // A number is no message.
        assert_eq!(flat_fields(&[0x10, 5], OUTER), Some(1));
    }

    #[test]
    fn every_form_but_a_group_is_flat() {
        let varint = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        let fixed = [0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4];
        for flat in [
            &[][..],
            &varint,
            &fixed,
            &[0x22, 0],
            &[0x22, 3, 0x0b, 0x0b, 0x0b],
            &[0xfa, 0xff, 0xff, 0xff, 0x0f, 0],
        ] {
            assert!(is_flat(flat, &[]), "{flat:?}");
        }
        // A group, one in a message that is looked into, and what is cut short or no wire form at all.
        for other in [
            &[0x0b, 0x0c][..],
            &[0x0c],
            &[0x22, 1, 0x0b],
            &[0x22, 5, 1],
            &[0x08],
            &[0x08, 0x80],
            &[0x0e],
            &[0x1d, 1],
        ] {
            assert!(!is_flat(other, &[4]), "{other:?}");
        }
        let too_long = [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];
        assert!(!is_flat(&too_long, &[]));
        assert!(!is_flat(&vec![0x7b; 1 << 20], &[]));
    }
}
