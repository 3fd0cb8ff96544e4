//! The checks of bulla-integrity.

#[path = "../../crates/bulla-integrity/tests/it/checks/forms.rs"]
mod forms_check;

pub(crate) fn forms(form: &[u8]) {
    forms_check::check(form);
}
