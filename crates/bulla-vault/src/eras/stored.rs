//! The stored form of eras.
//!
//! ```text
//! vault time u64 ‖ gone on u64 ‖ present u16 ‖ next id u16 ‖ count u16 ‖ eras
//! era: id u16 ‖ offset i64 ‖ until u32 ‖ present for u64 ‖ oldest live hour u32 ‖ chain value of that hour (32)
//! ```

use zeroize::Zeroizing;

use super::{Era, Eras};
use crate::bytes::Reader;
use crate::chain::Chain;
use crate::limits::MAX_ERAS;
use crate::secret::Secret;

impl Eras {
    /// Appends the stored form to `bytes`, which holds secrets from then on.
    pub(crate) fn write(&self, bytes: &mut Zeroizing<Vec<u8>>) {
        bytes.extend_from_slice(&self.time.to_be_bytes());
        bytes.extend_from_slice(&self.gone_on.to_be_bytes());
        bytes.extend_from_slice(&self.eras[self.present].id.to_be_bytes());
        bytes.extend_from_slice(&self.next_id.to_be_bytes());
        bytes.extend_from_slice(&u16::try_from(self.eras.len()).unwrap_or(u16::MAX).to_be_bytes());
        for era in &self.eras {
            let Era { id, offset, until, present_for, chain } = era;
            bytes.extend_from_slice(&id.to_be_bytes());
            bytes.extend_from_slice(&offset.to_be_bytes());
            bytes.extend_from_slice(&until.to_be_bytes());
            bytes.extend_from_slice(&present_for.to_be_bytes());
            bytes.extend_from_slice(&chain.first().to_be_bytes());
            bytes.extend_from_slice(chain.value().expose());
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let time = u64::from_be_bytes(reader.array()?);
        let gone_on = u64::from_be_bytes(reader.array()?);
        let present = u16::from_be_bytes(reader.array()?);
        let next_id = u16::from_be_bytes(reader.array()?);
        let count = usize::from(u16::from_be_bytes(reader.array()?));
        if count > MAX_ERAS {
            return None;
        }
        let mut eras = Vec::with_capacity(count);
        for _ in 0..count {
            let id = u16::from_be_bytes(reader.array()?);
            let offset = i64::from_be_bytes(reader.array()?);
            let until = u32::from_be_bytes(reader.array()?);
            let present_for = u64::from_be_bytes(reader.array()?);
            let first = u32::from_be_bytes(reader.array()?);
            let chain = Chain::resume(first, Secret::from_bytes(reader.array()?));
            eras.push(Era { id, offset, until, present_for, chain });
        }
        let present = eras.iter().position(|era| era.id == present)?;
        Some(Self { time, present, gone_on, eras, next_id })
    }
}
