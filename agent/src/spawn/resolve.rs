//! From a command to a file that can be run (CMD-01..10).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use agent_config::split_command;
use agent_core::Refusal;
use proto_words::repr;
use rustix::fs::{Access, access};
use thiserror::Error;

/// A command that can be run, as far as one can tell before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Runnable {
    /// The file to execute: the first word, or where PATH has it.
    pub file: PathBuf,
    /// The words as written; never empty.
    pub words: Vec<String>,
}

/// Why a command cannot be run; the texts are supervisord's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Unrunnable {
    #[error("can't parse command {}: {why}", repr(.command))]
    Unparsable { command: String, why: String },
    #[error("command is empty")]
    Empty,
    #[error("can't find command {}", repr(.0))]
    NotFound(String),
    #[error("command at {} is a directory", repr(.0))]
    Directory(String),
    #[error("command at {} is not executable", repr(.0))]
    NotExecutable(String),
    #[error("no permission to run command {}", repr(.0))]
    NoPermission(String),
}

impl Unrunnable {
    /// What a caller of a start is told.
    pub(super) fn into_refusal(self) -> Refusal {
        let text = self.to_string();
        match self {
            Self::NotFound(_) => Refusal::NoFile(text),
            Self::Unparsable { .. }
            | Self::Empty
            | Self::Directory(_)
            | Self::NotExecutable(_)
            | Self::NoPermission(_) => Refusal::NotExecutable(text),
        }
    }
}

/// Splits a command and finds its file. The checks are made as the agent, not as the program's
/// user, and from the agent's directory (CMD-06, SM-40b).
pub(super) fn resolve(command: &str, path: &OsStr) -> Result<Runnable, Unrunnable> {
    let words = split_command(command)
        .map_err(|why| Unrunnable::Unparsable { command: command.to_owned(), why })?;
    let Some(program) = words.first() else {
        return Err(Unrunnable::Empty);
    };
    let file = find(program, path).ok_or_else(|| Unrunnable::NotFound(program.clone()))?;
    check(&file)?;
    Ok(Runnable { file, words })
}

/// The first place where something of that name exists, runnable or not (CMD-08).
fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|file| file.metadata().is_ok());
    }
    path.as_bytes()
        .split(|byte| *byte == b':')
        .map(|directory| Path::new(&OsString::from_vec(directory.to_vec())).join(program))
        .find(|file| file.metadata().is_ok())
}

fn check(file: &Path) -> Result<(), Unrunnable> {
    let shown = || file.to_string_lossy().into_owned();
    let Ok(metadata) = file.metadata() else {
        return Err(Unrunnable::NotFound(shown()));
    };
    if metadata.is_dir() {
        return Err(Unrunnable::Directory(shown()));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(Unrunnable::NotExecutable(shown()));
    }
    if access(file, Access::EXEC_OK).is_err() {
        return Err(Unrunnable::NoPermission(shown()));
    }
    Ok(())
}
