//! HTTP and XML-RPC by hand, over unix and TCP sockets.
//!
//! Deliberately without our own codec: a mistake that both ends share would not be seen.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::wait::PATIENCE;

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// A unix socket.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The number in the status line.
    pub status: u16,
    /// Status line and header lines, as sent.
    pub head: String,
    /// The body, lossily; chunks are not joined.
    pub body: String,
}

/// A fault that an XML-RPC method answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fault {code}: {text}")]
pub struct Fault {
    /// `faultCode`.
    pub code: i32,
    /// `faultString`.
    pub text: String,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens, or the connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another HTTP status than 200.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The method said no.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Door {
    /// Connects; reading and writing fail after [`PATIENCE`].
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
            Self::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, PATIENCE)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Box::new(stream))
            }
        }
    }

    /// Sends `request` as it is and reads the response: as long as it says, or until the other side
    /// closes.
    ///
    /// A side that answers before it has read everything may close while we still write; what it
    /// answered counts then.
    ///
    /// # Errors
    ///
    /// When there is no connection, or nothing that looks like a response comes back.
    pub fn exchange(&self, request: &[u8]) -> io::Result<Response> {
        let mut stream = self.connect()?;
        let written = stream.write_all(request);
        let (answer, read) = read_response(&mut stream);
        if answer.is_empty() {
            written?;
            read?;
        }
        parse(&answer)
    }

    /// Posts `body` to `/RPC2`.
    ///
    /// # Errors
    ///
    /// As [`Door::exchange`].
    pub fn post(&self, body: &[u8]) -> io::Result<Response> {
        let mut request = format!(
            "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.exchange(&request)
    }

    /// Calls a method with string parameters and returns the XML of the answer.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn call(&self, method: &str, parameters: &[&str]) -> Result<String, CallError> {
        let parameters: Vec<_> =
            parameters.iter().map(|text| format!("<string>{text}</string>")).collect();
        self.call_with(method, &parameters)
    }

    /// Calls a method with parameters that are XML already, such as `<boolean>0</boolean>`.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn call_with(
        &self,
        method: &str,
        parameters: &[impl AsRef<str>],
    ) -> Result<String, CallError> {
        let parameters = parameters.iter().fold(String::new(), |all, value| {
            all + "<param><value>" + value.as_ref() + "</value></param>"
        });
        let response = self.post(
            format!(
                "<?xml version='1.0'?><methodCall><methodName>{method}</methodName>\
                 <params>{parameters}</params></methodCall>"
            )
            .as_bytes(),
        )?;
        if response.status != 200 {
            return Err(CallError::Status(response.status));
        }
        match fault(&response.body) {
            Some(fault) => Err(fault.into()),
            None => Ok(response.body),
        }
    }
}

/// What a connection can do.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// The fault in the answer, if it is one.
#[must_use]
pub fn fault(xml: &str) -> Option<Fault> {
    xml.contains("<fault>").then(|| Fault {
        code: member(xml, "faultCode").and_then(|code| code.parse().ok()).unwrap_or(-1),
        text: member(xml, "faultString").unwrap_or_default(),
    })
}

/// The text of the first struct member called `name`.
#[must_use]
pub fn member(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<name>{name}</name>"))?;
    let (_, rest) = rest.split_once("<value>")?;
    let (value, _) = rest.split_once("</value>")?;
    let text = value.split_once('>').map_or(value, |(_, inner)| inner);
    let text = text.split_once("</").map_or(text, |(inner, _)| inner);
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// What came, and how it ended.
fn read_response(stream: &mut impl Read) -> (String, io::Result<()>) {
    let mut answer = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (text(&answer), Ok(())),
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (text(&answer), Err(error)),
        }
        if is_whole(&answer) {
            return (text(&answer), Ok(()));
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the body has as many bytes as its head says; without such a word only the end tells.
fn is_whole(answer: &[u8]) -> bool {
    const END: &[u8] = b"\r\n\r\n";
    let Some(head) = answer.windows(END.len()).position(|bytes| bytes == END) else {
        return false;
    };
    let length = text(&answer[..head]).lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_some_and(|length| answer.len() >= head + END.len() + length)
}

fn parse(answer: &str) -> io::Result<Response> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, format!("no response: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
    Ok(Response { status, head: head.to_owned(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_whatever_the_white_space() {
        let xml = "<struct><member>\n<name>pid</name>\n<value><int>17</int></value></member>\
                   <member><name>name</name><value>a&lt;b</value></member></struct>";
        assert_eq!(member(xml, "pid").as_deref(), Some("17"));
        assert_eq!(member(xml, "name").as_deref(), Some("a<b"));
        assert_eq!(member(xml, "group"), None);
    }

    #[test]
    fn a_response_is_taken_apart() {
        let response = parse("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\nno").unwrap();
        assert_eq!((response.status, response.body.as_str()), (400, "no"));
        assert!(parse("garbage").is_err());
    }
}
