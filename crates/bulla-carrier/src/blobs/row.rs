use bulla_base::Day;
use bulla_store::Key;
use bytes::Bytes;

use super::BlobName;
use crate::store_layout::{BLOB, BLOB_USAGE};

/// What is known of an upload.
///
/// ```text
/// form (1) ‖ size (8) ‖ stored (8)        big-endian
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UploadRow {
    pub(crate) size: u64,
    /// So many bytes are durable.
    pub(crate) stored: u64,
}

impl UploadRow {
    pub(crate) const fn new(size: u64) -> Self {
        Self { size, stored: 0 }
    }

    /// Reads a stored one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let [size, stored] = numbers(bytes)?;
        (stored <= size).then_some(Self { size, stored })
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        written([self.size, self.stored])
    }

    pub(crate) const fn is_complete(self) -> bool {
        self.stored == self.size
    }
}

/// What one uploader has begun on a day.
///
/// ```text
/// form (1) ‖ bytes (8) ‖ blobs (8) ‖ unfinished (8)        big-endian
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    pub(crate) blobs: u64,
    /// How many of them are not done.
    pub(crate) unfinished: u64,
}

impl Usage {
    /// Reads a stored one.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let [bytes, blobs, unfinished] = numbers(bytes)?;
        Some(Self { bytes, blobs, unfinished })
    }

    pub(crate) fn to_bytes(self) -> Bytes {
        written([self.bytes, self.blobs, self.unfinished])
    }

    /// What it is once one upload has become another.
    pub(crate) fn changed(self, from: Option<UploadRow>, to: Option<UploadRow>) -> Self {
        let of =
            |row: Option<UploadRow>| row.map_or([0; 3], |row| [row.size, 1, u64::from(!row.is_complete())]);
        let (less, more) = (of(from), of(to));
        let change = |which: usize, held: u64| held.saturating_sub(less[which]).saturating_add(more[which]);
        Self {
            bytes: change(0, self.bytes),
            blobs: change(1, self.blobs),
            unfinished: change(2, self.unfinished),
        }
    }
}

/// The key of an upload's row, with its uploader.
pub(crate) fn upload_key(day: Day, name: &BlobName) -> Key {
    Key::dated(BLOB, day, Bytes::copy_from_slice(name.as_bytes()))
}

/// The key of what an uploader has begun on a day.
pub(crate) fn usage_key(day: Day) -> Key {
    Key::dated(BLOB_USAGE, day, Bytes::new())
}

const FORM: u8 = 1;

fn written<const N: usize>(numbers: [u64; N]) -> Bytes {
    let mut bytes = vec![FORM];
    bytes.extend(numbers.into_iter().flat_map(u64::to_be_bytes));
    bytes.into()
}

fn numbers<const N: usize>(bytes: &[u8]) -> Option<[u64; N]> {
    let (&FORM, rest) = bytes.split_first()? else { return None };
    let (chunks, []) = rest.as_chunks::<8>() else { return None };
    let numbers: Vec<_> = chunks.iter().map(|chunk| u64::from_be_bytes(*chunk)).collect();
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_others_are_refused() {
        let row = UploadRow { size: 9, stored: 4 };
        assert_eq!(row.to_bytes()[..], [1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 4]);
        assert_eq!(UploadRow::read(&row.to_bytes()), Some(row));
        let usage = Usage { bytes: 1, blobs: 2, unfinished: 3 };
        assert_eq!(Usage::read(&usage.to_bytes()), Some(usage));
        assert_eq!((UploadRow::read(&usage.to_bytes()), Usage::read(&row.to_bytes())), (None, None));
        assert_eq!(UploadRow::read(&UploadRow { size: 4, stored: 9 }.to_bytes()), None);
        assert_eq!(UploadRow::read(&[]), None);
        assert_eq!(UploadRow::read(&[&[2], &row.to_bytes()[1..]].concat()), None, "another form");
    }

    #[test]
    fn what_is_begun_finished_and_deleted_is_counted() {
        let (begun, done) = (UploadRow::new(9), UploadRow { size: 9, stored: 9 });
        let one = Usage::default().changed(None, Some(begun));
        assert_eq!(one, Usage { bytes: 9, blobs: 1, unfinished: 1 });
        let finished = one.changed(Some(begun), Some(done));
        assert_eq!(finished, Usage { bytes: 9, blobs: 1, unfinished: 0 });
        assert_eq!(finished.changed(Some(done), None), Usage::default());
        assert_eq!(Usage::default().changed(Some(begun), None), Usage::default(), "never below nothing");
    }
}
