//! Messages between official devices.

use bulla_session::message::{PreKeySignalMessage, SignalMessage};
use bulla_session::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;

use super::bytes::{array, bytes, number, text};

/// A party of the file who has all private keys.
pub(crate) struct Owner {
    pub(crate) party: LocalIdentity,
    pub(crate) prekeys: LoadedPreKeys,
}

impl Owner {
    pub(crate) fn read(bob: &Value) -> Self {
        let identity = PrivateKey::from_bytes(&bytes(bob, "identity_private")).unwrap();
        let identity = IdentityKeyPair::from(identity);
        assert_eq!(identity.public().to_bytes().as_slice(), bytes(bob, "identity_public"));
        let made = UnixMillis::new(0);
        let mut rng = ChaCha20Rng::from_seed([9; 32]);

        let mut prekeys = LoadedPreKeys::default();
        if bob.get("pre_key_private").is_some_and(Value::is_string) {
            let private = PrivateKey::from_bytes(&bytes(bob, "pre_key_private")).unwrap();
            let id = OneTimePreKeyId::new(number(bob, "pre_key_id"));
            prekeys.one_time = Some(OneTimePreKey::from_private(id, private));
        }
        let private = PrivateKey::from_bytes(&bytes(bob, "signed_pre_key_private")).unwrap();
        let signature = identity.sign(&private.public().to_bytes(), &mut rng);
        let id = SignedPreKeyId::new(number(bob, "signed_pre_key_id"));
        prekeys.signed = Some(SignedPreKey::from_private(id, private, signature, made));
        let pair = KyberKeyPair::from_secret_bytes(&bytes(bob, "kyber_pre_key_secret")).unwrap();
        assert_eq!(pair.public().as_bytes().as_slice(), bytes(bob, "kyber_pre_key_public"));
        let signature = identity.sign(pair.public().as_bytes(), &mut rng);
        let id = KyberPreKeyId::new(number(bob, "kyber_pre_key_id"));
        prekeys.kyber = Some(KyberPreKey::from_pair(id, pair, signature, made));
        Self {
            party: LocalIdentity::new(identity, RegistrationId::new(number(bob, "registration_id"))),
            prekeys,
        }
    }
}

/// The addresses of a case as its receiver knows them, or none for plain names.
pub(crate) fn addresses(bob: &Value, alice: &Value) -> Option<Addresses> {
    Some(Addresses::new(service_address(bob)?, service_address(alice)?))
}

fn service_address(party: &Value) -> Option<ServiceAddress> {
    let name = text(party, "address");
    let (kind, uuid) = match name.strip_prefix("PNI:") {
        Some(uuid) => (ServiceKind::PhoneNumber, uuid),
        None => (ServiceKind::Account, name),
    };
    let digits = uuid.replace('-', "");
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| uuid.len() == 36)?;
    let device = DeviceId::new(number_of(party, "device_id")).unwrap();
    Some(ServiceAddress::new(kind, number.to_be_bytes(), device))
}

fn number_of(party: &Value, field: &str) -> u8 {
    number(party, field)
}

pub(crate) fn one_sided(case: &Value) {
    let (alice, bob) = (&case["alice"], &case["bob"]);
    let owner = Owner::read(bob);
    verify_bundle(bob);

    let state = &case["alice_state_after_bundle"];
    let ratchet = PrivateKey::from_bytes(&bytes(state, "sender_ratchet_private")).unwrap().public();
    assert_eq!(ratchet.to_bytes().as_slice(), bytes(state, "sender_ratchet_public"));
    let base_key = PublicKey::from_bytes(&bytes(state, "alice_base_key")).unwrap();

    let addresses = addresses(bob, alice);
    for (counter, message) in (0..).zip(array(case, "messages")) {
        let wire = rewritten(message);
        let view = PreKeySignalMessage::parse(&wire).unwrap();
        let ids = view.ids();
        assert_eq!(ids.base_key, base_key);
        assert_eq!(ids.identity.to_bytes().as_slice(), bytes(alice, "identity_public"));
        assert_eq!(ids.registration.value(), number::<u32>(alice, "registration_id"));
        assert_eq!(ids.one_time, owner.prekeys.one_time.as_ref().map(OneTimePreKey::id));
        assert_eq!((*view.message().ratchet_key(), view.message().counter()), (ratchet, counter));
        assert_eq!(view.message().previous_counter(), 0);
        let length = bytes(message, "plaintext").len();
        assert_eq!(view.message().ciphertext().len(), (length / 16 + 1) * 16);
        let binding = addresses.as_ref().map(Addresses::incoming);
        assert_eq!(view.message().addresses(), binding.as_ref().map(<[u8; 36]>::as_slice));
    }
    let messages = array(case, "messages");
    open_in_order(&owner, addresses.as_ref(), messages, 0..messages.len());
    let out_of_order = array(case, "out_of_order").iter();
    let out_of_order = out_of_order.map(|place| usize::try_from(place.as_u64().unwrap()).unwrap());
    open_in_order(&owner, addresses.as_ref(), messages, out_of_order);
}

/// Opens the messages at these places, each of which opens once.
fn open_in_order(
    owner: &Owner,
    addresses: Option<&Addresses>,
    messages: &[Value],
    places: impl Iterator<Item = usize>,
) {
    let mut sessions = Sessions::new();
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    for place in places {
        let wire = bytes(&messages[place], "bytes");
        let message = CiphertextRef::new(MessageKind::PreKey, &wire);
        let opened = sessions
            .open(&owner.party, message, addresses, Trust::Anyone, &owner.prekeys, &mut rng)
            .unwrap_or_else(|failed| panic!("message {place}: {failed}"));
        assert_eq!(opened.plaintext, bytes(&messages[place], "plaintext"), "message {place}");
        sessions = Sessions::from_bytes(&opened.sessions.to_bytes().unwrap()).unwrap();
        let again = sessions
            .open(&owner.party, message, addresses, Trust::Anyone, &owner.prekeys, &mut rng)
            .unwrap_err();
        assert!(matches!(again.error(), OpenError::Duplicate { .. }), "message {place}");
        sessions = again.into_sessions();
    }
}

/// The official owner signed its prekeys in a way that we accept, and we start sessions with it.
fn verify_bundle(bob: &Value) {
    let one_time = bob.get("pre_key_public").filter(|key| key.is_string());
    let one_time =
        one_time.map(|_| (OneTimePreKeyId::new(number(bob, "pre_key_id")), bytes(bob, "pre_key_public")));
    let bundle = PreKeyBundle::from_parts(
        RegistrationId::new(number(bob, "registration_id")),
        DeviceId::new(number(bob, "device_id")).unwrap(),
        one_time.as_ref().map(|(id, key)| (*id, key.as_slice())),
        (
            SignedPreKeyId::new(number(bob, "signed_pre_key_id")),
            &bytes(bob, "signed_pre_key_public"),
            &bytes(bob, "signed_pre_key_signature"),
        ),
        (
            KyberPreKeyId::new(number(bob, "kyber_pre_key_id")),
            &bytes(bob, "kyber_pre_key_public"),
            &bytes(bob, "kyber_pre_key_signature"),
        ),
        &bytes(bob, "identity_public"),
    )
    .unwrap();
    bundle.verify().unwrap();
}

pub(crate) fn two_sided(case: &Value) {
    let owner = Owner::read(&case["bob"]);
    verify_bundle(&case["bob"]);
    let identity = bytes(&case["alice"], "identity_public");
    for event in array(case, "events") {
        // Some events, such as a loss, carry no message.
        if event.get("bytes").is_none() {
            continue;
        }
        let wire = rewritten(event);
        if number::<u8>(event, "type") == MessageKind::PreKey.code() {
            let ids = PreKeyIds::peek(&wire).unwrap();
            assert_eq!(ids.identity.to_bytes().as_slice(), identity);
            assert_eq!(ids.signed, owner.prekeys.signed.as_ref().unwrap().id());
            assert_eq!(ids.kyber, owner.prekeys.kyber.as_ref().unwrap().id());
        }
    }
}

/// A message's bytes, which reading and writing leave as they are.
fn rewritten(message: &Value) -> Vec<u8> {
    let wire = bytes(message, "bytes");
    let length = bytes(message, "plaintext").len();
    let again = match MessageKind::from_code(number(message, "type")).unwrap() {
        MessageKind::PreKey => {
            let view = PreKeySignalMessage::parse(&wire).unwrap();
            let inner = view.message().to_bytes();
            assert_eq!(SignalMessage::parse(&inner).unwrap().to_bytes(), inner);
            assert!(wire.windows(inner.len()).any(|window| window == inner));
            view.to_bytes()
        }
        _ => {
            let view = SignalMessage::parse(&wire).unwrap();
            assert_eq!(view.ciphertext().len(), (length / 16 + 1) * 16);
            view.to_bytes()
        }
    };
    assert_eq!(again, wire);
    wire
}
