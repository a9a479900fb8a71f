//! Who is at the other end: PEM files → rustls settings, certificates → [`Identity`].
//!
//! Everything that speaks to another machine of the fleet goes through here. TLS 1.3 only,
//! certificates on both sides, and one rule about names: a certificate has exactly one URI name,
//! `spiffe://FLEET/ROLE/NAME`; DNS names, IP addresses and the common name decide nothing.
//!
//! Which role may call which method is not decided here, but by the doors; a client accepts only
//! a controller of its own fleet.
//!
//! [`Identity`]: proto_words::Identity

pub mod connect;
pub mod crypto;
mod der;
mod files;
mod peer;
mod refusal;
mod settings;
mod verify;

pub use connect::{ConnectError, channel, connect, pinged_channel};
pub use files::{Credentials, FileError, Files};
pub use peer::{Peer, PeerError, peer_identity};
pub use refusal::handshake_refusal;
pub use settings::{client_config, server_config};

#[cfg(test)]
mod tests;
