//! Names of hosts into addresses: IPv4 only, as supervisord's servers and sockets are.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

/// `EAI_NONAME`, `EAI_AGAIN`, `EAI_NODATA` and `EAI_ADDRFAMILY` of the C library: the standard
/// library passes on the text only, and supervisord shows the number.
const RESOLVER_CODES: [(&str, i32); 4] = [
    (NO_NAME.text, NO_NAME.code),
    ("Temporary failure in name resolution", -3),
    (NO_DATA.text, NO_DATA.code),
    (ADDRESS_FAMILY.text, ADDRESS_FAMILY.code),
];

const NO_NAME: Unresolved = Unresolved { code: -2, text: "Name or service not known" };

const NO_DATA: Unresolved = Unresolved { code: -5, text: "No address associated with hostname" };

const ADDRESS_FAMILY: Unresolved =
    Unresolved { code: -9, text: "Address family for hostname not supported" };

/// Why a name has no address; what Python's `gaierror` carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unresolved {
    /// The resolver's code, negative.
    pub code: i32,
    /// Its text.
    pub text: &'static str,
}

/// The IPv4 address of a host. It may ask a name service, and block.
///
/// # Errors
///
/// [`Unresolved`], also for an IPv6 address.
pub fn ipv4_of(host: &str) -> Result<Ipv4Addr, Unresolved> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Err(ADDRESS_FAMILY);
    }
    let found = (host, 0).to_socket_addrs().map_err(|error| {
        let said = error.to_string();
        let code = RESOLVER_CODES.iter().find(|(text, _)| said.contains(text));
        code.map_or(NO_NAME, |&(text, code)| Unresolved { code, text })
    })?;
    first_ipv4(found).ok_or(NO_DATA)
}

fn first_ipv4(mut found: impl Iterator<Item = SocketAddr>) -> Option<Ipv4Addr> {
    found.find_map(|address| match address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{ADDRESS_FAMILY, ipv4_of};

    #[test]
    fn addresses_are_taken_as_they_are_and_names_looked_up() {
        assert_eq!(ipv4_of("192.0.2.1"), Ok(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(ipv4_of("localhost"), Ok(Ipv4Addr::LOCALHOST));
        assert_eq!(ipv4_of("::1"), Err(ADDRESS_FAMILY));
        assert!(ipv4_of("no such host").is_err());
    }
}
