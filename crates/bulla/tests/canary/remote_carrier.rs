//! The carrier in another process: a transport over a [`SocketClient`], and the end that answers it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bulla::base::{Address, DeviceId, DeviceSet};
use bulla::carrier::Carrier;
use bulla::envelope::{Envelope, InstallationId, KeyBundle, KeyUpload};
use bulla::store::Store;
use bulla::transport::{
    Caller, Connected, Delivery, Incarnation, NumberProof, Sequence, Transport, TransportError,
};
use bytes::{Buf, BufMut, Bytes};

use crate::socket::{DONE, SocketClient};

const CONNECT: u8 = 1;
const PUBLISH: u8 = 2;
const BUNDLE: u8 = 3;
const SEND: u8 = 4;
const RECEIVE: u8 = 5;
const ACKNOWLEDGE: u8 = 6;
const REGISTER: u8 = 7;
const REFILL_BELOW: u8 = 8;
const REMOVE: u8 = 9;

const UNAVAILABLE: u8 = 1;
const FENCED: u8 = 2;
const UNKNOWN_RECIPIENT: u8 = 3;
const REINSTALLED: u8 = 4;
const NO_KEYS: u8 = 5;
const DEVICES: u8 = 6;
const REMOVED: u8 = 7;

/// The way to a carrier in another process.
#[derive(Clone)]
pub(crate) struct RemoteCarrier {
    pub(crate) socket: SocketClient,
    /// Tells who connects that so many one-time keys are there. To make a hundred for each of ten thousand
    /// devices takes longer than all the rest; sessions begin without.
    pub(crate) pretended_stock: Option<usize>,
}

impl RemoteCarrier {
    async fn call(&self, word: u8, caller: &Caller, rest: &[u8]) -> Result<Bytes, TransportError> {
        let (address, ours) = (caller.address().to_bytes(), caller.incarnation());
        let mut body = Vec::with_capacity(25 + address.len() + rest.len());
        body.put_u8(u8::try_from(address.len()).unwrap());
        body.put_slice(&address);
        body.put_slice(caller.installation().as_bytes());
        body.put_u64(ours.number());
        body.put_slice(rest);
        let (word, mut answer) = self.socket.call(word, &body).await.map_err(TransportError::unavailable)?;
        match word {
            DONE => Ok(answer),
            FENCED => {
                let (highest, reinstalled) = (Incarnation::new(answer.get_u64()), answer.get_u8() == 1);
                Err(TransportError::Fenced { ours, highest, reinstalled })
            }
            UNKNOWN_RECIPIENT => Err(TransportError::UnknownRecipient),
            REINSTALLED => Err(TransportError::Reinstalled),
            NO_KEYS => Err(TransportError::NoKeys),
            DEVICES => Err(TransportError::Devices { now: DeviceSet::from_bits(answer.get_u32()).unwrap() }),
            REMOVED => Err(TransportError::Removed),
            _ => Err(TransportError::unavailable(String::from_utf8_lossy(&answer).into_owned())),
        }
    }

    fn connected(&self, mut answer: Bytes) -> Connected {
        let (there, highest) = (answer.get_u64(), answer.get_u32());
        let there = usize::try_from(there).unwrap();
        Connected::new(self.pretended_stock.unwrap_or(there), highest)
    }
}

impl Transport for RemoteCarrier {
    async fn register(&self, caller: &Caller, proof: &NumberProof) -> Result<Connected, TransportError> {
        Ok(self.connected(self.call(REGISTER, caller, proof.as_bytes()).await?))
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        Ok(self.connected(self.call(CONNECT, caller, &[]).await?))
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        Ok(self.connected(self.call(PUBLISH, caller, &keys.to_bytes()).await?))
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        Ok(KeyBundle::from_bytes(self.call(BUNDLE, caller, &of.to_bytes()).await?)?)
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.call(SEND, caller, &envelope.to_bytes()).await?;
        Ok(())
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let mut answer = self.call(RECEIVE, caller, &place(after)).await?;
        let mut deliveries = Vec::new();
        while answer.has_remaining() {
            let (sequence, previous) = (placed(&mut answer), placed(&mut answer));
            let length = usize::try_from(answer.get_u32()).unwrap();
            // Memory of its own: what is kept of one must not keep the others.
            let envelope = Envelope::from_bytes(Bytes::copy_from_slice(&answer.split_to(length)))?;
            deliveries.push(Delivery::new(sequence, previous, envelope));
        }
        Ok(deliveries)
    }

    async fn remove(&self, caller: &Caller, device: DeviceId) -> Result<(), TransportError> {
        self.call(REMOVE, caller, &[device.number()]).await?;
        Ok(())
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        if self.pretended_stock.is_some() {
            // Nobody asks who is told that there are enough.
            std::future::pending::<()>().await;
        }
        let at_most = u64::try_from(at_most).unwrap().to_be_bytes();
        Ok(self.connected(self.call(REFILL_BELOW, caller, &at_most).await?))
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        let places: Vec<u8> = sequences.iter().flat_map(|sequence| place(*sequence)).collect();
        self.call(ACKNOWLEDGE, caller, &places).await?;
        Ok(())
    }
}

fn place(sequence: Sequence) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&sequence.epoch().to_be_bytes());
    bytes[8..].copy_from_slice(&sequence.number().to_be_bytes());
    bytes
}

fn placed(bytes: &mut Bytes) -> Sequence {
    let epoch = bytes.get_u64();
    Sequence::new(epoch, bytes.get_u64())
}

/// The other end: what the carrier answers.
pub(crate) struct Counter<S> {
    pub(crate) carrier: Arc<Carrier<S>>,
    /// How often somebody asked for keys to begin a session with.
    pub(crate) bundles: AtomicU64,
}

impl<S: Store> Counter<S> {
    /// The answer to one call; nothing when it is none of the transport's.
    pub(crate) async fn answer(&self, word: u8, body: Bytes) -> Option<(u8, Vec<u8>)> {
        if !(CONNECT..=REMOVE).contains(&word) {
            return None;
        }
        Some(match self.carry_out(word, body).await {
            Ok(answer) => (DONE, answer),
            Err(TransportError::Fenced { highest, reinstalled, .. }) => {
                let highest = highest.number().to_be_bytes();
                (FENCED, [&highest[..], &[u8::from(reinstalled)]].concat())
            }
            Err(TransportError::Reinstalled) => (REINSTALLED, Vec::new()),
            Err(TransportError::NoKeys) => (NO_KEYS, Vec::new()),
            Err(TransportError::Devices { now }) => (DEVICES, now.bits().to_be_bytes().to_vec()),
            Err(TransportError::Removed) => (REMOVED, Vec::new()),
            Err(TransportError::UnknownRecipient) => (UNKNOWN_RECIPIENT, Vec::new()),
            Err(error) => (UNAVAILABLE, error.to_string().into_bytes()),
        })
    }

    async fn carry_out(&self, word: u8, mut body: Bytes) -> Result<Vec<u8>, TransportError> {
        let length = usize::from(body.get_u8());
        let address = Address::from_bytes(&body.split_to(length)).unwrap();
        let installation = InstallationId::from_bytes(body.split_to(16)[..].try_into().unwrap());
        let caller = Caller::new(address, installation, Incarnation::new(body.get_u64()));
        let stock = |connected: Connected| {
            let mut answer = Vec::new();
            answer.put_u64(connected.one_time_keys as u64);
            answer.put_u32(connected.highest_one_time);
            answer
        };
        match word {
            CONNECT => Ok(stock(self.carrier.connect(&caller).await?)),
            REGISTER => {
                let proof = NumberProof::new(body.to_vec())?;
                Ok(stock(self.carrier.register(&caller, &proof).await?))
            }
            REFILL_BELOW => {
                let at_most = usize::try_from(body.get_u64()).unwrap();
                Ok(stock(self.carrier.low_stock(&caller, at_most).await?))
            }
            REMOVE => {
                let device = DeviceId::new(body.get_u8()).unwrap();
                self.carrier.remove(&caller, device).await.map(|()| Vec::new())
            }
            PUBLISH => Ok(stock(self.carrier.publish(&caller, KeyUpload::from_bytes(body)?).await?)),
            BUNDLE => {
                self.bundles.fetch_add(1, Ordering::Relaxed);
                let of = Address::from_bytes(&body).unwrap();
                Ok(self.carrier.bundle(&caller, &of).await?.to_bytes().to_vec())
            }
            SEND => self.carrier.send(&caller, Envelope::from_bytes(body)?).await.map(|()| Vec::new()),
            RECEIVE => {
                let mut answer = Vec::new();
                for delivery in self.carrier.receive(&caller, placed(&mut body)).await? {
                    let envelope = delivery.envelope.to_bytes();
                    answer.put_slice(&place(delivery.sequence));
                    answer.put_slice(&place(delivery.previous));
                    answer.put_u32(u32::try_from(envelope.len()).unwrap());
                    answer.put_slice(&envelope);
                }
                Ok(answer)
            }
            _ => {
                let mut sequences = Vec::new();
                while body.has_remaining() {
                    sequences.push(placed(&mut body));
                }
                self.carrier.acknowledge(&caller, &sequences).await.map(|()| Vec::new())
            }
        }
    }
}
