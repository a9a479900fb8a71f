//! The C programs that benches measure with, compiled when they are first asked for: the bare loops,
//! a program that stamps its first instruction, and one that writes lines. Their heads list the
//! system calls that they make.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{once, places, ran::Ran};

/// `bare.c`: the least that a supervisor can do.
///
/// # Panics
///
/// When there is no C compiler; so with the other two.
#[must_use]
pub fn bare() -> PathBuf {
    once::made("bare", |output| compile("bare.c", &["-O2"], output))
}

/// `starter.c`: stamps its first instruction, then sleeps or ends.
#[must_use]
pub fn starter() -> PathBuf {
    let flags = ["-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-Os", "-s"];
    once::made("starter", |output| compile("starter.c", &flags, output))
}

/// `writer.c`: writes lines of 100 bytes.
#[must_use]
pub fn writer() -> PathBuf {
    once::made("writer", |output| compile("writer.c", &["-O2"], output))
}

fn compile(source: &str, flags: &[&str], output: &Path) {
    let mut command = Command::new("cc");
    let source = places::package().join("src/bare").join(source);
    command.args(flags).arg("-o").arg(output).arg(source);
    let ran = Ran::of(&mut command).unwrap_or_else(|error| panic!("cc: {error}"));
    assert_eq!(ran.code, 0, "{command:?}\n{ran}");
}
