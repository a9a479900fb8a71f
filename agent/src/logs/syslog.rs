//! The system's log: one datagram for each line, as libc's `syslog` makes it (SYS-01..03).
//!
//! Sending never waits. A daemon that is slow makes whoever sends wait until it takes more, as a
//! pipe would; one that is not there, or has taken nothing for [`PATIENCE_SECS`], loses lines: that
//! is counted, said once when it begins and once when it is over.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use agent_core::spec::Level;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::io::Errno;

use super::Note;
use super::activity::wall_ms;
use crate::spawn::errno_text;

/// Where the system's log listens.
const PLACE: &str = "/dev/log";

/// Facility USER, priority INFO, whatever the level: what supervisord's lines have (SYS-02).
const PRIORITY: u8 = 1 << 3 | 6;

/// Bytes of a line, at most; the rest is cut off. As much as one read takes, and less than a socket
/// takes at once.
const LINE_MAX_BYTES: usize = 128 << 10;

/// How long a daemon may take nothing while lines wait, in seconds: one that is restarted is back
/// within it, and one that hangs must not hold programs up for ever.
pub(super) const PATIENCE_SECS: i64 = 5;

/// A connection to the system's log, made when it is needed and again when it breaks.
#[derive(Debug)]
pub(super) struct Syslog {
    place: PathBuf,
    ident: String,
    zone: TimeZone,
    socket: Option<UnixDatagram>,
    /// The second that `head` tells, and `<PRIORITY>Mmm dd HH:MM:SS ident: `.
    second: i64,
    head: String,
    /// The datagram that is being made; kept for its memory.
    datagram: Vec<u8>,
    /// Lines lost since the trouble began; `None` while there is none.
    lost: Option<u64>,
}

impl Syslog {
    /// Lines carry the name by which the agent was called, as libc has it.
    pub(super) fn new() -> Self {
        let called = std::env::args_os().next().unwrap_or_default();
        let called = called.to_string_lossy();
        let ident = called.rsplit('/').next().unwrap_or_default().to_owned();
        Self::to(PathBuf::from(PLACE), ident)
    }

    fn to(place: PathBuf, ident: String) -> Self {
        Self {
            place,
            ident,
            zone: TimeZone::system(),
            socket: None,
            second: i64::MIN,
            head: String::new(),
            datagram: Vec::new(),
            lost: None,
        }
    }

    /// Sends one line, which is `prefix` and `text`. `false` when it must wait until
    /// [`Syslog::as_fd`] is writable; otherwise it is sent or lost.
    pub(super) fn send(&mut self, prefix: &[u8], text: &[u8], notes: &mut Vec<Note>) -> bool {
        self.write_datagram(prefix, text);
        match self.try_send() {
            Ok(()) => self.works_again(notes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => match &mut self.lost {
                None => return false,
                Some(lost) => *lost = lost.saturating_add(1),
            },
            Err(error) => {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                let errno = errno_text(errno.raw_os_error());
                self.lose(1, &format!("cannot be reached ({errno})"), notes);
            }
        }
        true
    }

    /// Nothing was taken for too long: lines that find no room are lost from now on.
    pub(super) fn give_up(&mut self, notes: &mut Vec<Note>) {
        self.lose(0, &format!("has taken nothing for {PATIENCE_SECS} seconds"), notes);
    }

    /// What to wait for when a line was not taken.
    pub(super) fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Counts lines that are lost, and says why when that begins.
    pub(super) fn lose(&mut self, lines: u64, why: &str, notes: &mut Vec<Note>) {
        let before = self.lost.unwrap_or_else(|| {
            let text = format!("syslog {why}; dropping lines until it takes them");
            notes.push((Level::Error, text));
            0
        });
        self.lost = Some(before.saturating_add(lines));
    }

    fn works_again(&mut self, notes: &mut Vec<Note>) {
        if let Some(lost) = self.lost.take() {
            let text = format!("syslog takes lines again, dropped {lost} lines");
            notes.push((Level::Warn, text));
        }
    }

    fn write_datagram(&mut self, prefix: &[u8], text: &[u8]) {
        let second = wall_ms().div_euclid(1000);
        if second != self.second {
            let stamp = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            let local = stamp.to_zoned(self.zone.clone());
            let local = local.strftime("%b %e %H:%M:%S");
            self.head = format!("<{PRIORITY}>{local} {}: ", self.ident);
            self.second = second;
        }
        self.datagram.clear();
        self.datagram.extend_from_slice(self.head.as_bytes());
        self.datagram.extend_from_slice(prefix);
        let text = text.get(..LINE_MAX_BYTES).unwrap_or(text);
        // libc's lines end at a zero byte.
        let text = text.split(|byte| *byte == 0).next().unwrap_or(text);
        self.datagram.extend_from_slice(text);
    }

    /// A daemon that was restarted is another socket at the same place: a second try finds it.
    fn try_send(&mut self) -> io::Result<()> {
        if let Some(socket) = &self.socket {
            match socket.send(&self.datagram) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(error),
                Err(_) => self.socket = None,
            }
        }
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.place)?;
        let socket = self.socket.insert(socket);
        socket.send(&self.datagram).map(drop)
    }
}

/// The lines of a chunk, as supervisord sends them: without the line ends at its end, so that an
/// empty chunk is one empty line, and an unfinished line is one too.
pub(super) fn lines(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = chunk.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
    chunk.get(..end).unwrap_or(&[]).split(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::{Syslog, lines};

    #[test]
    fn a_chunk_is_cut_into_lines() {
        for (chunk, cut) in [
            ("a\n\nb\n", vec!["a", "", "b"]),
            ("part", vec!["part"]),
            ("ial\r\n\n\n", vec!["ial\r"]),
            ("\n", vec![""]),
            ("\na", vec!["", "a"]),
        ] {
            let cut: Vec<_> = cut.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(lines(chunk.as_bytes()).collect::<Vec<_>>(), cut, "{chunk:?}");
        }
    }

    fn heard(daemon: &UnixDatagram) -> Vec<String> {
        daemon.set_nonblocking(true).unwrap();
        let mut buffer = vec![0; 1 << 18];
        let mut heard = Vec::new();
        while let Ok(count) = daemon.recv(&mut buffer) {
            heard.push(String::from_utf8(buffer[..count].to_vec()).unwrap());
        }
        heard
    }

    #[test]
    fn a_daemon_that_comes_goes_and_hangs_is_told_of_once_each() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("log");
        let mut syslog = Syslog::to(place.clone(), "me".to_owned());
        let mut notes = Vec::new();
        let said = |notes: &mut Vec<super::Note>| -> Vec<String> {
            notes.drain(..).map(|(_, text)| text).collect()
        };
        assert!(syslog.send(b"p ", b"lost", &mut notes));
        assert!(syslog.send(b"p ", b"lost", &mut notes));
        let gone = "syslog cannot be reached (ENOENT); dropping lines until it takes them";
        assert_eq!(said(&mut notes), [gone]);

        let daemon = UnixDatagram::bind(&place).unwrap();
        assert!(syslog.send(b"p ", b"one", &mut notes));
        assert_eq!(said(&mut notes), ["syslog takes lines again, dropped 2 lines"]);
        let [line] = &heard(&daemon)[..] else { panic!("not one line") };
        // `<14>Nov 21 15:36:58 me: p one`
        let stamp = "Nov 21 15:36:58".len();
        assert_eq!((&line[..4], &line[4 + stamp..]), ("<14>", " me: p one"));
        drop(daemon);
        std::fs::remove_file(&place).unwrap();

        let daemon = UnixDatagram::bind(&place).unwrap();
        assert!(syslog.send(b"p ", b"two", &mut notes), "the new daemon is found at once");
        assert_eq!(said(&mut notes), [""; 0]);
        let mut sent = 1;
        while syslog.send(b"p ", b"more", &mut notes) {
            sent += 1;
        }
        syslog.give_up(&mut notes);
        assert!(syslog.send(b"p ", b"lost", &mut notes));
        assert_eq!(heard(&daemon).len(), sent);
        assert!(syslog.send(b"p ", b"again", &mut notes));
        let hung = "syslog has taken nothing for 5 seconds; dropping lines until it takes them";
        assert_eq!(said(&mut notes), [hung, "syslog takes lines again, dropped 1 lines"]);
    }
}
