//! A child's stdin: what it has not taken yet waits, within a limit, until it does (STD-01..05).

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use crate::pipe::Sink;

/// Bytes that may wait for one child before more are taken: as large as the largest request. While
/// nothing waits one piece of any size is taken, since it is in memory already.
pub(super) const STDIN_PENDING_MAX_BYTES: usize = 16 << 20;

/// The write end of the pipe and what waits for it.
#[derive(Debug)]
pub(super) struct Stdin {
    pipe: Sink,
    pending: Vec<u8>,
    sent: usize,
}

/// Why bytes were not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Untaken {
    /// Too much waits already; nothing of the new bytes was taken.
    Full,
    /// The child has closed its end.
    Closed,
}

impl Stdin {
    pub(super) fn new(pipe: Sink) -> Self {
        Self { pipe, pending: Vec::new(), sent: 0 }
    }

    /// Takes all of the bytes or none, and writes as much as goes at once.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Untaken> {
        let waiting = self.waiting();
        if waiting > 0 && waiting + bytes.len() > STDIN_PENDING_MAX_BYTES {
            return Err(Untaken::Full);
        }
        self.pending.drain(..self.sent);
        self.sent = 0;
        self.pending.extend_from_slice(bytes);
        self.flush()
    }

    /// Writes as much as goes at once.
    pub(super) fn flush(&mut self) -> Result<(), Untaken> {
        while let Some(rest) = self.pending.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.pipe.write(rest) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(_) => return Err(Untaken::Closed),
            }
        }
        // Nothing waits: give the memory back, too.
        self.pending = Vec::new();
        self.sent = 0;
        Ok(())
    }

    /// How many bytes wait.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len() - self.sent
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
