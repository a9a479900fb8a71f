//! What can be asked of one host: a file per verb.
//!
//! A verb asks the server, shows the answer and sets the exit code; which text and which code go
//! with which answer is [`show`](crate::show)'s.

mod add;
mod avail;
mod clear;
mod fg;
mod follow;
mod help;
mod maintail;
mod open;
mod pid;
mod quit;
mod reload;
mod remove;
mod reread;
mod restart;
mod shutdown;
mod signal;
mod start;
mod status;
mod stop;
mod tail;
mod targets;
mod update;
mod version;

use crate::reach::trouble::Trouble;
use crate::session::Session;

/// How a verb ends. Trouble that it does not know how to tell is told as an `error:` line.
pub type Done = Result<(), Trouble>;

/// One verb.
pub struct Verb {
    /// As it is typed.
    pub name: &'static str,
    /// What its words are, for completion.
    pub takes: Takes,
    /// Runs it with the rest of the line.
    pub run: fn(&mut Session<'_>, &str) -> Done,
}

/// What the words after a verb are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing that could be completed.
    Nothing,
    /// A verb.
    Verb,
    /// Groups.
    Groups,
    /// Processes, or `group:*`.
    Processes,
}

/// Every verb in the order of the names. `EOF` is what the end of the input means.
pub const VERBS: [Verb; 23] = [
    verb("EOF", Takes::Nothing, quit::run),
    verb("add", Takes::Groups, add::run),
    verb("avail", Takes::Nothing, avail::run),
    verb("clear", Takes::Processes, clear::run),
    verb("exit", Takes::Nothing, quit::run),
    verb("fg", Takes::Processes, fg::run),
    verb("help", Takes::Verb, help::run),
    verb("maintail", Takes::Nothing, maintail::run),
    verb("open", Takes::Nothing, open::run),
    verb("pid", Takes::Processes, pid::run),
    verb("quit", Takes::Nothing, quit::run),
    verb("reload", Takes::Nothing, reload::run),
    verb("remove", Takes::Groups, remove::run),
    verb("reread", Takes::Nothing, reread::run),
    verb("restart", Takes::Processes, restart::run),
    verb("shutdown", Takes::Nothing, shutdown::run),
    verb("signal", Takes::Processes, signal::run),
    verb("start", Takes::Processes, start::run),
    verb("status", Takes::Processes, status::run),
    verb("stop", Takes::Processes, stop::run),
    verb("tail", Takes::Processes, tail::run),
    verb("update", Takes::Groups, update::run),
    verb("version", Takes::Nothing, version::run),
];

const fn verb(name: &'static str, takes: Takes, run: fn(&mut Session<'_>, &str) -> Done) -> Verb {
    Verb { name, takes, run }
}

/// The verb of this name; there are no abbreviations.
pub fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

/// Whether a verb that takes no words has some; if so, that has been said.
fn has_words(session: &mut Session<'_>, verb: &str, argument: &str) -> bool {
    if argument.is_empty() {
        return false;
    }
    misused(session, verb, &format!("Error: {verb} accepts no arguments"));
    true
}

/// Says what is wrong with a verb's words, and how it is used.
fn misused(session: &mut Session<'_>, verb: &str, complaint: &str) {
    session.fail(crate::exit::GENERIC, complaint);
    help::topic(session, verb);
}

#[cfg(test)]
mod tests;
