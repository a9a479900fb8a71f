//! The one place that names the cryptography: ring, TLS 1.3.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;

/// The only protocol version: TLS 1.3.
pub const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The only protocol spoken inside: HTTP/2.
pub const ALPN: &[u8] = b"h2";

/// The provider that everything of ours is given explicitly, so that none depends on what some
/// other library has installed for the whole process.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// SHA-256, in lower-case hex without colons: how fingerprints are shown.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(64);
    for byte in digest(&SHA256, bytes).as_ref() {
        let _ = write!(text, "{byte:02x}"); // a String takes every write
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fingerprint_of_nothing_is_the_known_one() {
        assert_eq!(
            super::sha256_hex(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
