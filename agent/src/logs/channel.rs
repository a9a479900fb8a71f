//! One child's channels: what the spawn thread makes, and what the bytes thread keeps of it.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use agent_core::input::{Output as Wrote, Stream};
use agent_core::listener::Ear;
use agent_core::spec::LogSpec;
use proto_words::repr;
use rustix::io::Errno;

use super::ansi;
use super::capture::{Capture, Piece};
use super::doing::{Aside, Doing, News};
use super::file::LogFile;
use super::syslog;
use crate::pipe::{Sink, Source};

/// Bytes that one read takes, as supervisord reads; a pipe rarely holds more than half of it.
pub(super) const READ_MAX_BYTES: usize = 128 << 10;

/// The parent's ends of a child's pipes, with the logs that were opened for them.
#[derive(Debug)]
pub struct Channels {
    /// The process's name, for messages.
    pub name: Arc<str>,
    /// What it reads as its stdin.
    pub stdin: Option<Sink>,
    /// Its stdout.
    pub stdout: Option<Output>,
    /// Its stderr; `None` when it is redirected to stdout.
    pub stderr: Option<Output>,
}

impl Channels {
    /// Whether one of the logs lies on this device.
    pub(super) fn is_on(&self, device: u64) -> bool {
        let outputs = [&self.stdout, &self.stderr].into_iter().flatten();
        outputs.filter_map(|output| output.log.as_ref()).any(|log| log.device() == device)
    }
}

/// One output pipe and where it goes.
#[derive(Debug)]
pub struct Output {
    /// What it writes.
    pub pipe: Source,
    /// The log; without one the output is read and thrown away.
    pub log: Option<Box<LogFile>>,
    /// What else it is for.
    pub using: Use,
}

/// What output is used for, besides its log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Output of a program, or stderr of a listener.
    Text {
        /// So many bytes between the capture mode's tokens are kept for an event, and none of them
        /// logged; 0 is no capture mode.
        capture_max_bytes: usize,
        /// Event listeners may hear each piece.
        events: bool,
        /// Its lines go to syslog too.
        syslog: bool,
    },
    /// stdout of an event listener: what it says to us.
    Protocol,
}

impl Use {
    /// As the channel is configured.
    #[must_use]
    pub fn of(spec: &LogSpec) -> Self {
        Self::Text {
            capture_max_bytes: usize::try_from(spec.capture_maxbytes).unwrap_or(0),
            events: spec.events_enabled,
            syslog: spec.syslog,
        }
    }
}

/// One output channel at work.
#[derive(Debug)]
pub(super) struct Channel {
    pub stream: Stream,
    /// `None` once the child and all who share the pipe have closed it.
    pub pipe: Option<Source>,
    log: Option<Box<LogFile>>,
    /// What the log's stream has not taken yet; while there is any, the pipe is not read.
    pending: Vec<u8>,
    syslog: Option<SyslogLines>,
    capture: Option<Capture>,
    /// Listeners may hear each piece.
    events: bool,
    /// It belongs to a listener.
    ear: Option<Ear>,
    /// How messages call it: `'web' stdout`.
    whose: String,
}

/// A channel's way to syslog.
#[derive(Debug)]
struct SyslogLines {
    /// Before each line.
    prefix: String,
    /// Lines that it has not taken yet, each with its end; while there are any, the pipe is not read.
    pending: Vec<u8>,
}

/// What became of one look at a pipe.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There may be more to come.
    Open,
    /// The log's stream or syslog takes no more just now.
    Blocked,
    /// The pipe has ended.
    Ended,
}

impl Channel {
    pub(super) fn new(output: Output, name: &str, stream: Stream) -> Self {
        let lines = || SyslogLines { prefix: format!("{name} "), pending: Vec::new() };
        let (capture, events, syslog, ear) = match output.using {
            Use::Text { capture_max_bytes, events, syslog } => {
                let capture = (capture_max_bytes > 0).then(|| Capture::new(capture_max_bytes));
                (capture, events, syslog.then(lines), None)
            }
            Use::Protocol => (None, false, None, Some(Ear::default())),
        };
        Self {
            stream,
            pipe: Some(output.pipe),
            log: output.log,
            pending: Vec::new(),
            syslog,
            capture,
            events,
            ear,
            whose: format!("{} {}", repr(name), stream.name()),
        }
    }

    /// Reads once, and hands on what was read.
    pub(super) fn read(&mut self, doing: &mut Doing<'_>) -> Look {
        let Some(pipe) = &self.pipe else {
            return Look::Ended;
        };
        match pipe.read(&mut *doing.buffer) {
            Ok(0) => Look::Ended,
            Ok(count) => {
                let chunk = doing.buffer.get(..count).unwrap_or(&[]);
                self.take(chunk, &mut doing.aside);
                self.look()
            }
            Err(Errno::AGAIN | Errno::INTR) => self.look(),
            Err(_) => Look::Ended,
        }
    }

    /// Hands on what the log's stream and syslog have not taken before.
    pub(super) fn flush(&mut self, aside: &mut Aside<'_>) -> Look {
        if let Some(log) = self.log.as_mut().filter(|_| !self.pending.is_empty()) {
            let done = append(log, &self.pending, aside);
            self.pending.drain(..done);
        }
        if let Some(syslog) = &mut self.syslog {
            let pending = std::mem::take(&mut syslog.pending);
            syslog.send(pending.split_inclusive(|byte| *byte == b'\n'), aside);
        }
        self.look()
    }

    /// Takes what is in the pipe right now, and no more: a grandchild may write forever.
    pub(super) fn drain(&mut self, doing: &mut Doing<'_>) -> Look {
        let mut left = self.pipe.as_ref().map_or(0, Source::waiting);
        while let Some(pipe) = self.pipe.as_ref().filter(|_| left > 0) {
            let most = left.min(doing.buffer.len());
            let Some(room) = doing.buffer.get_mut(..most) else {
                break;
            };
            match pipe.read(&mut *room) {
                Err(Errno::INTR) => {}
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    left -= count;
                    let chunk = doing.buffer.get(..count).unwrap_or(&[]);
                    self.take(chunk, &mut doing.aside);
                }
            }
        }
        let strip = doing.aside.strip;
        let held = self.capture.as_mut().map(|capture| capture.finish(strip));
        self.put(held.unwrap_or_default(), &mut doing.aside);
        self.flush(&mut doing.aside)
    }

    /// Closes the log. What was not taken until now is given up.
    pub(super) fn close(self, aside: &mut Aside<'_>) {
        if let Some(mut log) = self.log {
            let _inside = aside.pulse.enter(log.device());
            log.give_up(self.pending.len(), &mut aside.notes);
            log.close(&mut aside.notes);
        }
        let unsent = self.syslog.map(|syslog| syslog.pending).unwrap_or_default();
        let lines = unsent.split_inclusive(|byte| *byte == b'\n').count();
        if lines > 0 {
            aside.syslog.lose(lines as u64, "has not taken all", &mut aside.notes);
        }
    }

    /// Opens the log anew by its path.
    pub(super) fn reopen(&mut self, aside: &mut Aside<'_>) {
        if let Some(log) = &mut self.log {
            let _inside = aside.pulse.enter(log.device());
            log.reopen(&mut aside.notes);
        }
    }

    /// Whether it belongs to a listener that keeps to the protocol.
    pub(super) fn listens(&self) -> bool {
        self.ear.as_ref().is_some_and(|ear| !ear.is_deaf())
    }

    /// The listener has an event to answer.
    pub(super) fn event_written(&mut self) {
        if let Some(ear) = &mut self.ear {
            ear.event_written();
        }
    }

    /// Removes the log and makes a new one, and forgets what is captured.
    pub(super) fn clear(&mut self, aside: &Aside<'_>) -> Result<(), Errno> {
        if let Some(capture) = &mut self.capture {
            capture.forget();
        }
        let Some(log) = &mut self.log else { return Ok(()) };
        let _inside = aside.pulse.enter(log.device());
        log.clear()
    }

    /// Whether its log lies on this device.
    pub(super) fn is_on(&self, device: u64) -> bool {
        self.log.as_ref().is_some_and(|log| log.device() == device)
    }

    /// The log's stream, when it has not taken everything.
    pub(super) fn full_log(&self) -> Option<BorrowedFd<'_>> {
        self.log.as_ref().filter(|_| !self.pending.is_empty())?.as_stream()
    }

    /// Whether syslog has not taken everything.
    pub(super) fn waits_for_syslog(&self) -> bool {
        self.syslog.as_ref().is_some_and(|syslog| !syslog.pending.is_empty())
    }

    /// Whether something that was read has not been taken.
    pub(super) fn is_blocked(&self) -> bool {
        !self.pending.is_empty() || self.waits_for_syslog()
    }

    fn look(&self) -> Look {
        if self.is_blocked() { Look::Blocked } else { Look::Open }
    }

    /// The order of LOG-38: strip, log, syslog, activity log, events. What a listener says counts
    /// as it was written.
    fn take(&mut self, chunk: &[u8], aside: &mut Aside<'_>) {
        if self.ear.is_some() {
            return self.take_protocol(chunk, aside);
        }
        if let Some(capture) = &mut self.capture {
            let pieces = capture.feed(chunk, aside.strip);
            self.put(pieces, aside);
            return;
        }
        let stripped = aside.strip.then(|| ansi::strip(chunk));
        let chunk = stripped.as_deref().unwrap_or(chunk);
        self.write(chunk, aside);
        self.tell(chunk, aside);
    }

    fn take_protocol(&mut self, chunk: &[u8], aside: &mut Aside<'_>) {
        aside.echo_protocol(&self.whose, chunk);
        let stripped = aside.strip.then(|| ansi::strip(chunk));
        self.write(stripped.as_deref().unwrap_or(chunk), aside);
        if let Some(ear) = &mut self.ear {
            aside.news.extend(ear.hear(chunk).into_iter().map(News::Said));
        }
    }

    fn put(&mut self, pieces: Vec<Piece>, aside: &mut Aside<'_>) {
        for piece in pieces {
            match piece {
                Piece::Outside(bytes) => {
                    self.write(&bytes, aside);
                    self.tell(&bytes, aside);
                }
                // It is told like any other output, which the original's manual denies.
                Piece::Inside(bytes) => self.tell(&bytes, aside),
                Piece::Captured(bytes) => {
                    aside.news.push(News::Wrote(Wrote::Captured(self.stream, bytes)));
                    aside.say_captured(&self.whose);
                }
            }
        }
    }

    /// Tells the activity log and listeners of a piece of output.
    fn tell(&self, bytes: &[u8], aside: &mut Aside<'_>) {
        aside.echo(&self.whose, bytes);
        if self.events {
            aside.news.push(News::Wrote(Wrote::Logged(self.stream, bytes.to_vec())));
        }
    }

    fn write(&mut self, bytes: &[u8], aside: &mut Aside<'_>) {
        if let Some(log) = &mut self.log {
            let mut done = 0;
            if self.pending.is_empty() {
                done = append(log, bytes, aside);
            }
            self.pending.extend_from_slice(bytes.get(done..).unwrap_or(&[]));
        }
        if let Some(syslog) = &mut self.syslog {
            syslog.send(syslog::lines(bytes), aside);
        }
    }
}

/// How many bytes are dealt with; fewer than all only for a stream.
fn append(log: &mut LogFile, bytes: &[u8], aside: &mut Aside<'_>) -> usize {
    let _inside = aside.pulse.enter(log.device());
    log.append(bytes, &mut aside.notes)
}

impl SyslogLines {
    /// Sends lines, with or without their ends, as long as they are taken; the rest waits.
    fn send<'a>(&mut self, lines: impl Iterator<Item = &'a [u8]>, aside: &mut Aside<'_>) {
        for line in lines {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let prefix = self.prefix.as_bytes();
            if !self.pending.is_empty() || !aside.syslog.send(prefix, line, &mut aside.notes) {
                self.pending.extend_from_slice(line);
                self.pending.push(b'\n');
            }
        }
    }
}
