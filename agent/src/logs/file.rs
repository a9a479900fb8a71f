//! One log file: appended to, rotated by size, and never a reason to stop.
//!
//! A target that fails (a full disk, a directory that is gone) loses what it cannot take: that is
//! counted, said once when it begins and once when it is over, and tried again with each write. A
//! pipe or terminal that takes no more just now loses nothing: its program waits.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use agent_core::spec::{Level, LogSpec};
use proto_words::repr;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Note;
use crate::descriptors::{Kept, Purpose};
use crate::spawn::errno_text;

/// When a file is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    /// After the write that reaches this many bytes; 0 never rotates.
    pub maxbytes: u64,
    /// How many old files are kept; 0 truncates instead.
    pub backups: u32,
}

impl Rotation {
    /// What a configuration says; negative values count as 0, as supervisord takes them.
    #[must_use]
    pub fn new(maxbytes: i64, backups: i64) -> Self {
        Self {
            maxbytes: u64::try_from(maxbytes).unwrap_or(0),
            backups: u32::try_from(backups.max(0)).unwrap_or(u32::MAX),
        }
    }

    /// What a channel's keys say.
    #[must_use]
    pub fn of(spec: &LogSpec) -> Self {
        Self::new(spec.maxbytes, spec.backups)
    }
}

/// How often a file's true length is looked at while we fill it alone: a system call for each write
/// would be a tenth of what a short line costs, and another writer's share may pass the limit by
/// what it writes between two looks.
const CHECKS_PER_FILE: u64 = 64;

/// An open log.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    file: Option<Kept<File>>,
    kind: Kind,
    /// The device that it lies on, or lay on last.
    device: u64,
    /// How long the file is, as far as we know: others may write to it or cut it, too.
    length: u64,
    /// Bytes that we have written since we looked how long it is.
    unchecked: u64,
    /// Bytes dropped since the target began to fail; `None` while it works.
    dropped: Option<u64>,
    rotation_fails: bool,
}

/// What stands behind the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A file that can be rotated and removed.
    Regular,
    /// A pipe, a terminal, a device, or a file behind `/dev/stdout`: only written to.
    Stream,
}

impl LogFile {
    /// Opens a log for appending, as whoever the agent is; it is made with the agent's umask. A
    /// FIFO that nobody reads is opened nevertheless, and filled until somebody does.
    ///
    /// # Errors
    ///
    /// The system's reason: `ENOENT` without the directory, `EACCES`, `EISDIR`, `ENOSPC`, …
    pub fn open(path: impl Into<PathBuf>, rotation: Rotation) -> Result<Self, Errno> {
        let path = path.into();
        let Opened { file, kind, device, length } = open(&path, OFlags::APPEND)?;
        Ok(Self {
            file: Some(kept(file, &path)),
            path,
            rotation,
            kind,
            device,
            length,
            unchecked: 0,
            dropped: None,
            rotation_fails: false,
        })
    }

    /// The device that it lies on: when one call there hangs, all do.
    #[must_use]
    pub fn device(&self) -> u64 {
        self.device
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes, then rotates if that is due. Returns how many bytes are dealt with, written or
    /// dropped: fewer than all only for a stream that takes no more just now.
    pub(super) fn append(&mut self, bytes: &[u8], notes: &mut Vec<Note>) -> usize {
        if bytes.is_empty() {
            return 0;
        }
        match self.write(bytes) {
            Ok(written) => {
                if written == bytes.len() {
                    self.works_again(notes);
                    self.rotate_if_due(notes);
                }
                written
            }
            Err((written, errno)) => {
                self.drops(bytes.len() - written, errno, notes);
                bytes.len()
            }
        }
    }

    /// Gives up bytes that a stream has not taken, since its program is gone.
    pub(super) fn give_up(&mut self, bytes: usize, notes: &mut Vec<Note>) {
        if bytes > 0 {
            self.drops(bytes, Errno::AGAIN, notes);
        }
    }

    /// What to wait for when [`LogFile::append`] took less than all.
    pub(super) fn as_stream(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// Opens the path anew: a file that was moved away gets a fresh one (LOG-30).
    pub(super) fn reopen(&mut self, notes: &mut Vec<Note>) {
        self.file = None;
        if let Err(errno) = self.opened() {
            self.drops(0, errno, notes);
        }
    }

    /// Removes the file and makes a new one. A stream stays as it is: removing `/dev/stdout` would
    /// help nobody.
    pub(super) fn clear(&mut self) -> Result<(), Errno> {
        if self.kind == Kind::Stream {
            return Ok(());
        }
        gone_is_fine(std::fs::remove_file(&self.path)).map_err(|error| errno_of(&error))?;
        self.file = None;
        self.opened().map(drop)
    }

    /// Says what was lost, if the file is closed while it fails.
    pub(super) fn close(mut self, notes: &mut Vec<Note>) {
        if let Some(dropped) = self.dropped.take() {
            notes.push((Level::Error, self.says(&format!("closed, dropped {dropped} bytes"))));
        }
    }

    /// Writes as much as goes: the count, and why not more.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, (usize, Errno)> {
        let file = self.opened().map_err(|errno| (0, errno))?;
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match rustix::io::write(file, rest) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) => return Err((written, errno)),
            }
        }
        self.length = self.length.saturating_add(written as u64);
        self.unchecked = self.unchecked.saturating_add(written as u64);
        Ok(written)
    }

    fn opened(&mut self) -> Result<&Kept<File>, Errno> {
        if self.file.is_none() {
            let opened = open(&self.path, OFlags::APPEND)?;
            self.take_up(opened);
        }
        self.file.as_ref().ok_or(Errno::BADF)
    }

    fn drops(&mut self, bytes: usize, errno: Errno, notes: &mut Vec<Note>) {
        let before = self.dropped.unwrap_or_else(|| {
            let errno = errno_text(errno.raw_os_error());
            let text = format!("cannot be written ({errno}); dropping output until it can");
            notes.push((Level::Error, self.says(&text)));
            0
        });
        self.dropped = Some(before.saturating_add(bytes as u64));
    }

    fn works_again(&mut self, notes: &mut Vec<Note>) {
        if let Some(dropped) = self.dropped.take() {
            let text = format!("can be written again, dropped {dropped} bytes");
            notes.push((Level::Warn, self.says(&text)));
        }
    }

    fn says(&self, text: &str) -> String {
        format!("log file {} {text}", repr(&self.path.to_string_lossy()))
    }

    /// Chunks are never split, so a file may pass its limit by one of them (LOG-21).
    fn rotate_if_due(&mut self, notes: &mut Vec<Note>) {
        if self.rotation.maxbytes == 0 || self.kind == Kind::Stream || !self.is_full() {
            return;
        }
        match self.rotate() {
            Ok(()) => self.rotation_fails = false,
            Err(errno) if !self.rotation_fails => {
                self.rotation_fails = true;
                let errno = errno_text(errno.raw_os_error());
                let text = format!("cannot be rotated ({errno}); it grows until it can");
                notes.push((Level::Error, self.says(&text)));
            }
            Err(_) => {}
        }
    }

    /// Whether the limit is reached. After a write the position is the file's length, whoever else
    /// writes; it is asked for when we may be there, and now and then.
    fn is_full(&mut self) -> bool {
        let limit = self.rotation.maxbytes;
        if self.length < limit && self.unchecked < limit / CHECKS_PER_FILE {
            return false;
        }
        if let Some(Ok(position)) = self.file.as_ref().map(|file| (&**file).stream_position()) {
            (self.length, self.unchecked) = (position, 0);
        }
        self.length >= limit
    }

    /// The highest number goes, every other moves up, the file becomes `.1`, and a new one begins
    /// (LOG-23). While anything fails, the old one stays open and goes on.
    fn rotate(&mut self) -> Result<(), Errno> {
        for number in (1..self.rotation.backups).rev() {
            let from = self.backup(number);
            if from.exists() {
                replace(&from, &self.backup(number + 1))?;
            }
        }
        if self.rotation.backups > 0 {
            replace(&self.path, &self.backup(1))?;
        }
        let opened = open(&self.path, OFlags::APPEND | OFlags::TRUNC)?;
        self.take_up(opened);
        Ok(())
    }

    fn take_up(&mut self, Opened { file, kind, device, length }: Opened) {
        self.file = Some(kept(file, &self.path));
        (self.kind, self.device) = (kind, device);
        (self.length, self.unchecked) = (length, 0);
    }

    fn backup(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

/// A file, and what it is.
struct Opened {
    file: File,
    kind: Kind,
    device: u64,
    length: u64,
}

fn kept(file: File, path: &Path) -> Kept<File> {
    Kept::new(file, Purpose::Log(path.to_owned()))
}

/// Opens without ever waiting for a reader, and without making a terminal ours.
fn open(path: &Path, how: OFlags) -> Result<Opened, Errno> {
    let flags = how | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    // The flags are small positive numbers.
    options.custom_flags(flags.bits().cast_signed());
    let opened = match options.open(path) {
        Err(error) if errno_of(&error) == Errno::NXIO && is_fifo(path) => {
            options.read(true).open(path)
        }
        opened => opened,
    };
    let file = opened.map_err(|error| errno_of(&error))?;
    let found = file.metadata().map_err(|error| errno_of(&error))?;
    let is_regular = found.is_file() && !is_alias(path);
    let kind = if is_regular { Kind::Regular } else { Kind::Stream };
    Ok(Opened { file, kind, device: found.dev(), length: found.len() })
}

fn is_fifo(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// `/dev/stdout` and its like name somebody else's file: moving or removing the name would harm.
/// (`/dev/shm` is a place for files like others.)
fn is_alias(path: &Path) -> bool {
    let names = ["/proc", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr"];
    names.iter().any(|name| path.starts_with(name))
}

/// Renames over whatever is there; what is gone already need not be moved (LOG-25).
fn replace(from: &Path, to: &Path) -> Result<(), Errno> {
    gone_is_fine(std::fs::rename(from, to)).map_err(|error| errno_of(&error))
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{LogFile, Rotation};

    /// Appends each chunk, then shows every file as `name=content`, sorted.
    fn after(directory: &Path, maxbytes: i64, backups: i64, chunks: &[&str]) -> String {
        let path = directory.join("log");
        let mut log = LogFile::open(&path, Rotation::new(maxbytes, backups)).unwrap();
        let mut notes = Vec::new();
        for chunk in chunks {
            assert_eq!(log.append(chunk.as_bytes(), &mut notes), chunk.len());
        }
        assert_eq!(notes, []);
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let content = std::fs::read_to_string(entry.path()).unwrap();
                (entry.file_name(), content)
            })
            .collect();
        files.sort();
        let files: Vec<_> =
            files.iter().map(|(name, content)| format!("{}={content}", name.display())).collect();
        files.join(" ")
    }

    #[test]
    fn files_are_rotated_as_supervisord_rotates() {
        let chunks = ["aa", "b", "cccc", "dd", "e", "fff"];
        for (maxbytes, backups, files) in [
            (0, 3, "log=aabccccddefff"),
            (-1, 3, "log=aabccccddefff"),
            (100, 3, "log=aabccccddefff"),
            (3, 0, "log="),
            (3, -1, "log="),
            (3, 1, "log= log.1=fff"),
            (3, 2, "log= log.1=fff log.2=dde"),
            (3, 9, "log= log.1=fff log.2=dde log.3=cccc log.4=aab"),
            (4, 9, "log= log.1=ddefff log.2=aabcccc"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let seen = after(directory.path(), maxbytes, backups, &chunks);
            assert_eq!(seen, files, "maxbytes={maxbytes} backups={backups}");
        }
    }

    #[test]
    fn what_is_there_already_counts_and_surplus_backups_stay() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [("log", "old"), ("log.1", "1"), ("log.3", "3"), ("log.7", "7")] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let seen = after(directory.path(), 4, 2, &["x", "y"]);
        assert_eq!(seen, "log=y log.1=oldx log.2=1 log.3=3 log.7=7");
    }

    #[test]
    fn a_file_that_cannot_be_rotated_goes_on_and_says_so_once() {
        let directory = tempfile::tempdir().unwrap();
        let blocker = directory.path().join("log.1/x");
        std::fs::create_dir_all(&blocker).unwrap();
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path, Rotation::new(2, 1)).unwrap();
        let mut notes = Vec::new();
        for chunk in ["aa", "bb"] {
            log.append(chunk.as_bytes(), &mut notes);
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "aabb");
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].1.ends_with("cannot be rotated (EISDIR); it grows until it can"));
        std::fs::remove_dir_all(directory.path().join("log.1")).unwrap();
        log.append(b"c", &mut notes);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }

    #[test]
    fn another_writers_bytes_and_truncations_are_respected() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut log = LogFile::open(&path, Rotation::new(4, 1)).unwrap();
        let mut notes = Vec::new();
        log.append(b"aaaa", &mut notes);
        log.append(b"bb", &mut notes);
        std::fs::write(&path, "").unwrap();
        log.append(b"cc", &mut notes);
        assert_eq!(std::fs::read(&path).unwrap(), b"cc");
    }

    #[test]
    fn a_target_that_cannot_be_rotated_never_is() {
        let mut log = LogFile::open("/dev/null", Rotation::new(1, 1)).unwrap();
        let mut notes = Vec::new();
        assert_eq!(log.append(b"x", &mut notes), 1);
        log.clear().unwrap();
        log.reopen(&mut notes);
        assert!(Path::new("/dev/null").exists() && notes.is_empty());
    }

    #[test]
    fn a_directory_that_comes_back_is_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let logs = directory.path().join("logs");
        std::fs::create_dir(&logs).unwrap();
        let mut log = LogFile::open(logs.join("log"), Rotation::default()).unwrap();
        let mut notes = Vec::new();
        std::fs::remove_dir_all(&logs).unwrap();
        log.reopen(&mut notes);
        log.append(b"lost", &mut notes);
        std::fs::create_dir(&logs).unwrap();
        log.append(b"kept", &mut notes);
        let said: Vec<_> = notes.iter().map(|(_, text)| text.as_str()).collect();
        let name = format!("log file '{}'", logs.join("log").display());
        let begin = format!("{name} cannot be written (ENOENT); dropping output until it can");
        let over = format!("{name} can be written again, dropped 4 bytes");
        assert_eq!(said, [begin.as_str(), over.as_str()]);
        assert_eq!(std::fs::read(logs.join("log")).unwrap(), b"kept");
    }
}
