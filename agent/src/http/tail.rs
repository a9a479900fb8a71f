//! A log that is followed: its last kilobyte, then what is appended, until the client goes.
//!
//! It looks at the file ten times a second, as supervisord does, and only while somebody listens.
//! Files are touched on the blocking pool, so that a hung mount holds up its own reader only.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Sleep, sleep};

/// How much of the past a follower sees, in bytes.
const PAST_BYTES: u64 = 1024;

/// How often the file is looked at: supervisord's pace.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The most that is read at once, so that a fast log costs no memory; the rest follows at once.
const CHUNK_BYTES: u64 = 64 * 1024;

/// What a reader sees when the file was cut in place.
const TRUNCATED: &[u8] = b"==> File truncated <==\n";

/// A position in a log.
#[derive(Debug)]
pub(super) struct Follower {
    path: PathBuf,
    file: File,
    inode: u64,
    position: u64,
    modified: Timestamp,
}

impl Follower {
    /// Opens a log near its end. Blocks.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = File::open(&path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self {
            path,
            file,
            inode: found.ino(),
            position: found.len().saturating_sub(PAST_BYTES),
            modified: Timestamp::from_second(found.mtime()).unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }

    /// When the file was last written, as it was opened.
    pub(super) fn modified(&self) -> Timestamp {
        self.modified
    }

    /// What is new; empty when nothing is. Blocks.
    fn look(&mut self) -> io::Result<Bytes> {
        let size = self.file.metadata()?.len();
        if size < self.position {
            self.position = 0;
            return Ok(Bytes::from_static(TRUNCATED));
        }
        let new = self.read_on()?;
        if new.is_empty() && self.is_replaced() {
            self.file = File::open(&self.path)?;
            self.inode = self.file.metadata()?.ino();
            self.position = 0;
            return self.read_on();
        }
        Ok(new)
    }

    fn read_on(&mut self) -> io::Result<Bytes> {
        let mut new = Vec::new();
        self.file.seek(SeekFrom::Start(self.position))?;
        let read = (&self.file).take(CHUNK_BYTES).read_to_end(&mut new)?;
        self.position += read as u64;
        Ok(new.into())
    }

    /// A file that is gone is followed on, until there is another of its name.
    fn is_replaced(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| found.ino() != self.inode)
    }
}

/// What a look leaves behind.
type Look = (Box<Follower>, io::Result<Bytes>);

/// A follower as a stream of chunks; it ends only on an error of the file.
pub(super) enum Following {
    Looking(JoinHandle<Look>),
    Waiting(Pin<Box<Sleep>>, Option<Box<Follower>>),
    Ended,
}

impl Following {
    pub(super) fn new(follower: Box<Follower>) -> Self {
        Self::Looking(spawn_blocking(move || looked(follower)))
    }

    /// The next chunk that is not empty; `None` at the end.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            match self {
                Self::Looking(look) => {
                    let Ok((follower, Ok(chunk))) = ready!(Pin::new(look).poll(cx)) else {
                        *self = Self::Ended;
                        continue;
                    };
                    if chunk.is_empty() {
                        *self = Self::Waiting(Box::pin(sleep(LOOK_EVERY)), Some(follower));
                        continue;
                    }
                    *self = Self::new(follower);
                    return Poll::Ready(Some(chunk));
                }
                Self::Waiting(timer, follower) => {
                    ready!(timer.as_mut().poll(cx));
                    *self = follower.take().map_or(Self::Ended, Self::new);
                }
                Self::Ended => return Poll::Ready(None),
            }
        }
    }
}

fn looked(mut follower: Box<Follower>) -> Look {
    let chunk = follower.look();
    (follower, chunk)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::Follower;

    #[test]
    fn a_follower_sees_the_end_what_comes_a_cut_and_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "x".repeat(2000) + "end\n").unwrap();
        let mut follower = Follower::open(path.clone()).unwrap();
        let mut look = || String::from_utf8(follower.look().unwrap().to_vec()).unwrap();
        assert_eq!(look(), "x".repeat(1020) + "end\n");
        assert_eq!(look(), "");
        let mut log = fs::OpenOptions::new().append(true).open(&path).unwrap();
        log.write_all(b"more\n").unwrap();
        assert_eq!(look(), "more\n");
        log.set_len(0).unwrap();
        assert_eq!(look(), "==> File truncated <==\n");
        log.write_all(b"after the cut\n").unwrap();
        assert_eq!(look(), "after the cut\n");
        log.write_all(b"last words\n").unwrap();
        fs::rename(&path, dir.path().join("log.1")).unwrap();
        assert_eq!(look(), "last words\n");
        assert_eq!(look(), "");
        fs::write(&path, "new file\n").unwrap();
        assert_eq!(look(), "new file\n");
    }
}
