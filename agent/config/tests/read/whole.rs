//! A configuration with everything in it, and what becomes of the command line.

use agent_config::Options;
use agent_core::spec::{
    Autorestart, GroupKind, Level, LogFile, PoolSpec, ServerAddress, SocketAddress, SocketSpec,
    UserSpec,
};

use crate::world::{Place, group, process};

const EVERYTHING: &str = "\
[unix_http_server]
file = %(here)s/s.sock ; the door
chmod = 0770
chown = web:root
[inet_http_server]
port = *:9001
username = me
password = %(ENV_B)s
[inet_http_server:two]
port = Example.ORG:9002
username =
password =
[supervisord]
logfile = syslog
logfile_maxbytes = 1KB
loglevel = TRACE
user = web
environment = B=\"%(ENV_A)s,%%(host_node_name)s\",C=0
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[group:pair]
programs = two, cgi
priority = 5
[program:one]
command = /bin/echo %(process_num)d/%(numprocs)s
    %(group_name)s %(host_node_name)s %(ENV_OWN)s
process_name = %(program_name)s_%(process_num)d
numprocs = 12
numprocs_start = 1
environment = OWN=\"n%(process_num)d\",C=1
user = 33
autorestart = true
stopsignal = usr1
exitcodes = 0, 2
umask = 002
redirect_stderr = true
stderr_logfile = /tmp/ignored
stdout_logfile = /tmp/%(program_name)s.log
[program:two]
command = /bin/cat
stdout_logfile = syslog
stderr_logfile =
serverurl = Auto
[fcgi-program:cgi]
command = /bin/cat
[fcgi-program:web]
command = /bin/cat
socket = unix:///run/../tmp/%(program_name)s.sock
user = web
socket_backlog = 9
[eventlistener:ears]
command = /bin/cat
events = tick_5,PROCESS_STATE,TICK_5
[fleet]
Host = %(host_node_name)s
ca = %(here)s/ca.pem
";

fn owned(value: &str) -> String {
    value.to_owned()
}

#[test]
fn the_daemon_and_its_servers() {
    let place = Place::with(EVERYTHING);
    let read = place.loaded();
    let daemon = &read.daemon;
    assert_eq!(daemon.logfile, "syslog", "UP-03");
    assert_eq!(daemon.pidfile, "/supervisord.pid", "UP-03");
    assert_eq!((daemon.logfile_maxbytes, daemon.logfile_backups), (1024, 10));
    assert_eq!((daemon.loglevel, daemon.umask), (Level::Trace, 0o22));
    assert_eq!(daemon.childlogdir, "/tmp", "KSD-14");
    let user = daemon.user.as_ref().map(|user| (user.uid, user.gid));
    assert_eq!(user, Some((33, 33)), "UP-02");
    assert_eq!(daemon.environment["B"], "env-a,node-1", "EXP-21");
    assert_eq!(daemon.server_url, Some(owned(&format!("unix://{}/s.sock", place.here()))), "UP-04");
    let servers: Vec<_> = read.servers.iter().map(|server| &server.address).collect();
    assert_eq!(
        servers,
        [
            &ServerAddress::Inet { host: String::new(), port: 9001 },
            &ServerAddress::Inet { host: "example.org".to_owned(), port: 9002 },
            &ServerAddress::Unix {
                path: format!("{}/s.sock", place.here()),
                mode: 0o770,
                owner: Some((33, 0)),
            },
        ],
        "UP-11"
    );
    let first = read.servers[0].credentials.as_ref();
    let password = first.map(|credentials| credentials.password.as_str());
    assert_eq!(password, Some("env-a,node-1"), "EXP-19");
    assert_eq!(read.servers[1].credentials, None, "KHS-08");
    let interfaces: Vec<_> = read.rpc_interfaces.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(interfaces, ["supervisor"]);
    assert_eq!(read.rpc_interfaces[0].unexpected_key.as_deref(), None);
    let fleet = read.fleet.expect("there is a section");
    assert_eq!((fleet["host"].as_str(), fleet.len()), ("node-1", 2));
}

#[test]
fn groups_stand_in_the_order_in_which_they_are_built() {
    let read = Place::with(EVERYTHING).loaded();
    let order: Vec<_> = read
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.priority, group.processes.len()))
        .collect();
    let wanted = [("ears", -1, 1), ("pair", 5, 2), ("one", 999, 12), ("web", 999, 1)];
    assert_eq!(order, wanted, "GRP-01");
    let pair = group(&read, "pair");
    assert_eq!(pair.kind, GroupKind::Programs, "KGR-06");
    let names: Vec<_> = pair.processes.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names, ["two", "cgi"], "KGR-07");
    assert_eq!(
        group(&read, "ears").kind,
        GroupKind::EventListeners(PoolSpec {
            buffer_size: 10,
            events: vec!["PROCESS_STATE".to_owned(), "TICK_5".to_owned()],
            result_handler: "supervisor.dispatchers:default_handler".to_owned(),
        }),
        "KEL-01"
    );
    assert_eq!(process(&read, "ears").priority, 999, "KEL-05");
    assert_eq!(
        group(&read, "web").kind,
        GroupKind::FastCgi(SocketSpec {
            address: SocketAddress::Unix {
                path: "/tmp/web.sock".to_owned(),
                mode: 0o700,
                owner: Some((33, 33)),
            },
            backlog: Some(9),
        }),
        "KFC-09"
    );
}

#[test]
fn processes_have_every_key() {
    let read = Place::with(EVERYTHING).loaded();
    let one = &group(&read, "one").processes;
    let names: Vec<_> = one[..4].iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names, ["one_1", "one_10", "one_11", "one_12"], "GRP-02");
    let first = &one[0];
    assert_eq!(first.command, "/bin/echo 1/12\none node-1 n1", "EXP-16, EXP-17");
    let pairs: Vec<_> =
        first.environment.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(pairs, ["B=env-a,node-1", "C=1", "OWN=n1"], "ENV-16");
    let web = UserSpec { uid: 33, gid: 33, name: "web".to_owned() };
    assert_eq!((&first.user, first.umask), (&Some(web), Some(2)));
    assert_eq!(first.autorestart, Autorestart::Always);
    assert_eq!((first.stopsignal.number(), &first.exitcodes[..]), (10, &[0, 2][..]));
    assert_eq!(first.stdout.file, LogFile::Path("/tmp/one.log".to_owned()));
    assert_eq!(first.stderr.file, LogFile::None, "KPR-23");
    let two = process(&read, "pair");
    assert_eq!((&two.stdout.file, two.stdout.syslog), (&LogFile::None, true), "KEY-W01");
    assert_eq!(two.stderr.file, LogFile::None, "TYP-09");
    assert_eq!((&two.server_url, two.autorestart), (&None, Autorestart::Unexpected));
    assert_eq!((two.startsecs, two.startretries, two.stopwaitsecs), (1, 3, 10));
}

#[test]
fn warnings_are_repeated_for_each_process() {
    let read = Place::with(EVERYTHING).loaded();
    let about = |part: &str| {
        let said = read.messages.iter();
        said.filter(|(level, text)| *level == Level::Warn && text.contains(part)).count()
    };
    assert_eq!(about("[program:one], redirect_stderr=true but"), 12, "KEY-W02, KEY-W04");
    assert_eq!(about("[program:two], stdout_logfile=syslog but"), 1, "KEY-W01");
    assert_eq!(read.messages.len(), 13);
}

#[test]
fn the_command_line_outweighs_the_file() {
    let mut place = Place::with("[supervisord]\nnodaemon=true\nloglevel=warn\nuser=nobody\n");
    place.options = Options {
        user: Some(owned("root")),
        loglevel: Some(Level::Debug),
        logfile: Some(owned("~/x.log")),
        pidfile: Some(owned("../p")),
        identifier: Some(owned("me")),
        minfds: Some(5),
        strip_ansi: true,
        ..Options::default()
    };
    let daemon = place.loaded().daemon;
    assert_eq!((daemon.loglevel, daemon.minfds), (Level::Debug, 5), "CLI-22");
    assert_eq!((daemon.nodaemon, daemon.strip_ansi), (true, true), "CLI-23");
    assert_eq!((daemon.logfile.as_str(), daemon.pidfile.as_str()), ("/root/x.log", "/p"));
    assert_eq!(daemon.user.map(|user| user.uid), Some(0));
    place.options.user = Some(owned("1234"));
    assert_eq!(place.load().err(), Some(owned("Invalid user id 1234")), "CLI-44");
}
