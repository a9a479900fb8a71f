//! `fleetvisord check`: what is wrong with a configuration, what was read of it, or what in it
//! behaves differently from Supervisor 4.3.0. Nothing is started.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use agent_config::{
    ConfigError, LoadRequest, Options, RealDisk, Surroundings, Warning, check, compare, load,
};
use agent_core::spec::Configuration;

use super::doors::fleet_settings;
use super::shown;
use super::users::HostUsers;
use crate::fleet::SettingsError;

/// What is printed when it is told too little.
pub(super) const USAGE: &str = "usage: fleetvisord check [--compare] [-o json] FILE
Reads a supervisord.conf with its includes and says what is wrong with it: the place, the fault,
and what would be right. Nothing is started. Exit code 0 when it can be used, 2 when not.
With -o json everything that was read, or why it cannot be used, is one JSON document.
With --compare it says what in the file behaves differently from Supervisor 4.3.0, and why. Exit
code 0 when nothing does, 1 when something does, 2 when neither of the two can use the file.";

/// How to look at which file.
struct Look<'a> {
    compares: bool,
    as_json: bool,
    file: &'a str,
}

impl<'a> Look<'a> {
    /// Options in any order, then one file.
    fn at(words: &'a [String]) -> Option<Self> {
        let mut look = Self { compares: false, as_json: false, file: "" };
        let mut rest = words;
        loop {
            rest = match rest {
                [option, rest @ ..] if option == "--compare" => {
                    look.compares = true;
                    rest
                }
                [option, form, rest @ ..] if option == "-o" && form == "json" => {
                    look.as_json = true;
                    rest
                }
                [file] if !file.starts_with('-') => return Some(Self { file, ..look }),
                _ => return None,
            };
        }
    }
}

/// Looks at the file that the words name.
pub(super) fn run(words: &[String], surroundings: &Surroundings) -> ExitCode {
    match Look::at(words) {
        Some(Look { compares: true, as_json, file }) => compare_file(file, as_json, surroundings),
        Some(Look { as_json: true, file, .. }) => check_as_json(file, surroundings),
        Some(Look { file, .. }) => check_file(file, surroundings),
        None => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// As `diff` says it: 0 for no difference, 1 for some, 2 for trouble.
fn compare_file(file: &str, as_json: bool, surroundings: &Surroundings) -> ExitCode {
    let compared = compare(&request(file, surroundings), &RealDisk, &HostUsers);
    match &compared {
        Ok(differences) if as_json => {
            say(format_args!("{:#}", shown::differences(file, differences)));
        }
        Err(error) if as_json => say(format_args!("{:#}", shown::error(error, &[]))),
        Ok(differences) if differences.is_empty() => {
            let original = super::SUPERVISOR_VERSION;
            say(format_args!(
                "{file}: nothing in it behaves differently from Supervisor {original}"
            ));
        }
        Ok(differences) => differences.iter().for_each(say),
        Err(error) => eprintln!("{}", error.diagnosis()),
    }
    match compared {
        Ok(differences) if differences.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(_) => ExitCode::from(2),
    }
}

/// A line to whoever reads; one who has stopped reading knows what he wanted.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn check_file(file: &str, surroundings: &Surroundings) -> ExitCode {
    let (warnings, checked) = checked(file, surroundings);
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    match checked {
        Ok(_) => {
            say(format_args!("{file}: good"));
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
    say(format_args!("{document:#}"));
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
    let request = request(file, surroundings);
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

fn request(file: &str, surroundings: &Surroundings) -> LoadRequest {
    LoadRequest {
        file: file.to_owned(),
        options: Options::default(),
        surroundings: surroundings.clone(),
        remembered: BTreeMap::new(),
    }
}
