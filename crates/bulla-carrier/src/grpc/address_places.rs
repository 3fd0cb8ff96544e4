use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::GrpcSettings;

/// How many connections there are from each address, and how much room their unfinished messages have left.
#[derive(Debug)]
pub(crate) struct AddressPlaces {
    max_connections: usize,
    room_bytes: usize,
    taken: Mutex<HashMap<Network, Taken>>,
}

#[derive(Debug)]
struct Taken {
    connections: usize,
    room: Arc<Semaphore>,
}

/// The place of one connection among those of its address, for as long as it is held.
#[derive(Debug)]
pub(crate) struct AddressPlace {
    places: Arc<AddressPlaces>,
    network: Network,
    room: Arc<Semaphore>,
}

impl AddressPlaces {
    /// As many places for each address as `settings` say.
    pub(crate) fn new(settings: GrpcSettings) -> Arc<Self> {
        let max_connections = settings.connections_per_address();
        let room_bytes = settings.unfinished_bytes_per_address();
        Arc::new(Self { max_connections, room_bytes, taken: Mutex::default() })
    }

    /// A place for a connection from `address`, unless it has all that it may have.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let network = Network::of(address);
        let mut all = self.taken();
        let anew = || Taken { connections: 0, room: Arc::new(Semaphore::new(self.room_bytes)) };
        let taken = all.entry(network).or_insert_with(anew);
        if taken.connections >= self.max_connections {
            return None;
        }
        taken.connections += 1;
        let room = Arc::clone(&taken.room);
        Some(AddressPlace { places: Arc::clone(self), network, room })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Network, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddressPlace {
    /// The room of the unfinished messages of the address, a permit a byte.
    pub(crate) fn room(&self) -> Arc<Semaphore> {
        Arc::clone(&self.room)
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut all = self.places.taken();
        let Some(taken) = all.get_mut(&self.network) else { return };
        taken.connections -= 1;
        if taken.connections == 0 {
            all.remove(&self.network);
        }
    }
}

/// What is counted as one address: one of IPv4, or 64 bits of IPv6, of which everybody is given that many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize) -> Arc<AddressPlaces> {
        AddressPlaces::new(GrpcSettings::default().with_connections_per_address(connections))
    }

    #[test]
    fn an_address_has_so_many_connections_and_leaves_others_theirs() {
        let places = places(2);
        let [one, other] = ["127.0.0.1", "127.0.0.2"].map(|address| address.parse().unwrap());
        let first = places.enter(one).unwrap();
        let second = places.enter(one).unwrap();
        assert!(places.enter(one).is_none());
        assert!(places.enter(other).is_some());
        drop(first);
        let third = places.enter(one).unwrap();
        assert!(places.enter(one).is_none());
        drop((second, third));
        assert_eq!(places.taken().len(), 0, "nothing is kept of who has left");
    }

    #[test]
    fn who_has_a_network_of_ipv6_has_no_more_than_who_has_one_address_of_ipv4() {
        let places = places(1);
        for (first, same, another) in [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
            ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
        ] {
            let _first = places.enter(first.parse().unwrap()).unwrap();
            assert!(places.enter(same.parse().unwrap()).is_none(), "{same}");
            assert!(places.enter(another.parse().unwrap()).is_some(), "{another}");
        }
    }
}
