//! What an event listener says on its stdout, word by word (E-70 to E-85).
//!
//! ```text
//!            READY\n            an event is written           RESULT N\n and N bytes
//! begin ──────────────▶ (quiet) ─────────────────▶ (answer) ─────────────────────────▶ begin
//!    anything else that was to be said ──▶ deaf: nothing is heard any more
//! ```
//!
//! The bytes thread keeps one [`Ear`] for each child of a listener, and tells the core what it has
//! heard. Memory is bounded whatever a listener writes.

use serde::{Deserialize, Serialize};

use crate::payload::decoded;

/// What a listener says before it gets an event.
const READY: &[u8] = b"READY\n";

/// What stands before the length of a result: as many bytes as `RESULT ` has, whatever they are.
const RESULT_WORD_BYTES: usize = 7;

/// The result of an event that was dealt with; every other is a rejection.
const OK: &[u8] = b"OK";

/// The longest line that can announce a result. The longest good one has some 20 bytes; a listener
/// that writes more than this without a newline does not speak the protocol (COMPAT-93).
pub const RESULT_LINE_MAX_BYTES: usize = 4096;

/// The longest result that is waited for: the largest request that a client may send, and far more
/// than `OK` or a reason (COMPAT-93).
pub const RESULT_MAX_BYTES: u64 = 16 << 20;

/// One thing that a listener has said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// It wants an event.
    Ready,
    /// It has dealt with its event.
    Processed,
    /// It has not.
    Rejected,
    /// It answered with a line that announces no result; the line, as it is shown.
    BadResultLine(String),
    /// It spoke out of turn.
    Nonsense,
}

/// What follows what one listener has said so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ear(Expecting);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Expecting {
    /// `READY\n`, of which so much is there.
    Ready(Vec<u8>),
    /// Nothing: it is ready, and waits itself.
    Quiet,
    /// The line that announces a result, of which so much is there.
    Line(Vec<u8>),
    /// The result.
    Result {
        /// Bytes that are still to come.
        left: u64,
        /// As much of its beginning as tells whether it is [`OK`].
        begun: Vec<u8>,
    },
    /// Nothing any more.
    Deaf,
}

impl Default for Ear {
    fn default() -> Self {
        Self(Expecting::Ready(Vec::new()))
    }
}

impl Ear {
    /// Whether it listens no more; what is sent to such a listener is lost.
    #[must_use]
    pub fn is_deaf(&self) -> bool {
        self.0 == Expecting::Deaf
    }

    /// An event was written: an answer may come.
    pub fn event_written(&mut self) {
        if self.0 == Expecting::Quiet {
            self.0 = Expecting::Line(Vec::new());
        }
    }

    /// Takes bytes as they come, however they are cut, and says what they mean.
    pub fn hear(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut rest = bytes;
        // With nothing left nothing is decided: a result of no bytes counts with the next one.
        while !rest.is_empty() && !self.is_deaf() {
            let (taken, word) = self.step(rest);
            rest = rest.get(taken..).unwrap_or(&[]);
            said.extend(word);
        }
        said
    }

    /// Takes some bytes and says what they complete.
    fn step(&mut self, bytes: &[u8]) -> (usize, Option<Said>) {
        match &mut self.0 {
            Expecting::Ready(held) => {
                let taken = bytes.len().min(READY.len() - held.len());
                held.extend(bytes.iter().take(taken));
                if held.len() < READY.len() {
                    return (taken, None);
                }
                let (next, word) = if held == READY {
                    (Expecting::Quiet, Said::Ready)
                } else {
                    (Expecting::Deaf, Said::Nonsense)
                };
                self.0 = next;
                (taken, Some(word))
            }
            Expecting::Quiet => {
                self.0 = Expecting::Deaf;
                (bytes.len(), Some(Said::Nonsense))
            }
            Expecting::Line(held) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let room = RESULT_LINE_MAX_BYTES.saturating_sub(held.len());
                let part = end.unwrap_or(bytes.len()).min(room);
                held.extend(bytes.iter().take(part));
                match end {
                    Some(end) if end == part => (part + 1, self.line_is_whole()),
                    None if held.len() < RESULT_LINE_MAX_BYTES => (part, None),
                    // Not even the whole line could be a good one.
                    Some(_) | None => (part, self.bad_line()),
                }
            }
            Expecting::Result { left, begun } => {
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                begun.extend(bytes.iter().take(taken).take(OK.len() + 1 - begun.len()));
                *left -= taken as u64;
                if *left > 0 {
                    return (taken, None);
                }
                let word = if begun == OK { Said::Processed } else { Said::Rejected };
                self.0 = Expecting::Ready(Vec::new());
                (taken, Some(word))
            }
            Expecting::Deaf => (bytes.len(), None),
        }
    }

    /// Only the number counts, not the word before it: supervisord does not look at that either.
    fn line_is_whole(&mut self) -> Option<Said> {
        let Expecting::Line(held) = &self.0 else { return None };
        let length = held.get(RESULT_WORD_BYTES..).and_then(pythons_int);
        match length.filter(|length| *length <= RESULT_MAX_BYTES) {
            Some(left) => {
                self.0 = Expecting::Result { left, begun: Vec::new() };
                None
            }
            None => self.bad_line(),
        }
    }

    fn bad_line(&mut self) -> Option<Said> {
        let Expecting::Line(held) = &self.0 else { return None };
        let word = Said::BadResultLine(decoded(held));
        self.0 = Expecting::Deaf;
        Some(word)
    }
}

/// What Python's `int` makes of bytes, as far as it is a length: blanks around it, a sign and
/// single underscores between digits are allowed.
fn pythons_int(bytes: &[u8]) -> Option<u64> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    let first = bytes.iter().position(|byte| !is_blank(byte))?;
    let last = bytes.iter().rposition(|byte| !is_blank(byte))?;
    let number = std::str::from_utf8(bytes.get(first..=last)?).ok()?;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    };
    let is_group = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    if !digits.split('_').all(is_group) {
        return None;
    }
    let length = digits.replace('_', "").parse().ok()?;
    (!negative || length == 0).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::{Ear, RESULT_LINE_MAX_BYTES, RESULT_MAX_BYTES, Said, pythons_int};

    /// What is heard; `!` stands for an event that is written.
    fn heard(script: &[&str]) -> String {
        let mut ear = Ear::default();
        let mut shown = Vec::new();
        for words in script {
            if *words == "!" {
                ear.event_written();
                continue;
            }
            for said in ear.hear(words.as_bytes()) {
                shown.push(match said {
                    Said::Ready => "ready".to_owned(),
                    Said::Processed => "processed".to_owned(),
                    Said::Rejected => "rejected".to_owned(),
                    Said::BadResultLine(line) => format!("bad {line:?}"),
                    Said::Nonsense => "nonsense".to_owned(),
                });
            }
        }
        shown.join(" ")
    }

    #[test]
    fn a_listener_is_understood_as_supervisord_understands_it() {
        for (script, means) in [
            (&["READY\n"][..], "ready"),
            (&["REA", "DY", "\n"], "ready"),
            (&["READ"], ""),
            (&["hello"], ""),
            (&["hello\n"], "nonsense"),
            (&["hello\n", "READY\n"], "nonsense"),
            (&["READY\nREADY\n"], "ready nonsense"),
            (&["READY\n", "x", "READY\n"], "ready nonsense"),
            (&["READY\n", "!", "RESULT 2\nOK"], "ready processed"),
            (&["READY\n", "!", "RESULT 2\nOKREADY\n", "!", "RES"], "ready processed ready"),
            (&["READY\n", "!", "R", "ESULT 2", "\nO", "K"], "ready processed"),
            (&["READY\n", "!", "RESULT 4\nFAIL"], "ready rejected"),
            (&["READY\n", "!", "RESULT 3\nOK\n"], "ready rejected"),
            (&["READY\n", "!", "RESULT 2\nOK\nREADY\n"], "ready processed nonsense"),
            (&["READY\n", "!", "RESULT 0\n"], "ready"),
            (&["READY\n", "!", "RESULT 0\n", "READY\n"], "ready rejected ready"),
            (&["READY\n", "!", "FOOBAR 2\nOK"], "ready processed"),
            (&["READY\n", "!", "RESULT  +0_2 \r\nOK"], "ready processed"),
            (&["READY\n", "!", "RESULT x\n"], "ready bad \"RESULT x\""),
            (&["READY\n", "!", "\n"], "ready bad \"\""),
            (&["READY\n", "!", "RESULT -1\nREADY\n"], "ready bad \"RESULT -1\""),
            (&["READY\n", "!", "OK\n"], "ready bad \"OK\""),
        ] {
            assert_eq!(heard(script), means, "{script:?}");
        }
    }

    #[test]
    fn nothing_that_a_listener_writes_is_kept_without_end() {
        let long = "x".repeat(RESULT_LINE_MAX_BYTES);
        let bad = format!("ready bad {long:?}");
        assert_eq!(heard(&["READY\n", "!", &long, "\n"]), bad);
        assert_eq!(heard(&["READY\n", "!", &long, &long]), bad);
        let late = format!("{long}RESULT 2\nOK");
        assert_eq!(heard(&["READY\n", "!", &late]), bad);
        let (most, more) = (RESULT_MAX_BYTES, RESULT_MAX_BYTES + 1);
        assert_eq!(heard(&["READY\n", "!", &format!("RESULT {most}\nOK")]), "ready");
        let bad = format!("ready bad \"RESULT {more}\"");
        assert_eq!(heard(&["READY\n", "!", &format!("RESULT {more}\nOK")]), bad);
        let mut ear = Ear::default();
        ear.hear(b"READY\n");
        ear.event_written();
        ear.hear(b"RESULT 1000000\n");
        for _ in 0..100 {
            assert_eq!(ear.hear(&[b'x'; 9999]), []);
        }
        assert!(format!("{ear:?}").len() < 200, "{ear:?}");
    }

    #[test]
    fn what_is_no_text_is_shown_as_python_shows_it() {
        let mut ear = Ear::default();
        ear.hear(b"READY\n");
        ear.event_written();
        let shown = r"Undecodable: b'RESULT \xff'".to_owned();
        assert_eq!(ear.hear(b"RESULT \xff\n"), [Said::BadResultLine(shown)]);
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, number) in [
            ("2", Some(2)),
            (" 2\r", Some(2)),
            ("+2", Some(2)),
            ("-0", Some(0)),
            ("1_0", Some(10)),
            ("002", Some(2)),
            ("", None),
            (" ", None),
            ("-1", None),
            ("_1", None),
            ("1__0", None),
            ("1 0", None),
            ("0x2", None),
            ("2.0", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(pythons_int(text.as_bytes()), number, "{text:?}");
        }
    }
}
