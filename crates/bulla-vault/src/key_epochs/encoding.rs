//! The stored form of epochs.
//!
//! ```text
//! vault time u64 ‖ gone on u64 ‖ present u16 ‖ next id u16 ‖ count u16 ‖ epochs
//! epoch: id u16 ‖ offset i64 ‖ until u32 ‖ present for u64 ‖ oldest live hour u32 ‖ its chain value (32)
//! ```

use zeroize::Zeroizing;

use super::{KeyEpoch, KeyEpochs};
use crate::byte_reader::ByteReader;
use crate::hour_key_chain::HourKeyChain;
use crate::limits::MAX_KEY_EPOCHS;
use crate::secret::Secret;

impl KeyEpochs {
    pub(crate) fn read(reader: &mut ByteReader<'_>) -> Option<Self> {
        let time = u64::from_be_bytes(reader.array()?);
        let gone_on = u64::from_be_bytes(reader.array()?);
        let present = u16::from_be_bytes(reader.array()?);
        let next_id = u16::from_be_bytes(reader.array()?);
        let count = usize::from(u16::from_be_bytes(reader.array()?));
        if count > MAX_KEY_EPOCHS {
            return None;
        }
        let mut epochs = Vec::with_capacity(count);
        for _ in 0..count {
            let id = u16::from_be_bytes(reader.array()?);
            let offset = i64::from_be_bytes(reader.array()?);
            let until = u32::from_be_bytes(reader.array()?);
            let present_for = u64::from_be_bytes(reader.array()?);
            let first = u32::from_be_bytes(reader.array()?);
            let chain = HourKeyChain::resume(first, Secret::from_bytes(reader.array()?));
            epochs.push(KeyEpoch { id, offset, until, present_for, chain });
        }
        let present = epochs.iter().position(|epoch| epoch.id == present)?;
        Some(Self { time, present, gone_on, epochs, next_id })
    }

    /// Appends the stored form to `bytes`, which holds secrets from then on.
    pub(crate) fn write(&self, bytes: &mut Zeroizing<Vec<u8>>) {
        bytes.extend_from_slice(&self.time.to_be_bytes());
        bytes.extend_from_slice(&self.gone_on.to_be_bytes());
        bytes.extend_from_slice(&self.epochs[self.present].id.to_be_bytes());
        bytes.extend_from_slice(&self.next_id.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(self.epochs.len()).unwrap_or(u16::MAX).to_be_bytes());
        for epoch in &self.epochs {
            let KeyEpoch { id, offset, until, present_for, chain } = epoch;
            bytes.extend_from_slice(&id.to_be_bytes());
            bytes.extend_from_slice(&offset.to_be_bytes());
            bytes.extend_from_slice(&until.to_be_bytes());
            bytes.extend_from_slice(&present_for.to_be_bytes());
            bytes.extend_from_slice(&chain.first().to_be_bytes());
            bytes.extend_from_slice(chain.value().expose());
        }
    }
}
