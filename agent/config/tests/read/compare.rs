//! `fleetvisord check --compare`: what it finds, and that its table is all of docs/COMPAT.md.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use agent_config::{UNSEEN, seen_numbers};

use crate::world::Place;

/// The numbers and lines of the differences, `N:LINE`, or the error.
fn found(text: &str) -> String {
    let place = Place::with(text);
    match place.compare() {
        Ok(differences) => {
            let shown = differences.iter().map(|difference| {
                let line = difference.place.line.expect("each stands on a line");
                format!("{}:{line}", difference.number)
            });
            shown.collect::<Vec<_>>().join(" ")
        }
        Err(error) => format!("! {}", error.to_string().replace(&place.here(), "DIR")),
    }
}

/// These lines in a program of which nothing else differs; the first of them is line 4.
fn program(lines: &str) -> String {
    found(&format!("[supervisord]\n[program:x]\ncommand=cat\n{lines}\n"))
}

/// The same in `[supervisord]`, where the first is line 2.
fn daemon(lines: &str) -> String {
    found(&format!("[supervisord]\n{lines}\n"))
}

#[test]
fn programs() {
    for (lines, wanted) in [
        ("priority=1", ""),
        ("stopwaitsecs=0", "4:4"),
        ("stopwaitsecs=-1", "4:4"),
        ("stopwaitsecs=1", ""),
        ("directory=/srv/100% sure", "7:4"),
        ("directory=/srv/100%% sure", ""),
        ("directory=%s%q", "7:4"),
        ("serverurl=%5.2lr", "7:4"),
        ("unread=%s", ""),
        ("numprocs=100001\nprocess_name=%(process_num)d", "9:4"),
        ("numprocs=2\nprocess_name=%(process_num)40000d", "9:5"),
        ("numprocs=2\nprocess_name=%(process_num)2d", ""),
        ("startsecs=9223372036854775808\nstopwaitsecs=9223372036854775807", "60:4"),
        (
            "stdout_logfile_maxbytes=9999999999GB\numask=77777777777\nserverurl=9223372036854775808",
            "60:4 60:5",
        ),
        ("stdout_logfile=/dev/stdout", "10:4"),
        ("stdout_logfile=/dev/fd/1\nstderr_logfile=/proc/self/fd/2", "10:4 10:5"),
        ("stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0", ""),
        ("redirect_stderr=true\nstderr_logfile=/dev/stderr", ""),
        ("stdout_logfile=/dev/null", ""),
        ("stdout_capture_maxbytes=1KB\nstderr_capture_maxbytes=0", "13:4"),
        ("numprocs=2\nprocess_name=%(process_num)d\nstdout_logfile=/tmp/%(process_num)d", ""),
        ("numprocs=2\nprocess_name=%(process_num)d\nstdout_logfile=/tmp/l", "99:6"),
        ("stdout_syslog=true", "98:4"),
        ("stderr_logfile=SYSLOG", "98:4"),
        ("stdout_logfile=/tmp/l\nstderr_logfile=/tmp/l", "99:4 99:5"),
        ("stdout_logfile=/tmp/l\nstderr_logfile=/tmp/m", ""),
        ("stdout_logfile=/tmp/l\nstderr_logfile=/tmp/l\nredirect_stderr=true", ""),
        ("stdout_logfile=/tmp/l\nstderr_logfile=/tmp/l\nstderr_logfile_maxbytes=0", ""),
        (
            "autostart=maybe",
            "! not a valid boolean value: 'maybe' in section 'program:x' (file: 'DIR/s.conf')",
        ),
        (
            "autostart=maybe\nstopwaitsecs=0",
            "! not a valid boolean value: 'maybe' in section 'program:x' (file: 'DIR/s.conf')",
        ),
        (
            "directory=%(nope)s",
            "! Format string '%(nope)s' for 'program:x.directory' contains names ('nope') which \
          cannot be expanded. Available names: ENV_A, ENV_HOME, ENV_P, group_name, here, host_node_name, numprocs, process_num, program_name in section 'program:x' (file: 'DIR/s.conf')",
        ),
    ] {
        assert_eq!(program(lines), wanted, "{lines}");
    }
}

#[test]
fn the_daemon() {
    for (lines, wanted) in [
        ("", ""),
        ("identifier=web.1", "6:2"),
        ("identifier=web-1", ""),
        ("identifier=web.1\nnocleanup=true", ""),
        ("logfile=/dev/stdout", "10:2"),
        ("logfile=/dev/stdout\nlogfile_maxbytes=0", ""),
        ("directory=/", "20:1 20:1"),
        ("directory=/\nlogfile=/tmp/l\npidfile=p", "20:4"),
        ("directory=/\nlogfile=syslog\npidfile=/tmp/p", "98:3"),
        ("directory=/\nnodaemon=true", ""),
        ("logfile=syslog", "98:2"),
        ("loglevel=debug", "38:2"),
        ("loglevel=blather", "38:2 95:2"),
        ("loglevel=warn", ""),
        ("environment=A=\"100% sure\"", "7:2"),
        (
            "environment=A=\"100% of\"",
            "! Format string 'A=\"100% of\"' for 'supervisord.environment' is badly formatted: %o format: an integer is required, not dict",
        ),
    ] {
        assert_eq!(daemon(lines), wanted, "{lines}");
    }
}

#[test]
fn a_configuration_that_is_named_by_a_relative_path() {
    let text = "[supervisord]\nlogfile=/tmp/l\npidfile=/tmp/p\ndirectory=/\n";
    let place = Place::with(text);
    assert_eq!(place.compare().map(|found| found.len()), Ok(0));
    let relative = place.compare_from("s.conf").expect("it is good");
    assert_eq!(relative[0].number, 30);
    assert_eq!(relative[0].place.line, Some(4));
}

#[test]
fn other_sections() {
    for (text, wanted) in [
        ("[eventlistener:l]\ncommand=c\nevents=TICK,PROCESS_LOG", ""),
        ("[eventlistener:l]\ncommand=c\nevents=TICK,tick_5", "91:4"),
        ("[eventlistener:l]\ncommand=c\nevents=TICK_5,TICK_60,EVENT", "91:4"),
        ("[eventlistener:l]\ncommand=c\nevents=TICK_5,TICK_5\nresult_handler=a:b", "8:5"),
        ("[rpcinterface:x]\nsupervisor.rpcinterface_factory=a:b", "8:3"),
        (
            "[rpcinterface:x]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            "",
        ),
        ("[fcgi-program:f]\ncommand=c\nsocket=tcp://localhost:1", ""),
        ("[inet_http_server]\nport=1", "53:2"),
        ("loglevel=trace\n[inet_http_server]\nport=1", "38:2 53:3 72:3"),
        ("[unix_http_server]\nfile=/tmp/s", ""),
        ("[ctlplugin:p]\nsupervisor.ctl_factory=a:b", "80:2"),
        ("[supervisorctl]\nprompt=50% s", ""),
    ] {
        assert_eq!(found(&format!("[supervisord]\n{text}\n")), wanted, "{text}");
    }
}

#[test]
fn the_main_file_comes_first_and_texts_name_both() {
    let place = Place::with("[include]\nfiles=a.conf\n[supervisord]\nloglevel=debug\n")
        .and("a.conf", "[program:x]\ncommand=c\nstopwaitsecs=0\n");
    let lines: Vec<String> =
        place.compare().expect("it is good").iter().map(ToString::to_string).collect();
    let here = place.here();
    assert!(
        lines[0].starts_with(&format!(
            "{here}/s.conf:4: [supervisord] loglevel: COMPAT-38: supervisord"
        ))
    );
    assert!(
        lines[1].starts_with(&format!(
            "{here}/a.conf:3: [program:x] stopwaitsecs: COMPAT-4: supervisord"
        ))
    );
    assert_eq!(lines.len(), 2);
}

/// What docs/COMPAT.md numbers; a row begins with its number.
fn documented() -> BTreeSet<u32> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/COMPAT.md");
    let text =
        fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let number = |line: &str| {
        let rest = line.strip_prefix("| COMPAT-")?;
        rest.split(' ').next()?.parse().ok()
    };
    text.lines().filter_map(number).collect()
}

#[test]
fn the_table_is_all_of_the_page() {
    let listed: Vec<u32> = seen_numbers().chain(UNSEEN.iter().map(|(number, _)| *number)).collect();
    let known: BTreeSet<u32> = listed.iter().copied().collect();
    assert_eq!(
        known.len(),
        listed.len(),
        "a number stands twice in the tables of compare/rules.rs"
    );
    let documented = documented();
    let missing: Vec<_> = documented.difference(&known).collect();
    assert!(
        missing.is_empty(),
        "{missing:?}: add each new number of docs/COMPAT.md to agent/config/src/compare/rules.rs: to SEEN \
         with the rule that finds it in a configuration, or to UNSEEN with the reason why none shows it"
    );
    let gone: Vec<_> = known.difference(&documented).collect();
    assert!(
        gone.is_empty(),
        "{gone:?}: gone from docs/COMPAT.md; take them out of agent/config/src/compare/rules.rs"
    );
}
