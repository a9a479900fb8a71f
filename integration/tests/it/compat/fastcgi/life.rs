//! How long a socket lives: as long as any process of its group.

use std::fs;
use std::io::ErrorKind;

use integration::facts::shown;
use integration::fastcgi;
use integration::rpc::Door;
use integration::subject::{Daemon, Subject, free_port, wait_text};
use nix::sys::signal::Signal;

use super::{ask, line, order, story, tcp, unix, with_responder};

for_each_subject![
    a_restart_of_one_loses_no_connection,
    the_last_one_closes_it_and_its_path_stays,
    only_another_address_is_a_change,
];

const TWO_GROUPS: &str = "{head}
[fcgi-program:web]
command={fcgi}
process_name=%(program_name)s_%(process_num)s
numprocs=2
startsecs=0
socket=unix://{dir}/web.sock
stdout_logfile={dir}/%(program_name)s_%(process_num)s.log
[fcgi-program:net]
command={fcgi}
process_name=%(program_name)s_%(process_num)s
numprocs=2
startsecs=0
socket=tcp://127.0.0.1:{port}
stdout_logfile={dir}/%(program_name)s_%(process_num)s.log
";

/// A request that comes while one process is stopped and the other is busy waits in the socket,
/// and the process that is started again answers it.
fn a_restart_of_one_loses_no_connection(subject: Subject) {
    let daemon = Daemon::start(subject, &with_responder(TWO_GROUPS));
    for (group, door) in
        [("web", unix(&daemon.path("web.sock"))), ("net", tcp(daemon.host().port()))]
    {
        let names = [0, 1].map(|number| format!("{group}:{group}_{number}"));
        let processes = names.each_ref().map(|name| daemon.wait_state(name, "RUNNING"));
        let mut busy = door.connect().unwrap();
        let go = daemon.path(&format!("{group}.go"));
        fastcgi::send(&mut busy, &[("WAIT_FOR", go.to_str().unwrap())], "").unwrap();
        let idle = integration::wait::until(integration::wait::PATIENCE, "a busy process", || {
            let is_busy =
                |number| daemon.home().read(&format!("{group}_{number}.log")).contains("waiting");
            [0, 1].into_iter().find(|number| is_busy(*number)).map(|busy| 1 - busy).ok_or("none")
        });
        order(&daemon, "stopProcess", &names[idle]);
        daemon.wait_state(&names[idle], "STOPPED");
        let mut waiting = door.connect().unwrap();
        fastcgi::send(&mut waiting, &[("QUERY_STRING", "patience")], "").unwrap();
        order(&daemon, "startProcess", &names[idle]);
        let answer = fastcgi::receive(&mut waiting).unwrap();
        assert_eq!(line(&answer, "query"), "patience");
        let reborn = daemon.wait_state(&names[idle], "RUNNING").pid;
        assert_eq!(line(&answer, "pid"), reborn.to_string());
        assert_ne!(reborn, processes[idle].pid);
        fs::write(&go, "").unwrap();
        let answer = fastcgi::receive(&mut busy).unwrap();
        assert_eq!(line(&answer, "pid"), processes[1 - idle].pid.to_string());
        let told = story(&daemon, &[&url_of(&daemon, group)]);
        assert_eq!(told.len(), 3, "tried, and made once: {told:?}");
    }
    shown(subject, &["FCG-05"]);
}

fn url_of(daemon: &Daemon, group: &str) -> String {
    match group {
        "web" => "unix://{dir}/web.sock".to_owned(),
        _ => format!("tcp://127.0.0.1:{}", daemon.host().port()),
    }
}

fn the_last_one_closes_it_and_its_path_stays(subject: Subject) {
    let mut daemon = Daemon::start(subject, &with_responder(TWO_GROUPS));
    let path = daemon.path("web.sock");
    let doors = [("web", unix(&path)), ("net", tcp(daemon.host().port()))];
    for (group, door) in &doors {
        let [first, second] = [0, 1].map(|number| format!("{group}:{group}_{number}"));
        for name in [&first, &second] {
            daemon.wait_state(name, "RUNNING");
        }
        order(&daemon, "stopProcess", &first);
        ask(door, &[], "").unwrap();
        order(&daemon, "stopProcess", &second);
        daemon.wait_log(&format!("stopped: {group}_1"));
        integration::wait::until(integration::wait::PATIENCE, "a closed socket", || {
            let told = story(&daemon, &[&format!("{group}_"), &url_of(&daemon, group)]);
            if told.len() == 8 { Ok(()) } else { Err(format!("{told:?}")) }
        });
        assert_eq!(door.connect().err().unwrap().kind(), ErrorKind::ConnectionRefused);
        let told = story(&daemon, &[&format!("{group}_"), &url_of(&daemon, group)]);
        let expected = [
            format!("WARN stopped: {group}_0 (terminated by SIGTERM)"),
            format!("WARN stopped: {group}_1 (terminated by SIGTERM)"),
            format!("INFO Closing socket {}", url_of(&daemon, group)),
        ];
        assert_eq!(told[5..], expected);
    }
    shown(subject, &["FCG-04"]);
    order(&daemon, "startProcess", "web:*");
    ask(&doors[0].1, &[], "").unwrap();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    let told = story(&daemon, &["web_", "web.sock"]);
    assert_eq!(told.last().unwrap(), "INFO Closing socket unix://{dir}/web.sock");
    assert!(path.exists());
    shown(subject, &["FCG-07"]);
}

/// Owner, mode and backlog may change unseen; another address is another socket.
fn only_another_address_is_a_change(subject: Subject) {
    const ONE: &str = "{head}
[fcgi-program:web]
command={fcgi}
startsecs=0
socket=unix://{dir}/{name}.sock
{more}
[fcgi-program:net]
command={fcgi}
startsecs=0
socket=tcp://127.0.0.1:{net}
{backlog}
";
    let ports = [free_port(), free_port()].map(|port| port.to_string());
    let text = |name: &str, more: &str, net: &str, backlog: &str| {
        let text = with_responder(ONE).replace("{name}", name).replace("{more}", more);
        text.replace("{net}", net).replace("{backlog}", backlog)
    };
    let daemon = Daemon::start(subject, &text("first", "", &ports[0], ""));
    let before = daemon.wait_state("web", "RUNNING");
    let more = "socket_mode=0666\nsocket_owner=root\nsocket_backlog=9";
    daemon.host().configure(&text("first", more, &ports[0], "socket_backlog=9"));
    assert_eq!(daemon.ctl(&["reread"]).stdout, "No config updates to processes\n");
    assert_eq!(daemon.ctl(&["update"]).stdout, "");
    assert_eq!(daemon.process("web").unwrap(), before);
    daemon.host().configure(&text("second", "", &ports[1], ""));
    assert_eq!(daemon.ctl(&["reread"]).stdout, "net: changed\nweb: changed\n");
    let updated =
        "net: stopped\nnet: updated process group\nweb: stopped\nweb: updated process group\n";
    assert_eq!(daemon.ctl(&["update"]).stdout, updated);
    let after = daemon.wait_state("web", "RUNNING");
    daemon.wait_state("net", "RUNNING");
    let answer = ask(&unix(&daemon.path("second.sock")), &[], "").unwrap();
    assert_eq!(line(&answer, "pid"), after.pid.to_string());
    let answers = |door: &Door| ask(door, &[], "").map(drop).map_err(|error| error.kind());
    assert_eq!(answers(&tcp(ports[1].parse().unwrap())), Ok(()));
    let refused = Err(ErrorKind::ConnectionRefused);
    assert_eq!(answers(&unix(&daemon.path("first.sock"))), refused);
    assert_eq!(answers(&tcp(ports[0].parse().unwrap())), refused);
    let made = |name: &str| {
        let url = format!("unix://{{dir}}/{name}.sock");
        ["Creating", "Closing", "Creating"].map(|verb| format!("INFO {verb} socket {url}"))
    };
    assert_eq!(story(&daemon, &["second.sock"]), made("second"));
    assert_eq!(story(&daemon, &["first.sock"])[..3], made("first"));
    assert_eq!(story(&daemon, &["first.sock"]).len(), 4);
    wait_text(&daemon.path("main.log"), "Closing socket");
}
