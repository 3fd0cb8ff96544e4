//! How a statement is written.
//!
//! ```text
//!   mark            "bulla statement 1\n"
//!   account         u64, big-endian
//!   number          u32
//!   previous        32 bytes, if the number is not 0
//!   period          from u32, to u32
//!   zone            as it is encoded
//!   card            32 bytes
//!   currency        3 letters
//!   irregularities  late u64, doubled u64, conflicting u64
//!   leaves          size u64, root 32 bytes
//!   rows            u32, then each: key 14 bytes, units u64, amount i128
//!   adjustments     u32, then each
//! ```

use bulla_base::BusinessAccountId;
use bulla_transparency::Head;

use super::Statement;
use crate::error::invalid;
use crate::form::{Reader, put_count};
use crate::limits::{MAX_STATEMENT_ADJUSTMENTS, MAX_STATEMENT_LEAVES, MAX_STATEMENT_ROWS};
use crate::{Adjustment, Currency, InvalidForm, Irregularities, Row, Zone};

const FORM: &[u8] = b"bulla statement 1\n";
const ADJUSTMENT_BYTES: usize = 8 + 8 + 46 + 2 + 2 + 32 + 64;

pub(super) fn read(bytes: &[u8]) -> Result<Statement, InvalidForm> {
    let mut reader = Reader::marked(bytes, "statement", FORM)?;
    let account = BusinessAccountId::new(reader.u64()?);
    let number = reader.u32()?;
    let previous = match number {
        0 => None,
        _ => Some(reader.array()?),
    };
    let period = reader.period()?;
    let zone = Zone::read(&mut reader)?;
    let card = reader.array()?;
    let currency = Currency::from_bytes(reader.array()?)?;
    let irregularities =
        Irregularities { late: reader.u64()?, doubled: reader.u64()?, conflicting: reader.u64()? };
    let leaves = Head::from_bytes(&reader.array::<{ Head::BYTES }>()?)
        .ok()
        .filter(|head| head.size() <= MAX_STATEMENT_LEAVES as u64)
        .ok_or(invalid("leaves of the statement", "a size within the limit, and a root"))?;
    let count = reader.count("rows of the statement", MAX_STATEMENT_ROWS, Row::BYTES)?;
    let rows = (0..count).map(|_| Row::read(&mut reader)).collect::<Result<_, _>>()?;
    let count = reader.count("adjustments of the statement", MAX_STATEMENT_ADJUSTMENTS, ADJUSTMENT_BYTES)?;
    let adjustments = (0..count).map(|_| Adjustment::read(&mut reader)).collect::<Result<_, _>>()?;
    reader.end()?;
    let statement = Statement {
        account,
        number,
        period,
        zone,
        card,
        currency,
        rows,
        adjustments,
        leaves,
        irregularities,
        previous,
    };
    statement.check()?;
    Ok(statement)
}

pub(super) fn write(statement: &Statement) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + Row::BYTES * statement.rows.len());
    bytes.extend(FORM);
    bytes.extend(statement.account.number().to_be_bytes());
    bytes.extend(statement.number.to_be_bytes());
    bytes.extend(statement.previous.iter().flatten());
    bytes.extend(statement.period.from().minutes().to_be_bytes());
    bytes.extend(statement.period.to().minutes().to_be_bytes());
    bytes.extend(statement.zone.to_bytes());
    bytes.extend(statement.card);
    bytes.extend(statement.currency.letters());
    let Irregularities { late, doubled, conflicting } = statement.irregularities;
    [late, doubled, conflicting].iter().for_each(|count| bytes.extend(count.to_be_bytes()));
    bytes.extend(statement.leaves.to_bytes());
    put_count(&mut bytes, statement.rows.len());
    statement.rows.iter().for_each(|row| row.write(&mut bytes));
    put_count(&mut bytes, statement.adjustments.len());
    statement.adjustments.iter().for_each(|adjustment| adjustment.write(&mut bytes));
    bytes
}
