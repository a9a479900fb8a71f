//! The servers that actions talk to.

pub mod fleet;
pub mod input;
pub mod local;
pub mod place;
pub mod trouble;
pub mod watch;

use std::io::Write;

use proto_xmlrpc::Value;
use trouble::Trouble;

/// One server, as actions see it. They never see a socket, so a test can play the server.
pub trait Reach {
    /// The server's address, as it was given.
    fn url(&self) -> String;
    /// Talks to another server from now on.
    fn turn_to(&mut self, url: &str);
    /// Shows these credentials from now on.
    fn authenticate(&mut self, username: String, password: String);
    /// Forgets the connection: each action begins with its own.
    fn begin(&mut self);
    /// Calls `supervisor.METHOD`.
    ///
    /// # Errors
    ///
    /// [`Trouble`] for everything but an answer.
    fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, Trouble>;
    /// Begins to follow these paths of the server, and to read lines if `with_input`.
    ///
    /// # Errors
    ///
    /// [`Trouble`] if following cannot begin at all; a refused path is told later, on standard
    /// error.
    fn follow(&mut self, paths: &[String], with_input: bool) -> Result<Box<dyn Watch>, Trouble>;
    /// Waits for one line of the operator, or for what comes instead.
    fn line(&mut self) -> Heard;
}

/// What ends a moment of watching.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// The operator typed a line; without its line end.
    Line(String),
    /// The operator has no more lines.
    EndOfInput,
    /// Ctrl-C.
    Interrupted,
    /// No path brings anything more.
    Ended,
}

/// Paths that are followed.
pub trait Watch {
    /// Writes what comes to `out` until something else happens.
    fn next(&mut self, out: &mut dyn Write) -> Heard;
}

#[cfg(test)]
mod tests;
