use super::ReadError;

/// A message in the Protocol Buffers wire form.
pub(crate) trait Record: Sized {
    /// Reads it, and checks it against its limits. Fields that are not known are walked over.
    fn read(message: &[u8]) -> Result<Self, ReadError>;

    /// How many bytes [`write_message`](Self::write_message) writes.
    fn message_size(&self) -> usize;

    /// Writes it, the fields in the order of their numbers.
    fn write_message(&self, to: &mut Vec<u8>);
}

/// Something of which there are several: the list's name, what is counted, and how many there may be.
pub(crate) trait Listed {
    const LIST: (&'static str, &'static str, usize);
}

/// A type that is a message, with the numbers of its fields; it checks itself by its method `checked`.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$about:meta])* $field:ident: $kind:ty = $number:literal),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name { $($(#[$about])* $field: $kind),+ }

        impl $crate::wire::Record for $name {
            fn read(message: &[u8]) -> Result<Self, $crate::wire::ReadError> {
                use $crate::wire::{Field, Reader};
                $(let mut $field = <<$kind as Field>::Slot as Default>::default();)+
                let mut reader = Reader::new(message);
                while let Some((number, value)) = reader.next()? {
                    match number {
                        $($number => <$kind as Field>::take(&mut $field, value)?,)+
                        _ => {}
                    }
                }
                Ok(Self { $($field: Field::settle($field)?),+ }.checked()?)
            }

            fn message_size(&self) -> usize {
                0 $(+ $crate::wire::Field::size(&self.$field, $number))+
            }

            fn write_message(&self, to: &mut Vec<u8>) {
                $($crate::wire::Field::write(&self.$field, $number, to);)+
            }
        }

        #[cfg(test)]
        impl $crate::wire::Described for $name {
            const MESSAGE: (&'static str, &'static [(&'static str, u32)]) =
                (stringify!($name), &[$((stringify!($field), $number)),+]);
        }
    };
}

/// A type that is a message without any field.
macro_rules! empty_record {
    ($(#[$meta:meta])* pub struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[expect(clippy::exhaustive_structs, reason = "there is nothing in it, and everybody may make one")]
        pub struct $name;

        impl $crate::wire::Record for $name {
            fn read(message: &[u8]) -> Result<Self, $crate::wire::ReadError> {
                let mut reader = $crate::wire::Reader::new(message);
                while reader.next()?.is_some() {}
                Ok(Self)
            }

            fn message_size(&self) -> usize {
                0
            }

            fn write_message(&self, _: &mut Vec<u8>) {}
        }

        #[cfg(test)]
        impl $crate::wire::Described for $name {
            const MESSAGE: (&'static str, &'static [(&'static str, u32)]) = (stringify!($name), &[]);
        }
    };
}

/// A type that is one of several messages: a message in which one field is there. If it is one that this
/// version does not know, neither is the content as a whole.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$about:meta])* $variant:ident($kind:ty) = $number:literal),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name { $($(#[$about])* $variant($kind)),+ }

        impl $crate::wire::Record for $name {
            fn read(message: &[u8]) -> Result<Self, $crate::wire::ReadError> {
                use $crate::wire::{ReadError, Reader, Record};
                let (mut found, mut others) = (None, false);
                let mut reader = Reader::new(message);
                while let Some((number, value)) = reader.next()? {
                    let one = match number {
                        $($number => Self::$variant(<$kind as Record>::read(value.bytes()?)?),)+
                        _ => {
                            others = true;
                            continue;
                        }
                    };
                    if found.replace(one).is_some() {
                        return Err(ReadError::MALFORMED);
                    }
                }
                found.ok_or(if others { ReadError::Newer } else { ReadError::MALFORMED })
            }

            fn message_size(&self) -> usize {
                match self {
                    $(Self::$variant(one) => $crate::wire::Field::size(one, $number)),+
                }
            }

            fn write_message(&self, to: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(one) => $crate::wire::Field::write(one, $number, to)),+
                }
            }
        }

        #[cfg(test)]
        impl $crate::wire::Described for $name {
            const MESSAGE: (&'static str, &'static [(&'static str, u32)]) =
                (stringify!($name), &[$((stringify!($kind), $number)),+]);
        }
    };
}

/// A type that is one of several numbers, from 1 on. If it is one that this version does not know, neither is
/// the content as a whole.
macro_rules! codes {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$about:meta])* $variant:ident = $code:literal),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$about])* $variant),+ }

        impl $name {
            pub(crate) const fn code(self) -> u64 {
                match self {
                    $(Self::$variant => $code),+
                }
            }

            pub(crate) const fn from_code(code: u64) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl $crate::wire::Field for $name {
            type Slot = Option<Self>;

            fn take(
                slot: &mut Option<Self>,
                value: $crate::wire::Value<'_>,
            ) -> Result<(), $crate::wire::ReadError> {
                *slot = Some(Self::from_code(value.number()?).ok_or($crate::wire::ReadError::Newer)?);
                Ok(())
            }

            fn settle(slot: Option<Self>) -> Result<Self, $crate::wire::ReadError> {
                slot.ok_or($crate::wire::ReadError::MALFORMED)
            }

            fn size(&self, number: u32) -> usize {
                $crate::wire::number_size(number, self.code())
            }

            fn write(&self, number: u32, to: &mut Vec<u8>) {
                $crate::wire::write_number(number, self.code(), to);
            }
        }
    };
}

/// `Debug` for what somebody said: what it is and how much, and nothing of what is in it.
macro_rules! silent {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let bytes = $crate::wire::Record::message_size(self);
                write!(f, concat!(stringify!($name), "({} bytes)"), bytes)
            }
        }
    };
}

/// The accessor of a text that is always there.
macro_rules! text {
    ($field:ident, $about:literal) => {
        #[doc = $about]
        #[must_use]
        pub fn $field(&self) -> &str {
            &self.$field
        }
    };
}

/// The accessor of a text that may be missing, and the method that sets it.
macro_rules! optional_text {
    ($field:ident, $with:ident, $about:literal, $limit:ident) => {
        #[doc = concat!("Sets what [`", stringify!($field), "`](Self::", stringify!($field), ") tells; an empty one is none.")]
        ///
        /// # Errors
        #[doc = concat!("When it is longer than [`", stringify!($limit), "`](crate::limits::", stringify!($limit), ").")]
        pub fn $with(mut self, text: impl Into<String>) -> Result<Self, $crate::InvalidContent> {
            self.$field = Some(text.into());
            self.checked()
        }

        #[doc = $about]
        #[must_use]
        pub fn $field(&self) -> Option<&str> {
            self.$field.as_deref()
        }
    };
}

pub(crate) use {choice, codes, empty_record, optional_text, record, silent, text};
