//! The one place of this crate where a cipher is called.

use std::fmt;

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256Enc;
use aes_gcm::{AesGcm, Nonce, Tag};
use bulla_base::without_trace;
use zeroize::ZeroizeOnDrop;

use super::chunk_layout::ChunkLayout;
use super::{AttachmentError, AttachmentKey};

pub(super) const TAG_BYTES: usize = 16;

/// How deep the cipher goes on the stack, and more.
const DEEP: usize = 16 << 10;

/// Counter mode encrypts in both directions, so round keys for decrypting are not made.
type Cipher = AesGcm<Aes256Enc, U12>;

/// Seals and opens the chunks of one attachment, each bound to its place.
pub(super) struct ChunkCipher {
    cipher: Cipher,
    layout: ChunkLayout,
}

impl ChunkCipher {
    pub(super) fn new(key: &AttachmentKey, layout: ChunkLayout) -> Self {
        let cipher = without_trace::<DEEP, _>(|| Cipher::new(key.as_bytes().into()));
        Self { cipher, layout }
    }

    /// Makes of chunk `index` in `buffer` its sealed form, in the same memory if there is room for the tag.
    pub(super) fn seal(&self, index: u32, buffer: &mut Vec<u8>) -> Result<(), AttachmentError> {
        let (nonce, size) = (self.nonce(index), self.layout.size().to_be_bytes());
        let bytes = InOutBuf::from(&mut buffer[..]);
        let tag = without_trace::<DEEP, _>(|| self.cipher.encrypt_inout_detached(&nonce, &size, bytes))
            .map_err(|_| self.wrong(index))?;
        buffer.extend_from_slice(&tag);
        Ok(())
    }

    /// Makes of the sealed chunk `index` in `buffer` what it was, in the same memory.
    pub(super) fn open(&self, index: u32, buffer: &mut Vec<u8>) -> Result<(), AttachmentError> {
        let (nonce, size) = (self.nonce(index), self.layout.size().to_be_bytes());
        let (bytes, tag) = buffer.split_last_chunk_mut::<TAG_BYTES>().ok_or(self.wrong(index))?;
        let (length, tag) = (bytes.len(), Tag::from(*tag));
        let bytes = InOutBuf::from(bytes);
        without_trace::<DEEP, _>(|| self.cipher.decrypt_inout_detached(&nonce, &size, bytes, &tag))
            .map_err(|_| self.wrong(index))?;
        buffer.truncate(length);
        Ok(())
    }

    pub(super) const fn wrong(&self, index: u32) -> AttachmentError {
        AttachmentError::WrongChunk { index, chunks: self.layout.chunks() }
    }

    fn nonce(&self, index: u32) -> Nonce<U12> {
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&index.to_be_bytes());
        nonce[11] = u8::from(self.layout.is_last(index));
        nonce.into()
    }
}

impl fmt::Debug for ChunkCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkCipher(…)")
    }
}

/// What is left of a key when it is not used any more: nothing, or this does not compile.
const _: () = {
    const fn wipes_itself<T: ZeroizeOnDrop>() {}
    wipes_itself::<AttachmentKey>();
    wipes_itself::<Cipher>();
};
