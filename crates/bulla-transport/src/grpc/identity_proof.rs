use bulla_envelope::InvalidEnvelope;
use bytes::Bytes;

use super::limits::MAX_NONCE_BYTES;
use super::{ChannelBinding, proto};
use crate::Caller;

/// What every statement begins with: no signature made for anything else is good here, nor the other way
/// round.
const CONTEXT: &[u8] = b"bulla carrier identity proof 1";

/// A caller's proof that it holds the identity key of its installation.
///
/// The file `identity.proto` says what is signed, byte for byte.
#[derive(Clone)]
#[non_exhaustive]
pub struct IdentityProof {
    /// Who proves who they are.
    pub caller: Caller,
    /// The serialised public identity key.
    pub identity_key: [u8; 33],
    /// What the carrier had given to be signed, at most 64 bytes.
    pub nonce: Bytes,
    /// What ties the proof to the connection.
    pub binding: proto::Binding,
    /// The signature.
    pub signature: [u8; 64],
}

impl IdentityProof {
    /// The proof that a request holds.
    ///
    /// # Errors
    /// When a field is missing, or is not of its length.
    pub fn read(request: proto::ProveRequest) -> Result<Self, InvalidEnvelope> {
        let field = |field| move |_| InvalidEnvelope::Field { field };
        let (limit, actual) = (MAX_NONCE_BYTES, request.nonce.len());
        if actual > limit {
            return Err(InvalidEnvelope::TooLarge { field: "nonce (bytes)", actual, limit });
        }
        Ok(Self {
            binding: request.binding(),
            identity_key: request.identity_key[..].try_into().map_err(field("identity key"))?,
            signature: request.signature[..].try_into().map_err(field("signature"))?,
            caller: proto::Caller::read(request.caller)?,
            nonce: request.nonce,
        })
    }

    /// The bytes that are signed to prove, on the connection with `binding`, that one is `caller`.
    ///
    /// # Errors
    /// When the nonce is longer than 64 bytes.
    pub fn statement(
        nonce: &[u8],
        binding: &ChannelBinding,
        caller: &Caller,
    ) -> Result<Vec<u8>, InvalidEnvelope> {
        let (limit, actual) = (MAX_NONCE_BYTES, nonce.len());
        if actual > limit {
            return Err(InvalidEnvelope::TooLarge { field: "nonce (bytes)", actual, limit });
        }
        let (address, incarnation) =
            (caller.address().to_bytes(), caller.incarnation().number().to_be_bytes());
        let installation = caller.installation();
        let parts: [&[u8]; 6] = [
            nonce,
            binding.name().as_bytes(),
            binding.value(),
            &address,
            installation.as_bytes(),
            &incarnation,
        ];
        let mut statement = CONTEXT.to_vec();
        for part in parts {
            // All of them are short: the nonce is bounded, and an address is.
            statement.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            statement.extend_from_slice(part);
        }
        Ok(statement)
    }
}

impl std::fmt::Debug for IdentityProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityProof").field("binding", &self.binding.as_str_name()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::{Address, PhoneNumberId};
    use bulla_envelope::InstallationId;

    use super::*;
    use crate::Incarnation;

    fn caller() -> Caller {
        let address = Address::business(PhoneNumberId::new(7));
        Caller::new(address, InstallationId::from_bytes([8; 16]), Incarnation::new(9))
    }

    /// Clients in other languages are written from the file.
    #[test]
    fn what_is_signed_is_what_the_file_says() {
        let binding = ChannelBinding::TlsServerEndPoint([5; 32]);
        let statement = IdentityProof::statement(&[1, 2, 3], &binding, &caller()).unwrap();
        let expected = [
            b"bulla carrier identity proof 1".as_slice(),
            &[0, 3, 1, 2, 3],
            b"\0\x14tls-server-end-point",
            b"\0\x20",
            &[5; 32],
            b"\0\x0a\x01b\0\0\0\0\0\0\0\x07",
            b"\0\x10",
            &[8; 16],
            b"\0\x08\0\0\0\0\0\0\0\x09",
        ];
        assert_eq!(statement, expected.concat());
        let none = IdentityProof::statement(&[], &ChannelBinding::None, &caller()).unwrap();
        assert!(none.starts_with(b"bulla carrier identity proof 1\0\0\0\x04none\0\0\0\x0a"));
    }

    #[test]
    fn a_nonce_has_sixty_four_bytes_and_no_more_and_keys_and_signatures_are_whole() {
        let statement = |bytes| IdentityProof::statement(&vec![0; bytes], &ChannelBinding::None, &caller());
        assert!(statement(MAX_NONCE_BYTES).is_ok() && statement(MAX_NONCE_BYTES + 1).is_err());
        let whole = proto::ProveRequest {
            caller: Some((&caller()).into()),
            identity_key: vec![5; 33].into(),
            nonce: vec![0; MAX_NONCE_BYTES].into(),
            binding: proto::Binding::None.into(),
            signature: vec![6; 64].into(),
        };
        let read = IdentityProof::read(whole.clone()).unwrap();
        assert!(read.caller == caller() && read.binding == proto::Binding::None);
        for bad in [
            proto::ProveRequest { nonce: vec![0; MAX_NONCE_BYTES + 1].into(), ..whole.clone() },
            proto::ProveRequest { identity_key: vec![5; 32].into(), ..whole.clone() },
            proto::ProveRequest { signature: vec![6; 65].into(), ..whole.clone() },
            proto::ProveRequest { caller: None, ..whole.clone() },
        ] {
            assert!(IdentityProof::read(bad).is_err());
        }
    }
}
