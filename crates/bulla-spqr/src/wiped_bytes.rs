//! Wiping in runs of bytes instead of one byte at a time.
//!
//! For `bulla-session`, which keeps its secrets in the same way; nobody else should need it.

use std::fmt;
use std::ops::{Deref, DerefMut};

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// Overwrites the bytes with zeros.
///
/// # Security
///
/// The same promise as `zeroize`'s, which writes every byte by itself: the compiler may not leave the zeros
/// out, since behind the barrier somebody could still read them.
///
/// # Cost
///
/// That of filling memory: a kilobyte in some ten nanoseconds, a sixth to a tenth of what single writes take.
#[inline]
pub fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    zeroize::optimization_barrier(bytes);
}

/// Bytes on the heap that are wiped when dropped, together with the room behind them.
///
/// As with every `Vec`, growing beyond the capacity leaves a copy behind that is not wiped: allocate enough.
#[derive(Default)]
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// No bytes, and room for so many.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }
}

impl From<Vec<u8>> for Wiped {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // What was cut off may have been secret too. This never allocates: there is room for exactly so much.
        let capacity = self.0.capacity();
        self.0.clear();
        self.0.resize(capacity, 0);
        zeroize::optimization_barrier(self.0.as_slice());
    }
}

impl ZeroizeOnDrop for Wiped {}

/// In constant time for one length.
impl PartialEq for Wiped {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Wiped {}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wiped({} bytes)", self.0.len())
    }
}

/// Where bytes are written to that there is room for.
pub trait Out {
    /// Writes them behind those before.
    ///
    /// # Panics
    ///
    /// A [`Brief`], when there is no room for them: what is cut short and stored could never be read again.
    /// How much is written to one follows from the bounds of what it holds, never from its contents.
    fn put(&mut self, bytes: &[u8]);
}

impl Out for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// At most `N` bytes in place, wiped when dropped.
pub struct Brief<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Brief<N> {
    /// No bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; N], used: 0 }
    }
}

impl<const N: usize> Default for Brief<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Out for Brief<N> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        assert!(end <= N, "there is no room for {} bytes more in {N}", bytes.len());
        self.bytes[self.used..end].copy_from_slice(bytes);
        self.used = end;
    }
}

impl<const N: usize> Deref for Brief<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl<const N: usize> Drop for Brief<N> {
    fn drop(&mut self) {
        // What is behind was never written.
        wipe(&mut self.bytes[..self.used]);
    }
}

impl<const N: usize> ZeroizeOnDrop for Brief<N> {}

impl<const N: usize> fmt::Debug for Brief<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Brief({} bytes)", self.used)
    }
}

/// What is left of values that were dropped, read as the kernel sees it.
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) mod behind {
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;
    use std::ptr;

    /// The bytes in which a value lay, once it was dropped there. They belong to its vector still, so that
    /// nobody else writes there.
    pub(crate) fn dropped<T>(value: T) -> Vec<u8> {
        let mut place = vec![value];
        black_box(&mut place);
        let at = ptr::from_ref(&place[0]).addr();
        place.clear();
        black_box(&mut place);
        let mut left = vec![0; size_of::<T>()];
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut left, at as u64).unwrap();
        left
    }

    /// What stands behind a buffer's first bytes once `drop` has given it back. The allocator uses some of
    /// the first, and hands the rest to nobody before this thread asks for as many again.
    pub(crate) fn given_back<T: std::ops::Deref<Target = Vec<u8>>>(buffer: T) -> Vec<u8> {
        let (at, mut left) = (buffer.as_ptr().addr(), vec![0; buffer.capacity()]);
        let memory = File::open("/proc/self/mem").unwrap();
        black_box(&buffer);
        drop(buffer);
        memory.read_exact_at(&mut left, at as u64).unwrap();
        left.split_off(32)
    }

    /// Whether the byte stands there several times in a row, which is more than chance would put there.
    pub(crate) fn holds(left: &[u8], secret: u8) -> bool {
        left.windows(4).any(|bytes| bytes == [secret; 4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn secrets_are_gone_when_they_are_dropped() {
        use super::behind::{dropped, given_back, holds};
        use crate::secret::Secret;

        assert!(holds(&dropped([0xa7_u8; 32]), 0xa7), "what is left is not seen");
        assert!(!holds(&dropped(Secret::new([0xa7; 32])), 0xa7));
        let mut brief = Brief::<40>::new();
        brief.put(&[0xa7; 33]);
        assert!(!holds(&dropped(brief), 0xa7));

        let full = || vec![0xa7; 200];
        assert!(holds(&given_back(Box::new(full())), 0xa7), "what is left is not seen");
        assert!(!holds(&given_back(Wiped::from(full())), 0xa7));
        // What was cut off is behind the end of what there is.
        let mut shorter = Wiped::from(full());
        shorter.truncate(1);
        assert!(!holds(&given_back(shorter), 0xa7));
    }

    #[test]
    fn nothing_is_left_of_what_is_wiped() {
        let mut bytes = [7; 100];
        wipe(&mut bytes[..99]);
        assert_eq!(bytes[..99], [0; 99]);
        assert_eq!(bytes[99], 7);
    }

    #[test]
    fn what_is_brief_takes_as_much_as_it_has_room_for() {
        let mut brief = Brief::<4>::new();
        brief.put(&[1, 2]);
        brief.put(&[3, 4]);
        brief.put(&[]);
        assert_eq!(*brief, [1, 2, 3, 4]);
    }

    #[test]
    #[should_panic(expected = "no room for 2 bytes more in 4")]
    fn what_is_brief_is_never_cut_short() {
        let mut brief = Brief::<4>::new();
        brief.put(&[1, 2, 3]);
        brief.put(&[4, 5]);
    }

    #[test]
    fn a_buffer_prints_its_length_alone() {
        assert_eq!(format!("{:?}", Wiped::from(vec![42; 3])), "Wiped(3 bytes)");
    }
}
