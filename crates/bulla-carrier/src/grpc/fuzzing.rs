//! What fuzzing checks of what the service reads beside messages.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bulla_base::{Address, ManualClock, PhoneNumberId, SeededRng, Timestamp};
use bulla_envelope::InstallationId;
use bulla_transport::grpc::{CREDENTIAL_METADATA, ChannelBinding, IdentityProof, MAX_FRAME_BYTES, proto};
use bulla_transport::{Caller, Incarnation};
use bytes::Bytes;
use hyper::body::{Body, Frame};
use prost::Message;
use tokio::sync::Semaphore;
use tonic::Request;
use tonic::metadata::MetadataValue;

use super::call_body::{CallBody, MessageRoom};
use super::{Authenticator, ClientConnection, ProvenIdentity, RequestContext};

/// The bytes of a call's body, after one that says in what pieces they come, and whether as a stream.
///
/// Whatever they are and however they are cut, they are passed on as they came, or cut off; no more room is
/// held than there is, and all of it is free in the end.
pub fn calls(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let pieces = bytes.chunks(usize::from(cut >> 1) + 1).map(Bytes::copy_from_slice).collect();
    let [of_connection, of_address] = [(); 2].map(|()| Arc::new(Semaphore::new(MAX_FRAME_BYTES)));
    let room = MessageRoom { of_connection: Arc::clone(&of_connection), of_address: Arc::clone(&of_address) };
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let mut body = CallBody::new(Pieces(pieces), cut & 1 == 1, room, clock);
    let (mut passed, mut cx) = (Vec::new(), Context::from_waker(Waker::noop()));
    while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) {
        passed.extend(frame.into_data().unwrap_or_default());
    }
    assert!(passed == bytes, "all of it fits, one message after another");
    drop(body);
    let left = [of_connection, of_address].map(|room| room.available_permits());
    assert!(left == [MAX_FRAME_BYTES; 2], "nothing is held of what is over");
}

struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

/// What a stranger shows to be somebody, by the first byte: a credential, or changes to one that is good; a
/// request with a proof, or one with changes to a nonce that is good.
///
/// Nobody comes in with it, unless nothing was changed of the credential.
pub fn identities(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1)));
    let identities = ProvenIdentity::new(clock, &SeededRng::new(1));
    let connection = ClientConnection::new([ChannelBinding::of_certificate(&vec![1; 8].into())]);
    let (address, installation) =
        (Address::business(PhoneNumberId::new(1)), InstallationId::of_identity(&[5; 33]));
    let caller = Caller::new(address, installation, Incarnation::new(1));
    match which {
        0 => assert!(!is_admitted(&identities, &connection, &caller, bytes)),
        1 => {
            let good = identities.credential(&connection, &caller).token;
            let changed = changed(&good, bytes);
            assert!(is_admitted(&identities, &connection, &caller, &changed) == (good == changed));
        }
        2 => {
            let Ok(request) = proto::ProveRequest::decode(bytes) else { return };
            let Ok(proof) = IdentityProof::read(request) else { return };
            assert!(identities.prove(&context(&connection, &[]), &proof).is_err());
        }
        3 => {
            let Ok(challenge) = identities.challenge(&context(&connection, &[])) else { return };
            let nonce = changed(&challenge.nonce, bytes);
            let request = proto::ProveRequest {
                caller: Some((&caller).into()),
                identity_key: vec![5; 33].into(),
                nonce: nonce.into(),
                binding: proto::Binding::TlsServerEndPoint.into(),
                signature: vec![9; 64].into(),
            };
            let Ok(proof) = IdentityProof::read(request) else { return };
            assert!(identities.prove(&context(&connection, &[]), &proof).is_err());
        }
        _ => {}
    }
}

/// `good` with `changes` on it, and as long as they are if that is longer.
fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut changed = good.to_vec();
    changed.resize(good.len().max(changes.len()), 0);
    changed.iter_mut().zip(changes).for_each(|(byte, change)| *byte ^= change);
    changed
}

fn context(connection: &ClientConnection, credential: &[u8]) -> RequestContext {
    let mut request = Request::new(());
    request.extensions_mut().insert(connection.clone());
    request.metadata_mut().insert_bin(CREDENTIAL_METADATA, MetadataValue::from_bytes(credential));
    RequestContext::of(request).0
}

fn is_admitted(
    identities: &ProvenIdentity,
    connection: &ClientConnection,
    caller: &Caller,
    credential: &[u8],
) -> bool {
    let context = context(connection, credential);
    let mut admission = identities.may_speak(&context, caller);
    matches!(admission.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
}
