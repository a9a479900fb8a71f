//! What a program says, word for word and when the test wants it.
//!
//! The program is `cat` of a FIFO, and the test writes to it: each write is one chunk of output.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// Most bytes that one write passes on in one piece.
pub const PIECE_MAX_BYTES: usize = 4096;

/// One program's words.
#[derive(Debug)]
pub struct Feed(File);

impl Feed {
    /// Makes the FIFO that a program will read with `command=cat PATH`.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).expect("the home is writable");
        // Open for both, so that neither side waits for the other.
        let file = OpenOptions::new().read(true).write(true).open(path);
        Self(file.expect("what was just made can be opened"))
    }

    /// Has the program write these bytes in one piece.
    ///
    /// # Panics
    ///
    /// When there are more than [`PIECE_MAX_BYTES`].
    pub fn say(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        assert!(bytes.len() <= PIECE_MAX_BYTES, "{} bytes are more than one piece", bytes.len());
        (&self.0).write_all(bytes).expect("a FIFO with a reader takes a piece");
    }
}
