use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::Address;
use bulla_transport::{Caller, TransportError};
use tokio::sync::oneshot;

use super::limits::MAX_OPEN_STREAMS;

/// Which addresses have a stream: one each.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams(Mutex<Seats>);

#[derive(Debug, Default)]
struct Seats {
    last: u64,
    taken: HashMap<Address, (u64, oneshot::Sender<Caller>)>,
}

/// An address' stream, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Seat {
    streams: Arc<OpenStreams>,
    address: Address,
    number: u64,
}

impl OpenStreams {
    /// The stream of the caller's address is this one from now on. Beside it, what tells who has opened
    /// another.
    ///
    /// # Errors
    /// When there are too many.
    pub(crate) fn enter(
        self: &Arc<Self>,
        caller: &Caller,
    ) -> Result<(Seat, oneshot::Receiver<Caller>), TransportError> {
        let (tell, displaced) = oneshot::channel();
        let mut seats = self.seats();
        let address = caller.address().clone();
        if seats.taken.len() >= MAX_OPEN_STREAMS && !seats.taken.contains_key(&address) {
            return Err(TransportError::unavailable("there are too many streams"));
        }
        seats.last += 1;
        let number = seats.last;
        if let Some((_, before)) = seats.taken.insert(address.clone(), (number, tell)) {
            // It may have ended by itself just now.
            let _ = before.send(caller.clone());
        }
        Ok((Seat { streams: Arc::clone(self), address, number }, displaced))
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.streams.seats();
        if seats.taken.get(&self.address).is_some_and(|(number, _)| *number == self.number) {
            seats.taken.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use bulla_base::PhoneNumberId;
    use bulla_envelope::InstallationId;
    use bulla_transport::Incarnation;

    use super::*;

    fn caller(incarnation: u64) -> Caller {
        let address = Address::business(PhoneNumberId::new(1));
        Caller::new(address, InstallationId::of_identity(b"identity"), Incarnation::new(incarnation))
    }

    #[test]
    fn who_comes_later_has_the_seat_and_who_leaves_late_does_not_take_it_away() {
        let streams = Arc::new(OpenStreams::default());
        let (first, mut told) = streams.enter(&caller(1)).unwrap();
        let (second, mut nothing) = streams.enter(&caller(2)).unwrap();
        assert_eq!(told.try_recv(), Ok(caller(2)));
        drop(first);
        assert_eq!(streams.seats().taken.len(), 1);
        assert!(nothing.try_recv().is_err());
        drop(second);
        assert_eq!(streams.seats().taken.len(), 0);
    }
}
