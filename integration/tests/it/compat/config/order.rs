//! Of several faults, which one is told (CFG-01, KEY-E08, KFC-10, KEL-08).
//!
//! A configuration in which everything is wrong; the faults are mended one after another, and each time
//! the next one is told.

use super::Row;

tables![of_the_file, of_a_program, of_a_fcgi_program, of_a_listener];

/// What is wrong (in place of it stands what is right, or nothing), and what is said.
struct Step {
    section: &'static str,
    wrong: &'static str,
    right: &'static str,
    error: &'static str,
}

fn step(
    section: &'static str,
    wrong: &'static str,
    right: &'static str,
    error: &'static str,
) -> Step {
    Step { section, wrong, right, error }
}

/// One row per step, in which the steps before are right, and it and all after it are wrong. They stand
/// in reverse: the order of the file must not be what counts, and of two for one key the earlier one
/// counts first.
fn rows(ids: &'static [&'static str], head: &str, steps: &[Step]) -> Vec<Row> {
    let mut sections: Vec<&str> = Vec::new();
    for step in steps {
        if !sections.contains(&step.section) {
            sections.push(step.section);
        }
    }
    let text = |from: usize| {
        let own = |section: &str| {
            let lines = steps.iter().enumerate().filter(|(_, step)| step.section == section).rev();
            let lines = lines.map(|(at, step)| if at < from { step.right } else { step.wrong });
            format!("[{section}]\n{}\n", lines.collect::<Vec<_>>().join("\n"))
        };
        sections.iter().map(|section| own(section)).fold(head.to_owned(), |text, own| text + &own)
    };
    let each = steps.iter().enumerate();
    each.map(|(at, step)| Row::whole(ids, &text(at)).fails_with(step.error)).collect()
}

#[rustfmt::skip]
fn of_the_file() -> Vec<Row> {
    let d = "supervisord";
    let mut rows = rows(&["CFG-01"], "", &[
        step(d, "junk", "", "Source contains parsing errors: '{dir}/s.conf'"),
        step("include", "files=%(no)s", "files=no.conf", "Format string '%(no)s' for 'include.files' contains"),
        step(d, "minfds=2x", "", "invalid literal for int() with base 10: '2x'"),
        step(d, "minprocs=3x", "", "invalid literal for int() with base 10: '3x'"),
        step(d, "directory=/no/4", "", "/no/4 is not an existing directory"),
        step(d, "user=%(five)s", "", "Format string '%(five)s' for 'supervisord.user'"),
        step(d, "umask=6x", "", "6x can not be converted to an octal type"),
        step(d, "logfile=/no/7/x", "", "The directory named as part of the path /no/7/x does not exist"),
        step(d, "logfile_maxbytes=8x", "", "invalid literal for int() with base 10: '8x'"),
        step(d, "logfile_backups=9x", "", "invalid literal for int() with base 10: '9x'"),
        step(d, "loglevel=ten", "", "bad logging level name 'ten'"),
        step(d, "pidfile=/no/11/x", "", "The directory named as part of the path /no/11/x does not exist"),
        step(d, "identifier=%(twelve)s", "", "Format string '%(twelve)s' for 'supervisord.identifier'"),
        step(d, "nodaemon=13", "", "not a valid boolean value: '13'"),
        step(d, "silent=14", "", "not a valid boolean value: '14'"),
        step(d, "childlogdir=/no/15", "", "/no/15 is not an existing directory"),
        step(d, "nocleanup=16", "", "not a valid boolean value: '16'"),
        step(d, "strip_ansi=17", "", "not a valid boolean value: '17'"),
        step(d, "environment=A18", "", "Unexpected end of key/value pairs in value 'A18'"),
        step("rpcinterface:r", "", "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            "section [rpcinterface:r] does not specify"),
        step("group:g", "programs=nineteen", "", "[group:g] names unknown program"),
        step("program:p", "command=c\nstartsecs=20x", "command=c", "invalid literal for int() with base 10: '20x'"),
        step("eventlistener:e", "command=c", "command=c\nevents=TICK", "[eventlistener:e] section requires"),
        step("fcgi-program:f", "command=c", "command=c\nsocket=tcp://h:1", "[fcgi-program:f] section requires"),
        step("inet_http_server", "username=u\nport=1", "port=1", "Section [inet_http_server] contains incomplete"),
        step("unix_http_server", "chmod=x", "file=/s", "section [unix_http_server] has no file value"),
        step(d, "user=no-such-user", "", "Invalid user name no-such-user"),
    ]);
    rows.push(
        Row::whole(&["CFG-01"], "[include]\nfiles=%(no)s\n").fails_with("Format string '%(no)s' for 'include.files'"),
    );
    rows.push(
        Row::whole(&["CFG-01"], "[include]\nfiles=no\n[program:x]\nstartsecs=x\n")
            .fails(".ini file does not include supervisord section"),
    );
    rows
}

#[rustfmt::skip]
fn of_a_program() -> Vec<Row> {
    let p = "program:x";
    rows(&["KEY-E08"], "[supervisord]\n", &[
        step(p, "priority=1x", "", "invalid literal for int() with base 10: '1x'"),
        step(p, "autostart=2", "", "not a valid boolean value: '2'"),
        step(p, "autorestart=3", "", "invalid 'autorestart' value '3'"),
        step(p, "startsecs=4x", "", "invalid literal for int() with base 10: '4x'"),
        step(p, "startretries=5x", "", "invalid literal for int() with base 10: '5x'"),
        step(p, "stopsignal=six", "", "value 'six' is not a valid signal name"),
        step(p, "stopwaitsecs=7x", "", "invalid literal for int() with base 10: '7x'"),
        step(p, "stopasgroup=8", "stopasgroup=true", "not a valid boolean value: '8'"),
        step(p, "killasgroup=9", "", "not a valid boolean value: '9'"),
        step(p, "exitcodes=ten", "", "not a valid list of exit codes: 'ten'"),
        step(p, "redirect_stderr=11", "", "not a valid boolean value: '11'"),
        step(p, "numprocs=12x", "numprocs=2", "invalid literal for int() with base 10: '12x'"),
        step(p, "numprocs_start=13x", "", "invalid literal for int() with base 10: '13x'"),
        step(p, "stdout_capture_maxbytes=14x", "", "invalid literal for int() with base 10: '14x'"),
        step(p, "stdout_events_enabled=15", "", "not a valid boolean value: '15'"),
        step(p, "stderr_capture_maxbytes=16x", "", "invalid literal for int() with base 10: '16x'"),
        step(p, "stderr_events_enabled=17", "", "not a valid boolean value: '17'"),
        step(p, "serverurl=%(eighteen)s", "", "Format string '%(eighteen)s' for 'program:x.serverurl'"),
        step(p, "user=nineteen", "", "Invalid user name nineteen"),
        step(p, "umask=20x", "", "20x can not be converted to an octal type"),
        step(p, "process_name=a b", "", "Invalid name: 'a b' because of character: ' '"),
        step(p, "process_name=p", "process_name=p%(process_num)d", "%(process_num) must be present"),
        step(p, "killasgroup=false", "", "Cannot set stopasgroup=true and killasgroup=false"),
        step(p, "environment=A", "", "Unexpected end of key/value pairs in value 'A'"),
        step(p, "directory=%(d)s", "", "Format string '%(d)s' for 'program:x.directory'"),
        step(p, "stdout_logfile=/no/1/x", "", "The directory named as part of the path /no/1/x does not"),
        step(p, "stdout_logfile_backups=b1x", "", "invalid literal for int() with base 10: 'b1x'"),
        step(p, "stdout_logfile_maxbytes=m1x", "", "invalid literal for int() with base 10: 'm1x'"),
        step(p, "stdout_syslog=s1", "", "not a valid boolean value: 's1'"),
        step(p, "stderr_logfile=/no/2/x", "", "The directory named as part of the path /no/2/x does not"),
        step(p, "stderr_logfile_backups=b2x", "", "invalid literal for int() with base 10: 'b2x'"),
        step(p, "stderr_logfile_maxbytes=m2x", "", "invalid literal for int() with base 10: 'm2x'"),
        step(p, "stderr_syslog=s2", "", "not a valid boolean value: 's2'"),
        step(p, "", "command=%(c)s", "program section program:x does not specify a command"),
        step(p, "", "", "Format string '%(c)s' for 'program:x.command'"),
    ])
}

#[rustfmt::skip]
fn of_a_fcgi_program() -> Vec<Row> {
    let f = "fcgi-program:x";
    let mut rows = rows(&["KFC-10"], "[supervisord]\n", &[
        step(f, "priority=1x", "", "invalid literal for int() with base 10: '1x'"),
        // This one has no suffix: the program's own reading of the key comes later.
        step(f, "user=two", "", "Invalid user name two"),
        step(f, "socket_backlog=0", "", "Invalid socket_backlog value 0"),
        step(f, "socket_owner=four", "", "Invalid socket_owner value four"),
        step(f, "socket_mode=5x", "", "Invalid socket_mode value 5x"),
        step(f, "socket=six", "socket=tcp://h:1", "('Bad socket format %s', 'six')"),
        step(f, "autostart=7", "", "not a valid boolean value: '7' in section 'fcgi-program:x'"),
        step(f, "", "command=c", "program section fcgi-program:x does not specify a command"),
    ]);
    rows.push(
        Row::whole(&["KFC-10"], "[supervisord]\n[fcgi-program:a b]\npriority=x\nuser=x\n")
            .fails("Invalid name: 'a b' because of character: ' '"),
    );
    rows.push(
        Row::whole(&["KFC-10"], "[supervisord]\n[fcgi-program:x]\nuser=nope\n")
            .fails("Invalid user name nope"),
    );
    rows
}

#[rustfmt::skip]
fn of_a_listener() -> Vec<Row> {
    let e = "eventlistener:x";
    rows(&["KEL-08"], "[supervisord]\n", &[
        step(e, "priority=1x", "", "invalid literal for int() with base 10: '1x'"),
        step(e, "buffer_size=0", "", "[eventlistener:x] section sets invalid buffer_size (0)"),
        step(e, "result_handler=no:no", "", "no:no cannot be resolved within [eventlistener:x]"),
        step(e, "events=NO", "events=TICK", "Unknown event type NO in [eventlistener:x] events"),
        step(e, "redirect_stderr=true", "", "[eventlistener:x] section sets redirect_stderr=true"),
        step(e, "startsecs=6x", "", "invalid literal for int() with base 10: '6x' in section 'eventlistener:x'"),
        step(e, "", "command=c", "program section eventlistener:x does not specify a command"),
    ])
}
