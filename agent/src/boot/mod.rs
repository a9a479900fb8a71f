//! From the command line to a life of the agent, and to the exit code.
//!
//! Everything here happens before there are threads, but the last steps of `life.rs`. Texts on
//! stderr and exit codes are supervisord's: usage errors are two lines and 2.

pub mod errands;
pub mod life;
pub mod users;

mod background;
mod called;
mod check;
mod doors;
mod inherited;
mod limits;
mod pidfile;
mod privileges;
mod restart;
mod servers;
mod shown;
mod words;

use std::collections::BTreeMap;
use std::process::ExitCode;

use agent_config::{LoadRequest, Parsed, ROOT_SEARCH_WARNING, RealDisk, Surroundings, World};
use agent_core::effect::Finish;

use self::called::{Called, whole_name};
use self::inherited::Inherited;
use self::life::{Failure, Kept, live};
use self::users::HostUsers;
use crate::clock::Clock;
use crate::pidproxy;
use crate::spawn::memory::keep_one_heap;
use crate::spawn::reap::ignore_file_size_signal;

/// supervisord's version, which scripts compare.
pub const SUPERVISOR_VERSION: &str = "4.3.0";

/// Prefix of the environment variables that are for Fleetvisor and never passed on to programs.
const OWN_VARIABLES: &str = "FLEETVISOR_";

/// Runs the agent as its command line says.
#[must_use]
pub fn main(argv: &[String]) -> ExitCode {
    // Nothing has been opened yet.
    let inherited = Inherited::look();
    let (name, words) = argv.split_first().map_or(("fleetvisord", argv), |(a, b)| (a.as_str(), b));
    let surroundings = surroundings();
    match Called::by(name) {
        Called::Supervisord => {}
        Called::EchoSupervisordConf => return words::echo_sample(),
        Called::PidProxy => return pidproxy::main(name, words),
        Called::Agent => {
            if let Some(code) = words::run(words, &surroundings) {
                return code;
            }
        }
    }
    let name = whole_name(name, surroundings.environment.get("PATH").map_or("", String::as_str));
    match start(&name, words, surroundings, inherited) {
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

fn start(
    name: &str,
    words: &[String],
    surroundings: Surroundings,
    inherited: Inherited,
) -> Result<ExitCode, Failure> {
    let usage = |error: &dyn ToString| Failure::Usage(error.to_string());
    let world = World { surroundings: &surroundings, disk: &RealDisk, users: &HostUsers };
    let argv: Vec<String> = [name.to_owned()].into_iter().chain(words.iter().cloned()).collect();
    let options = match agent_config::parse(&argv, &world).map_err(|error| usage(&error))? {
        Parsed::Help(text) => {
            print!("{text}");
            if Called::by(name) == Called::Agent {
                print!("{}", words::WORDS);
            }
            return Ok(ExitCode::SUCCESS);
        }
        Parsed::Version => {
            println!("{SUPERVISOR_VERSION}");
            return Ok(ExitCode::SUCCESS);
        }
        Parsed::Run(options) => *options,
    };
    if options.configuration.is_none() && nix::unistd::Uid::current().is_root() {
        eprintln!("{}:{}: UserWarning: {ROOT_SEARCH_WARNING}", file!(), line!());
    }
    let found = agent_config::find(name, &options, &world).map_err(|error| usage(&error))?;
    let request =
        LoadRequest { file: found.file, options, surroundings, remembered: BTreeMap::new() };
    live_until_the_end(request, inherited)
}

fn live_until_the_end(mut request: LoadRequest, inherited: Inherited) -> Result<ExitCode, Failure> {
    ignore_file_size_signal();
    keep_one_heap();
    let clock = Clock::start();
    let mut epoch = 0;
    let mut kept = Kept { first: true, last_log: None, checked: None, event_serial: -1, inherited };
    loop {
        // New at each life, and greater than any before, also across processes.
        let wall = u64::try_from(clock.now().wall_ms).unwrap_or(0);
        epoch = wall.max(epoch + 1);
        match live(&request, epoch, &mut kept)? {
            Finish::Exit => return Ok(ExitCode::SUCCESS),
            Finish::Restart => {
                kept.first = false;
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
