//! The file: opened under a lock, read to its last whole record, appended to, rewritten.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::ledger::record::{Content, Record, read_all};

/// The first bytes: what it is, and which version of it.
const MAGIC: &[u8; 8] = b"FVLEDG1\n";

/// A ledger that is larger than this is none: 10,000 results and the open batches are far below.
const FILE_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Why there is no ledger.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// Another agent uses the directory.
    #[error("{}: another agent uses this state_dir; give each agent its own", .0.display())]
    InUse(PathBuf),
    /// The file is something else, or of a later version.
    #[error(
        "{}: not a ledger that this version can read; \
         use the version that wrote it, or move the file away: what it promised is then UNKNOWN",
        .0.display()
    )]
    Foreign(PathBuf),
    /// The file system said no.
    #[error("{}: {source}; state_dir must be writable for the agent", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// What was wrong with a file when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// So many bytes of a record that was not whole at the end were cut off, as after a crash.
    Torn(u64),
    /// Something in its middle was not whole. The file was kept as `ledger.damaged`; what it
    /// promised in that place is not known any more.
    Damaged,
}

/// An open ledger file, positioned at its end.
#[derive(Debug)]
pub(crate) struct LedgerFile {
    dir: PathBuf,
    file: File,
    length: u64,
    /// Held for as long as the ledger is open.
    _lock: File,
}

impl LedgerFile {
    /// Opens or makes `ledger` in `dir`; returns what it holds and what was wrong with it. A damaged
    /// file is kept as `ledger.damaged`, and what could be read of it is written anew.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Vec<Record>, Fault), LedgerError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|e| failed(dir, e))?;
        let lock = lock(dir)?;
        let path = dir.join("ledger");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|e| failed(&path, e))?;
        let length = file.metadata().map_or(0, |facts| facts.len());
        let mut bytes =
            Vec::with_capacity(usize::try_from(length.min(FILE_MAX_BYTES)).unwrap_or(0));
        (&mut file).take(FILE_MAX_BYTES).read_to_end(&mut bytes).map_err(|e| failed(&path, e))?;
        let Content { records, good, damaged } = content(&path, &bytes)?;
        let mut ledger = Self {
            dir: dir.to_owned(),
            file,
            length: u64::try_from(good).unwrap_or(0),
            _lock: lock,
        };
        let torn = u64::try_from(bytes.len() - good).unwrap_or(0);
        if damaged {
            fs::copy(&path, dir.join("ledger.damaged")).map_err(|e| failed(dir, e))?;
            ledger.rewrite(&records).map_err(|e| failed(&path, e))?;
            return Ok((ledger, records, Fault::Damaged));
        }
        ledger.begin(&bytes, good).map_err(|e| failed(&path, e))?;
        Ok((ledger, records, if torn == 0 { Fault::None } else { Fault::Torn(torn) }))
    }

    /// Cuts a torn tail off; a new file gets its first bytes.
    fn begin(&mut self, bytes: &[u8], good: usize) -> io::Result<()> {
        if good < bytes.len() {
            self.file.set_len(self.length)?;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        if good == 0 {
            self.append(MAGIC, true)?;
            File::open(&self.dir)?.sync_all()?;
        }
        Ok(())
    }

    /// How many bytes it has.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends, and waits for the disk if `sync`. After an error the file is as it was before.
    pub(crate) fn append(&mut self, bytes: &[u8], sync: bool) -> io::Result<()> {
        let written = self
            .file
            .write_all(bytes)
            .and_then(|()| if sync { self.file.sync_data() } else { Ok(()) });
        if let Err(error) = written {
            // What is left of the attempt is a torn tail at worst, which opening cuts off.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(error);
        }
        self.length += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }

    /// From now on every append fails.
    #[cfg(test)]
    pub(crate) fn break_for_test(&mut self) {
        self.file = File::open(self.dir.join("ledger")).unwrap();
    }

    /// Replaces the content: a new file, then its name. After an error the old file stands.
    pub(crate) fn rewrite(&mut self, records: &[Record]) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        for record in records {
            record.write(&mut bytes);
        }
        let (path, next) = (self.dir.join("ledger"), self.dir.join("ledger.new"));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(&next, &path)?;
        self.file = file;
        self.length = u64::try_from(bytes.len()).unwrap_or(0);
        File::open(&self.dir)?.sync_all()
    }
}

fn content(path: &Path, bytes: &[u8]) -> Result<Content, LedgerError> {
    match bytes.strip_prefix(MAGIC) {
        Some(rest) => {
            let content = read_all(rest);
            Ok(Content { good: MAGIC.len() + content.good, ..content })
        }
        None if MAGIC.starts_with(bytes) => {
            // new, or torn at its birth
            Ok(Content { records: Vec::new(), good: 0, damaged: false })
        }
        None => Err(LedgerError::Foreign(path.to_owned())),
    }
}

/// The ledger itself changes its inode when it is rewritten, so the lock is a file of its own.
fn lock(dir: &Path) -> Result<File, LedgerError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|e| failed(&path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LedgerError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(&path, source)),
    }
}

fn failed(file: &Path, source: io::Error) -> LedgerError {
    LedgerError::Io { file: file.to_owned(), source }
}
