//! A set of spaces: what has to be known of a batch when it is durable, without keeping the batch.

use bulla_store::{Batch, Space};

/// A bit for each space there can be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ChangedSpaces([u64; 4]);

impl ChangedSpaces {
    /// Those in which `batch` changes a record.
    pub(crate) fn of(batch: &Batch) -> Self {
        let mut spaces = Self::default();
        let puts = batch.puts().iter().map(|put| put.key.space());
        for space in puts.chain(batch.deletes().iter().map(|key| key.space())) {
            spaces.0[usize::from(space.number() >> 6)] |= 1 << (space.number() & 63);
        }
        spaces
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Space> {
        let is_in = move |space: &u8| self.0[usize::from(space >> 6)] >> (space & 63) & 1 == 1;
        (0..=u8::MAX).filter(is_in).map(Space::new)
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::Partition;
    use bulla_store::Key;

    use super::*;

    #[test]
    fn a_set_of_spaces_holds_what_was_put_and_deleted() {
        let mut batch = Batch::new(Partition::from_bytes([7; 16]));
        let all = [0, 1, 63, 64, 127, 128, 254, 255].map(Space::new);
        for space in all {
            batch.put(Key::undated(space, "1"), "value");
            batch.delete(Key::undated(space, "2"));
        }
        assert_eq!(ChangedSpaces::of(&batch).iter().collect::<Vec<_>>(), all);
        assert_eq!(ChangedSpaces::default().iter().count(), 0);
    }
}
