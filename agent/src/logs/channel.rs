//! One child's channels: what the spawn thread makes, and what the bytes thread keeps of it.

use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use agent_core::spec::Level;
use rustix::io::{Errno, ioctl_fionread};

use super::Note;
use super::ansi;
use super::capture::{Capture, Piece};
use super::file::LogFile;

/// Bytes that one read takes, as supervisord reads; a pipe rarely holds more than half of it.
pub(super) const READ_MAX_BYTES: usize = 128 << 10;

/// The parent's ends of a child's pipes, with the logs that were opened for them.
#[derive(Debug)]
pub struct Channels {
    /// The process's name, for messages.
    pub name: Arc<str>,
    /// The write end of its stdin, non-blocking.
    pub stdin: Option<OwnedFd>,
    /// Its stdout.
    pub stdout: Option<Output>,
    /// Its stderr; `None` when it is redirected to stdout.
    pub stderr: Option<Output>,
}

/// One output pipe and where it goes.
#[derive(Debug)]
pub struct Output {
    /// The read end, non-blocking.
    pub pipe: OwnedFd,
    /// The log; without one the output is read and thrown away.
    pub log: Option<LogFile>,
    /// `capture_maxbytes` is set: what stands between the tokens does not belong in the log.
    pub capture: bool,
    /// `syslog` is set. Not served yet: the lines go to the file alone.
    pub syslog: bool,
}

/// One output channel at work.
#[derive(Debug)]
pub(super) struct Channel {
    /// `None` once the child and all who share the pipe have closed it.
    pub pipe: Option<OwnedFd>,
    pub log: Option<LogFile>,
    capture: Option<Capture>,
    /// What the log's stream has not taken yet; while there is any, the pipe is not read.
    pending: Vec<u8>,
}

/// What goes to the activity log meanwhile.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Lines, in order.
    pub notes: Vec<Note>,
    /// Output is echoed under this heading (LOG-09); `None` when nobody wants to see it.
    pub echo_as: Option<String>,
}

impl Remarks {
    fn echo(&mut self, bytes: &[u8]) {
        if let Some(heading) = &self.echo_as {
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => format!("Undecodable: {}", repr_of_bytes(bytes)),
            };
            self.notes.push((Level::Debug, format!("{heading}\n{text}")));
        }
    }
}

/// Bytes as Python shows them: `b'\xff\n'`.
fn repr_of_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{quote}");
    for &byte in bytes {
        match char::from(byte) {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c == ' ' || c.is_ascii_graphic() => out.push(c),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(quote);
    out
}

/// What became of one look at a pipe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There may be more to come.
    Open,
    /// The log's stream takes no more just now.
    Blocked,
    /// The pipe has ended.
    Ended,
}

impl From<Output> for Channel {
    fn from(output: Output) -> Self {
        Self {
            pipe: Some(output.pipe),
            log: output.log,
            capture: output.capture.then(Capture::default),
            pending: Vec::new(),
        }
    }
}

impl Channel {
    /// Reads once, and hands each piece to the log and to the remarks.
    pub(super) fn read(&mut self, buffer: &mut [u8], strip: bool, remarks: &mut Remarks) -> Look {
        let Some(pipe) = &self.pipe else {
            return Look::Ended;
        };
        match rustix::io::read(pipe, &mut *buffer) {
            Ok(0) => Look::Ended,
            Ok(count) => {
                let chunk = buffer.get(..count).unwrap_or(&[]);
                self.take(chunk, strip, remarks);
                self.look()
            }
            Err(Errno::AGAIN | Errno::INTR) => self.look(),
            Err(_) => Look::Ended,
        }
    }

    /// Writes what the log's stream has not taken before.
    pub(super) fn flush(&mut self, remarks: &mut Remarks) -> Look {
        if let Some(log) = &mut self.log {
            let done = log.append(&self.pending, &mut remarks.notes);
            self.pending.drain(..done);
        } else {
            self.pending.clear();
        }
        self.look()
    }

    /// Takes what is in the pipe right now, and no more: a grandchild may write forever.
    pub(super) fn drain(&mut self, buffer: &mut [u8], strip: bool, remarks: &mut Remarks) {
        let waiting = self.pipe.as_ref().and_then(|pipe| ioctl_fionread(pipe).ok());
        let mut left = usize::try_from(waiting.unwrap_or(0)).unwrap_or(usize::MAX);
        while let Some(pipe) = self.pipe.as_ref().filter(|_| left > 0) {
            let most = left.min(buffer.len());
            let Some(room) = buffer.get_mut(..most) else {
                return;
            };
            match rustix::io::read(pipe, &mut *room) {
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    left -= count;
                    let chunk = buffer.get(..count).unwrap_or(&[]);
                    self.take(chunk, strip, remarks);
                }
            }
        }
    }

    /// Ends: what a capture held back is written, what a stream has not taken is given up.
    pub(super) fn close(mut self, remarks: &mut Remarks) {
        let held = self.capture.as_mut().map(Capture::finish);
        self.put(held.unwrap_or_default(), remarks);
        let _ = self.flush(remarks);
        if let Some(mut log) = self.log {
            log.give_up(self.pending.len(), &mut remarks.notes);
            log.close(&mut remarks.notes);
        }
    }

    fn look(&self) -> Look {
        if self.pending.is_empty() { Look::Open } else { Look::Blocked }
    }

    /// The order of LOG-38: strip, log, activity log; events will follow.
    fn take(&mut self, chunk: &[u8], strip: bool, remarks: &mut Remarks) {
        let stripped = strip.then(|| ansi::strip(chunk));
        let chunk = stripped.as_deref().unwrap_or(chunk);
        if chunk.is_empty() {
            return;
        }
        if let Some(capture) = &mut self.capture {
            let pieces = capture.feed(chunk);
            self.put(pieces, remarks);
        } else {
            self.write(chunk, remarks);
            remarks.echo(chunk);
        }
    }

    fn put(&mut self, pieces: Vec<Piece>, remarks: &mut Remarks) {
        for piece in pieces {
            if !piece.captured {
                self.write(&piece.bytes, remarks);
            }
            remarks.echo(&piece.bytes);
        }
    }

    fn write(&mut self, bytes: &[u8], remarks: &mut Remarks) {
        let Some(log) = &mut self.log else { return };
        if !self.pending.is_empty() {
            self.pending.extend_from_slice(bytes);
            return;
        }
        let done = log.append(bytes, &mut remarks.notes);
        self.pending.extend_from_slice(bytes.get(done..).unwrap_or(&[]));
    }
}

#[cfg(test)]
mod tests {
    use super::repr_of_bytes;

    #[test]
    fn bytes_are_shown_as_python_shows_them() {
        for (bytes, shown) in [
            (&b"\xff\xfe\n"[..], r"b'\xff\xfe\n'"),
            (b"it's", r#"b"it's""#),
            (b"'\"", r#"b'\'"'"#),
            (b"\\ \x00", r"b'\\ \x00'"),
        ] {
            assert_eq!(repr_of_bytes(bytes), shown);
        }
    }
}
