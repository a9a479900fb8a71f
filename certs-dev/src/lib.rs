//! A throw-away certificate authority for development, demonstrations and tests.
//!
//! [`Authority`] issues one [`Pair`] at a time, bad ones included, for tests; [`write_all`] makes
//! the files of a whole fleet. Nothing here is meant for production: the authority's key lies
//! beside the certificates.

mod authority;
mod files;

pub use authority::{Authority, Error, Leaf, Pair, Validity};
pub use files::{Fleet, WriteError, write_all, write_private, write_public};
