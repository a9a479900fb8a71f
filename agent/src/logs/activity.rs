//! The activity log: what the agent itself has to say, in a file and, in the foreground, on stdout.
//!
//! `main.rs` opens it and writes the first lines before there are threads; then the bytes thread
//! owns it. A target that takes nothing just now (a stopped terminal, a pipe that nobody reads)
//! gets a bounded backlog, so that it delays no program.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use agent_core::Refusal;
use agent_core::spec::Level;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::file::{LogFile, Rotation};
use super::syslog::Syslog;
use super::{Line, Note};

/// Bytes that wait for a target; later ones are dropped and counted. Four full pipes: a reader
/// that is only slow loses nothing.
const BACKLOG_MAX_BYTES: usize = 256 << 10;

/// Bytes per write to stdout: what a pipe or terminal that is ready takes without waiting.
const STDOUT_WRITE_MAX_BYTES: usize = 4096;

/// Where and what to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivitySettings {
    /// Where to.
    pub place: Place,
    /// When it is rotated.
    pub rotation: Rotation,
    /// Lines below this are not written.
    pub level: Level,
    /// A copy of each line goes to stdout: in the foreground, unless silent.
    pub to_stdout: bool,
}

/// Where the activity log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// In the system's log.
    Syslog,
}

/// The activity log.
#[derive(Debug)]
pub struct ActivityLog {
    level: Level,
    zone: TimeZone,
    /// stdout first, then the file: the order in which supervisord writes.
    targets: Vec<Target>,
}

/// One place that lines go to.
#[derive(Debug)]
struct Target {
    sink: Sink,
    backlog: Vec<u8>,
    dropped: u64,
}

#[derive(Debug)]
enum Sink {
    Stdout(OwnedFd),
    File(Box<LogFile>),
    Syslog(Box<Syslog>),
}

/// Now, in milliseconds since the epoch.
#[must_use]
pub fn wall_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

impl ActivityLog {
    /// Opens the log for appending.
    ///
    /// # Errors
    ///
    /// The system's reason when the file cannot be opened, or stdout cannot be duplicated.
    pub fn open(settings: &ActivitySettings) -> io::Result<Self> {
        let mut targets = Vec::new();
        if settings.to_stdout {
            let stdout = io::stdout().as_fd().try_clone_to_owned()?;
            targets.push(Target::new(Sink::Stdout(stdout)));
        }
        targets.push(Target::new(match &settings.place {
            Place::File(path) => Sink::File(Box::new(LogFile::open(path, settings.rotation)?)),
            Place::Syslog => Sink::Syslog(Box::new(Syslog::new())),
        }));
        Ok(Self { level: settings.level, zone: TimeZone::system(), targets })
    }

    /// The lowest level that is written.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The device that its file lies on; 0 without a file.
    pub(super) fn device(&self) -> u64 {
        let device = |target: &Target| match &target.sink {
            Sink::File(file) => Some(file.device()),
            Sink::Stdout(_) | Sink::Syslog(_) => None,
        };
        self.targets.iter().find_map(device).unwrap_or(0)
    }

    /// Writes a line that is said now, if its level counts.
    pub fn log(&mut self, level: Level, text: &str) {
        self.write(&Line { level, text: text.to_owned(), wall_ms: wall_ms() });
    }

    /// Writes a line, if its level counts.
    pub fn write(&mut self, line: &Line) {
        if line.level < self.level {
            return;
        }
        let text = Text::of(line, &self.zone);
        let mut notes = Vec::new();
        for target in &mut self.targets {
            target.put(&text, &mut notes);
        }
        self.note(notes);
    }

    /// Opens the file anew by its path; stdout stays (LOG-30).
    pub fn reopen(&mut self) {
        let mut notes = Vec::new();
        for target in &mut self.targets {
            if let Sink::File(file) = &mut target.sink {
                file.reopen(&mut notes);
            }
        }
        self.note(notes);
    }

    /// Removes the file and makes a new, empty one. supervisord's remark about it, once for each
    /// target, goes to the file that is removed, so it shows on stdout alone.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoFile`] when there is no file, [`Refusal::Failed`] when it cannot be removed or
    /// made again; both with an empty text, since supervisord has none.
    pub fn clear(&mut self) -> Result<(), Refusal> {
        if !self.file_path().is_some_and(Path::exists) {
            return Err(Refusal::NoFile(String::new()));
        }
        let count = self.targets.len();
        let line =
            Line { level: Level::Info, text: "reopening log file".to_owned(), wall_ms: wall_ms() };
        let text = Text::of(&line, &self.zone);
        let mut cleared = Ok(());
        for target in &mut self.targets {
            match &mut target.sink {
                Sink::Stdout(_) if line.level >= self.level => {
                    for _ in 0..count {
                        target.put(&text, &mut Vec::new());
                    }
                }
                Sink::Stdout(_) | Sink::Syslog(_) => {}
                Sink::File(file) => {
                    cleared = file.clear().map_err(|_| Refusal::Failed(String::new()));
                }
            }
        }
        cleared
    }

    /// Writes what waits. Call it when one of [`ActivityLog::waiting`] is writable.
    pub fn flush(&mut self) {
        let mut notes = Vec::new();
        for target in &mut self.targets {
            target.flush(&mut notes);
        }
        self.note(notes);
    }

    /// Gives up what waits: nothing is written any more.
    pub fn give_up(&mut self) {
        for target in &mut self.targets {
            target.backlog = Vec::new();
        }
    }

    /// The targets that could not take everything: wait until they are writable.
    pub fn waiting(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.targets.iter().filter(|target| !target.backlog.is_empty()).filter_map(Target::as_fd)
    }

    fn file_path(&self) -> Option<&Path> {
        self.targets.iter().find_map(|target| match &target.sink {
            Sink::Stdout(_) | Sink::Syslog(_) => None,
            Sink::File(file) => Some(file.path()),
        })
    }

    /// Notes about this log itself; what they give rise to is not noted again.
    fn note(&mut self, notes: Vec<Note>) {
        for (level, text) in notes {
            if level < self.level {
                continue;
            }
            let line = Line { level, text, wall_ms: wall_ms() };
            let text = Text::of(&line, &self.zone);
            for target in &mut self.targets {
                target.put(&text, &mut Vec::new());
            }
        }
    }
}

impl Target {
    fn new(sink: Sink) -> Self {
        Self { sink, backlog: Vec::new(), dropped: 0 }
    }

    /// Writes behind what waits already; what finds no room is dropped and counted.
    fn put(&mut self, text: &Text, notes: &mut Vec<Note>) {
        let bytes = self.sink.form(text).as_bytes();
        if self.backlog.is_empty() {
            let done = self.sink.write(bytes, notes);
            self.keep(bytes.get(done..).unwrap_or(&[]));
        } else {
            self.keep(bytes);
            self.flush(notes);
        }
    }

    /// Writes what waits, as far as it goes.
    fn flush(&mut self, notes: &mut Vec<Note>) {
        let done = self.sink.write(&self.backlog, notes);
        self.backlog.drain(..done);
        if self.backlog.is_empty() && self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            self.backlog = Vec::new();
            notes.push((
                Level::Warn,
                format!("the activity log's reader was too slow, dropped {dropped} bytes"),
            ));
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.backlog.len() + bytes.len() > BACKLOG_MAX_BYTES {
            self.dropped = self.dropped.saturating_add(bytes.len() as u64);
        } else {
            self.backlog.extend_from_slice(bytes);
        }
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.sink {
            Sink::Stdout(stdout) => Some(stdout.as_fd()),
            Sink::File(file) => file.as_stream(),
            Sink::Syslog(syslog) => syslog.as_fd(),
        }
    }
}

impl Sink {
    /// How many bytes are dealt with.
    fn write(&mut self, bytes: &[u8], notes: &mut Vec<Note>) -> usize {
        match self {
            Self::Stdout(stdout) => write_stdout(stdout, bytes),
            Self::File(file) => file.append(bytes, notes),
            Self::Syslog(syslog) => {
                let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
                let untaken = lines.find(|line| !syslog.send(&[], line, notes));
                let left = untaken.map_or(0, <[u8]>::len) + lines.map(<[u8]>::len).sum::<usize>();
                bytes.len() - left
            }
        }
    }

    fn form<'a>(&self, text: &'a Text) -> &'a str {
        match self {
            Self::Stdout(_) | Self::File(_) => &text.whole,
            Self::Syslog(_) => text.in_lines.as_deref().unwrap_or(&text.whole),
        }
    }
}

/// stdout is shared with whoever started the agent, so it cannot be made non-blocking: each small
/// write asks first. A broken stdout takes everything and says nothing, as there is nobody left.
fn write_stdout(stdout: &OwnedFd, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        if !is_ready(stdout) {
            return written;
        }
        let end = bytes.len().min(written + STDOUT_WRITE_MAX_BYTES);
        match rustix::io::write(stdout, bytes.get(written..end).unwrap_or(&[])) {
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return written,
            Err(_) => return bytes.len(),
        }
    }
    written
}

fn is_ready(stdout: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(stdout, PollFlags::OUT)];
    let at_once = Timespec::default();
    // An error shows in the write that follows.
    !matches!(poll(&mut asked, Some(&at_once)), Ok(0))
}

/// A line as it is written.
struct Text {
    /// `YYYY-MM-DD HH:MM:SS,mmm LEVL message`, local time, milliseconds cut off (LOG-01).
    whole: String,
    /// When the message itself has several lines, each with its stamp: syslog's form (LOG-07).
    in_lines: Option<String>,
}

impl Text {
    fn of(line: &Line, zone: &TimeZone) -> Self {
        let stamp = Timestamp::from_millisecond(line.wall_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = stamp.to_zoned(zone.clone());
        let local = local.strftime("%Y-%m-%d %H:%M:%S");
        let millis = line.wall_ms.rem_euclid(1000);
        let head = format!("{local},{millis:03} {}", line.level.code());
        let in_lines = line.text.contains('\n').then(|| {
            let lines = line.text.trim_end_matches('\n').split('\n');
            lines.fold(String::new(), |all, line| all + &head + " " + line + "\n")
        });
        Self { whole: format!("{head} {}\n", line.text), in_lines }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use agent_core::spec::Level;
    use jiff::tz::{TimeZone, offset};

    use super::{ActivityLog, BACKLOG_MAX_BYTES, Line, Sink, Target, Text};

    fn line(level: Level, text: &str, wall_ms: i64) -> Line {
        Line { level, text: text.to_owned(), wall_ms }
    }

    #[test]
    fn a_line_is_supervisords() {
        let zone = TimeZone::fixed(offset(2));
        let said = line(Level::Info, "spawned: 'web' with pid 7", 1_700_000_000_009);
        let text = Text::of(&said, &zone);
        assert_eq!(text.whole, "2023-11-15 00:13:20,009 INFO spawned: 'web' with pid 7\n");
        assert_eq!(text.in_lines, None);
        let text = Text::of(&line(Level::Debug, "a\n\nb\n\n", 0), &TimeZone::UTC);
        let stamp = "1970-01-01 00:00:00,000 DEBG ";
        assert_eq!(text.whole, format!("{stamp}a\n\nb\n\n\n"));
        assert_eq!(text.in_lines, Some(format!("{stamp}a\n{stamp}\n{stamp}b\n")));
    }

    /// A log on a pipe that plays stdout.
    fn log_on_a_pipe() -> (ActivityLog, std::io::PipeReader) {
        let (reader, writer) = std::io::pipe().unwrap();
        let log = ActivityLog {
            level: Level::Info,
            zone: TimeZone::UTC,
            targets: vec![Target::new(Sink::Stdout(OwnedFd::from(writer)))],
        };
        (log, reader)
    }

    #[test]
    fn levels_below_the_configured_one_are_not_written() {
        let (mut log, mut reader) = log_on_a_pipe();
        log.write(&line(Level::Debug, "no", 0));
        log.write(&line(Level::Critical, "yes", 0));
        drop(log);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "1970-01-01 00:00:00,000 CRIT yes\n");
    }

    #[test]
    fn a_slow_reader_delays_nobody_and_hears_what_it_missed() {
        let (mut log, mut reader) = log_on_a_pipe();
        let text = "x".repeat(1000);
        for _ in 0..2 * BACKLOG_MAX_BYTES / 1000 {
            log.write(&line(Level::Info, &text, 0));
        }
        assert_eq!(log.waiting().count(), 1);
        let mut heard = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        while log.waiting().count() > 0 {
            let count = reader.read(&mut buffer).unwrap();
            heard.extend_from_slice(&buffer[..count]);
            log.flush();
        }
        drop(log);
        reader.read_to_end(&mut heard).unwrap();
        let heard = String::from_utf8(heard).unwrap();
        let kept = heard.lines().count() - 1;
        let last = heard.lines().last().unwrap();
        let dropped =
            (2 * BACKLOG_MAX_BYTES / 1000 - kept) * "1970-01-01 00:00:00,000 INFO \n".len();
        let dropped = dropped + (2 * BACKLOG_MAX_BYTES / 1000 - kept) * text.len();
        let said = format!("the activity log's reader was too slow, dropped {dropped} bytes");
        assert!(last.ends_with(&said), "{last}: {said}");
    }
}
