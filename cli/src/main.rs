//! `fleetvisorctl`: the operator's client. Against one host it is supervisorctl, to the letter.

mod action;
mod args;
mod complete;
mod config;
mod exit;
mod fleet;
mod mode;
mod reach;
mod session;
mod shell;
mod show;
mod verbs;

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use args::Args;
use config::{ConfigError, Settings, Surroundings};
use mode::{Facts, Mode};
use reach::local::{Access, Local};
use session::Session;

/// Under this name the client has nothing that supervisorctl does not have.
const SUPERVISORCTL: &str = "supervisorctl";

/// What is said, under our own name, when nothing says whom to talk to.
const NOTHING_CONFIGURED: &str = "\
fleetvisorctl: no configuration was found, so supervisorctl's default is tried. Name one host with
-c /etc/supervisord.conf or -s unix:///PATH/supervisor.sock, or a fleet with -s fleet://HOST:9440
(or write ~/.config/fleetvisor/fleetvisorctl.toml).";

fn main() -> ExitCode {
    let mut words = env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    let as_supervisorctl = Path::new(&program).file_name().is_some_and(|n| n == SUPERVISORCTL);
    let found = find_configuration(&program);
    let facts = Facts {
        as_supervisorctl,
        words: &words,
        server_variable: env::var(mode::SERVER_VARIABLE).ok(),
        found_configuration: found.is_some(),
        fleet_files: fleet_files(),
    };
    match mode::decide(&facts, Path::exists) {
        Mode::Fleet => fleet::run_fleet(&words),
        Mode::OneHost(server) => {
            let host = OneHost { program: &program, own_name: !as_supervisorctl, found };
            host.run(&words, server)
        }
    }
}

/// Where the fleet's configuration may be: where the environment says, then the usual places.
fn fleet_files() -> Vec<PathBuf> {
    let named = env::var_os(mode::CONFIGURATION_VARIABLE).filter(|file| !file.is_empty());
    let usual = mode::fleet_files(
        env::var("HOME").ok().as_deref(),
        env::var("XDG_CONFIG_HOME").ok().as_deref(),
    );
    named.map(PathBuf::from).into_iter().chain(usual).collect()
}

/// The first configuration file where supervisorctl looks for one.
fn find_configuration(program: &str) -> Option<String> {
    let paths = config::search_paths(&program_path(program));
    let found = paths.into_iter().find(|path| path.exists());
    found.map(|path| path.to_string_lossy().into_owned())
}

/// The path that we were called by; found in `PATH` for a bare name.
fn program_path(program: &str) -> PathBuf {
    let bare = !program.contains('/');
    let dirs = env::var_os("PATH").filter(|_| bare).unwrap_or_default();
    let found = env::split_paths(&dirs).map(|dir| dir.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| program.into())
}

struct OneHost<'a> {
    program: &'a str,
    own_name: bool,
    found: Option<String>,
}

impl OneHost<'_> {
    fn run(&self, words: &[String], server: Option<String>) -> ExitCode {
        let mut args = match args::parse(words) {
            Ok(args) => args,
            Err(error) => return self.misused(&error.to_string()),
        };
        if args.help {
            // Whoever closed our output does not want it.
            let _ = writeln!(io::stdout(), "{}", show::help::program(self.program));
            return ExitCode::from(exit::SUCCESS);
        }
        args.serverurl = args.serverurl.or(server);
        let file = args.configuration.as_deref().or(self.found.as_deref());
        if self.own_name && file.is_none() && args.serverurl.is_none() {
            eprintln!("{NOTHING_CONFIGURED}");
        }
        match config::load(&args, file, &surroundings()) {
            Ok(settings) => self.act(&args, settings),
            Err(error @ ConfigError::Syntax { .. }) => {
                eprintln!("Error: {error}");
                ExitCode::from(exit::GENERIC)
            }
            Err(error) => self.misused(&error.to_string()),
        }
    }

    fn act(&self, args: &Args, settings: Settings) -> ExitCode {
        let in_shell = args.words.is_empty();
        let access = Access { username: settings.username, password: settings.password };
        let interactive = in_shell || args.interactive;
        let reach = match Local::new(settings.serverurl, access, interactive) {
            Ok(reach) => shell::Shared::new(reach),
            Err(error) => {
                eprintln!("Error: no event queue from the system: {error}");
                return ExitCode::from(exit::GENERIC);
            }
        };
        let mut session = Session {
            reach: &mut reach.clone(),
            out: &mut io::stdout(),
            exit: exit::SUCCESS,
            interactive,
            own_name: self.own_name,
            over: false,
        };
        if in_shell {
            shell::run(&mut session, &reach, &settings.prompt, settings.history_file.as_deref());
            return ExitCode::from(exit::SUCCESS);
        }
        action::run(&mut session, &args.words.join(" "));
        ExitCode::from(session.exit)
    }

    fn misused(&self, complaint: &str) -> ExitCode {
        eprintln!("Error: {complaint}");
        eprintln!("For help, use {} -h", self.program);
        ExitCode::from(exit::INVALID_ARGS)
    }
}

fn surroundings() -> Surroundings {
    let text = |word: std::ffi::OsString| word.to_string_lossy().into_owned();
    Surroundings {
        cwd: env::current_dir().unwrap_or_else(|_| "/".into()),
        home: env::var_os("HOME").map(PathBuf::from),
        variables: env::vars_os().map(|(key, value)| (text(key), text(value))).collect(),
    }
}
