//! The whole system in one thread, on virtual time, from one seed.
//!
//! A carrier, a relay with a business behind it, and two users' devices; between each of them and the carrier
//! a network that loses, delays, doubles and shuffles; a sink that refuses; a relay and devices that die and
//! come back. A failing run is replayed by its seed.
//!
//! What counts as failure: a message that was accepted and is not seen by the user, or is seen twice under
//! two ids; a message of a user that the business does not get, or gets under two ids; an order per business
//! and user that is not the one in which it was said; a status that goes backwards or comes for nothing; a
//! count that differs from the messages; a ratchet step that seals two different messages; and a run that
//! differs from another of the same seed.

mod clock;
mod disk;
mod network;
mod oracle;
mod world;

pub(crate) use clock::VirtualClock;
pub(crate) use network::Network;
pub(crate) use oracle::Oracle;
pub(crate) use world::run;
