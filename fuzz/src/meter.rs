//! The check of bulla-meter.

#[path = "../../crates/bulla-meter/tests/it/checks/forms.rs"]
mod forms_check;

pub(crate) fn forms(form: &[u8]) {
    forms_check::check(form);
}
