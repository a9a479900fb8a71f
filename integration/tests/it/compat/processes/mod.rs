//! Processes: their states, starts and retries, what a child finds, how ends are told.
//!
//! Each test puts as many programs into one daemon as get along with each other, and looks at what is
//! told of them (`getProcessInfo`) and at the lines that the activity log has about them.

mod better;
mod child_side;
mod clock;
mod exits;
mod retries;
mod spawn_errors;
mod states;
mod stdin;

use integration::ears::{Heard, heard};
use integration::rpc::{CallError, member};
use integration::subject::Daemon;
use integration::wait::{self, PATIENCE};

/// What `getProcessInfo` answers.
#[derive(Debug)]
struct Info(String);

impl Info {
    fn of(daemon: &Daemon, name: &str) -> Self {
        let answer = daemon.door().call("supervisor.getProcessInfo", &[name]);
        Self(answer.unwrap_or_else(|error| panic!("{name}: {error}")))
    }

    fn text(&self, name: &str) -> String {
        member(&self.0, name).unwrap_or_else(|| panic!("no member {name} in {}", self.0))
    }

    fn number(&self, name: &str) -> i64 {
        self.text(name).parse().expect("an integer")
    }
}

/// The fault's number, 0 for an answer.
fn code<T>(answer: Result<T, CallError>) -> i32 {
    match answer {
        Ok(_) => 0,
        Err(CallError::Fault(fault)) => fault.code,
        Err(other) => panic!("{other}"),
    }
}

/// Asks for one thing about one process, without waiting for it to come true.
fn ask(daemon: &Daemon, method: &str, name: &str) -> i32 {
    let name = format!("<string>{name}</string>");
    let now = "<boolean>0</boolean>".to_owned();
    code(daemon.door().call_with(&format!("supervisor.{method}"), &[name, now]))
}

/// The activity log's lines that have `word` in them, without their times; `DEBG` and below only if
/// `word` brings its level along.
fn lines(daemon: &Daemon, word: &str) -> Vec<String> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let log = daemon.log();
    let told = log.lines().filter_map(|line| line.strip_prefix("WHEN "));
    told.filter(|line| !line.starts_with("DEBG") && !line.starts_with("TRAC"))
        .filter(|line| line.split(|c| !is_part(c)).any(|part| part == word))
        .map(str::to_owned)
        .collect()
}

/// Waits until the activity log has at least `count` lines with `phrase` about `word`.
fn wait_lines(daemon: &Daemon, word: &str, phrase: &str, count: usize) -> Vec<String> {
    wait::until(PATIENCE, &format!("{phrase:?} {count} times about {word}"), || {
        let all = lines(daemon, word);
        let found = all.iter().filter(|line| line.contains(phrase)).count();
        if found >= count { Ok(all) } else { Err(all.join("\n")) }
    })
}

/// A listener that writes down every change of state; [`moves`] reads that.
const HEARS: &str = "[eventlistener:hears]
command={child} serve:{dir}/events
events=PROCESS_STATE
buffer_size=1000
startsecs=0
";

/// The states that a process has gone through, as the listener [`HEARS`] was told: from and to.
fn moves(daemon: &Daemon, name: &str) -> Vec<(String, String)> {
    let told = heard(daemon.home(), "events");
    let its = told.iter().filter(|event| event.of_payload("processname") == name);
    let to = |event: &Heard| event.name().strip_prefix("PROCESS_STATE_").map(str::to_owned);
    its.filter_map(|event| Some((event.of_payload("from_state").to_owned(), to(event)?))).collect()
}

/// Waits until a process has gone this way, and no other: states behind one another, each the
/// beginning of the next move.
fn wait_way(daemon: &Daemon, name: &str, states: &[&str]) {
    let owned = |pair: &[&str]| (pair[0].to_owned(), pair[1].to_owned());
    let wanted: Vec<_> = states.windows(2).map(owned).collect();
    wait::until(PATIENCE, &format!("{name} to go by {states:?}"), || {
        let found = moves(daemon, name);
        if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

/// How often a phrase stands in the lines.
fn count(lines: &[String], phrase: &str) -> usize {
    lines.iter().filter(|line| line.contains(phrase)).count()
}

/// Looks at many things and fails with all that are otherwise.
#[derive(Debug, Default)]
struct Differences(Vec<String>);

impl Differences {
    #[expect(clippy::needless_pass_by_value, reason = "what is looked at is made for it")]
    fn look<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, wanted: T) {
        if found != wanted {
            self.0.push(format!("{what}: {found:?} instead of {wanted:?}"));
        }
    }

    /// There are none.
    fn none(self, daemon: &Daemon) {
        assert!(self.0.is_empty(), "{}\n{}", self.0.join("\n"), daemon.log());
    }
}
