//! The pidfile: written without a look at what is there, removed only by who wrote it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A pidfile that this process has written.
#[derive(Debug)]
pub struct Pidfile(PathBuf);

impl Pidfile {
    /// Writes the own pid and a newline; an existing file is overwritten, as supervisord does.
    ///
    /// # Errors
    ///
    /// The system's reason; the agent goes on without a pidfile then.
    pub fn write(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self(path.to_owned()))
    }

    /// Removes it.
    pub fn remove(self) {
        // Somebody may have removed it before; there is nobody left to tell.
        drop(fs::remove_file(self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::Pidfile;

    #[test]
    fn it_holds_the_pid_and_goes_when_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pid");
        std::fs::write(&path, "999999\n").expect("an old one");
        let pidfile = Pidfile::write(&path).expect("written");
        let text = std::fs::read_to_string(&path).expect("there");
        assert_eq!(text, format!("{}\n", std::process::id()));
        pidfile.remove();
        assert!(!path.exists());
        assert!(Pidfile::write(&directory.path().join("no/pid")).is_err());
    }
}
