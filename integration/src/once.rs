//! Things that are made once and then kept, by however many tests at the same time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::places;

/// Returns `cache()/name`, made by `make` if it is not there yet.
///
/// `make` writes to the path that it is given, which becomes the final one only when `make`
/// has come back: a run that is interrupted leaves nothing that looks complete. A file lock
/// lets other tests and other runs wait.
pub fn made(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let cache = places::cache();
    let wanted = cache.join(name);
    let done = cache.join(format!("{name}.done"));
    fs::create_dir_all(&cache)
        .unwrap_or_else(|error| panic!("cannot make {}: {error}", cache.display()));
    let lock = File::create(cache.join(format!("{name}.lock")))
        .unwrap_or_else(|error| panic!("cannot write in {}: {error}", cache.display()));
    lock.lock().expect("local file systems lock files");
    if !done.exists() {
        let _ = fs::remove_dir_all(&wanted);
        make(&wanted);
        File::create(&done).expect("the cache was writable a moment ago");
    }
    wanted
}
