//! An operator at work: the fleet's client, run to its end or left running, and what it answers.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;

use serde_json::Value;

use crate::fleet::Fleet;
use crate::home::Home;
use crate::owned::Owned;
use crate::ran::Ran;
use crate::wait::{self, PATIENCE};

impl Fleet {
    /// Runs the operator's client with `-o json` and reads what it answers, pids included.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or prints something else than one JSON value.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> Answer {
        let mut command = self.operator_command(&["-o", "json"]);
        let ran = Ran::of(command.args(arguments));
        Answer::from(ran.unwrap_or_else(|error| panic!("fleetvisorctl: {error}")))
    }

    /// Asks until `right` is content with the answer, and returns that.
    ///
    /// # Panics
    ///
    /// When it never is within [`PATIENCE`].
    pub fn ask_until(&self, arguments: &[&str], right: impl Fn(&Answer) -> bool) -> Answer {
        let what = format!("fleetvisorctl {}", arguments.join(" "));
        wait::until(PATIENCE, &what, || {
            let answer = self.ask(arguments);
            if right(&answer) { Ok(answer) } else { Err(answer) }
        })
    }

    /// Starts the operator's client with `-o json` and lets it run.
    #[must_use]
    pub fn meanwhile(&self, arguments: &[&str]) -> Meanwhile {
        let mut command = self.operator_command(&["-o", "json"]);
        command.args(arguments);
        Meanwhile::begin(command)
    }

    /// Waits until a host is as the controller's `hosts` says it: up, silent or down.
    ///
    /// # Panics
    ///
    /// When it is not within [`PATIENCE`].
    #[expect(clippy::must_use_candidate, reason = "the waiting is the use")]
    pub fn wait_host(&self, name: &str, state: &str) -> Answer {
        self.ask_until(&["hosts"], |hosts| {
            let rows = hosts.value.as_array().into_iter().flatten();
            let mut rows = rows.filter(|row| row["host"] == name);
            rows.any(|row| row["state"] == state)
        })
    }
}

/// What the client answered with `-o json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Its exit code.
    pub code: i32,
    /// Its one JSON value; null when it printed none.
    pub value: Value,
    /// What it said besides.
    pub stderr: String,
}

impl From<Ran> for Answer {
    fn from(ran: Ran) -> Self {
        let value = match ran.stdout.trim() {
            "" => Value::Null,
            text => serde_json::from_str(text)
                .unwrap_or_else(|error| panic!("not one JSON value ({error}):\n{text}")),
        };
        Self { code: ran.code, value, stderr: ran.stderr }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}\n{}[rc={}]", self.value, self.stderr, self.code)
    }
}

impl Answer {
    /// The id of the operation that this tells of.
    ///
    /// # Panics
    ///
    /// When it tells of none.
    #[must_use]
    pub fn operation(&self) -> String {
        let id = self.value["operation"].as_str();
        id.unwrap_or_else(|| panic!("no operation in {self}")).to_owned()
    }

    /// Each target's result in a word, `UNKNOWN>OK` for an amended one; a whole host is its name.
    #[must_use]
    pub fn results(&self) -> BTreeMap<String, String> {
        let results = self.value["results"].as_array();
        let results = results.unwrap_or_else(|| panic!("no results in {self}"));
        let word = |result: &Value| match result["amended_from"].as_str() {
            Some(from) => format!("{from}>{}", text(result, "result")),
            None => text(result, "result"),
        };
        results.iter().map(|result| (name(result), word(result))).collect()
    }

    /// The same in one line, for comparisons: `db-1/db:db OK, web-1/api:api SKIPPED`.
    #[must_use]
    pub fn summary(&self) -> String {
        let each = self.results().into_iter();
        let each: Vec<_> = each.map(|(name, word)| format!("{name} {word}")).collect();
        each.join(", ")
    }

    /// All that is said of one target, host or process, by its name.
    ///
    /// # Panics
    ///
    /// When nothing is said of it.
    #[must_use]
    pub fn of(&self, wanted: &str) -> &Value {
        let rows = self.value["results"].as_array().or(self.value.as_array());
        let mut rows = rows.into_iter().flatten();
        rows.find(|row| name(row) == wanted)
            .unwrap_or_else(|| panic!("nothing of {wanted} in {self}"))
    }

    /// A text of one row, empty when it is not there.
    #[must_use]
    pub fn text(&self, wanted: &str, key: &str) -> String {
        text(self.of(wanted), key)
    }

    /// The states of all processes, as [`Answer::summary`] has them: `web-1/shop:api RUNNING, …`.
    #[must_use]
    pub fn states(&self) -> String {
        let rows = self.value.as_array();
        let rows = rows.unwrap_or_else(|| panic!("no rows in {self}"));
        let mut each: Vec<_> =
            rows.iter().map(|row| format!("{} {}", name(row), text(row, "state"))).collect();
        each.sort();
        each.join(", ")
    }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

/// `host/group:name`, or the host alone.
fn name(row: &Value) -> String {
    match (text(row, "host"), text(row, "group"), text(row, "name")) {
        (host, group, name) if group.is_empty() && name.is_empty() => host,
        (host, group, name) => format!("{host}/{group}:{name}"),
    }
}

/// A client that runs meanwhile.
#[derive(Debug)]
pub struct Meanwhile {
    process: Owned,
    home: Home,
}

impl Meanwhile {
    /// Starts it.
    #[must_use]
    pub fn begin(mut command: Command) -> Self {
        let home = Home::new();
        let process = Owned::start(&home, &mut command);
        Self { process, home }
    }

    /// What it has said so far.
    #[must_use]
    pub fn words(&self) -> String {
        self.home.read("stdout.txt")
    }

    /// Waits until it has said this.
    ///
    /// # Panics
    ///
    /// When it has not within [`PATIENCE`].
    pub fn wait_words(&self, phrase: &str) {
        wait::until(PATIENCE, &format!("{phrase:?} from the client"), || {
            let words = self.words();
            if words.contains(phrase) { Ok(()) } else { Err(words + &self.home.read("stderr.txt")) }
        });
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// When it has not ended within [`PATIENCE`].
    #[must_use]
    pub fn end(mut self) -> Ran {
        let code = self.process.wait(PATIENCE);
        Ran { code, stdout: self.words(), stderr: self.home.read("stderr.txt") }
    }
}
