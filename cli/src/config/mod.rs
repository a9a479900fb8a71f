//! The client's settings for one host: the command line over `[supervisorctl]` over defaults.

pub mod expand;
pub mod ini;
pub mod url;

use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use crate::args::Args;
use expand::{ExpandError, Names, expand};
use ini::{Ini, IniError};

const SECTION: &str = "supervisorctl";
const DEFAULT_URL: &str = "http://localhost:9001";
const DEFAULT_PROMPT: &str = "supervisor";

/// How to reach the server, and how the shell looks.
#[derive(Debug, PartialEq, Eq)]
pub struct Settings {
    /// `serverurl` (default `http://localhost:9001`); the path of a `unix://` one is absolute.
    pub serverurl: String,
    /// `username`; nothing is sent unless both it and the password are set.
    pub username: Option<String>,
    /// `password`.
    pub password: Option<String>,
    /// `prompt` (default `supervisor`), without the `> `.
    pub prompt: String,
    /// `history_file`: absolute; without it nothing is kept.
    pub history_file: Option<PathBuf>,
}

/// A configuration that cannot be used. The texts are supervisorctl's where it has one.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file given with `-c` is not there.
    #[error("could not find config file {0}")]
    Missing(String),
    /// It is there but cannot be read as text.
    #[error("could not read config file {0}")]
    Unreadable(String),
    /// It has no `[supervisorctl]`.
    #[error(".ini file does not include supervisorctl section")]
    NoSection,
    /// A value cannot be expanded.
    #[error(transparent)]
    Expand(#[from] ExpandError),
    /// It is not made of sections and keys.
    #[error("{file}: {fault}")]
    Syntax {
        /// The file, as it was found or given.
        file: String,
        /// What is wrong where.
        fault: IniError,
    },
}

/// What the settings depend on besides the command line and the file.
pub struct Surroundings {
    /// The directory we were started in.
    pub cwd: PathBuf,
    /// `HOME`, for `~`.
    pub home: Option<PathBuf>,
    /// The environment, for `%(ENV_X)s`.
    pub variables: Vec<(String, String)>,
}

/// Where a configuration is looked for when none is given. `program` is the path that we were
/// called by: the first two places lie beside its directory.
pub fn search_paths(program: &Path) -> [PathBuf; 6] {
    let beside = program.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    [
        beside.join("etc/supervisord.conf"),
        beside.join("supervisord.conf"),
        "supervisord.conf".into(),
        "etc/supervisord.conf".into(),
        "/etc/supervisord.conf".into(),
        "/etc/supervisor/supervisord.conf".into(),
    ]
}

/// Reads the file, if there is one, and lays the command line over it.
///
/// # Errors
///
/// [`ConfigError`] as listed there.
pub fn load(
    args: &Args,
    file: Option<&str>,
    around: &Surroundings,
) -> Result<Settings, ConfigError> {
    let mut settings = match file {
        Some(file) => from_file(file, around)?,
        None => defaults(),
    };
    if let Some(url) = &args.serverurl {
        settings.serverurl.clone_from(url);
    }
    if let Some(file) = &args.history_file {
        settings.history_file = Some(absolute(file, around));
    }
    settings.username = args.username.clone().or(settings.username);
    settings.password = args.password.clone().or(settings.password);
    Ok(settings)
}

fn defaults() -> Settings {
    Settings {
        serverurl: DEFAULT_URL.to_owned(),
        username: None,
        password: None,
        prompt: DEFAULT_PROMPT.to_owned(),
        history_file: None,
    }
}

fn from_file(file: &str, around: &Surroundings) -> Result<Settings, ConfigError> {
    let path = around.cwd.join(file);
    if !path.exists() {
        return Err(ConfigError::Missing(file.to_owned()));
    }
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|_| ConfigError::Unreadable(file.to_owned()))?;
    let ini = Ini::parse(&text);
    let ini = ini.map_err(|fault| ConfigError::Syntax { file: file.to_owned(), fault })?;
    from_ini(&ini, &path, around)
}

fn from_ini(ini: &Ini, path: &Path, around: &Surroundings) -> Result<Settings, ConfigError> {
    if !ini.has(SECTION) {
        return Err(ConfigError::NoSection);
    }
    let variables = around.variables.iter();
    let names: Names = variables.map(|(k, v)| (format!("ENV_{k}"), v.clone())).collect();
    let mut with_here = names.clone();
    let here = absolute(&path.parent().unwrap_or(path).to_string_lossy(), around);
    with_here.insert("here".to_owned(), here.to_string_lossy().into_owned());
    let get = |key: &str, names: &Names| {
        let value = ini.get(SECTION, key);
        value.map(|value| expand(value, &format!("{SECTION}.{key}"), names)).transpose()
    };
    let url = get("serverurl", &with_here)?.unwrap_or_else(|| DEFAULT_URL.to_owned());
    let history = get("history_file", &with_here)?.filter(|file| !file.is_empty());
    Ok(Settings {
        serverurl: match url.strip_prefix("unix://") {
            Some(path) => format!("unix://{}", absolute(path, around).display()),
            None => url,
        },
        username: get("username", &names)?,
        password: get("password", &names)?,
        prompt: get("prompt", &names)?.unwrap_or_else(|| DEFAULT_PROMPT.to_owned()),
        history_file: history.map(|file| absolute(&file, around)),
    })
}

/// The path from the root, without `~`, `.` and `..`. Links are not followed.
fn absolute(path: &str, around: &Surroundings) -> PathBuf {
    let path = match (path.strip_prefix('~'), &around.home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/'))
        }
        _ => around.cwd.join(path),
    };
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            Component::RootDir | Component::Normal(_) | Component::Prefix(_) => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{ConfigError, Settings, Surroundings, load, search_paths};
    use crate::args::{Args, parse};

    fn around(cwd: &Path) -> Surroundings {
        Surroundings {
            cwd: cwd.to_owned(),
            home: Some("/home/u".into()),
            variables: vec![("P".into(), "s3".into())],
        }
    }

    fn read(text: &str, line: &str) -> Result<Settings, String> {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("s.conf"), text).expect("a file");
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let args = parse(&words).expect("valid");
        let settings = load(&args, Some("s.conf"), &around(dir.path()));
        let here = dir.path().to_string_lossy().into_owned();
        settings
            .map(|s| Settings { serverurl: s.serverurl.replace(&here, "HERE"), ..s })
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_the_file_over_defaults() {
        let text = "[supervisorctl]\nserverurl=unix://%(here)s/../x/./a.sock\nusername=u\n\
                    password=%(ENV_P)s\nprompt=p\nhistory_file=~/h\n";
        let settings = read(text, "").expect("valid");
        assert!(settings.serverurl.ends_with("/x/a.sock"), "{}", settings.serverurl);
        assert_eq!(settings.username.as_deref(), Some("u"));
        assert_eq!(settings.password.as_deref(), Some("s3"));
        assert_eq!(settings.prompt, "p");
        assert_eq!(settings.history_file.as_deref(), Some(Path::new("/home/u/h")));

        let settings = read(text, "-s http://h:1 -p q -r /hist").expect("valid");
        assert_eq!(settings.serverurl, "http://h:1");
        assert_eq!(settings.username.as_deref(), Some("u"));
        assert_eq!(settings.password.as_deref(), Some("q"));
        assert_eq!(settings.history_file.as_deref(), Some(Path::new("/hist")));

        let settings = read("[supervisorctl]\nserverurl=unix://a.sock", "").expect("valid");
        assert_eq!(settings.serverurl, "unix://HERE/a.sock");
        assert_eq!((settings.username, settings.prompt), (None, "supervisor".to_owned()));
        assert_eq!(read("[supervisorctl]", "").expect("valid").serverurl, "http://localhost:9001");
    }

    #[test]
    fn faults_of_the_file_are_told_in_supervisorctls_words() {
        let no_section = ".ini file does not include supervisorctl section";
        assert_eq!(read("[supervisord]\n", ""), Err(no_section.to_owned()));
        let unknown = read("[supervisorctl]\nusername=%(here)s\n", "").expect_err("unknown here");
        assert!(unknown.starts_with("Format string '%(here)s' for 'supervisorctl.username'"));
        let missing = load(&Args::default(), Some("no.conf"), &around(Path::new("/nowhere")));
        assert!(matches!(missing, Err(ConfigError::Missing(file)) if file == "no.conf"));
    }

    #[test]
    fn the_first_two_places_are_beside_the_programs_directory() {
        let paths = search_paths(Path::new("/opt/x/bin/fleetvisorctl"));
        assert_eq!(paths[0], Path::new("/opt/x/etc/supervisord.conf"));
        assert_eq!(paths[1], Path::new("/opt/x/supervisord.conf"));
        let paths = search_paths(Path::new("fleetvisorctl"));
        assert_eq!(paths[0], Path::new("etc/supervisord.conf"));
    }
}
