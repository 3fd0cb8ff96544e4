//! The checks of bulla-transparency.

#[path = "../../crates/bulla-transparency/tests/it/checks/bytes.rs"]
mod bytes_check;
#[path = "../../crates/bulla-transparency/tests/it/checks/text.rs"]
mod text_check;

pub(crate) fn bytes(form: &[u8]) {
    bytes_check::check(form);
}

pub(crate) fn text(form: &[u8]) {
    text_check::check(form);
}
