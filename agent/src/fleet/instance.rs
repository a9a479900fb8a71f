//! The instance id: random, kept in `state_dir`, so that two machines with one name are told apart.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use uuid::Uuid;

/// The id, and why it could not be kept, if it could not. Blocks.
pub(crate) fn instance_id(state_dir: &Path) -> (String, Option<io::Error>) {
    let path = state_dir.join("instance");
    if let Ok(text) = fs::read_to_string(&path)
        && let Ok(known) = Uuid::parse_str(text.trim())
    {
        return (known.to_string(), None);
    }
    let new = Uuid::new_v4().to_string();
    let kept = keep(state_dir, &path, &new);
    (new, kept.err())
}

fn keep(state_dir: &Path, path: &Path, id: &str) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir)?;
    let next = state_dir.join("instance.new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    writeln!(file, "{id}")?;
    file.sync_data()?;
    fs::rename(&next, path)
}

#[cfg(test)]
mod tests {
    use super::instance_id;

    #[test]
    fn the_id_stays_and_a_broken_file_gets_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("a/b");
        let (first, problem) = instance_id(&state);
        assert!(problem.is_none());
        assert_eq!(instance_id(&state).0, first);
        std::fs::write(state.join("instance"), "half").unwrap();
        let (second, _) = instance_id(&state);
        assert_ne!(second, first);
        assert_eq!(instance_id(&state).0, second);
    }

    #[test]
    fn without_a_place_there_is_an_id_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let (id, problem) = instance_id(&dir.path().join("file"));
        assert!(problem.is_some() && !id.is_empty());
    }
}
