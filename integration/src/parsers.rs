//! Supervisor's own parsers as functions: one Python process is asked for as long as it is needed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::{oracle, places};

/// The original's parsers, running. They end with it.
#[derive(Debug)]
pub struct Parsers {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Parsers {
    /// Starts them.
    ///
    /// # Panics
    ///
    /// When the original's environment cannot be made or its Python cannot be started.
    #[must_use]
    pub fn start() -> Self {
        let mut child = Command::new(oracle::program("python"))
            .arg(places::package().join("src/parsers.py"))
            .env("LC_ALL", "C.UTF-8")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the environment has been made with its Python");
        let requests = child.stdin.take().expect("it is a pipe");
        let replies = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { child, requests, replies }
    }

    /// What `target`, as `parsers.py` calls it, makes of each input: an object with `ok`, the value, or
    /// `err`, the text of the error. `names` is what can be expanded, or where to write files.
    ///
    /// # Panics
    ///
    /// When Python has ended; what it said is on stderr.
    pub fn ask(&mut self, target: &str, names: &Value, inputs: &[Vec<String>]) -> Vec<Value> {
        let request = json!({ "target": target, "names": names, "inputs": inputs });
        writeln!(self.requests, "{request}").expect("the parsers wait for requests");
        let mut reply = String::new();
        self.replies.read_line(&mut reply).expect("replies are UTF-8");
        let answers: Vec<Value> = serde_json::from_str(&reply)
            .unwrap_or_else(|error| panic!("the parsers answered {reply:?}: {error}"));
        assert_eq!(answers.len(), inputs.len(), "one answer for each input");
        answers
    }
}

impl Drop for Parsers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
