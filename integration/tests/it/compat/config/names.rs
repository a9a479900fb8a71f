//! Which names can be used where (EXP-11 to EXP-25, EXP-27). The base environment has `HOME` and `PATH`.

use integration::loaded::Case;

use super::Row;

tables![
    of_the_daemon,
    of_groups,
    of_sections,
    of_processes,
    of_servers,
    own_environment,
    twice,
    group_and_host,
    here_everywhere
];

const DAEMON: &str = "ENV_HOME, ENV_PATH, here";
const SERVER: &str = "ENV_HOME, ENV_PATH";
const SECTION: &str = "ENV_HOME, ENV_PATH, group_name, here, host_node_name, program_name";

fn suffix(section: &str) -> String {
    format!(" in section '{section}' (file: '{{dir}}/s.conf')")
}

/// The error of `%(name)s` as the value of `key`, where these names are known.
fn unknown(name: &str, key: &str, known: &str) -> String {
    format!(
        "Format string '%({name})s' for '{key}' contains names ('{name}') which cannot be \
         expanded. Available names: {known}"
    )
}

fn of_the_daemon() -> Vec<Row> {
    let keys = "minfds minprocs directory user umask logfile logfile_maxbytes logfile_backups loglevel \
                pidfile identifier nodaemon silent childlogdir nocleanup strip_ansi environment";
    let refused = keys.split_whitespace().map(|key| {
        Row::daemon(&["EXP-11"], &format!("{key}=%(host_node_name)s")).fails(&unknown(
            "host_node_name",
            &format!("supervisord.{key}"),
            DAEMON,
        ))
    });
    let mut rows: Vec<_> = refused.collect();
    rows.extend([
        Row::daemon(&["EXP-11"], "identifier=%(here)s %(ENV_A)s\nminfds=%(ENV_B)s")
            .variable("A", "a")
            .variable("B", "3")
            .has("/daemon/identifier", "{dir} a")
            .has("/daemon/minfds", 3),
        // Not yet what this very section adds to the environment.
        Row::daemon(&["EXP-11"], "environment=C=\"c\"\nidentifier=%(ENV_C)s").fails(&unknown(
            "ENV_C",
            "supervisord.identifier",
            DAEMON,
        )),
    ]);
    let host = host();
    rows.extend([
        Row::whole(
            &["EXP-12"],
            "[supervisord]\n[include]\nfiles=%(host_node_name)s.%(ENV_A)s %(here)s/b",
        )
        .variable("A", "conf")
        .file(&format!("{host}.conf"), "[supervisord]\nminfds=3\n")
        .file("b", "[supervisord]\nminprocs=4\n")
        .has("/daemon/minfds", 3)
        .has("/daemon/minprocs", 4),
        Row::whole(&["EXP-12"], "[supervisord]\n[include]\nfiles=%(program_name)s").fails(
            &unknown("program_name", "include.files", "ENV_HOME, ENV_PATH, here, host_node_name"),
        ),
        Row::whole(&["EXP-12"], "[supervisord]\nenvironment=C=\"c\"\n[include]\nfiles=%(ENV_C)s")
            .fails(&unknown("ENV_C", "include.files", "ENV_HOME, ENV_PATH, here, host_node_name")),
    ]);
    rows
}

fn host() -> String {
    let name = nix::unistd::gethostname().expect("every host has a name");
    name.into_string().expect("in plain letters")
}

/// What is read of a section before its processes are: the names are few, the error has no suffix.
fn of_groups() -> Vec<Row> {
    let listener = "eventlistener:x";
    let fcgi = "fcgi-program:x";
    let mut rows = Vec::new();
    for (section, keys) in [
        ("group:x", "programs priority"),
        ("program:x", "priority"),
        (listener, "priority buffer_size events result_handler redirect_stderr"),
        (fcgi, "priority user socket_owner socket_mode socket_backlog"),
    ] {
        for key in keys.split_whitespace() {
            let text = |value: &str| {
                format!(
                    "[supervisord]\nenvironment=C=\"c\"\n[{section}]\ncommand=c\nevents=TICK_5\n{key}={value}\n"
                )
            };
            for name in ["program_name", "group_name", "host_node_name", "process_num"] {
                let known = "ENV_C, ENV_HOME, ENV_PATH, here";
                let wanted = unknown(name, &format!("{section}.{key}"), known);
                rows.push(Row::whole(&["EXP-13"], &text(&format!("%({name})s"))).fails(&wanted));
            }
        }
    }
    rows.push(
        Row::whole(
            &["EXP-13"],
            "[supervisord]\nenvironment=C=\"7\"\n[group:g]\nprograms=%(ENV_A)s\npriority=%(ENV_C)s\n\
             [program:x]\ncommand=c\n",
        )
        .variable("A", "x")
        .has("/groups/0/priority", 7)
        .is("name", "x"),
    );
    let socket = |value: &str| {
        let text = format!("[supervisord]\n[fcgi-program:x]\ncommand=c\nsocket={value}\n");
        Row::whole(&["EXP-14"], &text)
    };
    rows.push(
        socket("unix://%(here)s/%(program_name)s-%(ENV_A)s")
            .variable("A", "a")
            .has("/groups/0/socket", "unix://{dir}/x-a"),
    );
    for name in ["process_num", "numprocs", "group_name", "host_node_name"] {
        rows.push(socket(&format!("%({name})s")).fails(&unknown(
            name,
            "fcgi-program:x.socket",
            "ENV_HOME, ENV_PATH, here, program_name",
        )));
    }
    rows
}

/// The keys that are read once for all processes of a section.
const ONCE: &str = "autostart autorestart startsecs startretries stopsignal stopwaitsecs stopasgroup \
                    killasgroup exitcodes redirect_stderr numprocs numprocs_start \
                    stdout_capture_maxbytes stderr_capture_maxbytes stdout_events_enabled \
                    stderr_events_enabled serverurl user umask";

fn of_sections() -> Vec<Row> {
    let mut rows = Vec::new();
    for key in ONCE.split_whitespace() {
        for name in ["process_num", "numprocs"] {
            let wanted = unknown(name, &format!("program:x.{key}"), SECTION);
            rows.push(
                Row::program(&["EXP-15"], &format!("{key}=%({name})s"))
                    .fails(&format!("{wanted}{}", suffix("program:x"))),
            );
        }
    }
    let written = "%(program_name)s %(group_name)s %(host_node_name)s %(here)s %(ENV_A)s";
    rows.push(
        Row::program(&["EXP-15"], &format!("serverurl={written}\nstartsecs=%(ENV_B)s"))
            .variable("A", "a")
            .variable("B", "3")
            .is("serverurl", format!("x x {} {{dir}} a", host()))
            .is("startsecs", 3),
    );
    rows
}

fn of_processes() -> Vec<Row> {
    let two = "numprocs=2\nprocess_name=%(program_name)s-%(process_num)d-%(numprocs)d\n";
    let second = "/groups/0/processes/1";
    let each = |line: &str, key: &str, value: serde_json::Value| {
        Row::program(&["EXP-16"], &format!("{two}{line}")).has(&format!("{second}/{key}"), value)
    };
    let rest = "%(program_name)s %(group_name)s %(here)s %(host_node_name)s";
    let shown = format!("x x {{dir}} {}", host());
    vec![
        each("", "name", "x-1-2".into()),
        each("directory=/%(process_num)d", "directory", "/1".into()),
        each("command=%(process_num)02d/%(numprocs)s", "command", "01/2".into()),
        each(&format!("command={rest}"), "command", shown.clone().into()),
        each(&format!("environment=A=\"{rest} %(process_num)d\""), "environment/A",
            format!("{shown} 1").into()),
        each("stdout_logfile=o%(process_num)d", "stdout_logfile", "o1".into()),
        each("stderr_logfile=e%(numprocs)d", "stderr_logfile", "e2".into()),
        each("stdout_logfile_backups=%(process_num)d", "stdout_logfile_backups", 1.into()),
        each("stderr_logfile_backups=%(process_num)d", "stderr_logfile_backups", 1.into()),
        each("stdout_logfile_maxbytes=%(process_num)dKB", "stdout_logfile_maxbytes", 1024.into()),
        each("stderr_logfile_maxbytes=%(process_num)dKB", "stderr_logfile_maxbytes", 1024.into()),
        each("stdout_syslog=%(process_num)d", "stdout_syslog", true.into()),
        each("stderr_syslog=%(process_num)d", "stderr_syslog", true.into()),
        Row::program(&["EXP-16"], "command=%(process_num)s%(nope)s").fails_with(
            "Format string '%(process_num)s%(nope)s' for 'program:x.command' contains names ('nope') \
             which cannot be expanded. Available names: ENV_HOME, ENV_PATH, group_name, here, \
             host_node_name, numprocs, process_num, program_name in section",
        ),
    ]
}

fn of_servers() -> Vec<Row> {
    let section = |name: &str, lines: &str| {
        format!("[supervisord]\nenvironment=C=\"9\"\n[{name}]\n{lines}\n")
    };
    let known = "ENV_C, ENV_HOME, ENV_PATH";
    let mut rows = vec![
        Row::whole(&["EXP-18"], &section("unix_http_server", "file=%(here)s/%(ENV_A)s%(ENV_C)s"))
            .variable("A", "a")
            .has("/servers/0/file", "{dir}/a9"),
        Row::whole(&["EXP-18"], &section("unix_http_server", "file=%(host_node_name)s"))
            .fails(&unknown("host_node_name", "unix_http_server.file", &format!("{known}, here"))),
        Row::whole(&["EXP-19"], &section("inet_http_server", "port=9%(ENV_C)s%(ENV_A)s"))
            .variable("A", "1")
            .has("/servers/0/port", 991),
        Row::whole(
            &["EXP-19"],
            &section(
                "rpcinterface:%x",
                "supervisor.rpcinterface_factory=%(ENV_A)s:make_main_rpcinterface",
            ),
        )
        .variable("A", "supervisor.rpcinterface")
        .has("/rpc_interfaces/0", "%x"),
    ];
    for key in ["username", "password", "chmod", "chown"] {
        let lines = format!("file=/s\nusername=u\npassword=p\n{key}=%(here)s");
        let wanted = unknown("here", &format!("unix_http_server.{key}"), known);
        rows.push(Row::whole(&["EXP-18"], &section("unix_http_server", &lines)).fails(&wanted));
    }
    for key in ["port", "username", "password"] {
        let lines = format!("port=1\nusername=u\npassword=p\n{key}=%(here)s");
        let wanted = unknown("here", &format!("inet_http_server.{key}"), known);
        rows.push(Row::whole(&["EXP-19"], &section("inet_http_server", &lines)).fails(&wanted));
    }
    let main = "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface";
    for (lines, key) in [
        ("supervisor.rpcinterface_factory=%(here)s".to_owned(), "supervisor.rpcinterface_factory"),
        (format!("{main}\nextra=%(here)s"), "extra"),
    ] {
        let wanted = unknown("here", &format!("rpcinterface:r.{key}"), known);
        rows.push(Row::whole(&["EXP-19"], &section("rpcinterface:r", &lines)).fails(&wanted));
    }
    rows
}

fn own_environment() -> Vec<Row> {
    let row = |ids, daemon: &str, program: &str| {
        Row::whole(
            ids,
            &format!("[supervisord]\n{daemon}\n[program:x]\ncommand=%(ENV_A)s\n{program}\n"),
        )
        .variable("A", "process")
    };
    let mut rows = vec![
        row(&["EXP-17"], "", "").is("command", "process"),
        row(&["EXP-17"], "environment=A=\"daemon\"", "").is("command", "daemon"),
        row(&["EXP-17"], "environment=A=\"daemon\"", "environment=A=\"own\"").is("command", "own"),
        row(&["EXP-17", "EXP-22"], "environment=A=\"daemon\"", "environment=B=\"%(ENV_A)s\",A=\"own\"")
            .is("command", "own")
            .is("environment/B", "daemon"),
        row(&["EXP-22"], "", "environment=A=\"50%%\"").is("environment/A", "50%"),
        row(&["EXP-22"], "", "environment=K=\"1\",L=\"%(ENV_K)s\"").fails_with(
            "Format string 'K=\"1\",L=\"%(ENV_K)s\"' for 'environment' contains names ('ENV_K') which",
        ),
        // Once per section: no own names.
        row(&["EXP-15"], "", "environment=K=\"1\"\nstartsecs=%(ENV_K)s")
            .fails_with("Format string '%(ENV_K)s' for 'program:x.startsecs' contains names"),
        Row::whole(
            &["EXP-23"],
            "[supervisord]\n[program:a]\ncommand=%(ENV_C)s\nenvironment=C=\"c\"\n[program:b]\n\
             command=%(ENV_C)s\n",
        )
        .fails(&format!(
            "{}, group_name, here, host_node_name, numprocs, process_num, program_name{}",
            unknown("ENV_C", "program:b.command", SERVER),
            suffix("program:b")
        )),
    ];
    for (line, key, value) in [
        ("directory=/%(ENV_K)s", "directory", "/7".into()),
        ("stdout_logfile=%(ENV_K)s", "stdout_logfile", "7".into()),
        ("stderr_logfile=%(ENV_K)s", "stderr_logfile", "7".into()),
        ("stdout_logfile_backups=%(ENV_K)s", "stdout_logfile_backups", serde_json::Value::from(7)),
        ("stdout_logfile_maxbytes=%(ENV_K)s", "stdout_logfile_maxbytes", 7.into()),
        ("stdout_syslog=0%(ENV_E)s", "stdout_syslog", false.into()),
        ("process_name=%(ENV_K)s", "name", "7".into()),
    ] {
        let own = format!("environment=K=\"7\",E=\"\"\n{line}");
        rows.push(row(&["EXP-17"], "", &own).is(key, value));
    }
    rows
}

fn twice() -> Vec<Row> {
    let log = |key: &str, written: &str| Row::program(&["EXP-20"], &format!("{key}={written}"));
    let mut rows = Vec::new();
    for key in ["stdout_logfile", "stderr_logfile"] {
        rows.extend([
            log(key, "{dir}/%%%%-%(process_num)d").is(key, "{dir}/%-0"),
            log(key, "{dir}/%%%%d").is(key, "{dir}/%d"),
            log(key, "%%(program_name)s.log").is(key, "x.log"),
            log(key, "50%%d").fails(&format!(
                "Format string '50%d' for '{key}' is badly formatted: %d format: a real number is \
                 required, not dict{}",
                suffix("program:x")
            )),
            log(key, "%(ENV_P)s").variable("P", "50%").fails(&format!(
                "Format string '50%' for '{key}' is badly formatted: incomplete format{}",
                suffix("program:x")
            )),
            log(key, "%(ENV_P)s").variable("P", "%(here)s").is(key, "{dir}"),
        ]);
    }
    rows.extend([
        Row::daemon(&["EXP-21"], "environment=A=\"50%%\"").fails(
            "Format string 'A=\"50%\"' for 'environment' is badly formatted: unsupported format \
             character '\"' (0x22) at index 6",
        ),
        Row::daemon(&["EXP-21"], "environment=A=\"50%%%%\"").has("/daemon/environment/A", "50%"),
        Row::daemon(&["EXP-21"], "environment=A=\"%%(host_node_name)s\"")
            .has("/daemon/environment/A", host()),
    ]);
    rows
}

fn group_and_host() -> Vec<Row> {
    let text = "[supervisord]\n[group:g]\nprograms=a\n[program:a]\ncommand=%(group_name)s\n\
                [program:b]\ncommand=%(group_name)s\n";
    vec![
        Row::whole(&["EXP-24"], text)
            .has("/groups/0/name", "b")
            .has("/groups/0/processes/0/command", "b")
            .has("/groups/1/name", "g")
            .has("/groups/1/processes/0/command", "g"),
        Row::whole(
            &["EXP-24"],
            "[supervisord]\n[eventlistener:l]\nevents=TICK_5\ncommand=%(group_name)s\n",
        )
        .is("command", "l"),
        Row::program(&["EXP-25"], "command=%(host_node_name)s").is("command", host()),
    ]
}

/// What the mere presence of `[include]` does to `%(here)s`.
fn here_everywhere() -> Vec<Row> {
    let with = |text: &str| {
        Row::whole(&["EXP-27"], &format!("[supervisord]\n{text}\n[include]\nfiles=sub/a.conf\n"))
            .file("sub/a.conf", "[program:i]\ncommand=%(here)s %(here)r\ndirectory=%(here)s\n")
    };
    let server = "[unix_http_server]\nfile=/s\npassword=p\nusername=%(here)s";
    let mut elsewhere = Case::new("[supervisord]\n[program:x]\ncommand=%(here)s\n");
    elsewhere.typed = "../sub/../s.conf".to_owned();
    elsewhere.cwd = "cwd".to_owned();
    let elsewhere = elsewhere.file("sub/", "");
    vec![
        Row::new(&["EXP-27"], elsewhere).is("command", "{dir}"),
        with("").is("command", "{dir}/sub '{dir}'").is("directory", "{dir}/sub"),
        with("[program:i]\nstdout_logfile=%(here)s/o").is("stdout_logfile", "{dir}/o"),
        with(server).has("/servers/0/username", "{dir}"),
        Row::whole(&["EXP-27"], &format!("[supervisord]\n{server}")).fails(&unknown(
            "here",
            "unix_http_server.username",
            SERVER,
        )),
        with("identifier=%%(here)s").fails_with(
            "Format string '%{dir}' for 'supervisord.identifier' is badly formatted: unsupported \
             format character '/' (0x2f) at index 1",
        ),
        Row::daemon(&["EXP-27"], "identifier=%%(here)s").has("/daemon/identifier", "%(here)s"),
        with("identifier=%(here)r").has("/daemon/identifier", "'{dir}'"),
        // What [DEFAULT] says becomes each section's own, as soon as there is the section.
        with("[DEFAULT]\nserverurl=%(here)s/u\n[program:i]").is("serverurl", "{dir}/u"),
        with("[DEFAULT]\nserverurl=%(here)s/u").is("serverurl", "{dir}/sub/u"),
    ]
}
