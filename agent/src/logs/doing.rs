//! What the loop lends while it does something with a program.

use std::os::fd::BorrowedFd;

use agent_core::input::Output;
use agent_core::listener::Said;
use agent_core::payload::decoded;
use agent_core::spec::Level;
use proto_words::repr_of_bytes;

use super::Note;
use super::pulse::Pulse;
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
    /// To be entered before each call that may hang in a file system.
    pub pulse: &'a Pulse,
    /// Lines for the activity log, in order.
    pub notes: Vec<Note>,
    /// What the core is to hear, in order.
    pub news: Vec<News>,
}

/// What the core is to hear of a program's output.
pub(super) enum News {
    /// A listener has said something.
    Said(Said),
    /// A program has written something that listeners may hear.
    Wrote(Output),
}

impl Aside<'_> {
    /// Echoes output into the activity log (LOG-09); `whose` is `'web' stdout`.
    pub(super) fn echo(&mut self, whose: &str, bytes: &[u8]) {
        if self.debug {
            self.notes.push((Level::Debug, format!("{whose} output:\n{}", decoded(bytes))));
        }
    }

    /// The same for what a listener says, which is shown as bytes (LOG-10).
    pub(super) fn echo_protocol(&mut self, whose: &str, bytes: &[u8]) {
        if self.debug {
            self.notes.push((Level::Debug, format!("{whose} output:\n{}", repr_of_bytes(bytes))));
        }
    }

    /// Says that something was captured whole.
    pub(super) fn say_captured(&mut self, whose: &str) {
        if self.debug {
            self.notes.push((Level::Debug, format!("{whose} emitted a comm event")));
        }
    }
}
