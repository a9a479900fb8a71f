//! What an action works with: the server, the output, the exit code so far.

use std::io::Write;

use proto_words::FaultCode;
use proto_xmlrpc::Value;

use crate::exit;
use crate::reach::trouble::{Kind, Trouble};
use crate::reach::{Heard, Reach};

/// The version of the interface that we speak.
const API_VERSION: &str = "3.0";

/// One action's surroundings, or one shell's.
pub struct Session<'a> {
    /// The server.
    pub reach: &'a mut dyn Reach,
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// The exit code; the last failure counts, successes do not take it back.
    pub exit: u8,
    /// Whether to ask before shutting down, and for a password: in the shell, and with `-i`.
    pub interactive: bool,
    /// Whether we go by our own name, so that what only we have is open.
    pub own_name: bool,
    /// Set when the shell shall end.
    pub over: bool,
}

impl Session<'_> {
    /// Prints a line. Whoever closed our output does not want it: that is no error.
    pub fn say(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
    }

    /// Prints a line and remembers a failure.
    pub fn fail(&mut self, code: u8, line: &str) {
        self.exit = code;
        self.say(line);
    }

    /// Prints a question and waits for the answer.
    ///
    /// # Errors
    ///
    /// Ctrl-C, and the end of the input.
    pub fn ask(&mut self, question: &str) -> Result<String, Trouble> {
        let _ = write!(self.out, "{question}").and_then(|()| self.out.flush());
        match self.reach.line() {
            Heard::Line(line) => Ok(line),
            Heard::Interrupted => Err(Trouble::new(Kind::Interrupted)),
            Heard::EndOfInput | Heard::Ended => {
                Err(Trouble::value("EOFError", "EOF when reading a line"))
            }
        }
    }

    /// Calls a method with texts.
    ///
    /// # Errors
    ///
    /// As [`Reach::call`].
    pub fn call(&mut self, method: &str, params: &[&str]) -> Result<Value, Trouble> {
        let params: Vec<Value> = params.iter().map(|text| Value::from(*text)).collect();
        self.reach.call(method, &params)
    }

    /// Whether the server is there and speaks our version; if not, that has been said.
    ///
    /// # Errors
    ///
    /// Every other trouble.
    pub fn up_check(&mut self) -> Result<bool, Trouble> {
        use nix::errno::Errno;
        self.reach.begin();
        let url = self.reach.url();
        match self.call("getVersion", &[]) {
            Ok(version) if version.as_str() == Some(API_VERSION) => return Ok(true),
            Ok(version) => {
                let version = version.as_str().unwrap_or("unknown");
                self.fail(exit::NOT_INSTALLED, &mismatch(version));
            }
            Err(trouble) => match (trouble.fault(), trouble.system()) {
                (Some(FaultCode::UnknownMethod), _) => self.fail(exit::UNIMPLEMENTED, NO_NAMESPACE),
                (_, Some(Errno::ECONNREFUSED)) => {
                    self.fail(exit::REFUSED, &format!("{url} refused connection"));
                }
                (_, Some(Errno::ENOENT)) => {
                    self.fail(exit::NOT_RUNNING, &format!("{url} no such file"));
                }
                _ => return Err(trouble),
            },
        }
        Ok(false)
    }
}

fn mismatch(version: &str) -> String {
    format!(
        "Sorry, this version of supervisorctl expects to talk to a server with API version \
         {API_VERSION}, but the remote version is {version}."
    )
}

const NO_NAMESPACE: &str = "Sorry, supervisord responded but did not recognize the supervisor \
     namespace commands that supervisorctl uses to control it.  Please check that the \
     [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf).";
