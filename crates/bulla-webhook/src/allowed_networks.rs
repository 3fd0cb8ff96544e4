use std::net::IpAddr;

use crate::address_class::embedded_ipv4;
use crate::{AddressClass, IpNetwork};

/// The networks that webhooks may lead to beside the public internet. By itself: none.
///
/// # Security
/// Whoever can enter a webhook's URL makes the relay call what it names, from where the relay stands. Allow
/// what your businesses' web servers really stand in, and as little around it as you can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks(Vec<IpNetwork>);

impl AllowedNetworks {
    /// None: only public addresses are called.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The machine itself: for tests, and where a proxy beside the relay speaks for it.
    #[must_use]
    pub fn loopback() -> Self {
        Self(vec![IpNetwork::v4([127, 0, 0, 0], 8), IpNetwork::one(std::net::Ipv6Addr::LOCALHOST.into())])
    }

    /// Beside these, `network`. The address of a cloud's metadata service is not allowed by a range that
    /// holds it: name the address itself.
    #[must_use]
    pub fn and(mut self, network: IpNetwork) -> Self {
        self.0.push(network);
        self
    }

    /// Whether `address` may be called.
    ///
    /// An IPv6 address that leads to an IPv4 one has to be allowed as both.
    ///
    /// # Errors
    /// When it may not be: what the address is for.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressClass> {
        let Some(kind) = AddressClass::of(address) else { return Ok(()) };
        let exact = kind == AddressClass::Metadata;
        let mut allowed = self.0.iter().filter(|network| !exact || network.is_one_address());
        if !allowed.any(|network| network.contains(address)) {
            return Err(kind);
        }
        match address {
            IpAddr::V4(_) => Ok(()),
            // By a translator or a tunnel the packet comes out at the address inside, whatever the one
            // outside was allowed for.
            IpAddr::V6(address) => {
                embedded_ipv4(address).into_iter().flatten().try_for_each(|inner| self.check(inner.into()))
            }
        }
    }
}

impl FromIterator<IpNetwork> for AllowedNetworks {
    fn from_iter<I: IntoIterator<Item = IpNetwork>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(networks: &[&str]) -> AllowedNetworks {
        networks.iter().map(|network| network.parse::<IpNetwork>().unwrap()).collect()
    }

    fn check(networks: &AllowedNetworks, address: &str) -> Result<(), AddressClass> {
        networks.check(address.parse().unwrap())
    }

    #[test]
    fn what_is_named_is_allowed_and_nothing_beside_it() {
        let loopback = AllowedNetworks::loopback();
        for address in ["127.0.0.1", "127.255.255.255", "::1", "93.184.216.34", "2606:4700::1111"] {
            assert_eq!(check(&loopback, address), Ok(()), "{address}");
        }
        for (address, kind) in [
            ("10.0.0.1", AddressClass::Private),
            ("::ffff:127.0.0.1", AddressClass::EmbeddedIpv4),
            ("::", AddressClass::Unspecified),
            ("0.0.0.0", AddressClass::Unspecified),
        ] {
            assert_eq!(check(&loopback, address), Err(kind), "{address}");
        }
        assert_eq!(check(&AllowedNetworks::none(), "127.0.0.1"), Err(AddressClass::Loopback));
        let more = AllowedNetworks::loopback().and("10.1.0.0/16".parse().unwrap());
        assert_eq!(check(&more, "10.1.255.255"), Ok(()));
        assert_eq!(check(&more, "10.2.0.0"), Err(AddressClass::Private));
    }

    /// Whoever allows a link or a private range has not thought of the credentials that lie in it.
    #[test]
    fn metadata_must_be_named_itself() {
        let all = allowing(&["0.0.0.0/0", "::/0"]);
        for address in
            ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"]
        {
            assert_eq!(check(&all, address), Err(AddressClass::Metadata), "{address}");
            assert_eq!(check(&allowing(&[address]), address), Ok(()), "{address}");
        }
    }

    #[test]
    fn an_address_inside_an_address_must_be_allowed_too() {
        for (outer, leads_to_loopback, leads_to_public, to_metadata) in [
            ("::ffff:0:0/96", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::ffff:169.254.169.254"),
            ("::/96", "::127.0.0.1", "::93.184.216.34", "::169.254.169.254"),
            ("64:ff9b::/96", "64:ff9b::7f00:1", "64:ff9b::5db8:d822", "64:ff9b::a9fe:a9fe"),
            ("64:ff9b:1::/48", "64:ff9b:1::7f00:1", "64:ff9b:1::5db8:d822", "64:ff9b:1::a9fe:a9fe"),
            ("2002::/16", "2002:7f00:1::", "2002:5db8:d822::", "2002:a9fe:a9fe::1"),
            // The client's bits are turned over; the server is 8.8.8.8.
            (
                "2001::/32",
                "2001:0:808:808::80ff:fffe",
                "2001:0:808:808::a247:27dd",
                "2001:0:a9fe:a9fe::f7f7:f7f7",
            ),
        ] {
            let networks = allowing(&[outer]);
            assert_eq!(check(&networks, leads_to_public), Ok(()), "{leads_to_public}");
            assert_eq!(
                check(&networks, leads_to_loopback),
                Err(AddressClass::Loopback),
                "{leads_to_loopback}"
            );
            assert_eq!(check(&networks, to_metadata), Err(AddressClass::Metadata), "{to_metadata}");
            assert_eq!(check(&AllowedNetworks::none(), leads_to_public), Err(AddressClass::EmbeddedIpv4));
            let both = networks.and("127.0.0.0/8".parse().unwrap());
            assert_eq!(check(&both, leads_to_loopback), Ok(()), "{leads_to_loopback}");
        }
    }
}
