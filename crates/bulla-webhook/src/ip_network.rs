use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// A range of addresses, written as `10.0.0.0/8` or `fd12:3456::/32`. An address alone is a range of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IpNetwork {
    first: IpAddr,
    prefix_bits: u8,
}

impl IpNetwork {
    pub(crate) const fn v4(octets: [u8; 4], prefix_bits: u8) -> Self {
        let [a, b, c, d] = octets;
        Self { first: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix_bits }
    }

    /// The range whose first address starts with these groups and goes on with zeros.
    pub(crate) const fn v6(start: [u16; 3], prefix_bits: u8) -> Self {
        let [a, b, c] = start;
        Self { first: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix_bits }
    }

    /// IPv4 addresses in IPv6's notation (RFC 4291 §2.5.5.2).
    pub(crate) const fn v6_mapped() -> Self {
        Self { first: IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0)), prefix_bits: 96 }
    }

    pub(crate) const fn one(address: IpAddr) -> Self {
        Self { first: address, prefix_bits: width(address) }
    }

    /// Whether `address` lies in the range. An IPv4 address lies in no range of IPv6 ones, nor the other way
    /// round.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                // A prefix of no bits shifts by the whole width, which is no shift at all.
                let ours = u32::MAX.checked_shl(32 - u32::from(self.prefix_bits)).unwrap_or(0);
                (first.to_bits() ^ address.to_bits()) & ours == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let ours = u128::MAX.checked_shl(128 - u32::from(self.prefix_bits)).unwrap_or(0);
                (first.to_bits() ^ address.to_bits()) & ours == 0
            }
            _ => false,
        }
    }

    /// Whether it holds one address only.
    #[must_use]
    pub const fn is_one_address(&self) -> bool {
        self.prefix_bits == width(self.first)
    }

    pub(crate) const fn prefix_bits(&self) -> u8 {
        self.prefix_bits
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl FromStr for IpNetwork {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (first, prefix) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(|_| InvalidNetwork::Address)?;
        let Some(prefix) = prefix else { return Ok(Self::one(first)) };
        let limit = width(first);
        // `parse` alone would take a plus sign.
        let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix_bits = prefix.parse::<u8>().ok().filter(|bits| plain && *bits <= limit);
        let prefix_bits = prefix_bits.ok_or(InvalidNetwork::Prefix { limit })?;
        let rest = match first {
            IpAddr::V4(first) => first.to_bits().checked_shl(prefix_bits.into()).unwrap_or(0).into(),
            IpAddr::V6(first) => first.to_bits().checked_shl(prefix_bits.into()).unwrap_or(0),
        };
        if rest != 0 {
            return Err(InvalidNetwork::BitsBeyondPrefix);
        }
        Ok(Self { first, prefix_bits })
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix_bits)
    }
}

impl fmt::Debug for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was given is not a range of addresses. The operator's move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidNetwork {
    /// It does not start with an address.
    #[error("a network starts with an address, as in 10.0.0.0/8")]
    Address,
    /// The length of the prefix is not one.
    #[error("a network's prefix has 0 to {limit} bits")]
    Prefix {
        /// The most bits it can have.
        limit: u8,
    },
    /// The address has bits set that the prefix does not cover: one of the two is a mistake.
    #[error("a network's address has zeros beyond its prefix")]
    BitsBeyondPrefix,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> IpNetwork {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_its_first_and_last_address_and_none_beside() {
        for (network_text, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("172.16.0.0/12", ["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
            ("192.0.2.7", ["192.0.2.7", "192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
            ("fe80::/10", ["fe80::", "febf:ffff::"], ["fe7f:ffff::", "fec0::"]),
            ("::1", ["::1", "::1"], ["::", "::2"]),
            ("::ffff:0:0/96", ["::ffff:0.0.0.0", "::ffff:255.255.255.255"], ["::fffe:ffff:ffff", "10.0.0.0"]),
        ] {
            let network = network(network_text);
            assert!(inside.iter().all(|text| network.contains(text.parse().unwrap())), "{network}");
            assert!(!outside.iter().any(|text| network.contains(text.parse().unwrap())), "{network}");
        }
        assert!(network("0.0.0.0/0").contains("255.255.255.255".parse().unwrap()));
        assert!(!network("0.0.0.0/0").contains("::".parse().unwrap()));
        assert!(network("::/0").contains("ffff::".parse().unwrap()));
    }

    #[test]
    fn a_network_prints_as_it_is_written() {
        for text in ["10.0.0.0/8", "192.0.2.7/32", "fe80::/10"] {
            let network = network(text);
            assert_eq!(format!("{network} {network:?}"), format!("{text} {text}"));
        }
    }

    #[test]
    fn what_is_not_a_network_is_refused() {
        let read = |text: &str| text.parse::<IpNetwork>();
        for text in
            ["", "/8", "localhost", "10.0.0/8", "010.0.0.0/8", "10.0.0.0/8/8", "[::1]", "fe80::1%eth0"]
        {
            let expected = if text == "10.0.0.0/8/8" {
                InvalidNetwork::Prefix { limit: 32 }
            } else {
                InvalidNetwork::Address
            };
            assert_eq!(read(text), Err(expected), "{text}");
        }
        for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-1"] {
            assert_eq!(read(text), Err(InvalidNetwork::Prefix { limit: 32 }), "{text}");
        }
        assert_eq!(read("::/129"), Err(InvalidNetwork::Prefix { limit: 128 }));
        assert_eq!(read("10.0.0.1/8"), Err(InvalidNetwork::BitsBeyondPrefix));
        assert_eq!(read("::1/127"), Err(InvalidNetwork::BitsBeyondPrefix));
    }
}
