use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::IpNetwork;
use crate::special_purpose_ranges::{GLOBAL_UNICAST, METADATA, SPECIAL_PURPOSE};

/// What an address is for that is not one of the public internet's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressClass {
    /// The machine itself.
    Loopback,
    /// A private network.
    Private,
    /// Between a provider and its customers.
    CarrierGradeNat,
    /// The same cable.
    LinkLocal,
    /// A site, in the way that was given up.
    SiteLocal,
    /// No address, or "this network".
    Unspecified,
    /// Where a cloud tells a machine about itself, credentials included.
    Metadata,
    /// Written in examples only.
    Documentation,
    /// For measuring networks.
    Benchmarking,
    /// Many at once.
    Multicast,
    /// An IPv4 address inside an IPv6 one: mapped, translated or tunnelled.
    EmbeddedIpv4,
    /// For the protocols' own use, or nobody's yet.
    Reserved,
}

impl AddressClass {
    /// What `address` is for; nothing when it is one of the public internet's.
    ///
    /// ```
    /// use bulla_webhook::AddressClass;
    ///
    /// assert_eq!(AddressClass::of([127, 0, 0, 1].into()), Some(AddressClass::Loopback));
    /// assert_eq!(AddressClass::of([93, 184, 216, 34].into()), None);
    /// ```
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        // First, since these lie in ranges that an operator may well allow.
        if METADATA.contains(&address) {
            return Some(Self::Metadata);
        }
        let holds = |(network, _): &&(IpNetwork, Self)| network.contains(address);
        let narrowest = SPECIAL_PURPOSE.iter().filter(holds).max_by_key(|(network, _)| network.prefix_bits());
        match narrowest {
            Some((_, kind)) => Some(*kind),
            None if address.is_ipv6() && !GLOBAL_UNICAST.contains(address) => Some(Self::Reserved),
            None => None,
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::CarrierGradeNat => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::SiteLocal => "site-local",
            Self::Unspecified => "unspecified",
            Self::Metadata => "cloud metadata",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Multicast => "multicast",
            Self::EmbeddedIpv4 => "IPv4 inside IPv6",
            Self::Reserved => "reserved",
        })
    }
}

/// The IPv4 addresses to which packets for `address` may go in the end: of mapped, compatible, translated and
/// tunnelled ones.
///
/// A translator's own prefix (RFC 8215) may be cut at several places (RFC 6052 §2.2); it is read as one of 96
/// bits, the usual one.
pub(crate) fn embedded_ipv4(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match (a, b) {
        (0x2002, _) => [v4(b, c), None],
        // Teredo: the server, then the client with its bits turned over (RFC 4380 §4).
        (0x2001, 0) => [v4(c, d), v4(!g, !h)],
        (0x64, 0xff9b) => [v4(g, h), None],
        // `::` and `::1` are addresses of their own, and embed nothing.
        (0, 0) if [c, d, e] == [0; 3] && (f == 0xffff || f == 0) && address.to_bits() > 1 => [v4(g, h), None],
        _ => [None, None],
    }
}
