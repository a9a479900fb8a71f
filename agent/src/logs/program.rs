//! The channels of one attached child.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;

use agent_core::Refusal;
use agent_core::effect::ProcessId;
use agent_core::input::{Stream, Unwritten};
use agent_core::spec::Level;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::channel::{Channel, Channels, Look};
use super::doing::Doing;
use super::reactor::arm;
use super::stdin::{STDIN_PENDING_MAX_BYTES, Stdin, Untaken};

/// An attachment: another one for each life of a process, so that what comes late for an old one
/// finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Slot(pub u64);

/// Which of a program's descriptors is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Stdin,
    Pipe(Stream),
    /// The log of a stream, when that is a pipe or a terminal.
    Log(Stream),
}

impl Role {
    /// In this order they make up the last three bits of a key.
    const ALL: [Self; 5] = [
        Self::Stdin,
        Self::Pipe(Stream::Stdout),
        Self::Pipe(Stream::Stderr),
        Self::Log(Stream::Stdout),
        Self::Log(Stream::Stderr),
    ];

    pub(super) fn key(self, slot: Slot) -> u64 {
        let number = Self::ALL.iter().position(|role| *role == self);
        slot.0 << 3 | number.unwrap_or_default() as u64
    }

    /// What a key stands for.
    pub(super) fn of(key: u64) -> Option<(Slot, Self)> {
        let number = usize::try_from(key & 7).ok()?;
        Self::ALL.get(number).map(|role| (Slot(key >> 3), *role))
    }
}

/// One attached child.
#[derive(Debug)]
pub(super) struct Program {
    slot: Slot,
    process: ProcessId,
    pid: i32,
    name: Arc<str>,
    stdin: Option<Stdin>,
    outputs: Vec<Channel>,
    /// The child is gone; what is left are outputs that were not taken yet.
    gone: bool,
}

impl Program {
    pub(super) fn new(slot: Slot, process: ProcessId, pid: i32, channels: Channels) -> Self {
        let outputs = [(channels.stdout, Stream::Stdout), (channels.stderr, Stream::Stderr)];
        let outputs = outputs.into_iter().filter_map(|(output, stream)| {
            output.map(|output| Channel::new(output, &channels.name, stream))
        });
        Self {
            slot,
            process,
            pid,
            outputs: outputs.collect(),
            name: channels.name,
            stdin: channels.stdin.map(Stdin::new),
            gone: false,
        }
    }

    pub(super) fn process(&self) -> ProcessId {
        self.process
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    pub(super) fn slot(&self) -> Slot {
        self.slot
    }

    /// The child is gone; what is left is output that was not taken yet.
    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Whether one of its logs lies on this device.
    pub(super) fn is_on(&self, device: u64) -> bool {
        self.outputs.iter().any(|channel| channel.is_on(device))
    }

    /// Enters everything that is to be waited for: pipes or, while they are full, logs; and stdin,
    /// while something waits for it.
    pub(super) fn watch_all(&mut self, doing: &mut Doing<'_>) {
        for channel in &self.outputs {
            if channel.is_blocked() {
                await_taker(self.slot, channel, doing);
            } else {
                watch(self.slot, channel, doing);
            }
        }
        if let Some(stdin) = self.stdin.as_ref().filter(|stdin| stdin.waiting() > 0) {
            arm(doing.epoll, stdin, Role::Stdin.key(self.slot));
        }
    }

    /// One of the descriptors is ready.
    pub(super) fn on_ready(&mut self, role: Role, doing: &mut Doing<'_>) {
        match role {
            Role::Stdin => {
                if let Some(stdin) = &mut self.stdin {
                    let flushed = stdin.flush();
                    // A stdin that was closed is gone, and nobody waits for the answer.
                    let _ = self.after_writing(flushed, doing);
                }
            }
            Role::Pipe(stream) => self.on_pipe(stream, doing),
            Role::Log(stream) => self.on_taken(stream, doing),
        }
    }

    /// Syslog takes more, or is given up.
    pub(super) fn on_syslog(&mut self, doing: &mut Doing<'_>) {
        let waiting = self.outputs.iter().filter(|channel| channel.waits_for_syslog());
        let streams: Vec<Stream> = waiting.map(|channel| channel.stream).collect();
        for stream in streams {
            self.on_taken(stream, doing);
        }
    }

    /// Whether lines wait for syslog.
    pub(super) fn waits_for_syslog(&self) -> bool {
        self.outputs.iter().any(Channel::waits_for_syslog)
    }

    /// Takes all of the bytes, or says why not.
    pub(super) fn write_stdin(
        &mut self,
        bytes: &[u8],
        doing: &mut Doing<'_>,
    ) -> Result<(), Refusal> {
        let taken = match &mut self.stdin {
            Some(stdin) => stdin.take(bytes),
            None => Err(Untaken::Closed),
        };
        match self.after_writing(taken, doing) {
            Ok(()) => Ok(()),
            Err(Untaken::Closed) => Err(Refusal::NoStdin(self.name.to_string())),
            Err(Untaken::Full) => Err(Refusal::Busy(format!(
                "{} does not read its stdin, and {STDIN_PENDING_MAX_BYTES} bytes at most may wait \
                 for it; try again when it has read some",
                self.name
            ))),
        }
    }

    /// Takes an event for a listener that still listens, or says why not.
    pub(super) fn write_event(
        &mut self,
        pid: i32,
        bytes: &[u8],
        doing: &mut Doing<'_>,
    ) -> Result<(), Unwritten> {
        let listens = self.outputs.iter().any(Channel::listens);
        let taken = match &mut self.stdin {
            Some(stdin) if pid == self.pid && listens => stdin.take(bytes),
            Some(_) | None => return Err(Unwritten::Closed),
        };
        self.after_writing(taken, doing).map_err(|why| match why {
            Untaken::Closed => Unwritten::Closed,
            Untaken::Full => Unwritten::Full,
        })?;
        self.outputs.iter_mut().for_each(Channel::event_written);
        Ok(())
    }

    /// Removes and reopens the logs.
    pub(super) fn clear_logs(&mut self, doing: &Doing<'_>) -> Result<(), Refusal> {
        let mut channels = self.outputs.iter_mut();
        let cleared = channels.try_for_each(|channel| channel.clear(&doing.aside));
        cleared.map_err(|_| Refusal::Failed(self.name.to_string()))
    }

    /// Opens the logs anew by their paths.
    pub(super) fn reopen_logs(&mut self, doing: &mut Doing<'_>) {
        for channel in &mut self.outputs {
            channel.reopen(&mut doing.aside);
        }
        // Whoever waited for an old log's stream waits for nothing now.
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.on_taken(stream, doing);
        }
    }

    /// The child is gone: takes what is in its pipes, and closes what has taken everything.
    pub(super) fn drain(&mut self, doing: &mut Doing<'_>) {
        self.gone = true;
        for mut channel in std::mem::take(&mut self.outputs) {
            let look = channel.drain(doing);
            unwatch(&self.name, &mut channel, doing);
            if look == Look::Blocked {
                await_taker(self.slot, &channel, doing);
                self.outputs.push(channel);
            } else {
                channel.close(&mut doing.aside);
            }
        }
        self.close_stdin(doing);
    }

    /// Whether, after a drain, everything is in its logs.
    pub(super) fn is_done(&self) -> bool {
        self.gone && self.outputs.is_empty()
    }

    /// Closes the logs, whatever they have not taken yet.
    pub(super) fn close(self, doing: &mut Doing<'_>) {
        for channel in self.outputs {
            channel.close(&mut doing.aside);
        }
    }

    fn on_pipe(&mut self, stream: Stream, doing: &mut Doing<'_>) {
        let Some(channel) = self.outputs.iter_mut().find(|channel| channel.stream == stream) else {
            return;
        };
        match channel.read(doing) {
            Look::Open => {}
            Look::Blocked => {
                if let Some(pipe) = &channel.pipe {
                    // The program waits for its log. The pipe may be off the list already.
                    let _ = epoll::delete(doing.epoll, pipe);
                }
                await_taker(self.slot, channel, doing);
            }
            Look::Ended => unwatch(&self.name, channel, doing),
        }
    }

    /// The log's stream or syslog takes more: the pipe is read again once nothing waits.
    fn on_taken(&mut self, stream: Stream, doing: &mut Doing<'_>) {
        let Some(at) = self.outputs.iter().position(|channel| channel.stream == stream) else {
            return;
        };
        let Some(channel) = self.outputs.get_mut(at) else { return };
        match channel.flush(&mut doing.aside) {
            Look::Blocked => await_taker(self.slot, channel, doing),
            Look::Open | Look::Ended if self.gone => {
                self.outputs.remove(at).close(&mut doing.aside);
            }
            Look::Open | Look::Ended => watch(self.slot, channel, doing),
        }
    }

    /// What goes on after a write to stdin.
    fn after_writing(
        &mut self,
        written: Result<(), Untaken>,
        doing: &mut Doing<'_>,
    ) -> Result<(), Untaken> {
        if written == Err(Untaken::Closed) {
            if let Some(stdin) = &self.stdin {
                say_closed(&self.name, stdin.as_fd(), "stdin", doing);
            }
            self.close_stdin(doing);
        } else if let Some(stdin) = self.stdin.as_ref().filter(|stdin| stdin.waiting() > 0) {
            arm(doing.epoll, stdin, Role::Stdin.key(self.slot));
        }
        written
    }

    fn close_stdin(&mut self, doing: &Doing<'_>) {
        if let Some(stdin) = self.stdin.take() {
            // Only a stdin that something waits for is on the list.
            let _ = epoll::delete(doing.epoll, &stdin);
        }
    }
}

fn watch(slot: Slot, channel: &Channel, doing: &Doing<'_>) {
    if let Some(pipe) = &channel.pipe {
        let data = EventData::new_u64(Role::Pipe(channel.stream).key(slot));
        // It is watched already only if a log was reopened while its stream was waited for.
        let _ = epoll::add(doing.epoll, pipe, data, EventFlags::IN);
    }
}

/// For syslog, which many share, the loop waits itself.
fn await_taker(slot: Slot, channel: &Channel, doing: &Doing<'_>) {
    if let Some(log) = channel.full_log() {
        arm(doing.epoll, log, Role::Log(channel.stream).key(slot));
    }
}

fn unwatch(name: &str, channel: &mut Channel, doing: &mut Doing<'_>) {
    if let Some(pipe) = channel.pipe.take() {
        // A child that is just being born may hold a copy of the descriptor for a moment, so
        // closing alone would not take it off the list.
        let _ = epoll::delete(doing.epoll, &pipe);
        say_closed(name, pipe.as_fd(), channel.stream.name(), doing);
    }
}

fn say_closed(name: &str, fd: BorrowedFd<'_>, channel: &str, doing: &mut Doing<'_>) {
    if doing.aside.debug {
        let fd = fd.as_raw_fd();
        let text = format!("fd {fd} closed, stopped monitoring {name} ({channel})");
        doing.aside.notes.push((Level::Debug, text));
    }
}
