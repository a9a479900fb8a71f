//! A restart of a daemon in the background: what becomes new, and what stays.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{EAR, in_order};
use integration::facts::shown;
use integration::rpc::{Door, member};
use integration::subject::{Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};

for_each_subject![a_restart_renews_everything_but_the_process];

const FIRST: &str = "\
[unix_http_server]
file={dir}/s.sock
[inet_http_server]
port=127.0.0.1:{port}
[supervisord]
logfile={dir}/one.log
pidfile={dir}/one.pid
childlogdir={dir}
identifier=of-the-file
directory={dir}/a
umask=022
user={user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[eventlistener:ear]
command=/bin/sh {dir}/ear.sh
events=SUPERVISOR_STATE_CHANGE
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:gone]
command={child} forever
startsecs=0
[program:auto]
command={child} forever
startsecs=0
[program:ran]
command={child} exit:3
startsecs=0
autorestart=false
";

/// `{more}` is more descriptors than the daemon has now.
const SECOND: &str = "\
[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={dir}/two.log
loglevel=debug
pidfile={dir}/two.pid
childlogdir={dir}
identifier=of-the-second-file
directory={dir}/b
umask=077
nodaemon=true
minfds={more}
minprocs=300
user={user}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[program:auto]
command={child} forever
startsecs=0
[program:ran]
command={child} exit:3
startsecs=0
autostart=false
[eventlistener:ear]
command=/bin/sh {dir}/ear.sh
events=SUPERVISOR_STATE_CHANGE
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:fresh]
command={child} forever
startsecs=0
";

fn a_restart_renews_everything_but_the_process(subject: Subject) {
    let host = Host::new(subject, "");
    host.home().write("ear.sh", &host.expand(EAR));
    for name in ["a", "b"] {
        fs::create_dir(host.home().join(name)).unwrap();
    }
    let user = User::from_uid(Uid::current()).unwrap().expect("who runs the tests has a name");
    let configure = |text: &str| host.configure(&text.replace("{user}", &user.name));
    configure(FIRST);
    let daemon = Background::start(&host, &["-i", "of-the-command-line"]);
    daemon.wait_state("auto", "RUNNING");
    daemon.wait_state("ran", "EXITED");
    let before = daemon.stays();
    assert_eq!(before.directory, host.home().join("a").display().to_string());
    let auto = auto_logs(&host);
    assert_eq!(auto.len(), 6, "two for each program: {auto:?}");
    for name in ["s.sock", "one.pid"] {
        let kept = host.home().join(&format!("kept-{name}"));
        fs::hard_link(host.home().join(name), kept).unwrap();
    }

    configure(&SECOND.replace("{more}", &(before.descriptors + 1000).to_string()));
    kill(daemon.pid, Signal::SIGHUP).unwrap();
    wait_text(&host.home().join("two.log"), "INFO spawned: 'fresh' with pid ");
    daemon.wait_state("fresh", "RUNNING");

    assert_eq!(host.home().read("two.pid"), format!("{}\n", daemon.pid));
    assert_eq!(daemon.stays(), before, "process, directory, umask and limits are what they were");
    shown(subject, &["SIG-15"]);
    for name in ["s.sock", "one.pid"] {
        let kept = fs::metadata(host.home().join(&format!("kept-{name}"))).unwrap();
        assert_eq!(kept.nlink(), 1, "{name} was removed");
    }
    assert!(host.home().join("s.sock").exists() && !host.home().join("one.pid").exists());
    shown(subject, &["SIG-23"]);
    let fresh_auto = auto_logs(&host);
    assert_eq!(fresh_auto.len(), 6, "{fresh_auto:?}");
    assert!(auto.iter().all(|name| !fresh_auto.contains(name)), "{auto:?} {fresh_auto:?}");
    assert!(Door::connect(&daemon.tcp()).is_err(), "the second file has no such server");
    let identity = daemon.door().call("supervisor.getIdentification", &[]).unwrap();
    assert!(identity.contains("<string>of-the-command-line</string>"), "{identity}");
    let info = daemon.door().call("supervisor.getProcessInfo", &["ran"]).unwrap();
    for (name, value) in [("start", "0"), ("stop", "0"), ("exitstatus", "0"), ("spawnerr", "")] {
        assert_eq!(member(&info, name).as_deref(), Some(value), "{name} of what ran before");
    }
    assert_eq!(member(&info, "description").as_deref(), Some("Not started"));
    let running = "eventname:SUPERVISOR_STATE_CHANGE_RUNNING";
    let heard = wait::until(PATIENCE, "the second life's first event", || {
        let heard = host.home().read("heard");
        if heard.matches(running).count() == 2 { Ok(heard) } else { Err(heard) }
    });
    let serials: Vec<u64> = heard.lines().map(|line| serial(line, " serial:")).collect();
    assert!(serials.is_sorted_by(|a, b| a < b), "one count for all lives: {heard}");
    assert_eq!(serial(heard.lines().last().unwrap(), " poolserial:"), 0, "{heard}");
    shown(subject, &["SIG-22"]);

    daemon.end();
    assert!(!host.home().join("two.pid").exists() && !host.home().join("s.sock").exists());
    logs(&host, user.uid, daemon.pid);
    shown(subject, &["SIG-14", "SIG-16", "SIG-17"]);
}

/// What the first life and the second have said.
fn logs(host: &Host, uid: Uid, pid: Pid) {
    let (one, two) = (host.home().read("one.log"), host.home().read("two.log"));
    in_order(
        &one,
        &[
            "INFO daemonizing the supervisord process",
            "INFO set current directory: ",
            "INFO supervisord started with pid ",
            "INFO spawned: 'auto' with pid ",
            "WARN received SIGHUP indicating restart request",
            "WARN stopped: gone (terminated by SIGTERM)",
        ],
    );
    assert_eq!(one.matches("started with pid").count(), 1, "{one}");
    let started = format!("INFO supervisord started with pid {pid}\n");
    let became = format!("INFO Set uid to user {uid} succeeded\n");
    in_order(
        &two,
        &[
            &became,
            "INFO RPC interface 'supervisor' initialized",
            &started,
            "INFO spawned: 'auto' with pid ",
            "DEBG killing auto (pid ",
        ],
    );
    for word in ["daemonizing", "set current directory", "RLIMIT"] {
        assert!(!two.contains(word), "{word}: {two}");
    }
}

fn serial(head: &str, name: &str) -> u64 {
    let number = head.split_once(name).unwrap_or_else(|| panic!("{name}: {head}")).1;
    number.split(' ').next().unwrap().parse().unwrap()
}

/// The names of AUTO logs.
fn auto_logs(host: &Host) -> Vec<String> {
    let names = fs::read_dir(host.home().path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("---")).collect()
}

/// A daemon in the background; it goes with its home.
struct Background<'host> {
    host: &'host Host,
    pid: Pid,
}

/// What a restart leaves as it is.
#[derive(Debug, PartialEq, Eq)]
struct Stays {
    session: String,
    begun: String,
    directory: String,
    umask: String,
    descriptors: u64,
    limits: Vec<String>,
}

impl<'host> Background<'host> {
    fn start(host: &'host Host, arguments: &[&str]) -> Self {
        let ran = host.run_daemon(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        let pid = wait_text(&host.home().join("one.pid"), "\n");
        let daemon = Self { host, pid: Pid::from_raw(pid.trim().parse().unwrap()) };
        wait::until(PATIENCE, "the daemon to answer", || {
            daemon.door().call("supervisor.getState", &[])
        });
        daemon
    }

    fn door(&self) -> Door {
        Door::Unix(self.host.home().join("s.sock"))
    }

    fn tcp(&self) -> Door {
        Door::Tcp(([127, 0, 0, 1], self.host.port()).into())
    }

    fn wait_state(&self, name: &str, state: &str) {
        wait::until(PATIENCE, &format!("{name} to be {state}"), || {
            let info = self.door().call("supervisor.getProcessInfo", &[name]);
            let info = info.map_err(|error| error.to_string())?;
            let found = member(&info, "statename");
            if found.as_deref() == Some(state) { Ok(()) } else { Err(info) }
        });
    }

    fn stays(&self) -> Stays {
        let proc = Path::new("/proc").join(self.pid.to_string());
        let read = |name: &str| fs::read_to_string(proc.join(name)).unwrap();
        let stat = read("stat");
        let words: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let limits = read("limits");
        let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap();
        let descriptors = limit("Max open files").split_whitespace().nth(3).unwrap();
        Stays {
            session: words[3].to_owned(),
            begun: words[19].to_owned(),
            directory: fs::read_link(proc.join("cwd")).unwrap().display().to_string(),
            umask: read("status").lines().find(|l| l.starts_with("Umask")).unwrap().to_owned(),
            descriptors: descriptors.parse().unwrap(),
            limits: ["Max open files", "Max processes"].map(|name| limit(name).to_owned()).into(),
        }
    }

    fn end(&self) {
        kill(self.pid, Signal::SIGTERM).unwrap();
        wait::until(PATIENCE, "the end of the daemon", || match kill(self.pid, None) {
            Err(nix::errno::Errno::ESRCH) => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}
