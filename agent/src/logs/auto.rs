//! AUTO logs: files that the agent names and makes itself (LOG-40..46).

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use agent_core::spec::Level;
use proto_words::repr;
use rand::RngExt as _;

use super::Note;

/// Random characters in a name, and what they are.
const RANDOM_CHARS: usize = 8;
const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789_";

/// Names that are tried: with 37^8 of them, a second try is rare and a hundredth means that the
/// directory is odd.
const TRIES_MAX: usize = 100;

/// Makes an empty log for one channel (`stdout` or `stderr`) of one process, for the owner alone.
///
/// # Errors
///
/// When it cannot be made, such as without the directory, or for a process whose name has a `/`.
pub fn create(
    childlogdir: &Path,
    process: &str,
    channel: &str,
    identifier: &str,
) -> io::Result<PathBuf> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    for _ in 0..TRIES_MAX {
        let name = format!("{process}-{channel}---{identifier}-{}.log", random());
        let path = childlogdir.join(name);
        match options.open(&path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes what earlier lives of this identifier have left, backups included, and returns lines
/// for the activity log. Only names of exactly the shape that [`create`] makes are touched;
/// supervisord takes the identifier as a pattern and anything that begins like a match (LOG-44),
/// and so removes files of others.
#[must_use]
pub fn clean_up(childlogdir: &Path, identifier: &str) -> Vec<Note> {
    let Ok(entries) = std::fs::read_dir(childlogdir) else {
        return vec![(Level::Warn, "Could not clear childlog dir".to_owned())];
    };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str().is_some_and(|name| is_ours(name, identifier))
        })
        .filter_map(|entry| {
            let path = entry.path();
            std::fs::remove_file(&path).err().map(|_| {
                let shown = repr(&path.to_string_lossy());
                (Level::Warn, format!("Failed to clean up {shown}"))
            })
        })
        .collect()
}

fn random() -> String {
    let mut rng = rand::rng();
    (0..RANDOM_CHARS)
        .filter_map(|_| ALPHABET.get(rng.random_range(0..ALPHABET.len())))
        .map(|byte| char::from(*byte))
        .collect()
}

/// `<process>-<channel>---<identifier>-<random>.log`, and `.<number>` for a backup.
fn is_ours(name: &str, identifier: &str) -> bool {
    let name = match name.rsplit_once('.') {
        Some((live, number)) if is_number(number) => live,
        Some(_) | None => name,
    };
    let Some(name) = name.strip_suffix(".log") else {
        return false;
    };
    let Some((name, random)) = name.rsplit_once('-') else {
        return false;
    };
    if random.len() != RANDOM_CHARS || !random.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return false;
    }
    let Some(name) = name.strip_suffix(identifier) else {
        return false;
    };
    ["-stdout---", "-stderr---"]
        .iter()
        .filter_map(|channel| name.strip_suffix(channel))
        .any(|process| !process.is_empty())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{clean_up, create, is_ours};

    #[test]
    fn a_new_log_is_empty_and_private_and_has_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = create(directory.path(), "web_00", "stdout", "supervisor").unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("web_00-stdout---supervisor-"), "{name}");
        assert!(is_ours(name, "supervisor"), "{name}");
        let metadata = path.metadata().unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (0, 0o600));
        assert!(create(directory.path(), "a/b", "stdout", "supervisor").is_err());
    }

    #[test]
    fn only_names_of_our_shape_are_ours() {
        for (name, ours) in [
            ("cat-stdout---id-abcd_123.log", true),
            ("cat-stderr---id-abcd_123.log.12", true),
            ("a-b---x-stdout---id-abcd_123.log", true),
            ("cat-stdout---other-abcd_123.log", false),
            ("cat-stdout---id-abcd_123.logfoo", false),
            ("cat-stdout---id-abcd_123.log.old", false),
            ("cat-stdout---id-abc.log", false),
            ("my---id-app_1234.log", false),
            ("-stdout---id-abcd_123.log", false),
            ("cat-stdout---id-ABCD_123.log", false),
            ("notes.1", false),
        ] {
            assert_eq!(is_ours(name, "id"), ours, "{name}");
        }
        assert!(!is_ours("cat-stdout---idx-abcd_123.log", "id."));
    }

    #[test]
    fn clean_up_removes_ours_and_says_what_it_cannot() {
        let directory = tempfile::tempdir().unwrap();
        let ours = create(directory.path(), "cat", "stdout", "id").unwrap();
        let foreign = create(directory.path(), "cat", "stdout", "other").unwrap();
        let stuck = directory.path().join("dog-stderr---id-aaaaaaaa.log");
        std::fs::create_dir(&stuck).unwrap();
        let said = clean_up(directory.path(), "id");
        assert!(!ours.exists() && foreign.exists());
        let text = format!("Failed to clean up '{}'", stuck.display());
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].1, text);
        let gone = clean_up(&directory.path().join("nothing"), "id");
        assert_eq!(gone[0].1, "Could not clear childlog dir");
    }
}
