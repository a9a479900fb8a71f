//! Under which name the program was started: a symbolic link makes another program of it.

use std::path::Path;

use rustix::fs::{Access, access};

/// Which program this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// The agent under a name of its own: options as supervisord's, and our own words.
    Agent,
    /// supervisord, to the letter.
    Supervisord,
    /// What prints a configuration to begin with.
    EchoSupervisordConf,
    /// What passes signals on.
    PidProxy,
}

impl Called {
    /// By `argv[0]`.
    pub(super) fn by(name: &str) -> Self {
        match name.rsplit('/').next() {
            Some("supervisord") => Self::Supervisord,
            Some("echo_supervisord_conf") => Self::EchoSupervisordConf,
            Some("pidproxy") => Self::PidProxy,
            Some(_) | None => Self::Agent,
        }
    }
}

/// The path under which a bare name was found in `PATH`, as scripts get it: where supervisord
/// looks for its configuration depends on it (CFS-02). A name that is not there stays as it is.
pub(super) fn whole_name(name: &str, path: &str) -> String {
    if name.is_empty() || name.contains('/') {
        return name.to_owned();
    }
    let candidates = path.split(':').filter(|directory| !directory.is_empty());
    candidates
        .map(|directory| format!("{}/{name}", directory.trim_end_matches('/')))
        .find(|file| Path::new(file).is_file() && access(file.as_str(), Access::EXEC_OK).is_ok())
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Called, whole_name};

    #[test]
    fn the_last_part_of_the_name_counts() {
        for (name, called) in [
            ("/usr/bin/supervisord", Called::Supervisord),
            ("pidproxy", Called::PidProxy),
            ("bin/echo_supervisord_conf", Called::EchoSupervisordConf),
            ("supervisord/fleetvisord", Called::Agent),
            ("", Called::Agent),
        ] {
            assert_eq!(Called::by(name), called, "{name}");
        }
    }

    #[test]
    fn a_bare_name_is_looked_up_as_a_shell_does_it() {
        for (name, path, whole) in [
            ("sh", "/nowhere::/bin/", "/bin/sh"),
            ("sh", "/nowhere", "sh"),
            ("passwd", "/etc", "passwd"),
            ("./sh", "/bin", "./sh"),
            ("", "/bin", ""),
        ] {
            assert_eq!(whole_name(name, path), whole, "{name} in {path}");
        }
    }
}
