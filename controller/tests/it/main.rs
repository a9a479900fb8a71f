//! The controller in this process, real TLS, and agents and operators that are played.

#![expect(clippy::unwrap_used, reason = "on a test's stage a failure is a panic")]

mod operations;
mod played;
mod refusals;
mod sessions;
