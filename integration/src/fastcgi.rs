//! FastCGI records, and a client of the least that a web server does: one request, one connection.
//!
//! By the protocol's specification 1.0. The responder for tests is `bin/fcgi.rs`; what goes over
//! the wire between the two is compared with bytes that were written by hand, so that a mistake of
//! both is seen.

use std::io::{self, Read, Write};

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `FCGI_BEGIN_REQUEST`.
    Begin = 1,
    /// `FCGI_ABORT_REQUEST`.
    Abort = 2,
    /// `FCGI_END_REQUEST`.
    End = 3,
    /// `FCGI_PARAMS`.
    Params = 4,
    /// `FCGI_STDIN`.
    Stdin = 5,
    /// `FCGI_STDOUT`.
    Stdout = 6,
    /// `FCGI_STDERR`.
    Stderr = 7,
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        use Kind::{Abort, Begin, End, Params, Stderr, Stdin, Stdout};
        let all = [Begin, Abort, End, Params, Stdin, Stdout, Stderr];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The version of the protocol.
const VERSION: u8 = 1;

/// The request's number; there is one for a connection.
const REQUEST: u16 = 1;

/// `FCGI_RESPONDER`.
const RESPONDER: u16 = 1;

/// What fits into one record.
const CONTENT_MAX_BYTES: usize = 65_535;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// What it carries.
    pub content: Vec<u8>,
}

impl Record {
    /// A record with this content.
    #[must_use]
    pub fn new(kind: Kind, content: impl Into<Vec<u8>>) -> Self {
        Self { kind, content: content.into() }
    }

    /// The first record of a request that wants an answer and then the connection closed.
    #[must_use]
    pub fn begin() -> Self {
        let mut content = RESPONDER.to_be_bytes().to_vec();
        content.extend([0; 6]);
        Self::new(Kind::Begin, content)
    }

    /// The last record of an answer.
    #[must_use]
    pub fn end(status: u32) -> Self {
        let mut content = status.to_be_bytes().to_vec();
        content.extend([0; 4]);
        Self::new(Kind::End, content)
    }

    /// Writes it, padded to a multiple of eight bytes.
    ///
    /// # Errors
    ///
    /// When the other side has gone, or the content is larger than a record can be.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let length = self.content.len();
        if length > CONTENT_MAX_BYTES {
            return Err(io::Error::other("more than a record can hold"));
        }
        let padding = length.next_multiple_of(8) - length;
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let [id_high, id_low] = REQUEST.to_be_bytes();
        let padded = u8::try_from(padding).unwrap_or(0);
        let mut bytes = vec![VERSION, self.kind as u8, id_high, id_low, high, low, padded, 0];
        bytes.extend(&self.content);
        bytes.extend(vec![0; padding]);
        to.write_all(&bytes)
    }

    /// Reads one; `None` at the end of the connection.
    ///
    /// # Errors
    ///
    /// When what comes is not a record.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = [0; 8];
        if from.read(&mut head[..1])? == 0 {
            return Ok(None);
        }
        from.read_exact(&mut head[1..])?;
        let [version, kind, _, _, high, low, padding, _] = head;
        let kind = Kind::of(kind).filter(|_| version == VERSION);
        let kind = kind.ok_or_else(|| io::Error::other(format!("no record: {head:?}")))?;
        let mut content = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        from.read_exact(&mut content)?;
        from.read_exact(&mut vec![0; usize::from(padding)])?;
        Ok(Some(Self { kind, content }))
    }
}

/// Names and values as a `PARAMS` stream carries them.
#[must_use]
pub fn params(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in pairs {
        for text in [name, value] {
            bytes.extend(length(text.len()));
        }
        bytes.extend(name.bytes());
        bytes.extend(value.bytes());
    }
    bytes
}

/// One byte below 128, else four of which the first bit is set.
fn length(length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short) if short < 128 => vec![short],
        _ => (u32::try_from(length).unwrap_or(u32::MAX) | 1 << 31).to_be_bytes().to_vec(),
    }
}

/// The names and values of a whole `PARAMS` stream; what is cut off at its end is left out.
#[must_use]
pub fn pairs(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, value)) = pair(&mut bytes) {
        found.push((name, value));
    }
    found
}

fn pair(bytes: &mut &[u8]) -> Option<(String, String)> {
    let (name, value) = (read_length(bytes)?, read_length(bytes)?);
    let mut text = |length| {
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    Some((text(name)?, text(value)?))
}

fn read_length(bytes: &mut &[u8]) -> Option<usize> {
    let (first, rest) = bytes.split_first()?;
    if *first < 128 {
        *bytes = rest;
        return Some(usize::from(*first));
    }
    let (four, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    usize::try_from(u32::from_be_bytes(*four) & !(1 << 31)).ok()
}

/// What a responder has answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Sends a whole request.
///
/// # Errors
///
/// When the other side has gone.
pub fn send(to: &mut impl Write, pairs: &[(&str, &str)], body: &str) -> io::Result<()> {
    Record::begin().write(to)?;
    for (kind, stream) in [(Kind::Params, params(pairs)), (Kind::Stdin, body.into())] {
        for content in stream.chunks(CONTENT_MAX_BYTES) {
            Record::new(kind, content).write(to)?;
        }
        Record::new(kind, []).write(to)?;
    }
    to.flush()
}

/// Waits for a whole answer.
///
/// # Errors
///
/// When the connection ends before it is whole, or its status is not 0.
pub fn receive(from: &mut impl Read) -> io::Result<Answer> {
    let mut answer = Answer::default();
    while let Some(Record { kind, content }) = Record::read(from)? {
        let text = String::from_utf8_lossy(&content).into_owned();
        match kind {
            Kind::Stdout => answer.stdout += &text,
            Kind::Stderr => answer.stderr += &text,
            Kind::End if content.starts_with(&[0; 5]) => return Ok(answer),
            other => return Err(io::Error::other(format!("{other:?} {content:?}"))),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_the_specification_says() {
        let mut sent = Vec::new();
        send(&mut sent, &[("SERVER_PORT", "80")], "x").unwrap();
        let expected = [
            b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00".as_slice(),
            b"\x01\x04\x00\x01\x00\x0f\x01\x00\x0b\x02SERVER_PORT80\x00",
            b"\x01\x04\x00\x01\x00\x00\x00\x00",
            b"\x01\x05\x00\x01\x00\x01\x07\x00x\x00\x00\x00\x00\x00\x00\x00",
            b"\x01\x05\x00\x01\x00\x00\x00\x00",
        ];
        assert_eq!(sent, expected.concat());
    }

    #[test]
    fn an_answer_is_read_as_the_specification_says() {
        let bytes = [
            b"\x01\x06\x00\x01\x00\x02\x06\x00ok\x00\x00\x00\x00\x00\x00".as_slice(),
            b"\x01\x07\x00\x01\x00\x01\x00\x00e",
            b"\x01\x06\x00\x01\x00\x00\x00\x00",
            b"\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        ];
        let answer = receive(&mut bytes.concat().as_slice()).unwrap();
        assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("ok", "e"));
        assert!(receive(&mut bytes[..2].concat().as_slice()).is_err(), "it is cut off");
    }

    #[test]
    fn long_and_short_pairs_are_read_back() {
        let long = "v".repeat(300);
        let sent = params(&[("a", ""), ("NAME", &long)]);
        assert_eq!(sent[3..9], [4, 0x80, 0, 1, 0x2c, b'N']);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs(&sent), [pair("a", ""), pair("NAME", &long)]);
        assert_eq!(pairs(&sent[..20]), [pair("a", "")]);
    }
}
