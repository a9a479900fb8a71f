//! The store in one embedded file.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::{Change, SCHEMA, Store, StoreError};

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("fleetvisor");
const SCHEMA_KEY: &str = "schema";

/// A store in one file, opened by one controller at a time.
#[derive(Debug)]
pub struct RedbStore {
    file: PathBuf,
    /// `None` after a failure that it could not be opened again from.
    database: Option<Database>,
}

/// Calls the database. On a damaged file its own code may panic, and the thread must outlive that.
fn contained<T>(call: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, redb::Error> {
    let damaged = |_| Err(redb::Error::Corrupted("it cannot be read".to_owned()));
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(damaged)
}

impl RedbStore {
    /// Opens the file, or makes it (and its directory), readable by its owner only.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be opened, is in use, or was written by a later version.
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let failed =
            |why: &dyn Display| StoreError::Open { file: file.to_owned(), why: why.to_string() };
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory).map_err(|e| failed(&e))?;
        }
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(file)
            .map_err(|e| failed(&e))?;
        let mut store = Self { file: file.to_owned(), database: None };
        store.reopen().map_err(|e| failed(&e))?;
        store.check_schema()?;
        Ok(store)
    }

    fn check_schema(&mut self) -> Result<(), StoreError> {
        let ours = SCHEMA.to_string();
        if self.compare_and_set(SCHEMA_KEY, None, ours.as_bytes())? {
            return Ok(());
        }
        let found = self.get(SCHEMA_KEY)?.unwrap_or_default();
        if found == ours.as_bytes() {
            return Ok(());
        }
        Err(StoreError::Schema {
            file: self.file.clone(),
            found: String::from_utf8_lossy(&found).into_owned(),
        })
    }

    /// After an error of the disk the database wants to be closed and opened again.
    fn reopen(&mut self) -> Result<(), redb::Error> {
        drop(self.database.take());
        let file = &self.file;
        self.database = Some(contained(|| Ok(Database::create(file)?))?);
        Ok(())
    }

    fn database(&self) -> Result<&Database, redb::Error> {
        self.database.as_ref().ok_or(redb::Error::PreviousIo)
    }

    /// Writes; what failed because of an earlier error is tried again on a database opened anew.
    fn write<T>(
        &mut self,
        call: impl Fn(&Self) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let mut written = contained(|| call(self));
        if let Err(redb::Error::PreviousIo) = written {
            written = self.reopen().and_then(|()| contained(|| call(self)));
        }
        written.map_err(|e| self.failed(&e))
    }

    fn failed(&self, why: &dyn Display) -> StoreError {
        StoreError::Io { file: self.file.clone(), why: why.to_string() }
    }

    fn try_get(&self, key: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        let read = self.database()?.begin_read()?;
        match read.open_table(TABLE) {
            Ok(table) => Ok(table.get(key)?.map(|value| value.value().to_vec())),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    fn try_range(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
        let read = self.database()?.begin_read()?;
        let table = match read.open_table(TABLE) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(other) => return Err(other.into()),
        };
        let mut all = Vec::new();
        for entry in table.range(prefix..)? {
            let (key, value) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            all.push((key.value().to_owned(), value.value().to_vec()));
        }
        Ok(all)
    }

    fn try_put(&self, changes: &[Change]) -> Result<(), redb::Error> {
        let write = self.database()?.begin_write()?;
        {
            let mut table = write.open_table(TABLE)?;
            for (key, value) in changes {
                match value {
                    Some(value) => table.insert(key.as_str(), value.as_slice())?,
                    None => table.remove(key.as_str())?,
                };
            }
        }
        Ok(write.commit()?)
    }

    fn try_set(
        &self,
        key: &str,
        believed: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, redb::Error> {
        let write = self.database()?.begin_write()?;
        let is_so = {
            let mut table = write.open_table(TABLE)?;
            let is_so = table.get(key)?.map(|known| known.value().to_vec()).as_deref() == believed;
            if is_so {
                table.insert(key, value)?;
            }
            is_so
        };
        if is_so {
            write.commit()?;
        } else {
            write.abort()?;
        }
        Ok(is_so)
    }
}

impl Store for RedbStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        contained(|| self.try_get(key)).map_err(|e| self.failed(&e))
    }

    fn range(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        contained(|| self.try_range(prefix)).map_err(|e| self.failed(&e))
    }

    fn put(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.write(|store| store.try_put(changes))
    }

    fn compare_and_set(
        &mut self,
        key: &str,
        believed: Option<&[u8]>,
        value: &[u8],
    ) -> Result<bool, StoreError> {
        self.write(|store| store.try_set(key, believed, value))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{RedbStore, SCHEMA_KEY, Store};

    #[test]
    fn what_is_put_is_there_after_the_file_was_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deep/controller.redb");
        let mut store = RedbStore::open(&file).unwrap();
        let put = |key: &str, value: &str| (key.to_owned(), Some(value.as_bytes().to_vec()));
        store.put(&[put("b/1", "x"), put("b/2", "y"), put("c", "z")]).unwrap();
        store.put(&[put("b/1", "w"), ("c".to_owned(), None)]).unwrap();
        assert!(RedbStore::open(&file).unwrap_err().to_string().contains("only one controller"));
        drop(store);
        let store = RedbStore::open(&file).unwrap();
        let all: Vec<_> = store.range("b/").unwrap();
        assert_eq!(all, [("b/1".to_owned(), b"w".to_vec()), ("b/2".to_owned(), b"y".to_vec())]);
        assert_eq!(store.get("c").unwrap(), None);
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_an_error_of_the_disk_has_closed_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = RedbStore::open(&dir.path().join("s")).unwrap();
        store.database = None;
        assert!(store.get("k").is_err());
        store.put(&[("k".to_owned(), Some(b"1".to_vec()))]).unwrap();
        assert_eq!(store.get("k").unwrap().as_deref(), Some(&b"1"[..]));
    }

    #[test]
    fn a_damaged_file_is_an_error_that_says_so_and_never_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s");
        drop(RedbStore::open(&file).unwrap());
        let mut bytes = std::fs::read(&file).unwrap();
        bytes.iter_mut().skip(4096).step_by(97).for_each(|b| *b ^= 0xff);
        std::fs::write(&file, bytes).unwrap();
        let error = RedbStore::open(&file).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }

    #[test]
    fn a_key_is_set_only_if_it_is_as_believed() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = RedbStore::open(&dir.path().join("s")).unwrap();
        assert!(store.compare_and_set("k", None, b"1").unwrap());
        assert!(!store.compare_and_set("k", None, b"2").unwrap());
        assert!(store.compare_and_set("k", Some(b"1"), b"3").unwrap());
        assert_eq!(store.get("k").unwrap().as_deref(), Some(&b"3"[..]));
    }

    #[test]
    fn a_store_of_a_later_version_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s");
        let mut store = RedbStore::open(&file).unwrap();
        store.put(&[(SCHEMA_KEY.to_owned(), Some(b"9".to_vec()))]).unwrap();
        drop(store);
        let error = RedbStore::open(&file).unwrap_err().to_string();
        assert!(error.contains("its schema is 9, this version knows 1"), "{error}");
    }
}
