//! The numbers that name prekeys, devices and installations.

use crate::error::KeyError;
use crate::limits::MAX_DEVICE_ID;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id with this number.
            #[must_use]
            pub const fn new(value: u32) -> Self {
                Self(value)
            }

            /// The number.
            #[must_use]
            pub const fn value(self) -> u32 {
                self.0
            }
        }

        impl From<u32> for $name {
            fn from(value: u32) -> Self {
                Self(value)
            }
        }
    };
}

id! {
    /// Names one of a party's one-time elliptic-curve prekeys.
    OneTimePreKeyId
}
id! {
    /// Names one of a party's signed elliptic-curve prekeys.
    SignedPreKeyId
}
id! {
    /// Names one of a party's Kyber prekeys.
    KyberPreKeyId
}
id! {
    /// Tells one installation of a device from the next; drawn at random when it registers.
    RegistrationId
}

/// One of an account's devices, 1 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(u8);

impl DeviceId {
    /// The device with this number.
    ///
    /// # Errors
    ///
    /// [`KeyError::DeviceId`] if it is 0 or above 127.
    pub const fn new(value: u8) -> Result<Self, KeyError> {
        if value == 0 || value > MAX_DEVICE_ID {
            return Err(KeyError::DeviceId { found: value, most: MAX_DEVICE_ID });
        }
        Ok(Self(value))
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_numbered_from_1_to_127() {
        assert!(DeviceId::new(0).is_err());
        assert_eq!(DeviceId::new(1).unwrap().value(), 1);
        assert_eq!(DeviceId::new(MAX_DEVICE_ID).unwrap().value(), 127);
        assert!(DeviceId::new(MAX_DEVICE_ID + 1).is_err());
    }
}
