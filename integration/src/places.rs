//! Where built things lie: the binaries under test, and what the harness makes once and keeps.

use std::path::{Path, PathBuf};

/// Names another agent than the workspace's; set by `make mutants`.
pub const AGENT: &str = "INTEGRATION_AGENT";

/// A binary of the workspace, by its name.
///
/// # Panics
///
/// When it has not been built: tests of this package do not build other packages' binaries.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let other = std::env::var_os(AGENT).filter(|_| name == "fleetvisord");
    let path = other.map_or_else(|| profile_directory().join(name), PathBuf::from);
    assert!(
        path.is_file(),
        "{} has not been built; run `cargo build --workspace` (`make test` does) before the tests",
        path.display()
    );
    path
}

/// Where things that are made once are kept between runs: `target/oracle`.
#[must_use]
pub fn cache() -> PathBuf {
    let profile = profile_directory();
    profile.parent().unwrap_or(&profile).join("oracle")
}

/// The directory of this package's sources.
#[must_use]
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The top of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    package().parent().expect("the package lies inside the repository")
}

/// `target/debug` or its like: where the running program lies, less the `deps` of test binaries.
fn profile_directory() -> PathBuf {
    let own = std::env::current_exe().expect("the running program has a path");
    let directory = own.parent().expect("a program lies in a directory");
    if directory.ends_with("deps") {
        directory.parent().expect("deps lies in a directory").to_path_buf()
    } else {
        directory.to_path_buf()
    }
}
