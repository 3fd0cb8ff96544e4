use std::fs;
use std::path::Path;

use bulla_meter::{InvalidForm, Leaf, RateCard, SignedStatement};

use crate::fault::Fault;

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(file).map_err(|cause| Fault::File { file: file.to_owned(), cause })
}

pub(crate) fn write(file: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Fault> {
    fs::write(file, bytes).map_err(|cause| Fault::File { file: file.to_owned(), cause })
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), Fault> {
    fs::create_dir_all(folder).map_err(|cause| Fault::File { file: folder.to_owned(), cause })
}

pub(crate) fn card(file: &Path) -> Result<RateCard, Fault> {
    RateCard::from_bytes(&read(file)?).map_err(|cause| of(file, cause))
}

pub(crate) fn statement(file: &Path) -> Result<SignedStatement, Fault> {
    SignedStatement::from_bytes(&read(file)?).map_err(|cause| of(file, cause))
}

pub(crate) fn leaves(file: &Path) -> Result<Vec<Leaf>, Fault> {
    let bytes = read(file)?;
    let (leaves, odd) = bytes.as_chunks();
    if !odd.is_empty() {
        return Err(Fault::Leaves { file: file.to_owned() });
    }
    leaves.iter().map(|leaf| Leaf::from_bytes(leaf).map_err(|cause| of(file, cause))).collect()
}

fn of(file: &Path, cause: InvalidForm) -> Fault {
    Fault::Form { file: file.to_owned(), cause }
}

pub(crate) fn hex<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return Err(Fault::NotHex(what));
    }
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let [Some(high), Some(low)] = digits.map(digit) else { return Err(Fault::NotHex(what)) };
        *byte = high << 4 | low;
    }
    Ok(bytes)
}
