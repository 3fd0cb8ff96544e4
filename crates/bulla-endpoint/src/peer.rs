mod identity_change;

pub use identity_change::SessionName;

use std::fmt;

use bulla_base::{Address, DeviceSet, MessageId, Partition, Party, Rng, Timestamp};
use bulla_content::Content;
use bulla_envelope::{Envelope, Form, FrankingTag, KeyBundle, Kind};
use bulla_session::error::NotWhole;
use bulla_session::{
    self as session, CiphertextRef, DeviceId, KyberPreKeyId, LoadedPreKeys, MessageKind, OneTimePreKeyId,
    PreKeyBundle, PreKeyIds, RegistrationId, Sessions, SignedPreKeyId, Trust, UnixSeconds, UsedPreKeys,
};
use bulla_store::{Batch, Key, Store};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::key_log::SignedHead;
use crate::session_cache::{Change, Held, Place};
use crate::session_store::SessionStore;
use crate::store_layout::{self, STARTED};
use crate::{
    Endpoint, Identity, KeyLog, NotListed, OpenError, SealError, SeenDevices, SpentKey, Uncommitted,
    Unreadable, content_kind,
};

/// The sessions with one device of a peer, taken from the store to seal and open in, and to be put back in
/// the caller's batch.
///
/// Everything between [`Endpoint::peer`] and [`Peer::write`] happens in memory. What was sealed may leave,
/// and what was opened be shown, only once that batch is committed; if it is not, throw both away and start
/// again from the store.
#[must_use = "steps that are not kept in a batch have not happened"]
pub struct Peer<'a> {
    pub(crate) endpoint: &'a Endpoint,
    address: Address,
    partition: Partition,
    stored: SessionStore,
    sessions: Sessions,
    started: Vec<UsedPreKeys>,
    stepped: bool,
    age: Age,
    /// Where they are held between messages, if they are.
    place: Option<Place>,
    /// What was seen of the user's devices, if a session was begun for this device alone.
    seen: Option<SeenDevices>,
}

/// How the sessions stand to the generation of the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// The session in use began in this generation.
    Present,
    /// All of them are of an earlier one: they open, and are not sealed in.
    Past,
    /// One has begun in this generation, which is to be written down.
    Renewed,
}

/// A session that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Begun {
    /// Whether it is with another identity than before. [`Peer::identity`] says which.
    pub identity_changed: bool,
    /// Of a user, the devices that stand in the list: nobody else is to be written to.
    pub devices: Option<DeviceSet>,
    /// Whether the carrier has given an older list than was seen: it has an older store, or hides a newer
    /// list. The device stands in the newer one all the same.
    pub is_list_older: bool,
}

/// An opened envelope.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// What it says, or why it says nothing. In both cases its step counts: keep it and acknowledge.
    pub content: Result<Content, Unreadable>,
    /// Whether it began a session under another identity than before: a new installation, or somebody else.
    /// [`Peer::identity`] says which.
    pub identity_changed: bool,
    /// The one-time prekey to spend when the batch is committed.
    pub spent: Option<SpentKey>,
    /// All that was sealed, as it came: with it and the envelope's stamp it can be reported.
    pub plaintext: Plaintext,
}

/// What was sealed, with its padding. It is wiped when it is dropped, and prints its length.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

impl Endpoint {
    /// The sessions with the device at `address`, as they stand in `partition`, that of the user in the
    /// conversation.
    ///
    /// # Errors
    /// When the store fails, the sessions are damaged, or the address is of our own kind.
    pub async fn peer<S: Store>(
        &self,
        store: &S,
        partition: Partition,
        address: &Address,
        now: Timestamp,
    ) -> Result<Peer<'_>, SealError> {
        let mut stored = SessionStore::new(partition, store_layout::sessions(&self.address, address)?);
        let (held, place) = match &self.held {
            Some(all) => {
                let (held, place) = all.take(partition, stored.name());
                (held, Some(place))
            }
            None => (None, None),
        };
        let (sessions, age) = match held {
            Some(Held { sessions, trust, age, version }) => {
                // With the version they were written with: if somebody has written since, the commit
                // conflicts.
                (stored.trust, stored.version) = (trust, version);
                (sessions, age)
            }
            None => self.read(&mut stored, store, now).await?,
        };
        let (address, started) = (address.clone(), Vec::new());
        let (endpoint, stepped, seen) = (self, false, None);
        Ok(Peer { endpoint, address, partition, stored, sessions, started, stepped, age, place, seen })
    }

    async fn read<S: Store>(
        &self,
        stored: &mut SessionStore,
        store: &S,
        now: Timestamp,
    ) -> Result<(Sessions, Age), SealError> {
        let sessions = stored.read(store, now).await?;
        // Nearly always it is the first generation, and there is nothing to look up.
        let is_present = self.generation == 0 || stored.generation(store, now).await? == self.generation;
        Ok((sessions, if is_present { Age::Present } else { Age::Past }))
    }
}

impl Peer<'_> {
    /// The device that it is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Whether there is nothing to seal in, so that the peer's keys are needed first.
    #[must_use]
    pub fn needs_keys(&self, now: Timestamp) -> bool {
        !self.is_held()
            && (self.is_out_of_use() || self.sessions.needs_session(UnixSeconds::new(now.as_secs())))
    }

    /// Whether nothing is to be sealed in the session in use any more.
    fn is_out_of_use(&self) -> bool {
        self.age == Age::Past || self.stored.trust.is_stale() || self.is_with_another()
    }

    /// Begins a session with the keys the peer left with the carrier.
    ///
    /// `store` is only read, for the parts of the sessions so far that are not loaded, and for what was seen
    /// of the user's devices. To begin sessions with several devices of a user in one record there is
    /// [`begin_among`](Self::begin_among).
    ///
    /// # Errors
    /// When the keys are malformed or not signed by their identity, or the store fails.
    /// [`SealError::NotLogged`] when the endpoint checks the carrier's log of keys, and that is not proven to
    /// have them. [`SealError::NotListed`] when a user's first device has not listed this one with this key.
    /// [`SealError::IdentityChanged`] when they are of another identity than before and the
    /// [policy](crate::IdentityPolicy) is to hold: [`write`](Self::write) then remembers which, for
    /// [`approve`](Self::approve).
    pub async fn begin<S: Store>(
        &mut self,
        store: &S,
        bundle: &KeyBundle,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Begun, SealError> {
        if let Party::Business(_) = self.address.party() {
            return self.begin_with(store, bundle, None, now, rng).await;
        }
        let seen = self.endpoint.seen_devices(store, self.partition, &self.address, now).await?;
        let mut seen = self.seen.take().unwrap_or(seen);
        let begun = self.begin_with(store, bundle, Some(&mut seen), now, rng).await;
        self.seen = Some(seen);
        begun
    }

    /// Begins a session as [`begin`](Self::begin) does, with one of several devices of a user: `seen` is what
    /// was [seen](Endpoint::seen_devices) of them before, and is to be [written](SeenDevices::write) into the
    /// same batch.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_among<S: Store>(
        &mut self,
        store: &S,
        bundle: &KeyBundle,
        seen: &mut SeenDevices,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Begun, SealError> {
        self.begin_with(store, bundle, Some(seen), now, rng).await
    }

    async fn begin_with<S: Store>(
        &mut self,
        store: &S,
        bundle: &KeyBundle,
        seen: Option<&mut SeenDevices>,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Begun, SealError> {
        if let (Some(log), Party::Business(business)) = (self.endpoint.key_log(), self.address.party()) {
            log.admits(*business, bundle)?;
        }
        let keys = read_bundle(bundle)?;
        let identity = Identity::new(*keys.identity());
        let (mut told, mut known, mut is_list_older) = (None, None, false);
        if let (Some(seen), Party::User(user)) = (&seen, self.address.party())
            && self.is_first()
        {
            let says = seen.told_by_first(user, bundle, &identity)?;
            // Without a session it is known all the same if its list was seen.
            (known, is_list_older) = (seen.identity(), says.is_older);
            told = Some(says);
        }
        let seen = match seen {
            Some(seen) if !self.is_first() => {
                is_list_older = self.note_listing(bundle, seen)?;
                if self.stored.trust.listed() != Some(identity) {
                    return Err(NotListed::NotNamed.into());
                }
                Some(seen)
            }
            seen => seen,
        };
        let identity_changed = self.admit_identity(keys.identity(), known)?;
        // The session so far goes to the archive, where it may push out the oldest.
        if !self.sessions.is_whole() {
            self.stored.load_rest(store, &mut self.sessions, now).await?;
        }
        let sessions = std::mem::take(&mut self.sessions);
        let (local, now) = (&self.endpoint.local, UnixSeconds::new(now.as_secs()));
        match sessions.initiate(local, &keys, Trust::Anyone, now, &mut rng.draw()) {
            Ok(sessions) => {
                self.sessions = sessions;
                self.stepped = true;
                self.stored.trust.settle();
                self.renew().map_err(|_| SealError::Damaged)?;
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                self.sessions = sessions;
                return Err(SealError::Keys(error.into()));
            }
        }
        let devices = seen.and_then(|seen| {
            told.into_iter().for_each(|told| seen.remember(told));
            seen.devices()
        });
        Ok(Begun { identity_changed, devices, is_list_older })
    }

    /// Takes note of what `bundle`, the keys of this device, says of the user's devices, before a session
    /// with it is begun or opened: `seen` is what was [seen](Endpoint::seen_devices) of them before, and is
    /// to be [written](SeenDevices::write) into the same batch. Whether that says less than was seen, which
    /// holds all the same.
    ///
    /// # Errors
    /// [`NotListed`] when the user's first device has not listed this one. Of a first device there is nothing
    /// to note.
    ///
    /// # Cost
    /// One check of a signature.
    pub fn note_listing(&mut self, bundle: &KeyBundle, seen: &mut SeenDevices) -> Result<bool, NotListed> {
        let Party::User(user) = self.address.party() else { return Ok(false) };
        if self.is_first() {
            return Ok(false);
        }
        let is_older = seen.learn(user, bundle)?;
        let listed = seen.identity_of(self.address.device());
        self.stored.trust.set_listed(listed.as_ref());
        match (listed, is_older) {
            (Some(_), _) => Ok(is_older),
            (None, true) => Err(NotListed::Older),
            (None, false) => Err(NotListed::NotNamed),
        }
    }

    /// Whether it is a device of a user that is not known to be listed by the user's first one, so that no
    /// message is sealed for it before a session is [begun](Self::begin) with keys that the list names.
    #[must_use]
    pub fn is_unlisted(&self) -> bool {
        !self.is_first() && self.in_use().is_none_or(|identity| self.stored.trust.listed() != Some(identity))
    }

    /// Says that the device was not known to be among the user's: whether it is listed is to be proven again.
    pub fn forget_listing(&mut self) {
        self.stored.trust.set_listed(None);
    }

    /// Whether it is the first device of a user, or a business, which has no other.
    fn is_first(&self) -> bool {
        self.address.device() == bulla_base::DeviceId::PRIMARY
    }

    /// Seals `content` into an envelope with the id `id`.
    ///
    /// # Errors
    /// [`SealError::NoSession`] when [`Peer::needs_keys`]; [`SealError::IdentityChanged`] when
    /// [`Peer::is_held`]; [`SealError::NotListed`] of a message when [`Peer::is_unlisted`]; or when the
    /// content does not fit.
    pub fn seal(
        &mut self,
        id: MessageId,
        kind: Kind,
        content: &Content,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Envelope, SealError> {
        if self.is_held() {
            return Err(SealError::IdentityChanged);
        }
        if self.is_out_of_use() {
            return Err(SealError::NoSession);
        }
        if matches!(kind, Kind::Message(_)) && self.is_unlisted() {
            return Err(NotListed::NotNamed.into());
        }
        if !content_kind::declares(kind, content.body()) {
            return Err(SealError::Kind);
        }
        // The checks come first: a step that was taken cannot be taken back without the store.
        let log_head = self.endpoint.key_log().and_then(KeyLog::signed_head);
        let encoded = content.encode_with_log_head(log_head.as_ref(), rng);
        let sessions = std::mem::take(&mut self.sessions);
        let now = UnixSeconds::new(now.as_secs());
        let sealed = match sessions.seal(encoded.plaintext(), None, now, &mut rng.draw()) {
            Ok(sealed) => sealed,
            Err(failed) => {
                self.sessions = failed.into_sessions();
                return Err(SealError::NoSession);
            }
        };
        self.sessions = sealed.sessions;
        self.stepped = true;
        let installation = self.installation_in_use();
        let form = match sealed.message.kind {
            MessageKind::PreKey => Form::PreKey,
            _ => Form::Signal,
        };
        let (from, to) = (self.endpoint.address.clone(), self.address.clone());
        let franking = FrankingTag::from_bytes(encoded.tag());
        let envelope = Envelope::new(id, from, to, kind, franking, form, sealed.message.bytes)?;
        Ok(installation.into_iter().fold(envelope, Envelope::sealed_for))
    }

    /// Opens `envelope`.
    ///
    /// `store` is only read: for the prekeys the envelope names, and for the parts of the sessions that it
    /// takes besides those every message does.
    ///
    /// # Errors
    /// [`OpenError`]; the sessions are as they were. [`OpenError::NotListed`] of a device that is not the
    /// user's first: its keys tell whether it is [listed](Self::note_listing).
    pub async fn open<S: Store>(
        &mut self,
        store: &S,
        envelope: &Envelope,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Received, OpenError> {
        if envelope.from() != &self.address || envelope.to() != &self.endpoint.address {
            return Err(OpenError::NotForUs);
        }
        let kind = match envelope.form() {
            Form::PreKey => MessageKind::PreKey,
            _ => MessageKind::Signal,
        };
        // Opening makes the session that it came in the one in use, and with it its identity.
        let mut before = self.known_identity();
        let mut opened = self.step(store, kind, envelope.sealed(), now, rng).await?;
        while let Err(refused) = self.admit(store, &opened, now).await {
            let tried = self.stored.version;
            self.go_back(store, now).await?;
            if self.stored.version == tried {
                return Err(refused);
            }
            // These were held, and somebody else has started this very session since: it is in the store.
            before = self.known_identity();
            opened = self.step(store, kind, envelope.sealed(), now, rng).await?;
        }
        self.sessions = opened.sessions;
        self.stepped = true;
        if opened.used.is_some() && self.renew().is_err() {
            self.go_back(store, now).await?;
            return Err(OpenError::Damaged { what: "session" });
        }
        self.started.extend(opened.used);
        let identity_changed = self.follow(opened.used.is_some(), before, &opened.identity);
        // Spent once the step is durable, not here: a crash in between must leave the key.
        let spent = opened.used.and_then(|used| used.one_time).map(|id| SpentKey { id: id.value() });
        // It wipes itself, with what was received.
        let plaintext = Zeroizing::new(opened.plaintext);
        let (content, log_head) = read(&plaintext, envelope);
        if let (Some(log), Some(told)) = (self.endpoint.key_log(), log_head) {
            log.note(told);
        }
        Ok(Received { content, identity_changed, spent, plaintext: Plaintext(plaintext) })
    }

    /// Opens a message, reading from the store what it turns out to take.
    async fn step<S: Store>(
        &mut self,
        store: &S,
        kind: MessageKind,
        sealed: &[u8],
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<session::Opened, OpenError> {
        // Only what a message turns out to take is loaded: most take nothing besides the working parts.
        loop {
            let prekeys = self.prekeys_for(store, kind, sealed, now).await?;
            let sessions = std::mem::take(&mut self.sessions);
            let (local, message) = (&self.endpoint.local, CiphertextRef::new(kind, sealed));
            let failed = match sessions.open(local, message, None, Trust::Anyone, &prekeys, &mut rng.draw()) {
                Ok(opened) => return Ok(opened),
                Err(failed) => failed,
            };
            let (sessions, error) = failed.into_parts();
            self.sessions = sessions;
            match error {
                session::OpenError::Duplicate { .. } => return Err(OpenError::Duplicate),
                session::OpenError::NotLoaded(part) => {
                    self.stored.load(store, part, &mut self.sessions, now).await?;
                }
                session::OpenError::NotWhole(_) => {
                    self.stored.load_rest(store, &mut self.sessions, now).await?;
                }
                error => return Err(OpenError::Undecipherable(error.into())),
            }
        }
    }

    /// Refuses what opens, but must not: a first message whose session was started before and has been
    /// forgotten since, and what comes of a device that the user's first one has not listed.
    async fn admit<S: Store>(
        &self,
        store: &S,
        opened: &session::Opened,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        if let Some(used) = &opened.used
            && store.get(self.partition, &started_key(self.stored.business(), used), now).await?.is_some()
        {
            return Err(OpenError::Duplicate);
        }
        let listed = self.stored.trust.listed();
        // A late message of a device that was installed anew since comes in a session that was let in before.
        let is_late = opened.used.is_none() && listed.is_some();
        match self.is_first() || is_late || listed == Some(Identity::new(opened.identity)) {
            true => Ok(()),
            false => Err(OpenError::NotListed),
        }
    }

    /// A session has begun: if those before are of an earlier generation, none of them is sealed in again.
    fn renew(&mut self) -> Result<(), NotWhole> {
        if self.age == Age::Past {
            self.sessions.retire_archived()?;
            self.age = Age::Renewed;
        }
        Ok(())
    }

    /// Goes back to what the store has. Whatever was sealed with this peer before must not leave.
    async fn go_back<S: Store>(&mut self, store: &S, now: Timestamp) -> Result<(), OpenError> {
        self.started.clear();
        self.stepped = false;
        (self.sessions, self.age) = match self.endpoint.read(&mut self.stored, store, now).await {
            Ok(read) => read,
            Err(SealError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(OpenError::Damaged { what: "session" }),
        };
        Ok(())
    }

    async fn prekeys_for<S: Store>(
        &self,
        store: &S,
        kind: MessageKind,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<LoadedPreKeys, OpenError> {
        if kind != MessageKind::PreKey {
            return Ok(LoadedPreKeys::default());
        }
        match PreKeyIds::peek(sealed) {
            Ok(ids) if self.sessions.is_whole() && !self.sessions.contains(&ids.base_key) => {
                self.endpoint.load_prekeys(store, &ids, now).await
            }
            // A malformed message, a session that is known, or one that may be: opening tells, and needs no
            // prekeys for it.
            _ => Ok(LoadedPreKeys::default()),
        }
    }

    /// Puts the sessions into `batch`, on the condition that nobody has changed them since they were taken.
    ///
    /// The prekeys that started a session are remembered with it: a first message that is replayed when its
    /// session has long been forgotten loses against that.
    ///
    /// When the batch is durable, [tell](Uncommitted::committed) it to what this returns, and the sessions
    /// are [held](Endpoint::with_session_cache).
    pub fn write(mut self, batch: &mut Batch) -> Uncommitted {
        // Nothing is written of sessions in which no step was taken: a look must not be in anybody's way.
        let change = Change { head: self.stepped, trust: self.stored.trust.has_changed() };
        self.stored.write_trust(batch);
        if let Some(seen) = &self.seen {
            seen.write(batch);
        }
        if self.stepped {
            self.stored.write(&mut self.sessions, batch);
            if self.age == Age::Renewed {
                self.stored.write_generation(self.endpoint.generation, batch);
            }
            for used in &self.started {
                let key = started_key(self.stored.business(), used);
                batch.expect_absent(key.clone());
                batch.put(key, Bytes::new());
            }
        }
        let Self { sessions, stored: SessionStore { trust, version, .. }, age, place, .. } = self;
        Uncommitted::new(place, Held { sessions, trust, age, version }, change)
    }
}

impl fmt::Debug for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("address", &self.address)
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

/// What an envelope says; and the head of the log of keys that its sender has told beside, if it says
/// anything.
fn read(plaintext: &[u8], envelope: &Envelope) -> (Result<Content, Unreadable>, Option<SignedHead>) {
    match read_with_log_head(plaintext, envelope) {
        Ok((content, log_head)) => (Ok(content), log_head),
        Err(unreadable) => (Err(unreadable), None),
    }
}

fn read_with_log_head(
    plaintext: &[u8],
    envelope: &Envelope,
) -> Result<(Content, Option<SignedHead>), Unreadable> {
    // Decoded before it is verified: only the content knows where its opening stands.
    let (content, opening, log_head) = Content::decode_with_log_head(plaintext)?;
    opening.verify(plaintext, envelope.franking().as_bytes()).map_err(|_| Unreadable::Franking)?;
    if !content_kind::declares(envelope.kind(), content.body()) {
        return Err(Unreadable::Kind);
    }
    Ok((content, log_head))
}

fn started_key(business: &[u8], used: &UsedPreKeys) -> Key {
    let digest = Sha256::new()
        .chain_update(used.signed.value().to_be_bytes())
        .chain_update(used.kyber.value().to_be_bytes())
        .chain_update(used.base_key.to_bytes())
        .finalize();
    Key::undated(STARTED, [business, &digest].concat())
}

fn read_bundle(bundle: &KeyBundle) -> Result<PreKeyBundle, SealError> {
    let unusable = |error: bulla_envelope::InvalidEnvelope| SealError::Keys(error.into());
    let (signed, kyber) = (bundle.signed().map_err(unusable)?, bundle.kyber().map_err(unusable)?);
    let device = DeviceId::new(bundle.device().map_err(unusable)?.number());
    PreKeyBundle::from_parts(
        RegistrationId::new(bundle.registration_id),
        device.map_err(|error| SealError::Keys(error.into()))?,
        bundle.one_time.as_ref().map(|key| (OneTimePreKeyId::new(key.id), &key.public[..])),
        (SignedPreKeyId::new(signed.id), &signed.public, &signed.signature),
        (KyberPreKeyId::new(kyber.id), &kyber.public, &kyber.signature),
        &bundle.identity,
    )
    .map_err(|error| SealError::Keys(error.into()))
}
