//! A child's pipes and log files, opened before it is born.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use agent_core::effect::{ProcessId, Stdin};
use agent_core::spec::{LogFile as Where, LogSpec, ProcessSpec};
use rustix::io::Errno;

use super::errno::errno_text;
use crate::descriptors::Purpose;
use crate::logs::{Channels, LogFile, Output, Rotation, Use};
use crate::pipe::{self, Source};

/// The child's ends. Each is above 2, so that none is overwritten while they are put in place.
#[derive(Debug)]
pub(super) struct Ends {
    /// Shared, when it is its group's socket.
    pub stdin: Arc<OwnedFd>,
    pub stdout: OwnedFd,
    /// `None` when stderr goes to stdout.
    pub stderr: Option<OwnedFd>,
}

/// Why there are no channels.
#[derive(Debug)]
pub(super) enum Unopened {
    /// A pipe or a log file failed.
    Os(Errno),
    /// An AUTO log file has no path.
    Unprepared,
}

impl From<Errno> for Unopened {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

impl Unopened {
    /// supervisord's text (SM-46, SM-47).
    pub(super) fn text_for(&self, name: &str) -> String {
        match self {
            Self::Os(Errno::MFILE) => format!("too many open files to spawn '{name}'"),
            Self::Os(errno) => {
                let errno = errno_text(errno.raw_os_error());
                format!("unknown error making dispatchers for '{name}': {errno}")
            }
            Self::Unprepared => format!("internal error: '{name}' has an AUTO log without a path"),
        }
    }
}

/// Opens everything; whatever fails, nothing stays open. With a socket there is no pipe to stdin.
pub(super) fn open(
    process: ProcessId,
    spec: &ProcessSpec,
    kind: Stdin,
    socket: Option<Arc<OwnedFd>>,
) -> Result<(Channels, Ends), Unopened> {
    let (child_stdin, stdin) = if let Some(socket) = socket {
        (socket, None)
    } else {
        let (theirs, ours) = pipe::to_child(Purpose::Stdin(process))?;
        (Arc::new(theirs), Some(ours))
    };
    let (child_stdout, stdout) = pipe::from_child(Purpose::Stdout(process))?;
    let (stderr, child_stderr) = if spec.redirect_stderr {
        (None, None)
    } else {
        let (theirs, ours) = pipe::from_child(Purpose::Stderr(process))?;
        (Some(output(ours, &spec.stderr, Use::of(&spec.stderr))?), Some(theirs))
    };
    let using = match kind {
        Stdin::Pipe | Stdin::Socket(_) => Use::of(&spec.stdout),
        Stdin::Events => Use::Protocol,
    };
    let channels = Channels {
        name: Arc::from(spec.name.as_str()),
        stdin,
        stdout: Some(output(stdout, &spec.stdout, using)?),
        stderr,
    };
    let ends = Ends { stdin: child_stdin, stdout: child_stdout, stderr: child_stderr };
    Ok((channels, ends))
}

fn output(pipe: Source, spec: &LogSpec, using: Use) -> Result<Output, Unopened> {
    let log = match &spec.file {
        Where::None => None,
        Where::Auto => return Err(Unopened::Unprepared),
        Where::Path(path) => Some(Box::new(LogFile::open(path, Rotation::of(spec))?)),
    };
    Ok(Output { pipe, log, using })
}

#[cfg(test)]
pub(super) mod tests {
    use agent_core::effect::{ProcessId, Stdin};
    use agent_core::spec::{Autorestart, LogFile, LogSpec, ProcessSpec};
    use proto_words::Signal;
    use rustix::io::Errno;

    use super::{Unopened, open};

    pub(in crate::spawn) fn spec_without_logs() -> ProcessSpec {
        let nowhere = LogSpec {
            file: LogFile::None,
            maxbytes: 0,
            backups: 0,
            capture_maxbytes: 0,
            events_enabled: false,
            syslog: false,
        };
        ProcessSpec {
            name: "web".to_owned(),
            command: String::new(),
            directory: None,
            umask: None,
            priority: 999,
            autostart: true,
            autorestart: Autorestart::Never,
            startsecs: 1,
            startretries: 3,
            stopsignal: Signal::TERM,
            stopwaitsecs: 10,
            stopasgroup: false,
            killasgroup: false,
            exitcodes: vec![0],
            user: None,
            redirect_stderr: false,
            stdout: nowhere.clone(),
            stderr: nowhere,
            environment: std::collections::BTreeMap::new(),
            server_url: None,
        }
    }

    #[test]
    fn an_auto_log_without_a_path_is_not_thrown_away() {
        let mut spec = spec_without_logs();
        spec.stdout.file = LogFile::Auto;
        assert!(matches!(open(ProcessId(1), &spec, Stdin::Pipe, None), Err(Unopened::Unprepared)));
        spec.stdout.file = LogFile::None;
        spec.stderr.file = LogFile::Auto;
        assert!(matches!(open(ProcessId(1), &spec, Stdin::Pipe, None), Err(Unopened::Unprepared)));
        spec.redirect_stderr = true;
        let (channels, _ends) = open(ProcessId(1), &spec, Stdin::Pipe, None).unwrap();
        assert!(channels.stdout.is_some() && channels.stderr.is_none());
    }

    #[test]
    fn texts_are_supervisords() {
        let text = |errno| Unopened::Os(errno).text_for("web");
        assert_eq!(text(Errno::MFILE), "too many open files to spawn 'web'");
        let unknown = "unknown error making dispatchers for 'web': EACCES";
        assert_eq!(text(Errno::ACCESS), unknown);
    }
}
