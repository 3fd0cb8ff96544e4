use std::path::Path;

use bulla_example_program::exit_error::ExitError;

/// What becomes of a key of the operator's that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// It is made: the carrier has not run here before, or somebody gives the lost one up.
    Make,
    /// Somebody may find it: grants are good under it, and whoever has checked the log knows it.
    Refuse,
}

impl IfMissing {
    /// Whether the key in `file` is to be made.
    pub(crate) fn makes(self, file: &Path) -> Result<bool, ExitError> {
        match (file.exists(), self) {
            (true, _) => Ok(false),
            (false, Self::Make) => Ok(true),
            (false, Self::Refuse) => Err(ExitError::new(format!(
                "{} is missing, and a carrier has run here: put it back from its copy; \
                 --begin-anew keys makes another, and what the lost one has signed is worth nothing",
                file.display()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_lost_is_not_made_without_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.key");
        assert!(IfMissing::Make.makes(&file).unwrap());
        let error = IfMissing::Refuse.makes(&file).unwrap_err().to_string();
        assert!(error.contains("a.key is missing") && error.contains("--begin-anew keys"), "{error}");
        std::fs::write(&file, b"key").unwrap();
        assert!(!IfMissing::Refuse.makes(&file).unwrap() && !IfMissing::Make.makes(&file).unwrap());
    }
}
