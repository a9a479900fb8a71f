//! The spawn thread and the bytes thread with real children.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod births;
mod listeners;
mod refusals;
mod streams;
mod support;
