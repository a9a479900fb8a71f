//! The channels of one attached child.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;

use agent_core::Refusal;
use agent_core::effect::ProcessId;
use agent_core::spec::Level;
use proto_words::repr;
use rustix::event::epoll::{self, EventData, EventFlags};

use super::channel::{Channel, Channels, Look, Remarks};
use super::file::LogFile;
use super::stdin::{STDIN_PENDING_MAX_BYTES, Stdin, Untaken};
use super::thread::arm;

/// What the loop lends while it does something with a program.
pub(super) struct Doing<'a> {
    pub epoll: BorrowedFd<'a>,
    pub buffer: &'a mut [u8],
    pub strip: bool,
    /// Chunks are echoed into the activity log.
    pub debug: bool,
    /// For the activity log.
    pub remarks: Remarks,
}

/// Which of a program's descriptors is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Stdin,
    Pipe(Stream),
    /// The log of a stream, when that is a pipe or a terminal.
    Log(Stream),
}

/// An output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
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

    fn key(self, process: ProcessId) -> u64 {
        let number = Self::ALL.iter().position(|role| *role == self);
        process.0 << 3 | number.unwrap_or_default() as u64
    }

    /// What a key stands for.
    pub(super) fn of(key: u64) -> Option<(ProcessId, Self)> {
        let number = usize::try_from(key & 7).ok()?;
        Self::ALL.get(number).map(|role| (ProcessId(key >> 3), *role))
    }
}

/// One attached child.
#[derive(Debug)]
pub(super) struct Program {
    process: ProcessId,
    pid: i32,
    name: Arc<str>,
    stdin: Option<Stdin>,
    outputs: Vec<(Stream, Channel)>,
}

impl Program {
    pub(super) fn new(process: ProcessId, pid: i32, channels: Channels) -> Self {
        let stdout = channels.stdout.map(|output| (Stream::Stdout, output.into()));
        let stderr = channels.stderr.map(|output| (Stream::Stderr, output.into()));
        Self {
            process,
            pid,
            name: channels.name,
            stdin: channels.stdin.map(Stdin::new),
            outputs: stdout.into_iter().chain(stderr).collect(),
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Begins to read. stdin is only waited for while something waits for it.
    pub(super) fn watch_all(&mut self, doing: &mut Doing<'_>) {
        for (stream, channel) in &self.outputs {
            self.watch(*stream, channel, doing);
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
            Role::Log(stream) => self.on_log(stream, doing),
        }
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

    /// Removes and reopens the logs.
    pub(super) fn clear_logs(&mut self) -> Result<(), Refusal> {
        let logs = self.outputs.iter_mut();
        let mut logs = logs.filter_map(|(_, channel)| channel.log.as_mut());
        logs.try_for_each(LogFile::clear).map_err(|_| Refusal::Failed(self.name.to_string()))
    }

    /// Opens the logs anew by their paths.
    pub(super) fn reopen_logs(&mut self, doing: &mut Doing<'_>) {
        for (_, channel) in &mut self.outputs {
            if let Some(log) = &mut channel.log {
                log.reopen(&mut doing.remarks.notes);
            }
        }
    }

    /// The child is gone: takes what is in its pipes and closes everything.
    pub(super) fn drain(&mut self, doing: &mut Doing<'_>) {
        for (stream, mut channel) in std::mem::take(&mut self.outputs) {
            doing.remarks.echo_as = self.echo_as(stream, doing);
            channel.drain(doing.buffer, doing.strip, &mut doing.remarks);
            self.unwatch(stream, &mut channel, doing);
            channel.close(&mut doing.remarks);
        }
        self.close_stdin(doing);
    }

    fn on_pipe(&mut self, stream: Stream, doing: &mut Doing<'_>) {
        doing.remarks.echo_as = self.echo_as(stream, doing);
        let Some(channel) = self.channel(stream) else {
            return;
        };
        let look = channel.read(doing.buffer, doing.strip, &mut doing.remarks);
        match look {
            Look::Open => {}
            Look::Blocked => self.wait_for_log(stream, doing),
            Look::Ended => self.end_pipe(stream, doing),
        }
    }

    /// The log's stream takes more: the pipe is read again once nothing waits.
    fn on_log(&mut self, stream: Stream, doing: &mut Doing<'_>) {
        let Some(channel) = self.channel(stream) else {
            return;
        };
        match channel.flush(&mut doing.remarks) {
            Look::Blocked => self.wait_for_log(stream, doing),
            Look::Open | Look::Ended => {
                if let Some((stream, channel)) = self.outputs.iter().find(|(of, _)| *of == stream) {
                    self.watch(*stream, channel, doing);
                }
            }
        }
    }

    fn channel(&mut self, stream: Stream) -> Option<&mut Channel> {
        let mut outputs = self.outputs.iter_mut();
        let found = outputs.find(|(of, _)| *of == stream);
        found.map(|(_, channel)| channel)
    }

    fn watch(&self, stream: Stream, channel: &Channel, doing: &Doing<'_>) {
        if let Some(pipe) = &channel.pipe {
            let data = EventData::new_u64(Role::Pipe(stream).key(self.process));
            // It is watched already only if a log was reopened while its stream was waited for.
            let _ = epoll::add(doing.epoll, pipe, data, EventFlags::IN);
        }
    }

    /// The program waits for its log, since the pipe is not read meanwhile.
    fn wait_for_log(&mut self, stream: Stream, doing: &mut Doing<'_>) {
        let key = Role::Log(stream).key(self.process);
        if let Some(channel) = self.channel(stream) {
            if let Some(pipe) = &channel.pipe {
                // It may be off the list already.
                let _ = epoll::delete(doing.epoll, pipe);
            }
            if let Some(log) = channel.log.as_ref().and_then(LogFile::as_stream) {
                arm(doing.epoll, log, key);
            }
        }
    }

    fn end_pipe(&mut self, stream: Stream, doing: &mut Doing<'_>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for (_, channel) in outputs.iter_mut().filter(|(of, _)| *of == stream) {
            self.unwatch(stream, channel, doing);
        }
        self.outputs = outputs;
    }

    fn unwatch(&self, stream: Stream, channel: &mut Channel, doing: &mut Doing<'_>) {
        if let Some(pipe) = channel.pipe.take() {
            // A child that is just being born may hold a copy of the descriptor for a moment, so
            // closing alone would not take it off the list.
            let _ = epoll::delete(doing.epoll, &pipe);
            self.say_closed(pipe.as_fd(), stream.name(), doing);
        }
    }

    /// What goes on after a write to stdin.
    fn after_writing(
        &mut self,
        written: Result<(), Untaken>,
        doing: &mut Doing<'_>,
    ) -> Result<(), Untaken> {
        if written == Err(Untaken::Closed) {
            self.close_stdin(doing);
        } else if let Some(stdin) = self.stdin.as_ref().filter(|stdin| stdin.waiting() > 0) {
            arm(doing.epoll, stdin, Role::Stdin.key(self.process));
        }
        written
    }

    fn close_stdin(&mut self, doing: &mut Doing<'_>) {
        if let Some(stdin) = self.stdin.take() {
            // Only a stdin that something waits for is on the list.
            let _ = epoll::delete(doing.epoll, &stdin);
            self.say_closed(stdin.as_fd(), "stdin", doing);
        }
    }

    fn say_closed(&self, fd: BorrowedFd<'_>, channel: &str, doing: &mut Doing<'_>) {
        if doing.debug {
            let fd = fd.as_raw_fd();
            let name = &self.name;
            let text = format!("fd {fd} closed, stopped monitoring {name} ({channel})");
            doing.remarks.notes.push((Level::Debug, text));
        }
    }

    fn echo_as(&self, stream: Stream, doing: &Doing<'_>) -> Option<String> {
        let whose = || format!("{} {} output:", repr(&self.name), stream.name());
        doing.debug.then(whose)
    }
}
