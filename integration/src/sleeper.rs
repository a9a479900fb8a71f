//! The program that costs nothing, for large numbers.
//!
//! The scripted `child` is a Rust program: it maps a C library and touches about a hundred pages
//! (some 400 KiB of its own). The sleeper is one static page of machine code (12 KiB in all), so a thousand of
//! them are cheap and starting one is little more than the fork. Rust needs a C compiler to link,
//! so there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{once, places, ran::Ran};

/// The path of the sleeper, compiled when it is first asked for.
///
/// # Panics
///
/// When there is no C compiler, or none that this architecture's few lines suit.
#[must_use]
pub fn path() -> PathBuf {
    once::made("sleeper", compile)
}

fn compile(output: &Path) {
    let mut command = Command::new("cc");
    command
        .args(["-static", "-nostdlib", "-ffreestanding", "-Os", "-s", "-o"])
        .arg(output)
        .arg(places::package().join("src/sleeper.c"));
    let ran = Ran::of(&mut command).unwrap_or_else(|error| panic!("cc: {error}"));
    assert_eq!(ran.code, 0, "{command:?}\n{ran}");
}
