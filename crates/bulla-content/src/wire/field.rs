//! How each sort of field is read and written.

use bulla_base::{MessageId, Number};

use super::writer::{bytes_size, number_size, write_bytes, write_head, write_number};
use super::{Listed, ReadError, Record, Value};
use crate::InvalidContent;

/// Something that stands in a field of a message.
pub(crate) trait Field: Sized {
    /// What was read of it so far.
    type Slot: Default;

    /// Takes in one occurrence of the field.
    fn take(slot: &mut Self::Slot, value: Value<'_>) -> Result<(), ReadError>;

    /// What was read, once the message has ended.
    fn settle(slot: Self::Slot) -> Result<Self, ReadError>;

    /// How many bytes [`write`](Self::write) writes.
    fn size(&self, number: u32) -> usize;

    /// Writes it as the field `number`.
    fn write(&self, number: u32, to: &mut Vec<u8>);
}

macro_rules! unsigned {
    ($($kind:ty),*) => {$(
        impl Field for $kind {
            type Slot = Self;

            fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
                *slot = Self::try_from(value.number()?).map_err(|_| ReadError::MALFORMED)?;
                Ok(())
            }

            fn settle(slot: Self) -> Result<Self, ReadError> {
                Ok(slot)
            }

            fn size(&self, number: u32) -> usize {
                number_size(number, u64::from(*self))
            }

            fn write(&self, number: u32, to: &mut Vec<u8>) {
                write_number(number, u64::from(*self), to);
            }
        }
    )*};
}

unsigned!(u8, u32, u64);

impl Field for bool {
    type Slot = Self;

    fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
        *slot = value.number()? != 0;
        Ok(())
    }

    fn settle(slot: Self) -> Result<Self, ReadError> {
        Ok(slot)
    }

    fn size(&self, number: u32) -> usize {
        number_size(number, u64::from(*self))
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        write_number(number, u64::from(*self), to);
    }
}

/// A `sint32`: the sign stands in the lowest bit, so that what is near 0 is short on both sides of it.
impl Field for i32 {
    type Slot = Self;

    fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
        let zigzag = u32::try_from(value.number()?).map_err(|_| ReadError::MALFORMED)?;
        let magnitude = (zigzag >> 1).cast_signed();
        *slot = if zigzag & 1 == 0 { magnitude } else { !magnitude };
        Ok(())
    }

    fn settle(slot: Self) -> Result<Self, ReadError> {
        Ok(slot)
    }

    fn size(&self, number: u32) -> usize {
        number_size(number, zigzag(*self))
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        write_number(number, zigzag(*self), to);
    }
}

fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)).cast_unsigned())
}

/// What is empty is left out.
impl Field for String {
    type Slot = Self;

    fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
        value.string()?.clone_into(slot);
        Ok(())
    }

    fn settle(slot: Self) -> Result<Self, ReadError> {
        Ok(slot)
    }

    fn size(&self, number: u32) -> usize {
        if self.is_empty() { 0 } else { bytes_size(number, self.len()) }
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        if !self.is_empty() {
            write_bytes(number, self.as_bytes(), to);
        }
    }
}

/// What is empty is not there.
impl Field for Option<String> {
    type Slot = String;

    fn take(slot: &mut String, value: Value<'_>) -> Result<(), ReadError> {
        String::take(slot, value)
    }

    fn settle(slot: String) -> Result<Self, ReadError> {
        Ok(Some(slot).filter(|text| !text.is_empty()))
    }

    fn size(&self, number: u32) -> usize {
        self.as_ref().map_or(0, |text| text.size(number))
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        if let Some(text) = self {
            text.write(number, to);
        }
    }
}

/// Fields that have to be there, or may be missing if they are optional: read from bytes and written as such.
macro_rules! scalar {
    ($($kind:ty: $read:expr, $write:expr;)*) => {$(
        impl Field for $kind {
            type Slot = Option<Self>;

            fn take(slot: &mut Option<Self>, value: Value<'_>) -> Result<(), ReadError> {
                let read: fn(Value<'_>) -> Result<Self, ReadError> = $read;
                *slot = Some(read(value)?);
                Ok(())
            }

            fn settle(slot: Option<Self>) -> Result<Self, ReadError> {
                slot.ok_or(ReadError::MALFORMED)
            }

            fn size(&self, number: u32) -> usize {
                let write: fn(&Self) -> &[u8] = $write;
                bytes_size(number, write(self).len())
            }

            fn write(&self, number: u32, to: &mut Vec<u8>) {
                let write: fn(&Self) -> &[u8] = $write;
                write_bytes(number, write(self), to);
            }
        }
    )*};
}

scalar! {
    MessageId: |value| MessageId::from_bytes(value.bytes()?).map_err(|_| ReadError::MALFORMED), |id| id.as_bytes();
    Number: |value| Number::parse(value.string()?).map_err(|_| ReadError::MALFORMED), |number| number.digits().as_bytes();
    [u8; 32]: |value| value.bytes()?.try_into().map_err(|_| ReadError::MALFORMED), |bytes| bytes;
}

/// Of these there may be none.
macro_rules! optional_scalar {
    ($($kind:ty),+ $(,)?) => {$(
        impl Field for Option<$kind> {
            type Slot = Self;

            fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
                <$kind>::take(slot, value)
            }

            fn settle(slot: Self) -> Result<Self, ReadError> {
                Ok(slot)
            }

            fn size(&self, number: u32) -> usize {
                self.as_ref().map_or(0, |one| one.size(number))
            }

            fn write(&self, number: u32, to: &mut Vec<u8>) {
                if let Some(one) = self {
                    one.write(number, to);
                }
            }
        }
    )+};
}

optional_scalar! { Number, [u8; 32] }

impl Field for Vec<MessageId> {
    type Slot = Self;

    fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
        let id = MessageId::from_bytes(value.bytes()?).map_err(|_| ReadError::MALFORMED)?;
        push(slot, id, MessageId::LIST)
    }

    fn settle(slot: Self) -> Result<Self, ReadError> {
        Ok(slot)
    }

    fn size(&self, number: u32) -> usize {
        self.iter().map(|id| id.size(number)).sum()
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        self.iter().for_each(|id| id.write(number, to));
    }
}

/// A message that has to be there. One that stands twice is malformed: nobody has to merge two of them.
impl<R: Record> Field for R {
    type Slot = Option<R>;

    fn take(slot: &mut Option<R>, value: Value<'_>) -> Result<(), ReadError> {
        match slot.replace(R::read(value.bytes()?)?) {
            None => Ok(()),
            Some(_) => Err(ReadError::MALFORMED),
        }
    }

    fn settle(slot: Option<R>) -> Result<R, ReadError> {
        slot.ok_or(ReadError::MALFORMED)
    }

    fn size(&self, number: u32) -> usize {
        bytes_size(number, self.message_size())
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        write_head(number, self.message_size(), to);
        self.write_message(to);
    }
}

impl<R: Record> Field for Option<R> {
    type Slot = Self;

    fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
        R::take(slot, value)
    }

    fn settle(slot: Self) -> Result<Self, ReadError> {
        Ok(slot)
    }

    fn size(&self, number: u32) -> usize {
        self.as_ref().map_or(0, |record| record.size(number))
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        if let Some(record) = self {
            record.write(number, to);
        }
    }
}

impl<R: Record + Listed> Field for Vec<R> {
    type Slot = Self;

    fn take(slot: &mut Self, value: Value<'_>) -> Result<(), ReadError> {
        push(slot, R::read(value.bytes()?)?, R::LIST)
    }

    fn settle(slot: Self) -> Result<Self, ReadError> {
        Ok(slot)
    }

    fn size(&self, number: u32) -> usize {
        self.iter().map(|record| record.size(number)).sum()
    }

    fn write(&self, number: u32, to: &mut Vec<u8>) {
        self.iter().for_each(|record| record.write(number, to));
    }
}

/// Takes in one more, unless there are as many as may be: before more is read and kept.
fn push<T>(slot: &mut Vec<T>, item: T, list: (&'static str, &'static str, usize)) -> Result<(), ReadError> {
    let (field, unit, limit) = list;
    InvalidContent::at_most(field, unit, limit, slot.len() + 1)?;
    slot.push(item);
    Ok(())
}
