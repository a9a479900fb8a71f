//! The program that costs nothing, for large numbers.
//!
//! The scripted `child` is a Rust program: it maps a C library and touches about a hundred pages
//! (some 400 KiB of its own). The sleeper is one static page of machine code (12 KiB in all), so a thousand of
//! them are cheap and starting one is little more than the fork.

use std::path::PathBuf;

use crate::native;

/// The path of the sleeper, compiled when it is first asked for.
#[must_use]
pub fn path() -> PathBuf {
    native::compiled("sleeper.c", &["-static", "-nostdlib", "-ffreestanding", "-Os", "-s"])
}
