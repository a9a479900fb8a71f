//! The few things the reader must know of the file system, so that tests can make one up.

use std::fs;
use std::io;
use std::path::Path;

/// A file system, as far as reading a configuration needs one.
pub trait Disk {
    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// Whatever kept the file from being read: absent, a directory, no permission.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Whether there is something at `path`, links followed.
    fn exists(&self, path: &str) -> bool;

    /// Whether there is something at `path`, be it a link that leads nowhere.
    fn is_entry(&self, path: &str) -> bool;

    /// Whether `path` is a directory, links followed.
    fn is_dir(&self, path: &str) -> bool;

    /// The names in a directory, in no particular order; empty when it cannot be listed. A name
    /// that is not UTF-8 is left out.
    fn list(&self, path: &str) -> Vec<String>;
}

/// The file system of this host.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn is_entry(&self, path: &str) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    fn is_dir(&self, path: &str) -> bool {
        Path::new(path).is_dir()
    }

    fn list(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(path) else {
            return vec![];
        };
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }
}
