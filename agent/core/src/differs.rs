//! Whether a reread found a group changed (RRD-02, LOG-47), to the letter of supervisord, since
//! `update` restarts what has.

use crate::spec::{GroupKind, GroupSpec, LogFile, LogSpec, ProcessSpec};

/// Whether `fresh`, just read, is another configuration than `active`, which runs.
///
/// A log file that is `AUTO` in the fresh one counts as unchanged, whatever it was before. Of a
/// FastCGI socket only the address counts, not its owner, mode or backlog (COMPAT-5).
#[must_use]
pub fn differs(active: &GroupSpec, fresh: &GroupSpec) -> bool {
    active.name != fresh.name
        || active.priority != fresh.priority
        || kind_differs(&active.kind, &fresh.kind)
        || active.processes.len() != fresh.processes.len()
        || active
            .processes
            .iter()
            .zip(&fresh.processes)
            .any(|(active, fresh)| process_differs(active, fresh))
}

fn kind_differs(active: &GroupKind, fresh: &GroupKind) -> bool {
    match (active, fresh) {
        (GroupKind::Programs, GroupKind::Programs) => false,
        (GroupKind::EventListeners(active), GroupKind::EventListeners(fresh)) => active != fresh,
        (GroupKind::FastCgi(active), GroupKind::FastCgi(fresh)) => {
            active.address.to_string() != fresh.address.to_string()
        }
        (
            GroupKind::Programs | GroupKind::EventListeners(_) | GroupKind::FastCgi(_),
            GroupKind::Programs | GroupKind::EventListeners(_) | GroupKind::FastCgi(_),
        ) => true,
    }
}

/// Compares everything after making equal what does not count: a new field counts by itself.
fn process_differs(active: &ProcessSpec, fresh: &ProcessSpec) -> bool {
    if active == fresh {
        return false;
    }
    let mut active = active.clone();
    active.stdout.file = seen_by(&active.stdout, &fresh.stdout);
    active.stderr.file = seen_by(&active.stderr, &fresh.stderr);
    if uid(&active) == uid(fresh) {
        active.user.clone_from(&fresh.user);
    }
    active != *fresh
}

fn uid(process: &ProcessSpec) -> Option<u32> {
    process.user.as_ref().map(|user| user.uid)
}

fn seen_by(active: &LogSpec, fresh: &LogSpec) -> LogFile {
    match fresh.file {
        LogFile::Auto => LogFile::Auto,
        LogFile::None | LogFile::Path(_) => active.file.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::differs;
    use crate::spec::{
        Autorestart, GroupKind, GroupSpec, LogFile, LogSpec, PoolSpec, ProcessSpec, SocketAddress,
        SocketSpec, UserSpec,
    };
    use proto_words::Signal;

    fn log(file: LogFile) -> LogSpec {
        LogSpec {
            file,
            maxbytes: 50,
            backups: 10,
            capture_maxbytes: 0,
            events_enabled: false,
            syslog: false,
        }
    }

    fn group() -> GroupSpec {
        let process = ProcessSpec {
            name: "x".to_owned(),
            command: "/bin/cat".to_owned(),
            directory: None,
            umask: None,
            priority: 999,
            autostart: true,
            autorestart: Autorestart::Unexpected,
            startsecs: 1,
            startretries: 3,
            stopsignal: Signal::TERM,
            stopwaitsecs: 10,
            stopasgroup: false,
            killasgroup: false,
            exitcodes: vec![0],
            user: None,
            redirect_stderr: false,
            stdout: log(LogFile::Path("/tmp/x".to_owned())),
            stderr: log(LogFile::Auto),
            environment: [("A".to_owned(), "1".to_owned())].into(),
            server_url: None,
        };
        GroupSpec {
            name: "x".to_owned(),
            priority: 999,
            kind: GroupKind::Programs,
            processes: vec![process],
        }
    }

    fn after(change: impl FnOnce(&mut GroupSpec)) -> bool {
        let mut fresh = group();
        change(&mut fresh);
        differs(&group(), &fresh)
    }

    fn process_after(change: impl FnOnce(&mut ProcessSpec)) -> bool {
        after(|fresh| change(&mut fresh.processes[0]))
    }

    #[test]
    fn what_counts_as_changed() {
        assert!(!after(|_| {}));
        assert!(after(|fresh| fresh.priority = 1));
        assert!(after(|fresh| fresh.processes.clear()));
        assert!(process_after(|fresh| fresh.command.push('x')));
        assert!(process_after(|fresh| fresh.environment.clear()));
        assert!(process_after(|fresh| fresh.stdout.backups = 1));
        assert!(process_after(|fresh| fresh.server_url = Some(String::new())));
    }

    #[test]
    fn a_log_that_becomes_auto_is_not_seen() {
        assert!(!process_after(|fresh| fresh.stdout.file = LogFile::Auto));
        assert!(process_after(|fresh| fresh.stdout.file = LogFile::None));
        assert!(process_after(|fresh| fresh.stderr.file = LogFile::None));
        assert!(process_after(|fresh| {
            fresh.stderr.file = LogFile::Path("/tmp/y".to_owned());
        }));
    }

    #[test]
    fn of_a_user_only_the_number_counts() {
        let user = |name: &str, gid| Some(UserSpec { uid: 5, gid, name: name.to_owned() });
        let (mut active, mut fresh) = (group(), group());
        active.processes[0].user = user("a", 1);
        fresh.processes[0].user = user("b", 2);
        assert!(!differs(&active, &fresh));
        fresh.processes[0].user = None;
        assert!(differs(&active, &fresh));
    }

    #[test]
    fn of_a_socket_only_the_address_counts() {
        let socket = |path: &str, mode| {
            let address = SocketAddress::Unix { path: path.to_owned(), mode, owner: None };
            GroupKind::FastCgi(SocketSpec { address, backlog: None })
        };
        let pool = GroupKind::EventListeners(PoolSpec {
            buffer_size: 10,
            events: vec!["TICK_5".to_owned()],
            result_handler: "h".to_owned(),
        });
        let mut active = group();
        active.kind = socket("/a", 0o700);
        let with = |kind| {
            let mut fresh = group();
            fresh.kind = kind;
            differs(&active, &fresh)
        };
        assert!(!with(socket("/a", 0o777)));
        assert!(with(socket("/b", 0o700)));
        assert!(with(GroupKind::Programs) && with(pool));
    }
}
