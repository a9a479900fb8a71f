//! Slices of a log file, by supervisord's arithmetic. Blocks: called on the blocking pool.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The most that one call returns. The whole of a default log (50 MB) fits; a log of gigabytes
/// is refused rather than held in memory, several times over, for whoever asks.
pub(super) const SLICE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Why there is no slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlice {
    /// A negative length, or a length with a negative offset.
    BadArguments,
    /// The file cannot be read.
    Failed,
    /// More than [`SLICE_BYTES_MAX`].
    TooLarge,
}

impl From<io::Error> for NoSlice {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}

/// `read*`: from `offset` on, `length` bytes or (0) all; a negative offset with length 0 is the
/// end of the file.
pub(super) fn read(path: &Path, offset: i64, length: i64) -> Result<Vec<u8>, NoSlice> {
    let (mut file, size) = open(path)?;
    let (from, most) = match (u64::try_from(offset), u64::try_from(length)) {
        (Ok(from), Ok(0)) => (from, u64::MAX),
        (Ok(from), Ok(length)) => (from, length),
        (Err(_), Ok(0)) => (size.saturating_sub(offset.unsigned_abs()), u64::MAX),
        (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => return Err(NoSlice::BadArguments),
    };
    if size.saturating_sub(from).min(most) > SLICE_BYTES_MAX {
        return Err(NoSlice::TooLarge);
    }
    slice(&mut file, from, most)
}

/// What `tail*` answers with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) bytes: Vec<u8>,
    /// The size of the file, wherever the bytes came from.
    pub(super) offset: i64,
    /// Whether there was more than fitted.
    pub(super) overflow: bool,
}

/// `tail*`: a request that does not fit is shifted to the end of the file. A file that cannot be
/// read is empty, at the offset that was asked for.
pub(super) fn tail(path: &Path, offset: i64, length: i64) -> Result<Tail, NoSlice> {
    let unreadable = Tail { bytes: Vec::new(), offset, overflow: false };
    let Ok((mut file, size)) = open(path) else {
        return Ok(unreadable);
    };
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let window = window(size, offset, length);
    if window.length > SLICE_BYTES_MAX {
        return Err(NoSlice::TooLarge);
    }
    Ok(slice(&mut file, window.from, window.length).map_or(unreadable, |bytes| Tail {
        bytes,
        offset: size,
        overflow: window.overflow,
    }))
}

struct Window {
    from: u64,
    length: u64,
    overflow: bool,
}

/// Where `tail*` reads.
fn window(size: i64, mut offset: i64, mut length: i64) -> Window {
    let overflow = size > offset.saturating_add(length);
    if overflow {
        offset = size - 1;
    }
    if offset.saturating_add(length) > size {
        if offset > size - 1 {
            length = 0;
        }
        offset = size - length;
    }
    let from = u64::try_from(offset).unwrap_or(0);
    let length = u64::try_from(length).unwrap_or(0);
    Window {
        from,
        // What lies behind the end does not count.
        length: length.min(size.unsigned_abs().saturating_sub(from)),
        overflow,
    }
}

/// Pipes and devices are no logs that could be read again, and opening one might block.
fn open(path: &Path) -> io::Result<(File, u64)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

fn slice(file: &mut File, from: u64, most: u64) -> Result<Vec<u8>, NoSlice> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    // A file that grows meanwhile does not pass the bound.
    file.take(most.min(SLICE_BYTES_MAX)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{NoSlice, Tail, read, tail};

    fn log() -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789\n").unwrap();
        file
    }

    #[test]
    fn reads_follow_supervisords_table() {
        let file = log();
        for (offset, length, slice) in [
            (0, 0, Ok("0123456789\n")),
            (3, 0, Ok("3456789\n")),
            (3, 2, Ok("34")),
            (9, 100, Ok("9\n")),
            (11, 0, Ok("")),
            (100, 5, Ok("")),
            (-4, 0, Ok("789\n")),
            (-100, 0, Ok("0123456789\n")),
            (0, -1, Err(NoSlice::BadArguments)),
            (-4, 2, Err(NoSlice::BadArguments)),
            (-4, -2, Err(NoSlice::BadArguments)),
            (i64::MAX, 1, Ok("")),
            (i64::MIN, 0, Ok("0123456789\n")),
        ] {
            let found = read(file.path(), offset, length);
            let slice = slice.map(|text: &str| text.as_bytes().to_vec());
            // The file system may refuse to seek that far, as the original's does.
            if offset == i64::MAX && found == Err(NoSlice::Failed) {
                continue;
            }
            assert_eq!(found, slice, "({offset}, {length})");
        }
    }

    #[test]
    fn tails_follow_supervisords_table() {
        let file = log();
        for (offset, length, text, overflow) in [
            (0, 0, "", true),
            (0, 5, "6789\n", true),
            (0, 11, "0123456789\n", false),
            (0, 100, "0123456789\n", false),
            (5, 3, "89\n", true),
            (5, 6, "56789\n", false),
            (5, 7, "456789\n", false),
            (11, 5, "", false),
            (100, 5, "", false),
            (-4, 4, "789\n", true),
            (-4, 0, "", true),
            (0, -1, "", true),
            (i64::MAX, i64::MAX, "", false),
            (i64::MIN, i64::MIN, "", true),
        ] {
            let expected = Tail { bytes: text.into(), offset: 11, overflow };
            let found = tail(file.path(), offset, length);
            assert_eq!(found, Ok(expected), "({offset}, {length})");
        }
    }

    #[test]
    fn what_is_no_file_fails_or_is_empty() {
        let directory = std::env::temp_dir();
        assert_eq!(read(&directory, 0, 0), Err(NoSlice::Failed));
        let empty = Tail { bytes: vec![], offset: 7, overflow: false };
        assert_eq!(tail(&directory, 7, 5), Ok(empty));
    }
}
