//! The fleet's gRPC: messages, clients and server traits, and their translation into words.
//!
//! The code in `gen/` is generated from `fleetvisor/v1/*.proto` and checked in, so that a build
//! needs no protoc; `tests/regenerate.rs` fails when it is out of date. Generated types stop at
//! the doors: cores see words only.

/// Package `fleetvisor.v1`: generated, documented in the `.proto` files.
#[expect(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes,
    reason = "generated; documented in the .proto files"
)]
pub mod v1 {
    include!("gen/fleetvisor.v1.rs");
}

mod convert;
mod table_hash;

pub use convert::{BadMessage, kind_from_wire, kind_to_wire, state_from_wire, state_to_wire};
pub use prost::Message;
pub use table_hash::table_hash;

/// The lowest version of the link's protocol that this build speaks.
pub const PROTOCOL_LOWEST: u32 = 1;

/// The highest; a session speaks the highest that both ends know.
pub const PROTOCOL_HIGHEST: u32 = 1;
