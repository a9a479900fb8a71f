//! What the loop lends while it does something with a program.

use std::os::fd::BorrowedFd;

use agent_core::spec::Level;
use proto_words::repr_of_bytes;

use super::Note;
use super::syslog::Syslog;

/// The loop's things.
pub(super) struct Doing<'a> {
    pub epoll: BorrowedFd<'a>,
    pub buffer: &'a mut [u8],
    pub aside: Aside<'a>,
}

/// Where output goes beside its log file, and what is said meanwhile.
pub(super) struct Aside<'a> {
    /// `strip_ansi`.
    pub strip: bool,
    /// Chunks are echoed into the activity log.
    pub debug: bool,
    pub syslog: &'a mut Syslog,
    /// Lines for the activity log, in order.
    pub notes: Vec<Note>,
}

impl Aside<'_> {
    /// Echoes output into the activity log (LOG-09); `heading` is `'web' stdout output:`.
    pub(super) fn echo(&mut self, heading: &str, bytes: &[u8]) {
        if self.debug {
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => format!("Undecodable: {}", repr_of_bytes(bytes)),
            };
            self.notes.push((Level::Debug, format!("{heading}\n{text}")));
        }
    }
}
