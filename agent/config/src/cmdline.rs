//! supervisord's command line (section 1.1 of the facts).

use agent_core::spec::Level;
use proto_words::repr;
use thiserror::Error;

use crate::World;
use crate::fault::Fault;
use crate::getopt::{Given, Known, getopt};
use crate::help;
use crate::types::{byte_size, integer, level, octal};

/// What the command line says; `None` and `false` leave it to the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `-c`: the file, as typed.
    pub configuration: Option<String>,
    /// `-n`.
    pub nodaemon: bool,
    /// `-s`.
    pub silent: bool,
    /// `-u`: a name or a number, not looked up yet.
    pub user: Option<String>,
    /// `-m`.
    pub umask: Option<u32>,
    /// `-d`: a directory that exists.
    pub directory: Option<String>,
    /// `-l`.
    pub logfile: Option<String>,
    /// `-y`, in bytes.
    pub logfile_maxbytes: Option<i64>,
    /// `-z`.
    pub logfile_backups: Option<i64>,
    /// `-e`.
    pub loglevel: Option<Level>,
    /// `-j`.
    pub pidfile: Option<String>,
    /// `-i`.
    pub identifier: Option<String>,
    /// `-q`: a directory that exists.
    pub childlogdir: Option<String>,
    /// `-a`.
    pub minfds: Option<i64>,
    /// `--minprocs`.
    pub minprocs: Option<i64>,
    /// `-k`.
    pub nocleanup: bool,
    /// `-t`.
    pub strip_ansi: bool,
    /// `--profile_options`: taken and not used.
    pub profile_options: Option<String>,
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// To run.
    Run(Box<Options>),
    /// To print this text on stdout and exit 0.
    Help(String),
    /// To print the version on stdout and exit 0.
    Version,
}

/// Why a command line cannot be used; `Display` is what supervisord prints after `Error: `.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UsageError {
    /// CLI-30 to CLI-35: getopt's own text.
    #[error("{0}")]
    Syntax(String),
    /// CLI-36.
    #[error("positional arguments are not supported: [{}]", listed(.0))]
    Positional(Vec<String>),
    /// CLI-24.
    #[error("conflicting command line option {}", repr(.0))]
    Conflict(String),
    /// CLI-37 to CLI-42.
    #[error("invalid value for {option} {}: {fault}", repr(.value))]
    Value {
        /// `-x` or `--whole_name`.
        option: String,
        /// The value as typed.
        value: String,
        /// What is wrong with it.
        fault: Box<Fault>,
    },
}

fn listed(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| repr(word)).collect();
    words.join(", ")
}

/// What an option does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Configuration,
    Nodaemon,
    Silent,
    Help,
    Version,
    User,
    Umask,
    Directory,
    Logfile,
    LogfileMaxbytes,
    LogfileBackups,
    Loglevel,
    Pidfile,
    Identifier,
    Childlogdir,
    Minfds,
    Minprocs,
    Nocleanup,
    StripAnsi,
    ProfileOptions,
}

/// CLI-01 to CLI-21: the short name (a blank for none), the long one, whether a value follows.
const TABLE: [(char, &str, bool, Meaning); 21] = [
    ('c', "configuration", true, Meaning::Configuration),
    ('n', "nodaemon", false, Meaning::Nodaemon),
    ('s', "silent", false, Meaning::Silent),
    ('h', "help", false, Meaning::Help),
    ('?', "", false, Meaning::Help),
    ('v', "version", false, Meaning::Version),
    ('u', "user", true, Meaning::User),
    ('m', "umask", true, Meaning::Umask),
    ('d', "directory", true, Meaning::Directory),
    ('l', "logfile", true, Meaning::Logfile),
    ('y', "logfile_maxbytes", true, Meaning::LogfileMaxbytes),
    ('z', "logfile_backups", true, Meaning::LogfileBackups),
    ('e', "loglevel", true, Meaning::Loglevel),
    ('j', "pidfile", true, Meaning::Pidfile),
    ('i', "identifier", true, Meaning::Identifier),
    ('q', "childlogdir", true, Meaning::Childlogdir),
    ('k', "nocleanup", false, Meaning::Nocleanup),
    ('a', "minfds", true, Meaning::Minfds),
    ('t', "strip_ansi", false, Meaning::StripAnsi),
    (' ', "minprocs", true, Meaning::Minprocs),
    (' ', "profile_options", true, Meaning::ProfileOptions),
];

/// Reads the words of a command line, `argv[0]` included. The whole line is checked for syntax
/// first; then the options count from left to right, so that `-v -h` is the version (CLI-26).
///
/// # Errors
///
/// [`UsageError`], for which the caller exits with 2.
pub fn parse(argv: &[String], world: &World<'_>) -> Result<Parsed, UsageError> {
    let (program, words) = match argv.split_first() {
        Some((program, words)) => (program.as_str(), words),
        None => ("", argv),
    };
    let known = TABLE.map(|(short, long, takes_value, _)| Known {
        short: (short != ' ').then_some(short),
        long,
        takes_value,
    });
    let (given, rest) = getopt(words, &known).map_err(UsageError::Syntax)?;
    if !rest.is_empty() {
        return Err(UsageError::Positional(rest.to_vec()));
    }
    let mut options = Options::default();
    for Given { option, value } in given {
        match meaning(&option) {
            Some(Meaning::Help) => return Ok(Parsed::Help(help::text(program))),
            Some(Meaning::Version) => return Ok(Parsed::Version),
            Some(meaning) => options.apply(meaning, option, value, world)?,
            None => {
                return Err(UsageError::Syntax(format!("option {option} not recognized")));
            }
        }
    }
    Ok(Parsed::Run(Box::new(options)))
}

fn meaning(option: &str) -> Option<Meaning> {
    let named = |(short, long, _, meaning): &(char, &str, bool, Meaning)| {
        let found = match option.strip_prefix("--") {
            Some(typed) => typed == *long,
            None => option.strip_prefix('-').is_some_and(|typed| typed.starts_with(*short)),
        };
        found.then_some(*meaning)
    };
    TABLE.iter().find_map(named)
}

impl Options {
    fn apply(
        &mut self,
        meaning: Meaning,
        option: String,
        value: String,
        world: &World<'_>,
    ) -> Result<(), UsageError> {
        let set = Setting { option, value };
        let directory = |text: &str| world.existing_directory(text);
        let dirpath = |text: &str| world.existing_dirpath(text);
        let text = |text: &str| Ok(text.to_owned());
        match meaning {
            Meaning::Configuration => set.put(&mut self.configuration, text),
            Meaning::Nodaemon => set.raise(&mut self.nodaemon),
            Meaning::Silent => set.raise(&mut self.silent),
            Meaning::User => set.put(&mut self.user, text),
            Meaning::Umask => set.put(&mut self.umask, octal),
            Meaning::Directory => set.put(&mut self.directory, directory),
            Meaning::Logfile => set.put(&mut self.logfile, dirpath),
            Meaning::LogfileMaxbytes => set.put(&mut self.logfile_maxbytes, byte_size),
            Meaning::LogfileBackups => set.put(&mut self.logfile_backups, integer),
            Meaning::Loglevel => set.put(&mut self.loglevel, level),
            Meaning::Pidfile => set.put(&mut self.pidfile, dirpath),
            Meaning::Identifier => set.put(&mut self.identifier, text),
            Meaning::Childlogdir => set.put(&mut self.childlogdir, directory),
            Meaning::Minfds => set.put(&mut self.minfds, integer),
            Meaning::Minprocs => set.put(&mut self.minprocs, integer),
            Meaning::Nocleanup => set.raise(&mut self.nocleanup),
            Meaning::StripAnsi => set.raise(&mut self.strip_ansi),
            Meaning::ProfileOptions => set.put(&mut self.profile_options, text),
            Meaning::Help | Meaning::Version => Ok(()),
        }
    }
}

/// One option on its way into its field; each can be given once (CLI-24).
struct Setting {
    option: String,
    value: String,
}

impl Setting {
    fn put<T>(
        self,
        field: &mut Option<T>,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Result<(), UsageError> {
        let parsed = match parse(&self.value) {
            Ok(parsed) => parsed,
            Err(fault) => {
                let Self { option, value } = self;
                return Err(UsageError::Value { option, value, fault: Box::new(fault) });
            }
        };
        match field.replace(parsed) {
            None => Ok(()),
            Some(_) => Err(UsageError::Conflict(self.option)),
        }
    }

    fn raise(self, field: &mut bool) -> Result<(), UsageError> {
        if std::mem::replace(field, true) {
            return Err(UsageError::Conflict(self.option));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
