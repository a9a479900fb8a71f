//! Our own verbs: positional words, which supervisord refuses, so that none of its options changes
//! its meaning.

use std::collections::BTreeMap;
use std::process::ExitCode;

use agent_config::{LoadRequest, Options, RealDisk, Surroundings, check, load};

use super::doors::fleet_settings;
use super::users::HostUsers;

/// What `fleetvisord check` prints when it is told too little.
const CHECK_USAGE: &str = "usage: fleetvisord check FILE
Reads a supervisord.conf with its includes and says what is wrong with it: the place, the fault,
and what would be right. Nothing is started. Exit code 0 when it can be used, 2 when not.";

/// Runs our own verb, if the first word is one.
#[must_use]
pub fn run(words: &[String], surroundings: &Surroundings) -> Option<ExitCode> {
    let (verb, rest) = words.split_first()?;
    match (verb.as_str(), rest) {
        ("version", []) => {
            println!(
                "fleetvisord {} (answers as Supervisor {})",
                env!("CARGO_PKG_VERSION"),
                super::SUPERVISOR_VERSION
            );
            Some(ExitCode::SUCCESS)
        }
        ("check", [file]) if !file.starts_with('-') => Some(check_file(file, surroundings)),
        ("check", _) => {
            let asked = rest.iter().any(|word| word == "--help" || word == "-h");
            if asked {
                println!("{CHECK_USAGE}");
                return Some(ExitCode::SUCCESS);
            }
            eprintln!("{CHECK_USAGE}");
            Some(ExitCode::from(2))
        }
        _ => None,
    }
}

fn check_file(file: &str, surroundings: &Surroundings) -> ExitCode {
    let request = LoadRequest {
        file: file.to_owned(),
        options: Options::default(),
        surroundings: surroundings.clone(),
        remembered: BTreeMap::new(),
    };
    let report = check(&request, &RealDisk, &HostUsers);
    for warning in &report.warnings {
        eprintln!("warning: {warning}");
    }
    let wrong = match (report.error, load(&request, &RealDisk, &HostUsers)) {
        (None, Ok(configuration)) => fleet_settings(&configuration).err().map(|e| e.to_string()),
        (Some(error), _) | (None, Err(error)) => Some(error.diagnosis().to_string()),
    };
    let Some(wrong) = wrong else {
        println!("{file}: good");
        return ExitCode::SUCCESS;
    };
    eprintln!("{wrong}");
    ExitCode::from(2)
}
