//! A file system that hangs, as one behind a dead server does: mounted, and never answering.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::{getgid, getuid};

/// A mount whose other side says nothing. Whoever looks at a path in it waits until it is dropped,
/// and gets an error then.
#[derive(Debug)]
pub struct HungMount {
    path: PathBuf,
    /// The side that should answer; when it is closed, everything that waits fails.
    _device: File,
}

impl HungMount {
    /// Mounts one over a directory.
    ///
    /// # Errors
    ///
    /// Without root, or without FUSE in the kernel.
    pub fn over(path: &Path) -> io::Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        let options = format!(
            "fd={},rootmode=40000,user_id={},group_id={},allow_other",
            device.as_raw_fd(),
            getuid(),
            getgid()
        );
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("hung"), path, Some("fuse"), flags, Some(options.as_str()))?;
        Ok(Self { path: path.to_path_buf(), _device: device })
    }
}

impl Drop for HungMount {
    fn drop(&mut self) {
        // Lazily: those who wait hold it until the device is closed, right after this.
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}
