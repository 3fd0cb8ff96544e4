//! What the system said, to be told to more than one.

use std::io;

/// An error of the system that can be told again: by its number where it has one, so that it reads as the system says it.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    number: Option<i32>,
    kind: io::ErrorKind,
    said: String,
}

impl Failure {
    pub(crate) fn of(error: &io::Error) -> Self {
        Self { number: error.raw_os_error(), kind: error.kind(), said: error.to_string() }
    }

    pub(crate) fn error(&self) -> io::Error {
        match self.number {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(self.kind, self.said.clone()),
        }
    }
}

/// Why a group was not written.
#[derive(Debug)]
pub(crate) enum Unwritten {
    /// Something was wanting before anything was written: files, room. It may work the next time.
    NotBegun(io::Error),
    /// A write or a sync failed. Nobody knows what is on the disk.
    Failed(io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_is_told_as_the_system_says_it() {
        let first = io::Error::from_raw_os_error(24);
        let again = Failure::of(&first).error();
        assert_eq!((again.to_string(), again.raw_os_error()), (first.to_string(), Some(24)));
        let ours = Failure::of(&io::Error::other("a day has no table")).error();
        assert_eq!(ours.to_string(), "a day has no table");
    }
}
