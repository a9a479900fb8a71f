//! The few programs and libraries that must be C, compiled when they are first asked for. Rust needs a
//! C compiler to link, so there is one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use crate::{once, places, ran::Ran};

/// The path of what `cc` makes of `src/SOURCE` with these flags; another text makes another one.
///
/// # Panics
///
/// When there is no C compiler, or none that this architecture's few lines suit.
#[must_use]
pub fn compiled(source: &str, flags: &[&str]) -> PathBuf {
    let path = places::package().join("src").join(source);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut hasher = DefaultHasher::new();
    (text, flags).hash(&mut hasher);
    let stem = source.trim_end_matches(".c");
    once::made(&format!("{stem}-{:016x}", hasher.finish()), |output| {
        let mut command = Command::new("cc");
        command.args(flags).arg("-o").arg(output).arg(&path);
        let ran = Ran::of(&mut command).unwrap_or_else(|error| panic!("cc: {error}"));
        assert_eq!(ran.code, 0, "{command:?}\n{ran}");
    })
}
