//! What the URL of a webhook may be: its scheme, its host and its port. What its address may be is looked at
//! when it is called, by the [`Connector`](crate::Connector).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::Uri;
use http::uri::Scheme;

use crate::InvalidWebhook;
use crate::limits::{MAX_HOST_LABEL_BYTES, MAX_HOST_NAME_BYTES};

/// The URL of a webhook that may be called, as far as the URL itself tells.
#[derive(Clone)]
pub(crate) struct WebhookUrl {
    uri: Uri,
    origin: Origin,
}

impl WebhookUrl {
    /// Reads `url`, or says what is wrong with it.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidWebhook> {
        let refused = |why| Err(InvalidWebhook::Url { why });
        if !url.is_ascii() {
            return refused("it must be ASCII: write a host of another script as xn--");
        }
        let uri: Uri = url.parse().map_err(|_| InvalidWebhook::Url { why: "it cannot be read" })?;
        let Some(protocol) = Protocol::of(&uri) else {
            return refused("it must start with https:// or http://");
        };
        let origin = match uri.authority() {
            Some(authority) => Origin::read(protocol, authority.as_str())?,
            None => return refused("it names no host"),
        };
        Ok(Self { uri, origin })
    }

    /// The web server.
    pub(crate) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query, if there are any.
    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }
}

/// Where a web server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) protocol: Protocol,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// The host of an [`Origin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// An address, written out.
    Address(IpAddr),
    /// A name, in lower case.
    Name(String),
}

/// How a web server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    /// The same over TLS.
    Https,
}

impl Protocol {
    /// That of `uri`, if it is one of the two.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => Some(Self::Http),
            Some(scheme) if *scheme == Scheme::HTTPS => Some(Self::Https),
            _ => None,
        }
    }

    /// As it stands in a URL.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Where it is served when no port is named.
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Origin {
    /// Reads the authority of a URL whose scheme is that of `protocol`.
    ///
    /// An address has one spelling here. The system's resolver also takes `127.1`, `0x7f000001` and
    /// `017700000001` for addresses; what ends in a number and is not the one spelling is refused, so that
    /// what a person reads is what is called.
    pub(crate) fn read(protocol: Protocol, authority: &str) -> Result<Self, InvalidWebhook> {
        let refused = |why| Err(InvalidWebhook::Url { why });
        if authority.contains('@') {
            return refused("a user or password may not stand in it");
        }
        let (host, port) = match authority.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((address, port))) => {
                let Ok(address) = address.parse::<Ipv6Addr>() else {
                    return refused("what stands in brackets must be an IPv6 address without a zone");
                };
                (Host::Address(address.into()), port)
            }
            Some(None) => return refused("a bracket is not closed"),
            None => {
                let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
                (host_of(host)?, port)
            }
        };
        let port = match port {
            "" => protocol.port(),
            port => number(port).ok_or(InvalidWebhook::Port)?,
        };
        Ok(Self { protocol, host, port })
    }
}

/// The port in `:port`.
fn number(port: &str) -> Option<u16> {
    let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().filter(|port| *port != 0)
}

fn host_of(host: &str) -> Result<Host, InvalidWebhook> {
    let refused = |why| Err(InvalidWebhook::Url { why });
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    // The dot at the end says that the name is whole.
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() {
        return refused("it names no host");
    }
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=MAX_HOST_LABEL_BYTES).contains(&label.len()) && label.bytes().all(plain)
    };
    if name.len() > MAX_HOST_NAME_BYTES || !name.split('.').all(is_label) {
        return refused("its host is not a name of letters, digits, hyphens and dots, nor an address");
    }
    if name.rsplit('.').next().is_some_and(is_numeric) {
        return refused("its host ends in a number: write an IPv4 address as four decimal numbers");
    }
    Ok(Host::Name(host.to_ascii_lowercase()))
}

/// Whether the system's resolver could take a name that ends so for an address.
fn is_numeric(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl fmt::Display for Origin {
    /// As it stands in a `Host` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.port) {
            (Host::Name(name), port) if port == self.protocol.port() => f.write_str(name),
            (Host::Name(name), port) => write!(f, "{name}:{port}"),
            (Host::Address(address), port) if port != self.protocol.port() => {
                write!(f, "{}", SocketAddr::new(*address, port))
            }
            (Host::Address(IpAddr::V4(address)), _) => write!(f, "{address}"),
            (Host::Address(IpAddr::V6(address)), _) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authority: &str) -> Result<Origin, InvalidWebhook> {
        Origin::read(Protocol::Http, authority)
    }

    #[test]
    fn names_and_addresses_are_read_and_written_back() {
        for (authority, written, port) in [
            ("shop.example", "shop.example", 80),
            ("Shop.Example.:80", "shop.example.", 80),
            ("my_service:8080", "my_service:8080", 8080),
            ("a:1", "a:1", 1),
            ("a:65535", "a:65535", 65_535),
            ("a:00080", "a", 80),
            ("192.0.2.1", "192.0.2.1", 80),
            ("192.0.2.1:81", "192.0.2.1:81", 81),
            ("[2001:DB8::1]", "[2001:db8::1]", 80),
            ("[2001:db8:0::1]:81", "[2001:db8::1]:81", 81),
            ("0x7f.example", "0x7f.example", 80),
            ("1.example", "1.example", 80),
        ] {
            let origin = read(authority).unwrap();
            assert_eq!((origin.to_string().as_str(), origin.port), (written, port));
        }
        let (label, name) = ("x".repeat(63), format!("{}.example", "x.".repeat(122) + "x"));
        assert!(read(&label).is_ok());
        assert!(read(&format!("{label}x")).is_err());
        assert_eq!(name.len(), 253);
        assert!(read(&name).is_ok());
        assert!(read(&format!("x{name}")).is_err());
    }

    #[test]
    fn each_protocol_has_a_port_of_its_own_that_is_not_written() {
        for (url, written, port) in [
            ("https://shop.example/hook", "shop.example", 443),
            ("https://shop.example:443", "shop.example", 443),
            ("https://shop.example:80", "shop.example:80", 80),
            ("https://[2001:db8::1]", "[2001:db8::1]", 443),
            ("https://[2001:db8::1]:80", "[2001:db8::1]:80", 80),
            ("http://192.0.2.1:443", "192.0.2.1:443", 443),
            ("HTTPS://192.0.2.1", "192.0.2.1", 443),
        ] {
            let url = WebhookUrl::parse(url).unwrap();
            assert_eq!((url.origin().to_string().as_str(), url.origin().port), (written, port));
        }
        let [plain, secure] =
            ["http://a.b:443/", "https://a.b/"].map(|url| WebhookUrl::parse(url).unwrap().origin().clone());
        assert_ne!(plain, secure);
    }

    #[test]
    fn ports_that_there_are_not_are_refused_by_name() {
        for port in ["0", "00", "65536", "99999999999999999999", "-1", "+80", "8 0", "x", "", "80:80"] {
            for host in ["a.b", "127.0.0.1", "[::1]"] {
                let refused = read(&format!("{host}:{port}")).unwrap_err();
                assert_eq!(refused, InvalidWebhook::Port, "{host}:{port}");
            }
        }
        assert_eq!(read("[::1]80"), Err(InvalidWebhook::Port));
        assert!(InvalidWebhook::Port.to_string().contains("port"));
    }

    #[test]
    fn an_address_has_one_spelling() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0X7F000001",
            "017700000001",
            "127.1",
            "127.0.1",
            "0177.0.0.1",
            "127.0.0.01",
            "0x7f.0.0.1",
            "0x7f.1",
            "127.0.0.1.",
            "127.0.0.0x1",
            "1",
            "0",
            "0x",
            "a.0x7f",
            "256.0.0.1",
            "1.2.3.4.5",
            "[127.0.0.1]",
            "[::1%25lo]",
            "[::1%lo]",
            "[::1",
            "[]",
            "::1",
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a b",
            "a%2eb",
            "%31%32%37.0.0.1",
            "a\\b",
            "a\tb",
            "a,b",
            "münchen",
            "１２７.0.0.1",
            "a@b",
            "127。0。0。1",
        ] {
            assert!(read(host).is_err(), "{host}");
        }
    }
}
