//! Magic numbers: a message to one of them takes the course that it names.
//!
//! ```text
//!   999 0000 0001     sent, and nothing after it
//!   999 0000 0002     sent, delivered
//!   999 0000 0003     sent, delivered, read
//!   999 1 0131026     accepted, and fails with the code 131026, or whatever code stands there in seven digits
//!   999 2 0130429     refused with the code 130429, or whatever stands there
//! ```
//!
//! No country has the code 999. A user with such a number has just written, so that their window is open.

use bulla::base::Number;

use super::error_codes::{self, ErrorCode};

/// What magic numbers begin with.
const PREFIX: &str = "999";

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Nobody ever takes it.
    Sent,
    /// It is taken and not read.
    Delivered,
    /// It is read.
    Read,
    /// It is accepted, and fails.
    Fails(ErrorCode),
    /// It is refused.
    Refused(ErrorCode),
}

/// Whether `number` is one of them, known or not.
pub(crate) fn is_magic(number: &Number) -> bool {
    number.digits().starts_with(PREFIX)
}

/// The course that `number` names, which is magic.
///
/// # Errors
/// Why it names none.
pub(crate) fn course(number: &Number) -> Result<Course, String> {
    let digits = number.digits().strip_prefix(PREFIX).unwrap_or_default();
    let code = |digits: &str| -> Result<ErrorCode, String> {
        let code = digits.parse().map_err(|_| "seven digits of a code stand behind 9991 and 9992")?;
        error_codes::find(code).ok_or_else(|| format!("no error has the code {code}"))
    };
    match (digits, digits.len()) {
        ("00000001", _) => Ok(Course::Sent),
        ("00000002", _) => Ok(Course::Delivered),
        ("00000003", _) => Ok(Course::Read),
        (_, 8) if let Some(digits) = digits.strip_prefix('1') => code(digits).map(Course::Fails),
        (_, 8) if let Some(digits) = digits.strip_prefix('2') => code(digits).map(Course::Refused),
        _ => Err("no such magic number; GET /sandbox/numbers lists them".to_owned()),
    }
}

/// All there are, with what they do.
pub(crate) fn all() -> Vec<(String, String)> {
    let courses = ["sent", "sent, delivered", "sent, delivered, read"].into_iter().zip(1..);
    let mut numbers: Vec<_> =
        courses.map(|(course, place)| (format!("{PREFIX}{place:08}"), course.to_owned())).collect();
    for error in error_codes::ALL {
        numbers.push((
            format!("{PREFIX}1{:07}", error.code),
            format!("fails with {}: {}", error.code, error.title),
        ));
    }
    for error in error_codes::ALL {
        let told = format!("refused with {} (HTTP {}): {}", error.code, error.status, error.title);
        numbers.push((format!("{PREFIX}2{:07}", error.code), told));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_a_course() {
        let course = |digits: &str| super::course(&Number::parse(digits).unwrap());
        assert_eq!(course("99900000001"), Ok(Course::Sent));
        assert_eq!(course("99900000003"), Ok(Course::Read));
        let Ok(Course::Fails(failing)) = course("+999 1 0131047") else { panic!("it fails") };
        assert_eq!((failing.code, failing.title), (131_047, "Re-engagement message"));
        let Ok(Course::Refused(refused)) = course("99920130429") else { panic!("it is refused") };
        assert_eq!((refused.code, refused.status), (130_429, 429));
        for unknown in ["999", "99900000004", "9991131047", "99910999999", "99930131047"] {
            assert!(course(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn every_number_that_is_listed_names_a_course() {
        for (digits, told) in all() {
            assert!(course(&Number::parse(&digits).unwrap()).is_ok(), "{digits}: {told}");
        }
        assert_eq!(all().len(), 3 + 2 * error_codes::ALL.len());
    }
}
