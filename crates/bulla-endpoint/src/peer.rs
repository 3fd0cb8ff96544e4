mod identity_change;

pub use identity_change::SessionName;

use std::fmt;

use bulla_base::{Address, MessageId, Partition, Party, Rng, Timestamp};
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
use crate::{Endpoint, KeyLog, OpenError, SealError, SpentKey, Uncommitted, Unreadable, content_kind};

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
        Ok(Peer { endpoint: self, address, partition, stored, sessions, started, stepped: false, age, place })
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
    /// `store` is only read, for the parts of the sessions so far that are not loaded.
    ///
    /// # Errors
    /// When the keys are malformed or not signed by their identity, or the store fails.
    /// [`SealError::NotLogged`] when the endpoint checks the carrier's log of keys, and that is not proven to
    /// have them. [`SealError::IdentityChanged`] when they are of another identity than before and the
    /// [policy](crate::IdentityPolicy) is to hold: [`write`](Self::write) then remembers which, for
    /// [`approve`](Self::approve).
    pub async fn begin<S: Store>(
        &mut self,
        store: &S,
        bundle: &KeyBundle,
        now: Timestamp,
        rng: &dyn Rng,
    ) -> Result<Begun, SealError> {
        if let (Some(log), Party::Business(business)) = (self.endpoint.key_log(), self.address.party()) {
            log.admits(*business, bundle)?;
        }
        let bundle = read_bundle(bundle)?;
        let identity_changed = self.admit_identity(bundle.identity())?;
        // The session so far goes to the archive, where it may push out the oldest.
        if !self.sessions.is_whole() {
            self.stored.load_rest(store, &mut self.sessions, now).await?;
        }
        let sessions = std::mem::take(&mut self.sessions);
        let (local, now) = (&self.endpoint.local, UnixSeconds::new(now.as_secs()));
        match sessions.initiate(local, &bundle, Trust::Anyone, now, &mut rng.draw()) {
            Ok(sessions) => {
                self.sessions = sessions;
                self.stepped = true;
                self.stored.trust.settle();
                self.renew().map_err(|_| SealError::Damaged)?;
                Ok(Begun { identity_changed })
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                self.sessions = sessions;
                Err(SealError::Keys(error.into()))
            }
        }
    }

    /// Seals `content` into an envelope with the id `id`.
    ///
    /// # Errors
    /// [`SealError::NoSession`] when [`Peer::needs_keys`]; [`SealError::IdentityChanged`] when
    /// [`Peer::is_held`]; or when the content does not fit.
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
    /// [`OpenError`]; the sessions are as they were.
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
        // Wiped here: what lives on is the content, which its owner drops.
        let plaintext = Zeroizing::new(opened.plaintext);
        let (content, log_head) = read(&plaintext, envelope);
        if let (Some(log), Some(told)) = (self.endpoint.key_log(), log_head) {
            log.note(told);
        }
        Ok(Received { content, identity_changed, spent })
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
    /// forgotten since.
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
        Ok(())
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
