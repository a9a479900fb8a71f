//! Our own verbs: positional words, which supervisord refuses, so that none of its options changes
//! its meaning.

use std::collections::BTreeMap;
use std::process::ExitCode;

use agent_config::{
    ConfigError, LoadRequest, Options, RealDisk, Surroundings, Warning, check, load,
};
use agent_core::spec::Configuration;

use super::doors::fleet_settings;
use super::shown;
use super::users::HostUsers;
use crate::fleet::SettingsError;
use crate::pidproxy;

/// What `fleetvisord check` prints when it is told too little.
const CHECK_USAGE: &str = "usage: fleetvisord check [-o json] FILE
Reads a supervisord.conf with its includes and says what is wrong with it: the place, the fault,
and what would be right. Nothing is started. Exit code 0 when it can be used, 2 when not.
With -o json everything that was read, or why it cannot be used, is one JSON document.";

/// What `fleetvisord -h` says besides supervisord's own text.
pub(super) const WORDS: &str = "\
Instead of options, fleetvisord also takes one of these words:
check [-o json] FILE         what is wrong with a configuration, and where
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
        ("check", [file]) if !file.starts_with('-') => Some(check_file(file, surroundings)),
        ("check", [option, form, file]) if option == "-o" && form == "json" => {
            Some(check_as_json(file, surroundings))
        }
        ("check", _) => {
            if rest.iter().any(|word| asks_for_help(word)) {
                return Some(say(CHECK_USAGE));
            }
            eprintln!("{CHECK_USAGE}");
            Some(ExitCode::from(2))
        }
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

fn check_file(file: &str, surroundings: &Surroundings) -> ExitCode {
    let (warnings, checked) = checked(file, surroundings);
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    match checked {
        Ok(_) => {
            println!("{file}: good");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::from(2)
        }
    }
}

fn check_as_json(file: &str, surroundings: &Surroundings) -> ExitCode {
    let (warnings, checked) = checked(file, surroundings);
    let (code, document) = match &checked {
        Ok(configuration) => (0, shown::configuration(configuration, &warnings)),
        Err(Wrong::Configuration(error)) => (2, shown::error(error, &warnings)),
        Err(Wrong::Fleet(error)) => (2, shown::own_error(&error.to_string(), file, &warnings)),
    };
    println!("{document:#}");
    ExitCode::from(code)
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("{}", .0.diagnosis())]
    Configuration(ConfigError),
    #[error(transparent)]
    Fleet(#[from] SettingsError),
}

/// What is merely suspicious, and the configuration or what is wrong with it.
fn checked(
    file: &str,
    surroundings: &Surroundings,
) -> (Vec<Warning>, Result<Box<Configuration>, Wrong>) {
    let request = LoadRequest {
        file: file.to_owned(),
        options: Options::default(),
        surroundings: surroundings.clone(),
        remembered: BTreeMap::new(),
    };
    let report = check(&request, &RealDisk, &HostUsers);
    let loaded = match report.error {
        Some(error) => Err(error),
        None => load(&request, &RealDisk, &HostUsers),
    };
    let usable = loaded.map_err(Wrong::Configuration).and_then(|configuration| {
        fleet_settings(&configuration)?;
        Ok(Box::new(configuration))
    });
    (report.warnings, usable)
}
