//! Which addresses are not the public internet's, after IANA's registries of special-purpose addresses for
//! IPv4 and IPv6 (RFC 6890 and what came after it).
//!
//! What lies in more than one range belongs to the narrowest. Of IPv6, [`GLOBAL_UNICAST`] alone is given out;
//! all else is refused without being named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::AddressClass::{
    self, Benchmarking, CarrierGradeNat, Documentation, EmbeddedIpv4, LinkLocal, Loopback, Multicast,
    Private, Reserved, SiteLocal, Unspecified,
};
use crate::IpNetwork;

/// What is given out of IPv6 (RFC 4291 §2.4).
pub(crate) const GLOBAL_UNICAST: IpNetwork = IpNetwork::v6([0x2000, 0, 0], 3);

/// Where clouds tell a machine about itself. A range that is allowed does not allow these: each has to be
/// named.
pub(crate) const METADATA: [IpAddr; 7] = [
    // AWS, Azure, Google, DigitalOcean, OpenStack and most others.
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    // AWS: credentials of containers.
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    // Alibaba.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Oracle.
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // Azure's host, which is a public address.
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // AWS by IPv6.
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

pub(crate) const SPECIAL_PURPOSE: [(IpNetwork, AddressClass); 36] = [
    (IpNetwork::v4([0, 0, 0, 0], 8), Unspecified), // RFC 791 §3.2
    (IpNetwork::v4([10, 0, 0, 0], 8), Private),    // RFC 1918
    (IpNetwork::v4([100, 64, 0, 0], 10), CarrierGradeNat), // RFC 6598
    (IpNetwork::v4([127, 0, 0, 0], 8), Loopback),  // RFC 1122 §3.2.1.3
    (IpNetwork::v4([169, 254, 0, 0], 16), LinkLocal), // RFC 3927
    (IpNetwork::v4([172, 16, 0, 0], 12), Private), // RFC 1918
    (IpNetwork::v4([192, 0, 0, 0], 24), Reserved), // RFC 6890 §2.1
    (IpNetwork::v4([192, 0, 2, 0], 24), Documentation), // RFC 5737
    (IpNetwork::v4([192, 31, 196, 0], 24), Reserved), // RFC 7535: AS112
    (IpNetwork::v4([192, 52, 193, 0], 24), Reserved), // RFC 7450: AMT
    (IpNetwork::v4([192, 88, 99, 0], 24), Reserved), // RFC 7526: 6to4 relays, given up
    (IpNetwork::v4([192, 168, 0, 0], 16), Private), // RFC 1918
    (IpNetwork::v4([192, 175, 48, 0], 24), Reserved), // RFC 7534: AS112
    (IpNetwork::v4([198, 18, 0, 0], 15), Benchmarking), // RFC 2544
    (IpNetwork::v4([198, 51, 100, 0], 24), Documentation), // RFC 5737
    (IpNetwork::v4([203, 0, 113, 0], 24), Documentation), // RFC 5737
    (IpNetwork::v4([224, 0, 0, 0], 4), Multicast), // RFC 5771
    (IpNetwork::v4([240, 0, 0, 0], 4), Reserved),  // RFC 1112 §4; the last is the broadcast
    (IpNetwork::one(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), Unspecified), // RFC 4291
    (IpNetwork::one(IpAddr::V6(Ipv6Addr::LOCALHOST)), Loopback), // RFC 4291
    (IpNetwork::v6([0, 0, 0], 96), EmbeddedIpv4),  // RFC 4291 §2.5.5.1: compatible, given up
    (IpNetwork::v6_mapped(), EmbeddedIpv4),        // RFC 4291 §2.5.5.2
    (IpNetwork::v6([0x64, 0xff9b, 0], 96), EmbeddedIpv4), // RFC 6052: translated
    (IpNetwork::v6([0x64, 0xff9b, 1], 48), EmbeddedIpv4), // RFC 8215: translated locally
    (IpNetwork::v6([0x100, 0, 0], 32), Reserved),  // RFC 6666, RFC 9780: discarded
    (IpNetwork::v6([0x2001, 0, 0], 23), Reserved), // RFC 2928: the protocols' own
    (IpNetwork::v6([0x2001, 0, 0], 32), EmbeddedIpv4), // RFC 4380: Teredo
    (IpNetwork::v6([0x2001, 2, 0], 48), Benchmarking), // RFC 5180
    (IpNetwork::v6([0x2001, 0xdb8, 0], 32), Documentation), // RFC 3849
    (IpNetwork::v6([0x2002, 0, 0], 16), EmbeddedIpv4), // RFC 3056: 6to4
    (IpNetwork::v6([0x3fff, 0, 0], 20), Documentation), // RFC 9637
    (IpNetwork::v6([0x5f00, 0, 0], 16), Reserved), // RFC 9602: segment routing
    (IpNetwork::v6([0xfc00, 0, 0], 7), Private),   // RFC 4193: unique local
    (IpNetwork::v6([0xfe80, 0, 0], 10), LinkLocal), // RFC 4291 §2.5.6
    (IpNetwork::v6([0xfec0, 0, 0], 10), SiteLocal), // RFC 3879: given up
    (IpNetwork::v6([0xff00, 0, 0], 8), Multicast), // RFC 4291 §2.7
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and last address of every range, and the ones beside it, by hand from the registries.
    #[test]
    fn every_range_ends_where_the_registry_says() {
        for (first, last, kind, before, after) in [
            ("0.0.0.0", "0.255.255.255", Unspecified, None, Some("1.0.0.0")),
            ("10.0.0.0", "10.255.255.255", Private, Some("9.255.255.255"), Some("11.0.0.0")),
            ("100.64.0.0", "100.127.255.255", CarrierGradeNat, Some("100.63.255.255"), Some("100.128.0.0")),
            ("127.0.0.0", "127.255.255.255", Loopback, Some("126.255.255.255"), Some("128.0.0.0")),
            ("169.254.0.0", "169.254.255.255", LinkLocal, Some("169.253.255.255"), Some("169.255.0.0")),
            ("172.16.0.0", "172.31.255.255", Private, Some("172.15.255.255"), Some("172.32.0.0")),
            ("192.0.0.0", "192.0.0.255", Reserved, Some("191.255.255.255"), Some("192.0.1.0")),
            ("192.0.2.0", "192.0.2.255", Documentation, Some("192.0.1.255"), Some("192.0.3.0")),
            ("192.31.196.0", "192.31.196.255", Reserved, Some("192.31.195.255"), Some("192.31.197.0")),
            ("192.52.193.0", "192.52.193.255", Reserved, Some("192.52.192.255"), Some("192.52.194.0")),
            ("192.88.99.0", "192.88.99.255", Reserved, Some("192.88.98.255"), Some("192.88.100.0")),
            ("192.168.0.0", "192.168.255.255", Private, Some("192.167.255.255"), Some("192.169.0.0")),
            ("192.175.48.0", "192.175.48.255", Reserved, Some("192.175.47.255"), Some("192.175.49.0")),
            ("198.18.0.0", "198.19.255.255", Benchmarking, Some("198.17.255.255"), Some("198.20.0.0")),
            ("198.51.100.0", "198.51.100.255", Documentation, Some("198.51.99.255"), Some("198.51.101.0")),
            ("203.0.113.0", "203.0.113.255", Documentation, Some("203.0.112.255"), Some("203.0.114.0")),
            ("224.0.0.0", "239.255.255.255", Multicast, Some("223.255.255.255"), None),
            ("240.0.0.0", "255.255.255.255", Reserved, None, None),
            ("::", "::", Unspecified, None, None),
            ("::1", "::1", Loopback, None, None),
            ("::2", "::ffff:ffff", EmbeddedIpv4, None, None),
            ("::ffff:0.0.0.0", "::ffff:255.255.255.255", EmbeddedIpv4, None, None),
            ("64:ff9b::", "64:ff9b::ffff:ffff", EmbeddedIpv4, None, None),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", EmbeddedIpv4, None, None),
            ("100::", "100::ffff:ffff:ffff:ffff", Reserved, None, None),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", EmbeddedIpv4, Some("2000:ffff::"), None),
            ("2001:1::", "2001:1:ffff::", Reserved, None, None),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Benchmarking, None, None),
            ("2001:2:1::", "2001:1ff:ffff::", Reserved, None, Some("2001:200::")),
            ("2001:db8::", "2001:db8:ffff::", Documentation, Some("2001:db7:ffff::"), Some("2001:db9::")),
            ("2002::", "2002:ffff::", EmbeddedIpv4, Some("2001:ffff::"), Some("2003::")),
            ("3fff::", "3fff:fff:ffff::", Documentation, Some("3ffe:ffff::"), Some("3fff:1000::")),
            ("4000::", "fbff:ffff::", Reserved, None, None),
            ("fc00::", "fdff:ffff::", Private, None, None),
            ("fe00::", "fe7f:ffff::", Reserved, None, None),
            ("fe80::", "febf:ffff::", LinkLocal, None, None),
            ("fec0::", "feff:ffff::", SiteLocal, None, None),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Multicast, None, None),
        ] {
            let kind_of = |text: &str| AddressClass::of(text.parse().unwrap());
            assert_eq!((kind_of(first), kind_of(last)), (Some(kind), Some(kind)), "{first} to {last}");
            for public in [before, after].into_iter().flatten() {
                assert_eq!(kind_of(public), None, "{public}");
            }
        }
    }
}
