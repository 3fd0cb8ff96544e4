//! Who speaks for the devices of a party, and which devices it has.

use std::collections::BTreeMap;

use bulla_base::{DeviceId, DeviceSet, MAX_DEVICES};
use bulla_envelope::InstallationId;
use bulla_transport::{Caller, Incarnation, TransportError};

/// The form of the record.
const FORM: u8 = 1;

/// The fencing tokens of a party: one for each of its devices. They stand in one record, so that the set of
/// devices and who speaks for each are never at odds.
///
/// ```text
/// 1 ‖ (device ‖ standing ‖ installation (16 bytes) ‖ incarnation (u64, big-endian))*
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DeviceTokens(BTreeMap<DeviceId, DeviceToken>);

/// Who speaks for a device: the installation, and the lowest incarnation of it that may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceToken {
    pub(crate) installation: InstallationId,
    pub(crate) highest: Incarnation,
    pub(crate) standing: Standing,
}

/// How a device stands to its party.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is there, and has never left keys: nobody can write to it first.
    Registered = 0,
    /// It has left keys: it is one of those that every message goes to, also while another installation of
    /// it has not left its own yet.
    InUse = 1,
    /// It was removed, and what is queued for it may still be there.
    Leaving = 2,
    /// It was removed. Who was it may not come back as if nothing had happened.
    Removed = 3,
    /// It has left keys, and does not stand in the list of the user's first device: no message goes to it
    /// until it does.
    Unlisted = 4,
}

impl DeviceToken {
    const BYTES: usize = 26;

    fn read(bytes: &[u8; Self::BYTES]) -> Option<(DeviceId, Self)> {
        let ([device, standing], rest) = bytes.split_first_chunk()?;
        let (installation, incarnation) = rest.split_first_chunk::<16>()?;
        let standing = match standing {
            0 => Standing::Registered,
            1 => Standing::InUse,
            2 => Standing::Leaving,
            3 => Standing::Removed,
            4 => Standing::Unlisted,
            _ => return None,
        };
        let installation = InstallationId::from_bytes(*installation);
        let highest = Incarnation::new(u64::from_be_bytes(incarnation.try_into().ok()?));
        Some((DeviceId::new(*device).ok()?, Self { installation, highest, standing }))
    }

    /// That of `caller`, which takes the place of the one that was `held` before it.
    pub(crate) fn of(caller: &Caller, held: Option<&Self>) -> Self {
        // A first device that is installed anew is one that messages go to, as it was. Another has to be
        // listed anew, with the identity that it has now.
        let standing = match held {
            Some(Self { standing: Standing::InUse, .. })
                if caller.address().device() == DeviceId::PRIMARY =>
            {
                Standing::InUse
            }
            _ => Standing::Registered,
        };
        Self { installation: caller.installation(), highest: caller.incarnation(), standing }
    }

    /// The same, of the incarnation that calls.
    pub(crate) const fn raised_by(self, caller: &Caller) -> Self {
        Self { highest: caller.incarnation(), ..self }
    }

    pub(crate) const fn with_standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    const fn is_there(&self) -> bool {
        matches!(self.standing, Standing::Registered | Standing::InUse | Standing::Unlisted)
    }

    /// Lets `caller` pass, if it is who speaks for the device.
    pub(crate) fn check(&self, caller: &Caller) -> Result<(), TransportError> {
        if !self.is_there() {
            return Err(TransportError::Removed);
        }
        let (ours, reinstalled) = (caller.incarnation(), caller.installation() != self.installation);
        match reinstalled || ours < self.highest {
            true => Err(TransportError::Fenced { ours, highest: self.highest, reinstalled }),
            false => Ok(()),
        }
    }

    /// Whether it is that of the installation that calls.
    pub(crate) fn is_of(&self, caller: &Caller) -> bool {
        self.is_there() && self.installation == caller.installation()
    }
}

impl DeviceTokens {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, TransportError> {
        let damaged =
            || TransportError::carrier_failed("stored fencing tokens are damaged, or of another version");
        let Some((&FORM, rows)) = bytes.split_first() else { return Err(damaged()) };
        let (rows, []) = rows.as_chunks::<{ DeviceToken::BYTES }>() else { return Err(damaged()) };
        rows.iter().map(|row| DeviceToken::read(row).ok_or_else(damaged)).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn of(&self, device: DeviceId) -> Option<&DeviceToken> {
        self.0.get(&device)
    }

    pub(crate) fn put(&mut self, device: DeviceId, token: DeviceToken) {
        self.0.insert(device, token);
    }

    /// Which installation is the device, if there is one.
    pub(crate) fn installation(&self, device: DeviceId) -> Option<InstallationId> {
        self.of(device).filter(|token| token.is_there()).map(|token| token.installation)
    }

    /// Which device the installation is, if it is one.
    pub(crate) fn device_of(&self, installation: InstallationId) -> Option<DeviceId> {
        self.those(|token| token.is_there() && token.installation == installation).iter().next()
    }

    /// The lowest number that no device has, if there is one; that of one that was removed is free.
    pub(crate) fn lowest_free(&self) -> Option<DeviceId> {
        let all = (1..=MAX_DEVICES).filter_map(|number| DeviceId::new(number).ok());
        all.into_iter().find(|device| self.installation(*device).is_none())
    }

    /// The devices that every message to the party goes to.
    pub(crate) fn in_use(&self) -> DeviceSet {
        self.those(|token| token.standing == Standing::InUse)
    }

    /// The devices that a message goes to whose sender knows of these: of `known` also the first if it has
    /// left no keys yet, for who has a session with it needs none. Another is not listed before it has left
    /// some.
    pub(crate) fn for_sender(&self, known: DeviceSet) -> DeviceSet {
        let is_registered = |token: &DeviceToken| token.standing == Standing::Registered;
        let first = if self.of(DeviceId::PRIMARY).is_some_and(is_registered) {
            DeviceSet::PRIMARY
        } else {
            DeviceSet::EMPTY
        };
        first.intersection(known).union(self.in_use())
    }

    /// Has messages go to those alone of the devices that have left keys which the list of the user's first
    /// device names, as `is_listed` says; and to the first, whose list it is.
    pub(crate) fn list(&mut self, is_listed: impl Fn(DeviceId, InstallationId) -> bool) {
        for (device, token) in &mut self.0 {
            if matches!(token.standing, Standing::InUse | Standing::Unlisted) {
                let is_listed = *device == DeviceId::PRIMARY || is_listed(*device, token.installation);
                token.standing = if is_listed { Standing::InUse } else { Standing::Unlisted };
            }
        }
    }

    fn those(&self, are: impl Fn(&DeviceToken) -> bool) -> DeviceSet {
        self.0.iter().filter(|(_, token)| are(token)).map(|(device, _)| *device).collect()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // No longer than it is: it is kept in memory.
        let mut bytes = Vec::with_capacity(1 + self.0.len() * DeviceToken::BYTES);
        bytes.push(FORM);
        for (device, token) in &self.0 {
            bytes.extend_from_slice(&[device.number(), token.standing as u8]);
            bytes.extend_from_slice(token.installation.as_bytes());
            bytes.extend_from_slice(&token.highest.number().to_be_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(standing: Standing) -> DeviceToken {
        let installation = InstallationId::from_bytes([7; 16]);
        DeviceToken { installation, highest: Incarnation::new(u64::MAX - 1), standing }
    }

    #[test]
    fn ten_tokens_come_back_from_their_bytes_and_nothing_else_is_read() {
        let standings =
            [Standing::Registered, Standing::InUse, Standing::Leaving, Standing::Removed, Standing::Unlisted];
        let mut tokens = DeviceTokens::default();
        for (number, standing) in (1..=MAX_DEVICES).zip(standings.into_iter().cycle()) {
            tokens.put(DeviceId::new(number).unwrap(), token(standing));
        }
        let bytes = tokens.to_bytes();
        assert_eq!(DeviceTokens::read(&bytes).unwrap(), tokens);
        let other_form = [&[2][..], &bytes[1..]].concat();
        let (mut eleventh, mut unknown) = (bytes.clone(), bytes.clone());
        (eleventh[1], unknown[2]) = (MAX_DEVICES + 1, 5);
        for bad in [&[][..], &bytes[..bytes.len() - 1], &other_form, &eleventh, &unknown] {
            assert!(DeviceTokens::read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_lowest_free_number_is_the_first_that_no_device_has() {
        let [one, two, three] = [1, 2, 3].map(|number| DeviceId::new(number).unwrap());
        let mut tokens = DeviceTokens::default();
        assert_eq!(tokens.lowest_free(), Some(one));
        tokens.put(one, token(Standing::InUse));
        tokens.put(two, token(Standing::Removed));
        tokens.put(three, token(Standing::Registered));
        assert_eq!(tokens.lowest_free(), Some(two));
        assert_eq!(tokens.device_of(InstallationId::from_bytes([7; 16])), Some(one));
        assert_eq!(tokens.device_of(InstallationId::from_bytes([8; 16])), None);
        (1..=MAX_DEVICES)
            .for_each(|number| tokens.put(DeviceId::new(number).unwrap(), token(Standing::InUse)));
        assert_eq!(tokens.lowest_free(), None);
    }

    #[test]
    fn a_message_goes_to_those_in_use_and_to_the_first_if_its_sender_knows_it() {
        let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(|number| DeviceId::new(number).unwrap());
        let mut tokens = DeviceTokens::default();
        tokens.put(one, token(Standing::Registered));
        tokens.put(two, token(Standing::InUse));
        tokens.put(three, token(Standing::Removed));
        tokens.put(four, token(Standing::Leaving));
        tokens.put(five, token(Standing::Unlisted));
        assert_eq!(tokens.in_use(), DeviceSet::of(two));
        let set = |devices: &[DeviceId]| devices.iter().copied().collect::<DeviceSet>();
        assert_eq!(tokens.for_sender(set(&[one, two, three, four, five])), set(&[one, two]));
        assert_eq!(tokens.for_sender(set(&[two])), set(&[two]), "the first has left no keys");
        assert_eq!(tokens.for_sender(DeviceSet::EMPTY), set(&[two]));
        tokens.put(two, token(Standing::Registered));
        assert_eq!(tokens.for_sender(set(&[one, two])), set(&[one]), "nor has the second");
        let installed = Some(InstallationId::from_bytes([7; 16]));
        assert_eq!((tokens.installation(two), tokens.installation(five)), (installed, installed));
        assert_eq!((tokens.installation(three), tokens.installation(four)), (None, None));
    }

    #[test]
    fn of_those_that_have_left_keys_messages_go_to_the_first_and_to_those_that_are_listed() {
        let [one, two, three] = [1, 2, 3].map(|number| DeviceId::new(number).unwrap());
        let mut tokens = DeviceTokens::default();
        tokens.put(one, token(Standing::InUse));
        tokens.put(two, token(Standing::InUse));
        tokens.put(three, token(Standing::Registered));
        tokens.list(|_, _| false);
        assert_eq!(tokens.in_use(), DeviceSet::PRIMARY);
        tokens.list(|_, installation| installation == InstallationId::from_bytes([7; 16]));
        assert_eq!(tokens.in_use(), DeviceSet::PRIMARY.with(two), "the third has left none");
    }
}
