//! Our own verbs: positional words, which supervisord refuses, so that none of its options changes
//! its meaning.

use std::process::ExitCode;

use agent_config::Surroundings;

use super::check;
use crate::pidproxy;

/// What `fleetvisord -h` says besides supervisord's own text.
pub(super) const WORDS: &str = "\
Instead of options, fleetvisord also takes one of these words:
check [-o json] FILE        what is wrong with a configuration, and where
check --compare FILE        what in it behaves differently from Supervisor 4.3.0
echo-conf                   a configuration to begin with, on stdout
pidproxy PIDFILE COMMAND... run a command and send signals on to the pid in a file
version                     the version of fleetvisord itself
";

const ECHO_CONF_USAGE: &str = "usage: fleetvisord echo-conf
Prints a supervisord.conf to begin with: what nearly everybody needs, and every other key in a
comment. Called echo_supervisord_conf (a symbolic link will do) the program does the same.";

const VERSION_USAGE: &str = "usage: fleetvisord version
Prints the version of fleetvisord itself, and of the Supervisor that it stands for.";

/// A configuration to begin with: the keys of supervisord's own (AUX-02), in our words.
const SAMPLE: &str = include_str!("sample.conf");

/// Runs our own verb, if the first word is one.
#[must_use]
pub fn run(words: &[String], surroundings: &Surroundings) -> Option<ExitCode> {
    let (verb, rest) = words.split_first()?;
    match (verb.as_str(), rest) {
        ("version", [word]) if asks_for_help(word) => Some(say(VERSION_USAGE)),
        ("version", []) => {
            println!(
                "fleetvisord {} (answers as Supervisor {})",
                env!("CARGO_PKG_VERSION"),
                super::SUPERVISOR_VERSION
            );
            Some(ExitCode::SUCCESS)
        }
        ("check", words) if words.iter().any(|word| asks_for_help(word)) => Some(say(check::USAGE)),
        ("check", words) => Some(check::run(words, surroundings)),
        ("echo-conf", [word]) if asks_for_help(word) => Some(say(ECHO_CONF_USAGE)),
        ("echo-conf", []) => Some(echo_sample()),
        ("pidproxy", _) => Some(pidproxy::main("fleetvisord pidproxy", rest)),
        _ => None,
    }
}

fn asks_for_help(word: &str) -> bool {
    word == "--help" || word == "-h"
}

fn say(text: &str) -> ExitCode {
    println!("{text}");
    ExitCode::SUCCESS
}

/// Prints a configuration to begin with.
pub(super) fn echo_sample() -> ExitCode {
    print!("{SAMPLE}");
    ExitCode::SUCCESS
}
