use std::sync::Arc;

use bulla_base::{BusinessAccountId, Number, PhoneNumberId};
use bulla_meter::{Period, UsageKey};
use bulla_relay::{
    BusinessStanding, ConfigurationError, ConfigurationKey, ConfigurationOwner, Configured, Counted,
    EventSink, PageStart, Relay, Store, SubmitError, Transport, UsagePage, UserId, Version,
};
use bytes::Bytes;

use crate::Answering;

/// What is listed of the configuration: records and their keys.
pub type ConfigurationPage = Vec<(ConfigurationKey, Configured)>;

/// The part of [`RelayApi`](crate::RelayApi) that is about numbers and accounts themselves: what is
/// configured of them, and who passes. It is asked seldom, so each answer is in a box, and there can be a
/// `dyn` of it as it is.
///
/// # For implementors
/// Each method is what the relay's of the same name is. Unless they are written, no number is there. A client
/// may hang up at any time; the future is then dropped.
pub trait ManagementApi: Send + Sync + 'static {
    /// A record, if there is one.
    fn configured(
        &self,
        business: PhoneNumberId,
        _key: ConfigurationKey,
    ) -> Answering<'_, Option<Configured>, ConfigurationError> {
        missing(business)
    }

    /// Puts or deletes a record that is still as it was by the commit `since`.
    fn configure(
        &self,
        business: PhoneNumberId,
        _key: ConfigurationKey,
        _since: Option<Version>,
        _value: Option<Bytes>,
    ) -> Answering<'_, (), ConfigurationError> {
        missing(business)
    }

    /// Records of a kind.
    fn configuration(
        &self,
        business: PhoneNumberId,
        _of: (ConfigurationOwner, Option<u8>),
        _start: PageStart<ConfigurationKey>,
        _limit: usize,
    ) -> Answering<'_, ConfigurationPage, ConfigurationError> {
        missing(business)
    }

    /// Blocks a user, or lifts the block.
    fn set_blocked(
        &self,
        business: PhoneNumberId,
        _user: Number,
        _is_blocked: bool,
    ) -> Answering<'_, bool, ConfigurationError> {
        missing(business)
    }

    /// The users that are blocked.
    fn blocked(
        &self,
        business: PhoneNumberId,
        _start: PageStart<UserId>,
        _limit: usize,
    ) -> Answering<'_, Vec<(UserId, Number)>, ConfigurationError> {
        missing(business)
    }

    /// Some of what was sent or delivered in a period.
    fn usage_page(
        &self,
        business: PhoneNumberId,
        _of: Counted,
        _period: Period,
        _after: Option<UsageKey>,
    ) -> Answering<'_, UsagePage, ConfigurationError> {
        missing(business)
    }

    /// The numbers of an account that the relay speaks for.
    fn numbers_of(&self, _account: BusinessAccountId) -> Vec<PhoneNumberId> {
        Vec::new()
    }

    /// Says whether the number is registered.
    fn set_registered(
        &self,
        business: PhoneNumberId,
        _is_registered: bool,
    ) -> Answering<'_, (), ConfigurationError> {
        missing(business)
    }

    /// Whether it is.
    ///
    /// # Errors
    /// When the relay does not speak for it.
    fn is_registered(&self, business: PhoneNumberId) -> Result<bool, SubmitError> {
        Err(SubmitError::UnknownBusiness { business })
    }

    /// How it stands with the carrier, if that has said.
    fn standing(
        &self,
        _business: PhoneNumberId,
    ) -> Answering<'_, Option<BusinessStanding>, ConfigurationError> {
        Box::pin(async { Ok(None) })
    }

    /// Offers again what waits for a business, as it goes elsewhere now.
    fn sink_changed(&self) {}
}

fn missing<'a, R>(business: PhoneNumberId) -> Answering<'a, R, ConfigurationError> {
    Box::pin(async move { Err(SubmitError::UnknownBusiness { business }.into()) })
}

/// Writes the methods of [`ManagementApi`] for what has methods of the same names.
macro_rules! forward_management {
    ($from:ident => $($to:tt)+) => {
        fn configured(
            &self,
            business: PhoneNumberId,
            key: ConfigurationKey,
        ) -> Answering<'_, Option<Configured>, ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.configured(business, key))
        }

        fn configure(
            &self,
            business: PhoneNumberId,
            key: ConfigurationKey,
            since: Option<Version>,
            value: Option<Bytes>,
        ) -> Answering<'_, (), ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.configure(business, key, since, value))
        }

        fn configuration(
            &self,
            business: PhoneNumberId,
            of: (ConfigurationOwner, Option<u8>),
            start: PageStart<ConfigurationKey>,
            limit: usize,
        ) -> Answering<'_, ConfigurationPage, ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.configuration(business, of, start, limit))
        }

        fn set_blocked(
            &self,
            business: PhoneNumberId,
            user: Number,
            is_blocked: bool,
        ) -> Answering<'_, bool, ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.set_blocked(business, user, is_blocked))
        }

        fn blocked(
            &self,
            business: PhoneNumberId,
            start: PageStart<UserId>,
            limit: usize,
        ) -> Answering<'_, Vec<(UserId, Number)>, ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.blocked(business, start, limit))
        }

        fn usage_page(
            &self,
            business: PhoneNumberId,
            of: Counted,
            period: Period,
            after: Option<UsageKey>,
        ) -> Answering<'_, UsagePage, ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.usage_page(business, of, period, after))
        }

        fn numbers_of(&self, account: BusinessAccountId) -> Vec<PhoneNumberId> {
            let $from = self;
            $($to)+.numbers_of(account)
        }

        fn set_registered(
            &self,
            business: PhoneNumberId,
            is_registered: bool,
        ) -> Answering<'_, (), ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.set_registered(business, is_registered))
        }

        fn is_registered(&self, business: PhoneNumberId) -> Result<bool, SubmitError> {
            let $from = self;
            $($to)+.is_registered(business)
        }

        fn standing(
            &self,
            business: PhoneNumberId,
        ) -> Answering<'_, Option<BusinessStanding>, ConfigurationError> {
            let $from = self;
            Box::pin($($to)+.standing(business))
        }

        fn sink_changed(&self) {
            let $from = self;
            $($to)+.sink_changed();
        }
    };
}

impl<S: Store, T: Transport, K: EventSink> ManagementApi for Relay<S, T, K> {
    // The relay's own methods come before the trait's.
    forward_management!(relay => relay);
}

impl<D: ManagementApi + ?Sized> ManagementApi for Arc<D> {
    forward_management!(shared => (**shared));
}
