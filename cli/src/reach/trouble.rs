//! What can go wrong between an action and its server.
//!
//! supervisorctl shows such a fault as `error: <class 'TYPE'>, TEXT: file: FILE line: N`, and
//! scripts look at the beginning of it. The types are named as they are there; file and line are
//! ours.

use std::fmt;
use std::io;
use std::panic::Location;

use proto_words::{FaultCode, repr};
use proto_xmlrpc::{BadBody, Fault};

/// A call that did not bring an answer, and where in our source that was found.
#[derive(Debug)]
pub struct Trouble {
    /// What happened.
    pub kind: Kind,
    at: &'static Location<'static>,
}

/// The kinds of trouble.
#[derive(Debug)]
pub enum Kind {
    /// The server refused the call.
    Fault(Fault),
    /// The server answered with a status other than 200.
    Status {
        /// Such as 401.
        code: u16,
        /// Such as `Unauthorized`.
        reason: String,
    },
    /// The connection failed; the number is the system's.
    System(i32),
    /// The host's name could not be looked up.
    Lookup(String),
    /// The server closed the connection instead of answering.
    Disconnected,
    /// HTTP that is none.
    Protocol(String),
    /// The answer is not XML-RPC.
    Body(BadBody),
    /// Something we cannot go on with, of this (Python) type.
    Value(&'static str, String),
    /// Ctrl-C while waiting, in the shell.
    Interrupted,
}

impl Trouble {
    /// Trouble of this kind, found by the caller.
    #[track_caller]
    pub fn new(kind: Kind) -> Self {
        Self { kind, at: Location::caller() }
    }

    /// Something we cannot go on with; `class` is the Python type that scripts know it by.
    #[track_caller]
    pub fn value(class: &'static str, text: impl Into<String>) -> Self {
        Self::new(Kind::Value(class, text.into()))
    }

    /// An error of the system, if it has a number; else one of the protocol.
    #[track_caller]
    pub fn io(error: &io::Error) -> Self {
        Self::new(match error.raw_os_error() {
            Some(number) => Kind::System(number),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Kind::Disconnected,
            None => Kind::Protocol(error.to_string()),
        })
    }

    /// The number of the refusal, if it is one that we know.
    pub fn fault(&self) -> Option<FaultCode> {
        match &self.kind {
            Kind::Fault(fault) => FaultCode::from_number(fault.code),
            _ => None,
        }
    }

    /// The number of the system's error, if it is one.
    pub fn system(&self) -> Option<nix::errno::Errno> {
        match self.kind {
            Kind::System(number) => Some(nix::errno::Errno::from_raw(number)),
            _ => None,
        }
    }

    /// Type and text, the two parts that scripts see.
    pub fn class_and_text(&self) -> (&'static str, String) {
        match &self.kind {
            Kind::Fault(fault) => ("xmlrpc.client.Fault", fault_text(fault)),
            Kind::Status { code, reason } => (
                "xmlrpc.client.ProtocolError",
                format!("<ProtocolError for 127.0.0.1/RPC2: {code} {reason}>"),
            ),
            Kind::System(number) => (system_class(*number), system_text(*number)),
            Kind::Lookup(text) => ("socket.gaierror", format!("[Errno -2] {text}")),
            Kind::Disconnected => (
                "http.client.RemoteDisconnected",
                "Remote end closed connection without response".to_owned(),
            ),
            Kind::Protocol(text) => ("http.client.HTTPException", text.clone()),
            Kind::Body(bad) => ("xml.parsers.expat.ExpatError", bad.to_string()),
            Kind::Value(class, text) => (class, text.clone()),
            Kind::Interrupted => ("KeyboardInterrupt", String::new()),
        }
    }
}

/// A refusal as Python shows it.
pub fn fault_text(fault: &Fault) -> String {
    format!("<Fault {}: {}>", fault.code, repr(&fault.text))
}

/// Python's type for a number of the system.
fn system_class(number: i32) -> &'static str {
    use nix::errno::Errno as E;
    match E::from_raw(number) {
        E::ECONNREFUSED => "ConnectionRefusedError",
        E::ENOENT => "FileNotFoundError",
        E::ECONNRESET => "ConnectionResetError",
        E::ECONNABORTED => "ConnectionAbortedError",
        E::EPIPE | E::ESHUTDOWN => "BrokenPipeError",
        E::EACCES | E::EPERM => "PermissionError",
        E::ENOTDIR => "NotADirectoryError",
        E::ETIMEDOUT => "TimeoutError",
        _ => "OSError",
    }
}

fn system_text(number: i32) -> String {
    let text = io::Error::from_raw_os_error(number).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    format!("[Errno {number}] {text}")
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (class, text) = self.class_and_text();
        let (file, line) = (self.at.file(), self.at.line());
        write!(f, "error: <class '{class}'>, {text}: file: {file} line: {line}")
    }
}

#[cfg(test)]
mod tests {
    use proto_xmlrpc::Fault;

    use super::{Kind, Trouble};

    #[test]
    fn trouble_is_told_as_python_tells_it() {
        let fault = Fault { code: 6, text: "SHUTDOWN_STATE".to_owned() };
        let quoting = Fault { code: 92, text: "CANT_REREAD: it's".to_owned() };
        let status = Kind::Status { code: 401, reason: "Unauthorized".to_owned() };
        for (kind, text) in [
            (Kind::Fault(fault), "<class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>"),
            (
                Kind::Fault(quoting),
                "<class 'xmlrpc.client.Fault'>, <Fault 92: \"CANT_REREAD: it's\">",
            ),
            (
                status,
                "<class 'xmlrpc.client.ProtocolError'>, \
                 <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>",
            ),
            (Kind::System(111), "<class 'ConnectionRefusedError'>, [Errno 111] Connection refused"),
            (Kind::System(2), "<class 'FileNotFoundError'>, [Errno 2] No such file or directory"),
            (Kind::Value("ValueError", "no".to_owned()), "<class 'ValueError'>, no"),
        ] {
            let told = Trouble::new(kind).to_string();
            assert!(told.starts_with(&format!("error: {text}: file: ")), "{told}");
        }
    }
}
