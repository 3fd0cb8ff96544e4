//! Our own party, which keeps its sessions as bytes between any two steps, as every user of the crate does.

use std::collections::BTreeMap;

use bulla_session::{
    CiphertextRef, DeviceId, IdentityKeyPair, KyberPreKey, KyberPreKeyId, LoadedPreKeys, LocalIdentity,
    MessageKind, NoPreKeys, OneTimePreKey, OneTimePreKeyId, OpenError, PreKeyBundle, PreKeyIds,
    RegistrationId, Sessions, SignedPreKey, SignedPreKeyId, Trust, UnixMillis, UnixSeconds,
};
use rand_core::CryptoRng;
use serde_json::{Value, json};

use crate::official_peer::{from_hex, to_hex};

const NOW: UnixSeconds = UnixSeconds::new(1_795_293_590);

pub(crate) struct OurPeer {
    local: LocalIdentity,
    stored: Vec<u8>,
    prekeys: BTreeMap<u32, (Option<Vec<u8>>, Vec<u8>, Vec<u8>)>,
}

impl OurPeer {
    pub(crate) fn new(rng: &mut impl CryptoRng) -> Self {
        let local = LocalIdentity::new(IdentityKeyPair::generate(rng), RegistrationId::new(4711));
        Self { local, stored: Sessions::new().to_bytes().unwrap().to_vec(), prekeys: BTreeMap::new() }
    }

    fn sessions(&self) -> Sessions {
        Sessions::from_bytes(&self.stored).unwrap()
    }

    fn keep(&mut self, sessions: &Sessions) {
        self.stored = sessions.to_bytes().unwrap().to_vec();
    }

    pub(crate) fn stored_bytes(&self) -> usize {
        self.stored.len()
    }

    pub(crate) fn bundle(&mut self, one_time: bool, rng: &mut impl CryptoRng) -> Value {
        let id = u32::try_from(self.prekeys.len()).unwrap() + 1;
        let (identity, now) = (self.local.identity(), UnixMillis::new(0));
        let one = one_time.then(|| OneTimePreKey::generate(OneTimePreKeyId::new(id), rng));
        let signed = SignedPreKey::generate(SignedPreKeyId::new(id), identity, now, rng);
        let kyber = KyberPreKey::generate(KyberPreKeyId::new(id), identity, now, rng);
        let bundle = json!({
            "registration": self.local.registration().value(),
            "identity": to_hex(&identity.public().to_bytes()),
            "id": id,
            "one_time": one.as_ref().map(|one| to_hex(&one.public().to_bytes())),
            "signed": to_hex(&signed.public().to_bytes()),
            "signed_signature": to_hex(signed.signature().as_bytes()),
            "kyber": to_hex(kyber.public().as_bytes()),
            "kyber_signature": to_hex(kyber.signature().as_bytes()),
        });
        let one = one.map(|one| one.to_record().to_vec());
        self.prekeys.insert(id, (one, signed.to_record().to_vec(), kyber.to_record().to_vec()));
        bundle
    }

    pub(crate) fn begin(&mut self, bundle: &Value, rng: &mut impl CryptoRng) {
        let number = |name: &str| u32::try_from(bundle[name].as_u64().unwrap()).unwrap();
        let id = number("id");
        let one_time = (!bundle["one_time"].is_null()).then(|| from_hex(&bundle["one_time"]));
        let bundle = PreKeyBundle::from_parts(
            RegistrationId::new(number("registration")),
            DeviceId::new(1).unwrap(),
            one_time.as_deref().map(|key| (OneTimePreKeyId::new(id), key)),
            (SignedPreKeyId::new(id), &from_hex(&bundle["signed"]), &from_hex(&bundle["signed_signature"])),
            (KyberPreKeyId::new(id), &from_hex(&bundle["kyber"]), &from_hex(&bundle["kyber_signature"])),
            &from_hex(&bundle["identity"]),
        );
        let begun = self.sessions().initiate(&self.local, &bundle.unwrap(), Trust::Anyone, NOW, rng).unwrap();
        self.keep(&begun);
    }

    pub(crate) fn seal(&mut self, plaintext: &[u8], rng: &mut impl CryptoRng) -> (u8, Vec<u8>) {
        let sealed = self.sessions().seal(plaintext, None, NOW, rng).unwrap();
        self.keep(&sealed.sessions);
        (sealed.message.kind.code(), sealed.message.bytes)
    }

    pub(crate) fn open(
        &mut self,
        kind: u8,
        bytes: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, OpenError> {
        let kind = MessageKind::from_code(kind).unwrap();
        let message = CiphertextRef::new(kind, bytes);
        let opened = match kind {
            MessageKind::PreKey => {
                let prekeys = self.load(&PreKeyIds::peek(bytes)?);
                self.sessions().open(&self.local, message, None, Trust::Anyone, &prekeys, rng)
            }
            _ => self.sessions().open(&self.local, message, None, Trust::Anyone, &NoPreKeys, rng),
        };
        match opened {
            Ok(opened) => {
                self.keep(&opened.sessions);
                if let Some(used) = opened.used.and_then(|used| used.one_time) {
                    self.prekeys.get_mut(&used.value()).unwrap().0 = None;
                }
                Ok(opened.plaintext)
            }
            Err(failed) => {
                let (sessions, error) = failed.into_parts();
                assert_eq!(sessions.to_bytes().unwrap()[..], self.stored, "a failed open left a trace");
                Err(error)
            }
        }
    }

    fn load(&self, ids: &PreKeyIds) -> LoadedPreKeys {
        let mut loaded = LoadedPreKeys::default();
        let found = |id: u32| self.prekeys.get(&id);
        loaded.signed =
            found(ids.signed.value()).map(|(_, signed, _)| SignedPreKey::from_record(signed).unwrap());
        loaded.kyber = found(ids.kyber.value()).map(|(_, _, kyber)| KyberPreKey::from_record(kyber).unwrap());
        let one = ids.one_time.and_then(|id| found(id.value())).and_then(|(one, _, _)| one.as_ref());
        loaded.one_time = one.map(|one| OneTimePreKey::from_record(one).unwrap());
        loaded
    }
}
