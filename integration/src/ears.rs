//! What event listeners have heard: noted by scripted children (`hear` and `serve`) and by
//! `listener.py`, which is written with the original's own `childutils`.

use std::io::{self, BufRead};

use crate::home::Home;
use crate::oracle;
use crate::subject::{Daemon, Host};
use crate::wait::{self, PATIENCE};

/// The listener in Python.
const LISTENER: &str = include_str!("listener.py");

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The first line, without its end.
    pub header: String,
    /// What followed.
    pub payload: String,
}

impl Heard {
    /// Reads one event as the protocol has it: a line, then as many characters as it says.
    ///
    /// # Errors
    ///
    /// When there is none, or it is none.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut header = String::new();
        from.read_line(&mut header)?;
        let mut event =
            Self { header: header.trim_end_matches('\n').to_owned(), payload: String::new() };
        let length: usize = event.get("len").parse().map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        loop {
            // The last character may not be whole yet.
            let whole = str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
            event.payload = String::from_utf8_lossy(&bytes[..whole]).into_owned();
            let missing = length - event.payload.chars().count();
            if missing == 0 {
                break;
            }
            let have = bytes.len();
            bytes.resize(have + missing, 0);
            from.read_exact(&mut bytes[have..])?;
        }
        Ok(event)
    }

    /// As it is noted, on one line: the header, and the payload as JSON.
    ///
    /// # Panics
    ///
    /// Never: a text is always JSON.
    #[must_use]
    pub fn note(&self) -> String {
        let payload = serde_json::to_string(&self.payload).expect("a text");
        format!("{} {payload}\n", self.header)
    }

    fn of_note(line: &str) -> Option<Self> {
        let at = line.find(" \"")?;
        let payload = serde_json::from_str(line.get(at + 1..)?).ok()?;
        Some(Self { header: line.get(..at)?.to_owned(), payload })
    }

    /// The value of a word of the header, empty when it is not there.
    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        let mut words = self.header.split(' ').filter_map(|word| word.split_once(':'));
        words.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    }

    /// `eventname`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get("eventname")
    }

    /// The value of a word of the payload, empty when it is not there.
    #[must_use]
    pub fn of_payload(&self, key: &str) -> &str {
        let mut words = self.payload.split_whitespace().filter_map(|word| word.split_once(':'));
        words.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    }

    /// `NAME payload`, pids replaced by a word.
    #[must_use]
    pub fn shown(&self) -> String {
        let pid = self.of_payload("pid");
        let payload = if pid.is_empty() || pid == "0" {
            self.payload.clone()
        } else {
            self.payload.replacen(&format!("pid:{pid}"), "pid:PID", 1)
        };
        format!("{} {payload}", self.name())
    }
}

/// Writes the listener in Python into a host's home and returns the command that runs it; it notes
/// what it hears in the home's file of this name.
#[must_use]
pub fn python_listener(host: &Host, file: &str) -> String {
    host.home().write("listener.py", LISTENER);
    let python = oracle::program("python");
    let home = host.home();
    format!(
        "{} {} {}",
        python.display(),
        home.join("listener.py").display(),
        home.join(file).display()
    )
}

/// What was noted in a file of the home so far.
#[must_use]
pub fn heard(home: &Home, file: &str) -> Vec<Heard> {
    home.read(file).split_inclusive('\n').filter_map(Heard::of_note).collect()
}

/// Waits until enough was noted.
///
/// # Panics
///
/// When it is not within [`PATIENCE`].
pub fn wait_heard(
    daemon: &Daemon,
    file: &str,
    what: &str,
    enough: impl Fn(&[Heard]) -> bool,
) -> Vec<Heard> {
    wait::until(PATIENCE, &format!("{what} in {file}"), || {
        let all = heard(daemon.home(), file);
        if enough(&all) { Ok(all) } else { Err(daemon.home().read(file)) }
    })
}

#[cfg(test)]
mod tests {
    use super::Heard;

    #[test]
    fn an_event_is_read_noted_and_read_back() {
        let sent = "ver:3.0 eventname:X len:6\na\n\"\u{e9}:\u{20ac}ver:3.0 eventname:Y len:0\n";
        let mut stream = sent.as_bytes();
        let first = Heard::read(&mut stream).unwrap();
        assert_eq!((first.name(), first.payload.as_str()), ("X", "a\n\"\u{e9}:\u{20ac}"));
        assert_eq!(Heard::of_note(first.note().trim_end()), Some(first));
        assert_eq!(Heard::read(&mut stream).unwrap().payload, "");
        assert!(Heard::read(&mut stream).is_err());
    }
}
