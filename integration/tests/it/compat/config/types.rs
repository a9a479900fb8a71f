//! The types of values (TYP-01 to TYP-18).

use serde_json::{Value, json};

use super::{PROCESS, Row};

tables![
    booleans,
    numbers,
    sizes_and_modes,
    signals,
    exits,
    log_files,
    directories,
    levels,
    users,
    addresses,
    names,
    empty
];

/// Each of these values of a program's key becomes this one.
fn good(id: &'static [&'static str], key: &str, values: &[(&str, Value)]) -> Vec<Row> {
    let row = |(written, value): &(&str, Value)| {
        Row::program(id, &format!("{key}={written}")).is(key, value.clone())
    };
    values.iter().map(row).collect()
}

/// Each of these values of a program's key is refused; `{}` in the error is the value.
fn bad(id: &'static [&'static str], key: &str, error: &str, values: &[&str]) -> Vec<Row> {
    let row = |written: &&str| {
        let error = error.replace("{}", written);
        Row::program(id, &format!("{key}={written}"))
            .fails(&format!("{error} in section 'program:x' (file: '{{dir}}/s.conf')"))
    };
    values.iter().map(row).collect()
}

fn all<const N: usize>(parts: [Vec<Row>; N]) -> Vec<Row> {
    parts.into_iter().flatten().collect()
}

fn booleans() -> Vec<Row> {
    let yes = ["yes", "true", "on", "1", "YES", "True", "oN"].map(|word| (word, json!(true)));
    let no = ["no", "false", "off", "0", "NO", "False", "oFF"].map(|word| (word, json!(false)));
    let other = ["y", "t", "n", "f", "", "2", "01", "enabled", "yes no"];
    let mut rows = all([
        good(&["TYP-01"], "autostart", &yes),
        good(&["TYP-01"], "redirect_stderr", &no),
        bad(&["TYP-01"], "autostart", "not a valid boolean value: '{}'", &other),
    ]);
    rows.push(
        Row::program(&["TYP-01"], "autostart=it's")
            .fails_with("not a valid boolean value: \"it's\" in section"),
    );
    rows.extend(all([
        good(&["TYP-08"], "autorestart", &yes),
        good(&["TYP-08"], "autorestart", &no),
        good(
            &["TYP-08"],
            "autorestart",
            &["unexpected", "Unexpected", "UNEXPECTED"].map(|word| (word, json!("unexpected"))),
        ),
        bad(&["TYP-08"], "autorestart", "invalid 'autorestart' value '{}'", &["never", "", "2"]),
    ]));
    rows.push(
        Row::program(&["TYP-08"], "autorestart=EVER")
            .fails_with("invalid 'autorestart' value 'ever' in section"),
    );
    rows
}

fn numbers() -> Vec<Row> {
    let values = [
        ("7", 7),
        (" 7 ", 7),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        ("1_000", 1000),
        ("\u{a0}7", 7),
        ("9223372036854775807", i64::MAX),
    ]
    .map(|(written, number)| (written, json!(number)));
    let no_number = "invalid literal for int() with base 10: '{}'";
    let other = ["x", "", "0x10", "1.0", "1e3", "1__0", "_1", "1_", "- 1", "10s", "one", "0b1"];
    let mut rows = all([
        good(&["TYP-02"], "startsecs", &values),
        bad(&["TYP-02"], "startsecs", no_number, &other),
    ]);
    for key in "priority startsecs startretries stopwaitsecs numprocs_start stdout_logfile_backups \
                stderr_logfile_backups"
        .split_whitespace()
    {
        let row = Row::program(&["TYP-02"], &format!("{key}=-3"));
        rows.push(match key {
            "numprocs_start" => row.is("startsecs", 1),
            key => row.is(key, -3),
        });
    }
    for key in ["minfds", "minprocs", "logfile_backups"] {
        rows.push(
            Row::daemon(&["TYP-02"], &format!("{key}=-3")).has(&format!("/daemon/{key}"), -3),
        );
    }
    rows
}

fn sizes_and_modes() -> Vec<Row> {
    let (kb, mb, gb) = (1024_i64, 1024 * 1024_i64, 1024 * 1024 * 1024_i64);
    let sizes = [
        ("100", 100),
        ("1KB", kb),
        ("1kb", kb),
        ("1Kb", kb),
        ("1 KB", kb),
        ("5MB", 5 * mb),
        ("2gB", 2 * gb),
        ("-1", -1),
        ("-1MB", -mb),
        ("1_0KB", 10 * kb),
    ]
    .map(|(written, bytes)| (written, json!(bytes)));
    let refused = |written: &str, left: &str| {
        Row::program(&["TYP-03"], &format!("stdout_logfile_maxbytes={written}"))
            .fails_with(&format!("invalid literal for int() with base 10: '{left}' in section"))
    };
    let modes = [
        ("022", "0022"),
        ("22", "0022"),
        ("0o22", "0022"),
        ("0O22", "0022"),
        ("1777", "1777"),
        ("0", "0000"),
        ("7_7", "0077"),
        ("777777", "777777"),
    ]
    .map(|(written, mode)| (written, json!(mode)));
    let no_mode = "{} can not be converted to an octal type";
    let mut rows = all([
        good(&["TYP-03"], "stdout_logfile_maxbytes", &sizes),
        good(&["TYP-04"], "umask", &modes),
        bad(&["TYP-04"], "umask", no_mode, &["8", "", "x", "0x12", "rw", "0.2"]),
    ]);
    rows.extend([
        refused("1K", "1k"),
        refused("1M", "1m"),
        refused("1B", "1b"),
        refused("1TB", "1tb"),
        refused("1.5MB", "1.5"),
        refused("KB", ""),
        refused("", ""),
        refused("MBX", "mbx"),
    ]);
    rows
}

fn signals() -> Vec<Row> {
    let names = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP \
                 TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH POLL PWR SYS";
    let mut rows = Vec::new();
    for (number, name) in (1..).zip(names.split_whitespace()) {
        let lower = name.to_lowercase();
        for written in
            [format!("{number}"), name.to_owned(), format!("SIG{name}"), format!("sig{lower}")]
        {
            rows.extend(good(
                &["TYP-05"],
                "stopsignal",
                &[(&written, json!(format!("SIG{name}")))],
            ));
        }
    }
    rows.extend(all([
        good(
            &["TYP-05"],
            "stopsignal",
            &[
                ("CLD", json!("SIGCHLD")),
                ("IOT", json!("SIGABRT")),
                ("IO", json!("SIGPOLL")),
                ("RTMIN", json!("SIGRTMIN")),
                ("RTMAX", json!("SIGRTMAX")),
                ("34", json!("SIGRTMIN")),
                ("64", json!("SIGRTMAX")),
                (" term ", json!("SIGTERM")),
                ("+15", json!("SIGTERM")),
            ],
        ),
        bad(
            &["TYP-05"],
            "stopsignal",
            "value '{}' is not a valid signal name",
            &["NOPE", "", "SIG", "RTMIN+1", "TERM,INT", "1.0"],
        ),
        bad(
            &["TYP-05"],
            "stopsignal",
            "value '{}' is not a valid signal number",
            &["32", "33", "35", "63", "65", "-1", "999"],
        ),
        // Python's module has more names than those of signals.
        good(
            &["TYP-06"],
            "stopsignal",
            &[
                ("0", json!("SIG_DFL")),
                ("SIG_DFL", json!("SIG_DFL")),
                ("_DFL", json!("SIG_DFL")),
                ("_BLOCK", json!("SIG_DFL")),
                ("_IGN", json!("SIGHUP")),
                ("sig_unblock", json!("SIGHUP")),
                ("SIG_SETMASK", json!("SIGINT")),
            ],
        ),
    ]));
    rows
}

fn exits() -> Vec<Row> {
    all([
        good(
            &["TYP-07"],
            "exitcodes",
            &[
                ("0", json!([0])),
                ("0,2", json!([0, 2])),
                (" 0 , 2 ", json!([0, 2])),
                ("255", json!([255])),
                ("2,2,0", json!([2, 2, 0])),
                ("", json!([])),
                ("+1,0_1", json!([1, 1])),
            ],
        ),
        bad(
            &["TYP-07"],
            "exitcodes",
            "not a valid list of exit codes: '{}'",
            &["0,", ",0", "0 1", "256", "-1", "x", "0,,1", "0;1", "1.0"],
        ),
    ])
}

fn log_files() -> Vec<Row> {
    let no_parent = "The directory named as part of the path {} does not exist";
    let mut rows = Vec::new();
    for key in ["stdout_logfile", "stderr_logfile"] {
        rows.extend(all([
            good(
                &["TYP-09"],
                key,
                &[
                    ("NONE", json!("NONE")),
                    ("none", json!("NONE")),
                    ("Off", json!("NONE")),
                    ("AUTO", json!("AUTO")),
                    ("auto", json!("AUTO")),
                    ("{dir}/log", json!("{dir}/log")),
                    ("false", json!("false")),
                    ("", json!("NONE")),
                    ("nones", json!("nones")),
                    ("../auto", json!("../auto")),
                ],
            ),
            bad(&["TYP-09"], key, no_parent, &["no/log", "/no/where/log"]),
        ]));
        let syslog = key.replace("logfile", "syslog");
        let says = format!(
            "warn: For [program:x], {key}=syslog but this is deprecated and will be removed.  Use \
             {syslog}=true to enable syslog instead."
        );
        for word in ["syslog", "SysLog"] {
            let row = Row::program(&["TYP-09"], &format!("{key}={word}"));
            rows.push(row.is(key, "NONE").is(&syslog, true).says(&[&says]));
        }
    }
    rows
}

/// Directories, and files whose directory must be there.
fn directories() -> Vec<Row> {
    let no_parent = "The directory named as part of the path {} does not exist";
    let mut rows = Vec::new();
    let daemon = |id, key: &str, written: &str| {
        Row::daemon(id, &format!("{key}={written}")).file("sub/", "").file("file", "")
    };
    for key in ["directory", "childlogdir"] {
        let pointer = format!("/daemon/{key}");
        for (written, kept) in [
            ("{dir}/sub", "{dir}/sub"),
            ("{dir}/./sub/../sub/", "{dir}/./sub/../sub/"),
            ("sub", "sub"),
            ("~/sub", "{dir}/sub"),
            ("~root/..", "/root/.."),
        ] {
            rows.push(daemon(&["TYP-10"], key, written).has(&pointer, kept));
        }
        for written in ["{dir}/no", "{dir}/file", "~/no", "~nobody-knows/x", ""] {
            let error = format!("{written} is not an existing directory");
            rows.push(daemon(&["TYP-10"], key, written).fails(&error));
        }
    }
    for (written, kept) in [
        ("log", "log"),
        ("~/log", "{dir}/log"),
        ("sub/../log", "sub/../log"),
        ("{dir}/sub/log", "{dir}/sub/log"),
        ("sub/", "sub/"),
    ] {
        let row = Row::program(&["TYP-11"], &format!("stdout_logfile={written}"));
        rows.push(row.file("sub/", "").has(&format!("{PROCESS}/stdout_logfile"), kept));
    }
    for key in ["logfile", "pidfile"] {
        let pointer = format!("/daemon/{key}");
        rows.push(daemon(&["TYP-11"], key, "~/x").has(&pointer, "{dir}/x"));
        for written in ["{dir}/no/x", "no/x", "~/no/x", "file/x"] {
            rows.push(daemon(&["TYP-11"], key, written).fails(&no_parent.replace("{}", written)));
        }
    }
    rows
}

fn levels() -> Vec<Row> {
    let mut rows = Vec::new();
    for level in "critical error warn info debug trace blather".split_whitespace() {
        for written in [level.to_owned(), level.to_uppercase()] {
            let row = Row::daemon(&["TYP-12"], &format!("loglevel={written}"));
            rows.push(row.has("/daemon/loglevel", level));
        }
    }
    for written in ["warning", "10", "CRIT", "", "Fatal", "information"] {
        rows.push(
            Row::daemon(&["TYP-12"], &format!("loglevel={written}"))
                .fails(&format!("bad logging level name '{written}'")),
        );
    }
    rows
}

fn users() -> Vec<Row> {
    let mut rows = all([
        bad(&["TYP-13"], "user", "Invalid user id {}", &["987654", "-2", "+987654"]),
        bad(&["TYP-13"], "user", "Invalid user name {}", &["no-such-user", "", "root:root", "0x0"]),
    ]);
    for written in ["root", "0", "+0", "0_0"] {
        rows.push(Row::program(&["TYP-13"], &format!("user={written}")).is("user/uid", 0));
    }
    rows.push(Row::program(&["TYP-13"], "user=daemon").is("user/name", "daemon"));
    let server = |written: &str| {
        let text = format!("[supervisord]\n[unix_http_server]\nfile=/s\nchown={written}\n");
        Row::whole(&["TYP-14"], &text)
    };
    for (written, uid, gid) in
        [("root", 0, -1), ("0", 0, -1), ("root:root", 0, 0), ("0:0", 0, 0), ("0:root", 0, 0)]
    {
        rows.push(server(written).has("/servers/0/chown", json!({ "uid": uid, "gid": gid })));
    }
    for written in [
        "",
        ":root",
        "root:",
        "no-such-user",
        "root:no-such-group",
        "root:987654",
        "root:root:root",
        "987654",
    ] {
        rows.push(server(written).fails(&format!("Invalid sockchown value {written}")));
    }
    rows
}

fn addresses() -> Vec<Row> {
    let server = |written: &str| {
        Row::whole(&["TYP-15"], &format!("[supervisord]\n[inet_http_server]\nport={written}\n"))
    };
    let mut rows = Vec::new();
    for (written, host, port) in [
        ("9001", "", 9001),
        (":9001", "", 9001),
        ("*:9001", "", 9001),
        ("127.0.0.1:9001", "127.0.0.1", 9001),
        ("LocalHost:9001", "localhost", 9001),
        ("localhost: 9001", "localhost", 9001),
        ("::1:9001", "::1", 9001),
        ("[::1]:9001", "[::1]", 9001),
        ("1", "", 1),
        ("65535", "", 65535),
        ("h:+80", "h", 80),
    ] {
        rows.push(server(written).has("/servers/0/host", host).has("/servers/0/port", port));
    }
    for (written, error) in [
        ("x", "not a valid port number: 'x' "),
        ("", "not a valid port number: '' "),
        ("0", "not a valid port number: '0' "),
        ("65536", "not a valid port number: '65536' "),
        ("localhost", "not a valid port number: 'localhost' "),
        ("h:", "no port number specified in ''"),
        (":", "no port number specified in ''"),
        ("h:0", "0 is below lower bound (1)"),
        ("h:-5", "-5 is below lower bound (1)"),
        ("h:65536", "65536 is above upper bound (65535)"),
        ("h:x", "invalid literal for int() with base 10: 'x'"),
        ("h:9001:", "no port number specified in ''"),
    ] {
        rows.push(server(written).fails(error));
    }
    rows
}

fn names() -> Vec<Row> {
    let row = |text: &str| Row::whole(&["TYP-16"], &format!("[supervisord]\n{text}"));
    let suffix = " in section 'program:x' (file: '{dir}/s.conf')";
    let mut rows = vec![
        row("[program: a ]\ncommand=c\n").has("/groups/0/name", "a"),
        row("[group: a ]\n").has("/groups/0/name", "a"),
        row("[program:a\tb]\ncommand=c\n").is("name", "a\tb"),
        row("[program:[a]]\ncommand=c\n").is("name", "[a]"),
        row("[program:\u{e9}]\ncommand=c\n").is("name", "\u{e9}"),
        row("[program:]\ncommand=c\n").is("name", ""),
        row("[program:a.b,c;d]\ncommand=c\n").is("name", "a.b,c;d"),
        row("[program:x]\ncommand=c\nprocess_name= a\n b\n").is("name", "a\nb"),
        row("[program:x]\ncommand=c\nprocess_name=\n").is("name", ""),
        row("[program: a b]\ncommand=c\n").fails("Invalid name: ' a b' because of character: ' '"),
        row("[program:a:b]\ncommand=c\n").fails("Invalid name: 'a:b' because of character: ':'"),
        row("[program:a/b]\ncommand=c\n").fails("Invalid name: 'a/b' because of character: '/'"),
        row("[program:a/b c]\ncommand=c\n")
            .fails("Invalid name: 'a/b c' because of character: ' '"),
        row("[group:a b]\n").fails("Invalid name: 'a b' because of character: ' '"),
        row("[program:it's a]\ncommand=c\n")
            .fails("Invalid name: \"it's a\" because of character: ' '"),
    ];
    for name in ["a b", "a:b", "a/b"] {
        let character = &name[1..2];
        rows.push(
            Row::program(&["TYP-16"], &format!("process_name={name}")).fails(&format!(
                "Invalid name: '{name}' because of character: '{character}'{suffix}"
            )),
        );
    }
    let listed = |programs: &str| {
        let text = format!(
            "[supervisord]\n[program:a]\ncommand=c\n[program:b]\ncommand=c\n[group:g]\nprograms={programs}\n"
        );
        Row::whole(&["TYP-17"], &text)
    };
    for programs in ["a,b", " a , b ", "a\n ,\n b", "a,\tb"] {
        rows.push(
            listed(programs)
                .is("name", "a")
                .has("/groups/0/processes/1/name", "b")
                .lacks("/groups/1"),
        );
    }
    rows.extend([
        listed("a b").fails("[group:g] names unknown program or fcgi-program a b"),
        listed(",a").fails("[group:g] names unknown program or fcgi-program "),
        listed(" ").has("/groups/2/processes", json!([])),
    ]);
    rows
}

/// A key that is there and says nothing is another thing than none.
fn empty() -> Vec<Row> {
    let suffix = " in section 'program:x' (file: '{dir}/s.conf')";
    let mut rows = vec![
        Row::program(&["TYP-18"], "priority=").fails("invalid literal for int() with base 10: ''"),
        Row::program(&["TYP-18"], "user=").fails(&format!("Invalid user name {suffix}")),
        Row::program(&["TYP-18"], "directory=").is("directory", ""),
        Row::program(&["TYP-18"], "serverurl=").is("serverurl", ""),
        Row::program(&["TYP-18"], "exitcodes=").is("exitcodes", json!([])),
        Row::program(&["TYP-18"], "environment=").is("environment", json!({})),
        Row::daemon(&["TYP-18"], "user=").fails("Invalid user name "),
        Row::daemon(&["TYP-18"], "identifier=").has("/daemon/identifier", ""),
        Row::daemon(&["TYP-18"], "logfile=").has("/daemon/logfile", "{dir}"),
        Row::daemon(&["TYP-18"], "directory=").fails(" is not an existing directory"),
    ];
    for key in "startsecs stopwaitsecs numprocs umask stopsignal autostart stdout_logfile_maxbytes"
        .split_whitespace()
    {
        let row = Row::program(&["TYP-18"], &format!("{key}="));
        rows.push(match key {
            "umask" => row.fails_with(" can not be converted to an octal type"),
            "stopsignal" => row.fails_with("value '' is not a valid signal name"),
            "autostart" => row.fails_with("not a valid boolean value: ''"),
            _ => row.fails_with("invalid literal for int() with base 10: ''"),
        });
    }
    rows
}
