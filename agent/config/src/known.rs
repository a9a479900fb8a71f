//! Which sections and keys somebody reads, and which of them a misspelt one resembles.

/// How the keys of a section are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keys {
    /// These and no others.
    Only(Vec<&'static str>),
    /// Any: they belong to somebody else.
    Any,
    /// The section itself is not read.
    Unread,
}

const SUPERVISORD: [&str; 18] = [
    "childlogdir",
    "directory",
    "environment",
    "identifier",
    "logfile",
    "logfile_backups",
    "logfile_maxbytes",
    "loglevel",
    "minfds",
    "minprocs",
    "nocleanup",
    "nodaemon",
    "pidfile",
    "profile_options",
    "silent",
    "strip_ansi",
    "umask",
    "user",
];

const PROGRAM: [&str; 32] = [
    "autorestart",
    "autostart",
    "command",
    "directory",
    "environment",
    "exitcodes",
    "killasgroup",
    "numprocs",
    "numprocs_start",
    "priority",
    "process_name",
    "redirect_stderr",
    "serverurl",
    "startretries",
    "startsecs",
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
    "stopasgroup",
    "stopsignal",
    "stopwaitsecs",
    "umask",
    "user",
];

const LISTENER: [&str; 3] = ["buffer_size", "events", "result_handler"];
const FASTCGI: [&str; 4] = ["socket", "socket_backlog", "socket_mode", "socket_owner"];
const GROUP: [&str; 2] = ["priority", "programs"];
const UNIX: [&str; 5] = ["chmod", "chown", "file", "password", "username"];
const INET: [&str; 3] = ["password", "port", "username"];
const RPC_INTERFACE: [&str; 1] = ["supervisor.rpcinterface_factory"];
const INCLUDE: [&str; 1] = ["files"];

/// How sections begin that are read, for a hint.
const SECTIONS: [&str; 11] = [
    "eventlistener:",
    "fcgi-program:",
    "fleet",
    "group:",
    "include",
    "inet_http_server",
    "program:",
    "rpcinterface:",
    "supervisorctl",
    "supervisord",
    "unix_http_server",
];

/// The keys that count in a section.
pub(crate) fn keys(section: &str) -> Keys {
    let only = |lists: &[&[&'static str]]| Keys::Only(lists.concat());
    let kind = section.split_once(':').map_or(section, |(kind, _)| kind);
    match (kind, section.contains(':')) {
        ("supervisord", false) => only(&[&SUPERVISORD]),
        ("include", false) => only(&[&INCLUDE]),
        ("program", true) => only(&[&PROGRAM]),
        ("eventlistener", true) => only(&[&PROGRAM, &LISTENER]),
        ("fcgi-program", true) => only(&[&PROGRAM, &FASTCGI]),
        ("group", true) => only(&[&GROUP]),
        ("rpcinterface", true) => only(&[&RPC_INTERFACE]),
        ("supervisorctl" | "ctlplugin" | "fleet", _) => Keys::Any,
        _ if section.starts_with("unix_http_server") => only(&[&UNIX]),
        _ if section.starts_with("inet_http_server") => only(&[&INET]),
        _ => Keys::Unread,
    }
}

/// The key that `typed` most resembles, if any is near enough.
pub(crate) fn nearest_key(typed: &str, known: &[&'static str]) -> Option<&'static str> {
    nearest(typed, known.iter().copied())
}

/// How a section that is read begins, nearest to `typed`.
pub(crate) fn nearest_section(typed: &str) -> Option<&'static str> {
    let kind = match typed.split_once(':') {
        Some((kind, _)) => format!("{kind}:"),
        None => typed.to_owned(),
    };
    nearest(&kind.to_lowercase(), SECTIONS)
}

/// The word that `typed` most resembles. Beyond a third of its letters a word is another word.
pub(crate) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = typed.chars().count();
    known
        .into_iter()
        .map(|word| (distance(typed, word), word))
        .filter(|(distance, _)| distance * 3 <= length.max(3))
        .min()
        .map(|(_, word)| word)
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (at, wanted) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{Keys, keys, nearest_key, nearest_section};

    #[test]
    fn a_slip_of_the_hand_is_recognised() {
        let Keys::Only(program) = keys("program:x") else {
            panic!("programs have known keys");
        };
        for (typed, near) in [
            ("comand", Some("command")),
            ("auto_restart", Some("autorestart")),
            ("stdout_log_file", Some("stdout_logfile")),
            ("depends", None),
        ] {
            assert_eq!(nearest_key(typed, &program), near, "{typed}");
        }
        for (typed, near) in [
            ("Program:x", Some("program:")),
            ("programs:x", Some("program:")),
            ("unix_http_sever", Some("unix_http_server")),
            ("anything", None),
        ] {
            assert_eq!(nearest_section(typed), near, "{typed}");
            assert_eq!(keys(typed), Keys::Unread);
        }
    }
}
