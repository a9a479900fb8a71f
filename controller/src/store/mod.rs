//! What must survive a restart: a narrow trait, and one embedded file that has it.
//!
//! Only intent is kept: the controller's epoch, the names of hosts, operations. What agents report
//! is never written, so an idle fleet writes nothing.

mod file;
mod writer;

pub use file::RedbStore;
pub(crate) use writer::{Writer, Written};

use std::path::PathBuf;

use thiserror::Error;

/// The layout of keys and values: `epoch` (a number), `host/NAME` and `operation/ID` (JSON).
pub const SCHEMA: u32 = 1;

/// Keys that begin so are operations.
pub(crate) const OPERATIONS: &str = "operation/";

/// Keys that begin so are hosts.
pub(crate) const HOSTS: &str = "host/";

/// The key of the controller's epoch.
pub(crate) const EPOCH: &str = "epoch";

/// One write: a new value, or nothing any more.
pub type Change = (String, Option<Vec<u8>>);

/// A sorted map of bytes that survives. All calls block.
pub trait Store: Send {
    /// The value of a key.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as all others.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// All keys that begin with `prefix`, in order, with their values.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as all others.
    fn range(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Makes all these changes, or none of them; on disk when it returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as all others.
    fn put(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Sets a key only if its value is what the caller believes. Returns whether it was.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as all others.
    fn compare_and_set(
        &mut self,
        key: &str,
        believed: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, StoreError>;
}

/// What is wrong with the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("store {}: {why}; `store` names a file that only one controller uses; \
         a damaged one must be restored or moved away", file.display())]
    Open {
        /// Which file.
        file: PathBuf,
        /// What the system or the database said.
        why: String,
    },
    /// It was written by a later version.
    #[error("store {}: its schema is {found}, this version knows {SCHEMA}; use the version that wrote it", file.display())]
    Schema {
        /// Which file.
        file: PathBuf,
        /// What it says.
        found: String,
    },
    /// A read or a write failed.
    #[error("store {}: {why}; its disk may be full, or the file damaged", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the database said.
        why: String,
    },
    /// A value is not what this version writes.
    #[error(
        "store: {key}: {why}; move the file away to begin anew, operations' records are lost then"
    )]
    Value {
        /// Which key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}
