//! What was done about businesses: shown, and taken back.

use bulla::base::PhoneNumberId;
use bulla::carrier::Carrier;
use bulla::store::{Store, StoreError};
use bulla_example_program::exit_error::ExitError;
use bulla_example_program::terminal::Terminal;

/// How many are read at a time.
const PAGE: usize = 100;

/// Shows what was done about `business`, from the first on.
pub(crate) async fn show<S: Store>(
    carrier: &Carrier<S>,
    business: PhoneNumberId,
    terminal: Terminal,
) -> Result<(), ExitError> {
    let mut first = 0;
    loop {
        let events = carrier.enforcements(business, first, PAGE).await.map_err(failed())?;
        for event in &events {
            let (at, what, why) = (event.at().as_secs(), event.what().name(), event.reasons());
            terminal.shown(format_args!("enforcement {first}  {at}  {what}  {why}")).await;
            first = first.saturating_add(1);
        }
        if events.len() < PAGE {
            return Ok(());
        }
    }
}

/// Takes back what was done about `business`: it has appealed, and that is granted.
pub(crate) async fn lift<S: Store>(
    carrier: &Carrier<S>,
    business: PhoneNumberId,
    terminal: Terminal,
) -> Result<(), ExitError> {
    // It may have said so before.
    let _ = carrier.appeal(business).await.map_err(failed())?;
    match carrier.decide_appeal(business, true).await.map_err(failed())? {
        true => terminal.shown("what was done about the business is taken back").await,
        false => {
            let why = "there is nothing to take back: nothing was done about the business, or longer than 90 \
                       days ago, or the carrier does not --protect";
            return Err(ExitError::new(why));
        }
    }
    Ok(())
}

fn failed() -> impl FnOnce(StoreError) -> ExitError {
    ExitError::because("how the business stands cannot be read or written down")
}
