use super::ReadError;

/// The fields of a message in the Protocol Buffers wire form, one after another, borrowed from its bytes.
///
/// Groups are refused: no message of ours has any, and they are the one thing in that form that nests without
/// a length.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// What stands in a field.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    /// A varint.
    Number(u64),
    /// Something that has a length: a string, bytes, or a message.
    Bytes(&'a [u8]),
    /// Four or eight bytes: no field of ours has such a value, so it is walked over.
    Fixed,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field's number and what stands in it; nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, ReadError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.number()?).map_err(|_| ReadError::MALFORMED)?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => self.bytes(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.number()?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| Value::Fixed)?,
            _ => return Err(ReadError::MALFORMED),
        };
        match key >> 3 {
            0 => Err(ReadError::MALFORMED),
            number => Ok(Some((number, value))),
        }
    }

    /// A number of seven bits a byte, the lowest first.
    fn number(&mut self) -> Result<u64, ReadError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, behind) = self.rest.split_first().ok_or(ReadError::MALFORMED)?;
            self.rest = behind;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Ok(number);
            }
        }
        Err(ReadError::MALFORMED)
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], ReadError> {
        let length = usize::try_from(length).map_err(|_| ReadError::MALFORMED)?;
        let (bytes, behind) = self.rest.split_at_checked(length).ok_or(ReadError::MALFORMED)?;
        self.rest = behind;
        Ok(bytes)
    }
}

impl<'a> Value<'a> {
    pub(crate) const fn number(self) -> Result<u64, ReadError> {
        match self {
            Self::Number(number) => Ok(number),
            _ => Err(ReadError::MALFORMED),
        }
    }

    pub(crate) const fn bytes(self) -> Result<&'a [u8], ReadError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(ReadError::MALFORMED),
        }
    }

    pub(crate) fn string(self) -> Result<&'a str, ReadError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ReadError::MALFORMED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(message: &[u8]) -> Result<Vec<u32>, ReadError> {
        let (mut reader, mut numbers) = (Reader::new(message), Vec::new());
        while let Some((number, _)) = reader.next()? {
            numbers.push(number);
        }
        Ok(numbers)
    }

    #[test]
    fn fields_of_every_form_are_read_and_walked_over() {
        let varint = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(numbers(&varint).unwrap(), [1]);
        assert_eq!(numbers(&[0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 1, 2, 3, 4]).unwrap(), [2, 3]);
        assert_eq!(
            numbers(&[0x22, 0, 0x22, 1, 7, 0xfa, 0xff, 0xff, 0xff, 0x0f, 0]).unwrap(),
            [4, 4, (1 << 29) - 1]
        );
        assert_eq!(numbers(&[]).unwrap(), [0; 0]);
    }

    #[test]
    fn groups_and_what_is_cut_short_or_no_wire_form_are_malformed() {
        let too_long = [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1];
        for message in [
            &[0x0b, 0x0c][..],
            &[0x0c],
            &[0x0e],
            &[0x22, 5, 1],
            &[0x08],
            &[0x08, 0x80],
            &[0x1d, 1],
            &[0x00, 1],
            &too_long,
        ] {
            assert!(matches!(numbers(message), Err(ReadError::MALFORMED)), "{message:?}");
        }
    }
}
