//! The original: Supervisor 4.3.0 as published, in a virtual environment that is made once.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{once, ran::Ran};

/// The release whose behaviour is the measure.
pub const VERSION: &str = "4.3.0";

/// A program of the original's environment: `supervisord`, `supervisorctl` or `python`.
///
/// # Panics
///
/// When the environment cannot be made; the text says what is missing.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    once::made(&format!("supervisor-{VERSION}"), make).join("bin").join(name)
}

fn make(place: &Path) {
    must(
        Command::new("python3").arg("-m").arg("venv").arg(place),
        "the compatibility tests need Python 3 with its venv module: \
         `apt-get install python3 python3-venv` or your system's equivalent",
    );
    must(
        Command::new(place.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("supervisor=={VERSION}")),
        "the compatibility tests need Supervisor from PyPI once; is there a way to it?",
    );
}

fn must(command: &mut Command, advice: &str) {
    let ran = Ran::of(command).unwrap_or_else(|error| panic!("{command:?}: {error}\n{advice}"));
    assert_eq!(ran.code, 0, "{command:?}\n{ran}\n{advice}");
}
