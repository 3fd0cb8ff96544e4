//! Users are protected from businesses that write what nobody wants, by who cannot read what is written.

mod appeals;
mod contacts;
mod forget;
mod held;
mod load;
mod paused_users;
mod tiers;
mod watch;
mod watched;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bulla_base::{Category, Clock, Party, Pepper, PhoneNumberId, Rng};
use bulla_envelope::{Envelope, Kind};
use bulla_store::{CachedStore, Counter, KeyedMutex, Store, Watch, Watchers};
use bulla_transport::{BusinessStanding, Caller, TransportError};

pub(crate) use self::held::Held;
use self::paused_users::PausedUsers;
use self::watched::{Sent, Watched};
use crate::Carrier;
use crate::carrier::store_failed;
use crate::store_layout::{STANDING, fence};

/// What every business does, and what users think of it, and what is done about it.
///
/// A business is read from the store when something happens for the first time, and written every minute, and
/// at once when something is done about it. A crash forgets what was seen in the minute before, but for who
/// counts for a limit: that is in the records of the messages.
pub(crate) struct Protection<S> {
    store: Arc<CachedStore<S>>,
    keyed_mutex: Arc<KeyedMutex>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    pepper: Pepper,
    /// Makes the tags of where numbers are. It is in memory alone: a restart forgets them.
    neighbours: Pepper,
    watched: Mutex<HashMap<PhoneNumberId, Watched>>,
    paused_users: PausedUsers,
    /// What was counted of businesses that were erased meanwhile, and is to be removed.
    stray: Mutex<Vec<Counter>>,
    /// Told when a business stands otherwise than before, and that is in the store.
    changed: Watchers,
}

impl<S: Store> Carrier<S> {
    /// Has the carrier protect users: it watches how fast each business writes to users it has not met, how
    /// many of them there are not, and who reports it, and warns it, limits it, pauses it or stops it by the
    /// rules of [`Standing`](bulla_integrity::Standing). `rng` draws the keys of tags. Once it was opened so,
    /// open it so again: else whom businesses have met stays in the store.
    ///
    /// A business that is restricted, or writes to new users faster than it ever has, is refused:
    /// [`TransportError::Restricted`] and [`TransportError::TooFast`]. So is one that writes to more users
    /// outside their windows in 24 hours than its [tier](bulla_integrity::TierState) says
    /// ([`TransportError::MessagingLimit`], [`set_tier`](Self::set_tier)), and whoever writes to a user who
    /// has got four promotions in the last 24 hours from anybody ([`TransportError::MarketingLimit`]). Say
    /// [of which](Self::verify_business) somebody knows who they are: they begin faster. Each is told how it
    /// stands when it connects, and when that changes while it is connected
    /// ([`Connected::standing`](bulla_transport::Connected::standing)).
    ///
    /// A user whom five businesses have reported within a week writes to none until that is so no longer
    /// ([`Reporters`](bulla_integrity::Reporters), [`forgive_user`](Self::forgive_user)). They are told apart
    /// by their numbers, for the carrier knows no accounts: five numbers of one owner pause a user who has
    /// written to each of them.
    ///
    /// Must be called on a tokio runtime.
    ///
    /// # Cost
    /// Of a message at most six HMACs, and two more if the key of tags changes while it is queued; of a
    /// promotion one read, or two, and one when a user writes who has not of late: of 65,536 users it is
    /// known whether they are paused, in some 3 MB at most. In memory some 36 bytes for each user that a
    /// business has met in a day, once as whoever wrote, was written to and was not there, and at most two
    /// kilobytes for a business. Every minute one record for each business at which something was seen, and
    /// one for each of these three kinds of users of whom there are any, of 12 bytes a user. Of a message
    /// outside a window a counter more in its record, of 24 or 32 bytes, which is removed within the minute,
    /// and once a day for each business that sends one a record before it. When it is opened, three reads for
    /// each business that has ever connected; when one connects that is not watched, seven, and one for each
    /// megabyte of users.
    #[must_use]
    pub fn with_protection(mut self, rng: Arc<dyn Rng>) -> Self {
        let protection = Arc::new(Protection {
            store: Arc::clone(&self.store),
            keyed_mutex: Arc::clone(&self.keyed_mutex),
            clock: Arc::clone(&self.clock),
            neighbours: Pepper::new(&*rng),
            rng,
            pepper: self.pepper.clone(),
            watched: Mutex::default(),
            paused_users: PausedUsers::default(),
            stray: Mutex::default(),
            changed: Watchers::new(),
        });
        self.upkeep.spawn("keep watching", Arc::clone(&protection).keep_watching());
        self.protection = Some(protection);
        self
    }

    /// Has what [`admits`](Self::admits) asks in memory.
    pub(crate) async fn begin_admission(&self, one: &Envelope) -> Result<(), TransportError> {
        if let (Some(protection), Some(business)) = (&self.protection, business_of(one)) {
            protection.load(business).await.map_err(store_failed)?;
            let is_its_own = matches!(one.from().party(), Party::Business(_));
            if is_its_own && matches!(one.kind(), Kind::Message(_)) {
                protection.keep_key(business).await.map_err(store_failed)?;
            }
        }
        Ok(())
    }

    /// Whether `envelope`, which was never queued, may be. What a business writes is taken note of when it
    /// [went](Held::went), unless something of its message was queued before; and what comes of that is to be
    /// [kept](Self::end_admission).
    pub(crate) fn admits(&self, envelope: &Envelope, is_known: bool) -> Result<Option<Held>, TransportError> {
        // Receipts and retry requests say nothing to anybody.
        let (Some(protection), Kind::Message(category)) = (&self.protection, envelope.kind()) else {
            return Ok(None);
        };
        let (user, business) = match (envelope.from().party(), envelope.to().party()) {
            (Party::Business(business), Party::User(user)) if !is_known => {
                let sent = Sent {
                    user: self.partition(envelope.to()),
                    is_template: category != Category::Service,
                    neighbourhood: protection.neighbourhood(user),
                };
                let message =
                    protection.look(*business, |watched, now, rng| watched.business_writes(&sent, now, rng));
                return Ok(message?.map(|message| protection.hold(*business, message)));
            }
            (Party::Business(business), Party::User(_)) => {
                let repeats = protection.look(*business, |watched, now, _| watched.business_repeats(now));
                return repeats.map(|()| None);
            }
            (Party::User(_), Party::Business(business)) => (self.partition(envelope.from()), *business),
            _ => return Ok(None),
        };
        let writes =
            |watched: &mut Watched, now, rng: &dyn Rng| watched.user_writes(user, is_known, now, rng);
        protection.look(business, writes).map(|()| None)
    }

    /// Keeps what came of it that `business` has written, before it hears whether that was taken.
    pub(crate) async fn end_admission(&self, business: PhoneNumberId) -> Result<(), TransportError> {
        match &self.protection {
            Some(protection) => {
                protection.keep_many_apart(business).await.map_err(store_failed)?;
                protection.keep_events(business).await.map_err(store_failed)
            }
            None => Ok(()),
        }
    }

    /// How the caller stands, if it is a business.
    pub(crate) async fn standing_to_tell(
        &self,
        caller: &Caller,
    ) -> Result<Option<BusinessStanding>, TransportError> {
        let (Some(protection), Party::Business(business)) = (&self.protection, caller.address().party())
        else {
            return Ok(None);
        };
        if !protection.load(*business).await.map_err(store_failed)? {
            return Ok(None);
        }
        Ok(protection.watched().get(business).map(|watched| watched.durable))
    }

    /// A watch on how the caller stands, if it is a business.
    pub(crate) fn watch_standing(&self, caller: &Caller) -> Option<Watch> {
        let protection = self.protection.as_ref()?;
        let is_business = matches!(caller.address().party(), Party::Business(_));
        is_business.then(|| protection.changed.watch(self.partition(caller.address()), STANDING))
    }

    /// How the caller stands, if it was not told so yet; then it is.
    pub(crate) fn standing_news(&self, caller: &Caller) -> Option<BusinessStanding> {
        let (Some(protection), Party::Business(business)) = (&self.protection, caller.address().party())
        else {
            return None;
        };
        protection.watched().get_mut(business)?.news()
    }

    /// Takes note of a business that has written to somebody who is not there, or wanted to.
    pub(crate) async fn note_unreachable(&self, from: &Party, to: &Party) -> Result<(), TransportError> {
        let (Some(protection), Party::Business(business), Party::User(_)) = (&self.protection, from, to)
        else {
            return Ok(());
        };
        let user = self.pepper.partition(to);
        // One of a user's devices that is gone is no number that nobody has.
        let somebody = self.store.get(user, &fence(), self.clock.now()).await.map_err(store_failed)?;
        if somebody.is_some() {
            return Ok(());
        }
        let noted = protection.watch(*business, |watched, now, rng| watched.note_unreachable(user, now, rng));
        noted.await.map(drop).map_err(store_failed)
    }
}

/// The business that has sent `envelope`, or that it is for.
fn business_of(envelope: &Envelope) -> Option<PhoneNumberId> {
    [envelope.from(), envelope.to()].into_iter().find_map(|address| match address.party() {
        Party::Business(business) => Some(*business),
        _ => None,
    })
}
