//! From the command line to a life of the agent, and to the exit code.
//!
//! Everything here happens before there are threads, but the last steps of `life.rs`. Texts on
//! stderr and exit codes are supervisord's: usage errors are two lines and 2.

pub mod errands;
pub mod life;
pub mod users;

mod background;
mod doors;
mod limits;
mod pidfile;
mod privileges;
mod shown;
mod words;

use std::collections::BTreeMap;
use std::process::ExitCode;

use agent_config::{LoadRequest, Parsed, ROOT_SEARCH_WARNING, RealDisk, Surroundings, World};
use agent_core::effect::Finish;

use self::life::{Failure, live};
use self::users::HostUsers;
use crate::clock::Clock;
use crate::spawn::reap::ignore_file_size_signal;

/// supervisord's version, which scripts compare.
pub const SUPERVISOR_VERSION: &str = "4.3.0";

/// Prefix of the environment variables that are for Fleetvisor and never passed on to programs.
const OWN_VARIABLES: &str = "FLEETVISOR_";

/// Runs the agent as its command line says.
#[must_use]
pub fn main(argv: &[String]) -> ExitCode {
    let name = argv.first().map_or("fleetvisord", String::as_str);
    let called = name.rsplit('/').next().unwrap_or(name);
    let surroundings = surroundings();
    if called != "supervisord"
        && let Some(code) = words::run(argv.get(1..).unwrap_or(&[]), &surroundings)
    {
        return code;
    }
    match start(argv, surroundings) {
        Ok(code) => code,
        Err(Failure::Usage(text)) => {
            eprintln!("Error: {text}\nFor help, use {name} -h");
            ExitCode::from(2)
        }
        Err(Failure::System(text)) => {
            eprintln!("Error: {text}");
            ExitCode::from(1)
        }
    }
}

fn start(argv: &[String], surroundings: Surroundings) -> Result<ExitCode, Failure> {
    let usage = |error: &dyn ToString| Failure::Usage(error.to_string());
    let world = World { surroundings: &surroundings, disk: &RealDisk, users: &HostUsers };
    let options = match agent_config::parse(argv, &world).map_err(|error| usage(&error))? {
        Parsed::Help(text) => {
            print!("{text}");
            return Ok(ExitCode::SUCCESS);
        }
        Parsed::Version => {
            println!("{SUPERVISOR_VERSION}");
            return Ok(ExitCode::SUCCESS);
        }
        Parsed::Run(options) => *options,
    };
    let argv0 = argv.first().map_or("", String::as_str);
    if options.configuration.is_none() && nix::unistd::Uid::current().is_root() {
        eprintln!("{argv0}: UserWarning: {ROOT_SEARCH_WARNING}");
    }
    let found = agent_config::find(argv0, &options, &world).map_err(|error| usage(&error))?;
    let request =
        LoadRequest { file: found.file, options, surroundings, remembered: BTreeMap::new() };
    live_until_the_end(request)
}

fn live_until_the_end(mut request: LoadRequest) -> Result<ExitCode, Failure> {
    ignore_file_size_signal();
    let clock = Clock::start();
    let mut epoch = 0;
    let mut first = true;
    let mut last_log = None;
    loop {
        // New at each life, and greater than any before, also across processes.
        let wall = u64::try_from(clock.now().wall_ms).unwrap_or(0);
        epoch = wall.max(epoch + 1);
        match live(&request, first, epoch, &mut last_log)? {
            Finish::Exit => return Ok(ExitCode::SUCCESS),
            Finish::Restart => {
                first = false;
                // Relative paths mean what they meant at first, also after a change of directory: the
                // check before a restart and the restart itself read the same file.
                let cwd = request.surroundings.cwd;
                request.surroundings = Surroundings { cwd, ..surroundings() };
            }
        }
    }
}

/// What the process knows about itself.
fn surroundings() -> Surroundings {
    let environment = std::env::vars_os()
        .map(|(key, value)| {
            (key.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        })
        .filter(|(key, _)| !key.starts_with(OWN_VARIABLES))
        .collect();
    let cwd = std::env::current_dir().unwrap_or_default().to_string_lossy().into_owned();
    let hostname = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
    Surroundings { cwd, environment, hostname }
}
