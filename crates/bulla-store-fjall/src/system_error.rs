//! What the system said, to be told to more than one.

use std::io;

use fjall::LsmError;

/// An error of the system that can be told again: by its number where it has one, so that it reads as the
/// system says it.
#[derive(Debug, Clone)]
pub(crate) struct SystemError {
    number: Option<i32>,
    kind: io::ErrorKind,
    said: String,
}

impl SystemError {
    pub(crate) fn of(error: &io::Error) -> Self {
        Self { number: system_number(error), kind: error.kind(), said: error.to_string() }
    }

    pub(crate) fn of_engine(error: &fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => Self::of(error),
            error => Self::of(&io::Error::other(error.to_string())),
        }
    }

    pub(crate) fn error(&self) -> io::Error {
        match self.number {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(self.kind, self.said.clone()),
        }
    }
}

/// The numbers by which systems say that open files are wanting, which have no kind of their own.
#[cfg(unix)]
const NO_FILES: [i32; 2] = [24, 23];
#[cfg(not(unix))]
const NO_FILES: [i32; 1] = [4];

/// The number by which the system names the error. Some libraries wrap it to tell a path as well, and leave
/// it in the text alone.
fn system_number(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| {
        let text = error.to_string();
        let (_, number) = text.rsplit_once("(os error ")?;
        number.split_once(')')?.0.parse().ok()
    })
}

/// Whether something is wanting that others may give back: files, room, memory.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    system_number(error).is_some_and(|number| NO_FILES.contains(&number))
        || matches!(
            error.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::OutOfMemory
                | io::ErrorKind::WouldBlock
                | io::ErrorKind::ResourceBusy
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortage_is_told_from_what_is_broken() {
        let [files, room, broken] = [24, 28, 5].map(io::Error::from_raw_os_error);
        assert_eq!([&files, &room, &broken].map(is_shortage), [cfg!(unix), cfg!(unix), false]);
        assert!(!is_shortage(&io::Error::other("24")));
        let wrapped = io::Error::other(format!("{files} at path \"/store/.tmp1\""));
        assert_eq!(is_shortage(&wrapped), cfg!(unix));
    }

    #[test]
    fn system_error_is_told_as_the_system_says_it() {
        let first = io::Error::from_raw_os_error(24);
        let again = SystemError::of(&first).error();
        assert_eq!((again.to_string(), again.raw_os_error()), (first.to_string(), Some(24)));
        let wrapped = io::Error::new(first.kind(), format!("{first} at path \"/store/.tmp1\""));
        assert_eq!(SystemError::of(&wrapped).error().raw_os_error(), Some(24));
        let ours = SystemError::of(&io::Error::other("a day has no table")).error();
        assert_eq!(ours.to_string(), "a day has no table");
    }
}
