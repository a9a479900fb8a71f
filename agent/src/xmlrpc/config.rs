//! Methods about the configuration.

use agent_core::command::{Command, Diff, ProcessConfig, Reply};
use agent_core::spec::{LogFile, LogSpec};
use proto_xmlrpc::Value;

use super::args::{Args, int};
use super::faults::fault;
use super::{Outcome, Xmlrpc, unexpected};

/// What stands for a value that is not set: XML-RPC has no nil.
const UNSET: &str = "none";

impl Xmlrpc {
    pub(super) async fn all_config(&self) -> Outcome {
        match self.ask(Command::Configs).await {
            Reply::Configs(configs) => Ok(configs.iter().map(shown).collect::<Vec<_>>().into()),
            Reply::Refused(refusal) => Err(fault(refusal, "").into()),
            other => Err(unexpected(&other)),
        }
    }

    /// Three lists of groups, in a list of one: clients expect it so.
    pub(super) async fn reload_config(&self) -> Outcome {
        match self.ask(Command::Reread).await {
            Reply::Diff(Diff { added, changed, removed }) => {
                let lists = [added, changed, removed].map(names).into();
                Ok(vec![Value::Array(lists)].into())
            }
            Reply::Refused(refusal) => Err(fault(refusal, "").into()),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn add_group(&self, args: &Args) -> Outcome {
        let group = args.configured_group(0)?;
        self.order(Command::AddGroup(group.to_owned()), group).await
    }

    pub(super) async fn remove_group(&self, args: &Args) -> Outcome {
        let group = args.group(0)?;
        let command = Command::RemoveGroup(group.to_owned());
        self.order(command, group).await
    }
}

fn names(names: Vec<String>) -> Value {
    names.into_iter().map(Value::from).collect::<Vec<_>>().into()
}

/// The struct of `getAllConfigInfo`.
fn shown(config: &ProcessConfig) -> Value {
    let spec = &config.spec;
    let exitcodes: Vec<Value> = spec.exitcodes.iter().map(|code| (*code).into()).collect();
    let uid = spec.user.as_ref().map(|user| int(i64::from(user.uid)));
    let mut members: Vec<(&str, Value)> = vec![
        ("autostart", spec.autostart.into()),
        ("directory", text(spec.directory.as_deref())),
        ("uid", uid.unwrap_or_else(|| UNSET.into())),
        ("command", spec.command.as_str().into()),
        ("exitcodes", exitcodes.into()),
        ("group", config.group.as_str().into()),
        ("group_prio", int(config.group_priority)),
        ("inuse", config.in_use.into()),
        ("killasgroup", spec.killasgroup.into()),
        ("name", spec.name.as_str().into()),
        ("process_prio", int(spec.priority)),
        ("redirect_stderr", spec.redirect_stderr.into()),
        ("startretries", int(spec.startretries)),
        ("startsecs", int(spec.startsecs)),
    ];
    members.extend(log(&STDOUT, &spec.stdout, false));
    members.push(("stopsignal", spec.stopsignal.number().into()));
    members.push(("stopwaitsecs", int(spec.stopwaitsecs)));
    members.extend(log(&STDERR, &spec.stderr, spec.redirect_stderr));
    members.push(("serverurl", text(spec.server_url.as_deref())));
    let owned = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Struct(owned.collect())
}

/// The six keys of a channel.
const STDOUT: [&str; 6] = [
    "stdout_capture_maxbytes",
    "stdout_events_enabled",
    "stdout_logfile",
    "stdout_logfile_backups",
    "stdout_logfile_maxbytes",
    "stdout_syslog",
];
const STDERR: [&str; 6] = [
    "stderr_capture_maxbytes",
    "stderr_events_enabled",
    "stderr_logfile",
    "stderr_logfile_backups",
    "stderr_logfile_maxbytes",
    "stderr_syslog",
];

fn log(keys: &[&'static str; 6], log: &LogSpec, redirected: bool) -> [(&'static str, Value); 6] {
    let file = match &log.file {
        LogFile::None => UNSET,
        LogFile::Auto | LogFile::Path(_) if redirected => UNSET,
        LogFile::Auto => "auto",
        LogFile::Path(path) => path,
    };
    [
        (keys[0], int(log.capture_maxbytes)),
        (keys[1], log.events_enabled.into()),
        (keys[2], file.into()),
        (keys[3], int(log.backups)),
        (keys[4], int(log.maxbytes)),
        (keys[5], log.syslog.into()),
    ]
}

fn text(value: Option<&str>) -> Value {
    value.unwrap_or(UNSET).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agent_core::command::ProcessConfig;
    use agent_core::spec::{Autorestart, LogFile, LogSpec, ProcessSpec, UserSpec};
    use proto_words::Signal;
    use proto_xmlrpc::Value;

    use super::shown;

    fn log(file: LogFile) -> LogSpec {
        LogSpec {
            file,
            maxbytes: 52_428_800,
            backups: 10,
            capture_maxbytes: 0,
            events_enabled: false,
            syslog: false,
        }
    }

    fn config() -> ProcessConfig {
        ProcessConfig {
            group: "web".into(),
            group_priority: 999,
            in_use: true,
            spec: ProcessSpec {
                name: "api".into(),
                command: "/bin/api -x".into(),
                directory: None,
                umask: None,
                priority: 5,
                autostart: true,
                autorestart: Autorestart::Unexpected,
                startsecs: 1,
                startretries: 3,
                stopsignal: Signal::TERM,
                stopwaitsecs: 10,
                stopasgroup: false,
                killasgroup: false,
                exitcodes: vec![0, 2],
                user: None,
                redirect_stderr: true,
                stdout: log(LogFile::Auto),
                stderr: log(LogFile::Auto),
                environment: BTreeMap::new(),
                server_url: None,
            },
        }
    }

    #[test]
    fn the_struct_has_supervisords_29_members_in_order() {
        let Value::Struct(members) = shown(&config()) else {
            panic!("a configuration is a struct");
        };
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), 29);
        assert_eq!(
            names.join(" "),
            "autostart directory uid command exitcodes group group_prio inuse killasgroup name \
             process_prio redirect_stderr startretries startsecs stdout_capture_maxbytes \
             stdout_events_enabled stdout_logfile stdout_logfile_backups stdout_logfile_maxbytes \
             stdout_syslog stopsignal stopwaitsecs stderr_capture_maxbytes stderr_events_enabled \
             stderr_logfile stderr_logfile_backups stderr_logfile_maxbytes stderr_syslog serverurl"
        );
    }

    #[test]
    fn what_is_not_set_is_a_text() {
        let unset = shown(&config());
        for key in ["directory", "uid", "serverurl", "stderr_logfile"] {
            assert_eq!(unset.get(key), Some(&"none".into()), "{key}");
        }
        assert_eq!(unset.get("stdout_logfile"), Some(&"auto".into()));
        assert_eq!(unset.get("stopsignal"), Some(&15.into()));
        let mut set = config();
        set.spec.user = Some(UserSpec { uid: 33, gid: 33, name: "www".into() });
        set.spec.stdout.file = LogFile::Path("/log".into());
        assert_eq!(shown(&set).get("uid"), Some(&33.into()));
        assert_eq!(shown(&set).get("stdout_logfile"), Some(&"/log".into()));
    }
}
