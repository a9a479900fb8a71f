//! The keys of `[program:x]` (KPR-01 to KPR-28), its errors and its warnings (KEY-E01 to KEY-W04).

use serde_json::json;

use super::{Key, PROCESS, Row, key};

tables![defaults, values, names_and_numbers, faults, warnings, section_names];

const SUFFIX: &str = " in section 'program:x' (file: '{dir}/s.conf')";

#[rustfmt::skip]
fn keys() -> Vec<Key> {
    let no_number = "invalid literal for int() with base 10: 'x'";
    let no_boolean = "not a valid boolean value: 'x'";
    let log = &["KPR-24"];
    let no_directory = "The directory named as part of the path no/x does not exist";
    vec![
        key(&["KPR-06"], "autostart", json!(true), "false", json!(false), "x", no_boolean),
        key(&["KPR-07"], "autorestart", json!("unexpected"), "true", json!(true),
            "x", "invalid 'autorestart' value 'x'"),
        key(&["KPR-08"], "startsecs", json!(1), "0", json!(0), "x", no_number),
        key(&["KPR-09"], "startretries", json!(3), "0", json!(0), "x", no_number),
        key(&["KPR-10"], "exitcodes", json!([0]), "1,2", json!([1, 2]),
            "x", "not a valid list of exit codes: 'x'"),
        key(&["KPR-11"], "stopsignal", json!("SIGTERM"), "INT", json!("SIGINT"),
            "x", "value 'x' is not a valid signal name"),
        key(&["KPR-12"], "stopwaitsecs", json!(10), "3", json!(3), "x", no_number),
        key(&["KPR-13"], "stopasgroup", json!(false), "true", json!(true), "x", no_boolean),
        key(&["KPR-14"], "killasgroup", json!(false), "true", json!(true), "x", no_boolean),
        key(&["KPR-15"], "user", json!(null), "root", json!({"uid": 0, "gid": 0, "name": "root"}),
            "no-such-user", "Invalid user name no-such-user"),
        key(&["KPR-16"], "redirect_stderr", json!(false), "true", json!(true), "x", no_boolean),
        key(&["KPR-17"], "stdout_logfile", json!("AUTO"), "sub/x", json!("sub/x"), "no/x", no_directory),
        key(&["KPR-18"], "stdout_logfile_maxbytes", json!(52_428_800), "1KB", json!(1024), "x", no_number),
        key(&["KPR-19"], "stdout_logfile_backups", json!(10), "0", json!(0), "x", no_number),
        key(&["KPR-20"], "stdout_capture_maxbytes", json!(0), "1KB", json!(1024), "x", no_number),
        key(&["KPR-21"], "stdout_events_enabled", json!(false), "true", json!(true), "x", no_boolean),
        key(&["KPR-22"], "stdout_syslog", json!(false), "true", json!(true), "x", no_boolean),
        key(&["KPR-23"], "stderr_logfile", json!("AUTO"), "sub/x", json!("sub/x"), "no/x", no_directory),
        key(log, "stderr_logfile_maxbytes", json!(52_428_800), "1KB", json!(1024), "x", no_number),
        key(log, "stderr_logfile_backups", json!(10), "0", json!(0), "x", no_number),
        key(log, "stderr_capture_maxbytes", json!(0), "1KB", json!(1024), "x", no_number),
        key(log, "stderr_events_enabled", json!(false), "true", json!(true), "x", no_boolean),
        key(log, "stderr_syslog", json!(false), "true", json!(true), "x", no_boolean),
        key(&["KPR-25"], "environment", json!({}), "A=\"1\"", json!({"A": "1"}),
            "A", "Unexpected end of key/value pairs in value 'A'"),
        key(&["KPR-26"], "directory", json!(null), "~/no/where", json!("~/no/where"),
            "%", "Format string '%' for 'program:x.directory' is badly formatted: incomplete format"),
        key(&["KPR-27"], "umask", json!(null), "002", json!("0002"),
            "x", "x can not be converted to an octal type"),
        key(&["KPR-28"], "serverurl", json!("AUTO"), "http://x", json!("http://x"),
            "%", "Format string '%' for 'program:x.serverurl' is badly formatted: incomplete format"),
    ]
}

fn defaults() -> Vec<Row> {
    let row = |known: Key| Row::program(known.ids, "").is(known.name, known.default);
    keys().into_iter().map(row).collect()
}

fn values() -> Vec<Row> {
    let row = |known: Key| {
        Row::program(known.ids, &known.right()).file("sub/", "").is(known.name, known.value)
    };
    let mut rows: Vec<_> = keys().into_iter().map(row).collect();
    let auto = |written: &str| Row::program(&["KPR-28"], &format!("serverurl={written}"));
    rows.extend([
        Row::program(&["KPR-01"], "command=/bin/cat -n").is("command", "/bin/cat -n"),
        Row::program(&["KPR-14"], "stopasgroup=true").is("killasgroup", true),
        Row::program(&["KPR-14"], "stopasgroup=true\nkillasgroup=true").is("killasgroup", true),
        Row::program(&["KPR-14"], "killasgroup=true").is("stopasgroup", false),
        // Independent of the file.
        Row::program(&["KPR-22"], "stdout_syslog=true").is("stdout_logfile", "AUTO"),
        Row::program(&["KPR-22"], "stdout_syslog=true\nstdout_logfile=x")
            .is("stdout_logfile", "x")
            .is("stdout_syslog", true),
        Row::program(&["KPR-23"], "redirect_stderr=true").is("stderr_logfile", "NONE"),
        Row::program(&["KPR-23"], "redirect_stderr=true\nstderr_logfile=x")
            .is("stderr_logfile", "NONE"),
        Row::program(&["KPR-17"], "stdout_logfile=x").is("stdout_logfile", "x"),
        Row::program(&["KPR-05"], "").is("priority", 999).has("/groups/0/priority", 999),
        Row::program(&["KPR-05"], "priority=5").is("priority", 5).has("/groups/0/priority", 5),
        auto("auto").is("serverurl", "AUTO"),
        auto(" AuTo ").is("serverurl", "AUTO"),
        auto("AUTO\n").is("serverurl", "AUTO"),
        auto("automatic").is("serverurl", "automatic"),
        // What a group of an environment-less program gets is the daemon's.
        Row::program(&["KPR-25"], "[supervisord]\nenvironment=Z=\"9\"")
            .is("environment", json!({"Z": "9"})),
    ]);
    rows
}

fn names_and_numbers() -> Vec<Row> {
    let names = |row: Row, names: &[&str]| {
        let row = row.lacks(&format!("/groups/0/processes/{}", names.len()));
        let each = names.iter().enumerate();
        each.fold(row, |row, (at, name)| row.has(&format!("/groups/0/processes/{at}/name"), *name))
    };
    let with = |ids, lines: &str| Row::program(ids, lines);
    let numbered = "process_name=%(program_name)s_%(process_num)02d";
    vec![
        names(with(&["KPR-02"], ""), &["x"]),
        names(with(&["KPR-02"], "process_name=other"), &["other"]),
        // Judged before it is expanded.
        names(with(&["KPR-02"], "process_name=%(ENV_N)s").variable("N", "a b:c/d"), &["a b:c/d"]),
        with(&["KPR-02"], "process_name=a %(program_name)s").fails(&format!(
            "Invalid name: 'a %(program_name)s' because of character: ' '{SUFFIX}"
        )),
        names(with(&["KPR-03"], &format!("numprocs=3\n{numbered}")), &["x_00", "x_01", "x_02"]),
        names(with(&["KPR-03"], &format!("numprocs=1\n{numbered}")), &["x_00"]),
        names(with(&["KPR-03"], "numprocs=0"), &[]),
        names(with(&["KPR-03"], "numprocs=-2"), &[]),
        names(with(&["KPR-03"], "numprocs=2\nprocess_name=%(process_num)+d"), &["+0", "+1"]),
        with(&["KPR-03", "KEY-E01"], "numprocs=2").fails(&format!(
            "%(process_num) must be present within process_name when numprocs > 1{SUFFIX}"
        )),
        with(&["KEY-E01"], "numprocs=2\nprocess_name=a%(program_name)s").fails(&format!(
            "%(process_num) must be present within process_name when numprocs > 1{SUFFIX}"
        )),
        with(&["KPR-03"], "numprocs=x")
            .fails_with("invalid literal for int() with base 10: 'x' in"),
        names(
            with(&["KPR-04"], &format!("numprocs=2\nnumprocs_start=9\n{numbered}")),
            &["x_09", "x_10"],
        ),
        names(
            with(&["KPR-04"], "numprocs=2\nnumprocs_start=-1\nprocess_name=%(process_num)d"),
            &["-1", "0"],
        ),
        names(with(&["KPR-04"], &format!("numprocs_start=5\n{numbered}")), &["x_05"]),
        // By name, as texts.
        names(
            with(&["GRP-02"], "numprocs=3\nnumprocs_start=8\nprocess_name=n_%(process_num)d"),
            &["n_10", "n_8", "n_9"],
        ),
    ]
}

fn faults() -> Vec<Row> {
    let row = |known: Key| {
        Row::program(known.ids, &known.wrong()).fails(&format!("{}{SUFFIX}", known.error))
    };
    let mut rows: Vec<_> = keys().into_iter().map(row).collect();
    let no_command = "program section program:x does not specify a command";
    rows.extend([
        Row::whole(&["KPR-01", "KEY-E03"], "[supervisord]\n[program:x]\n")
            .fails(&format!("{no_command}{SUFFIX}")),
        Row::whole(
            &["KEY-E03"],
            "[supervisord]\n[group:g]\nprograms=x\n[program:x]\nautostart=true\n",
        )
        .fails(&format!("{no_command}{SUFFIX}")),
        // Without processes nobody misses it.
        Row::whole(&["KEY-E03"], "[supervisord]\n[program:x]\nnumprocs=0\n")
            .has("/groups/0/processes", json!([])),
        Row::program(&["KEY-E02"], "stopasgroup=true\nkillasgroup=false")
            .fails(&format!("Cannot set stopasgroup=true and killasgroup=false{SUFFIX}")),
        Row::program(&["KPR-05", "KEY-E05"], "priority=x")
            .fails("invalid literal for int() with base 10: 'x'"),
    ]);
    rows
}

fn section_names() -> Vec<Row> {
    let row = |ids, section: &str, lines: &str| {
        Row::whole(ids, &format!("[supervisord]\n[{section}]\ncommand=c\n{lines}\n"))
    };
    let bad = "Invalid name: 'a b' because of character: ' '";
    vec![
        row(&["KEY-E04"], "program:a b", "").fails(bad),
        row(&["KEY-E04"], "group:a b", "").fails(bad),
        row(&["KEY-E04"], "fcgi-program:a b", "socket=tcp://h:1").fails(bad),
        row(&["KEY-E04"], "eventlistener:a b", "events=TICK")
            .fails(&format!("{bad} in section 'eventlistener:a b' (file: '{{dir}}/s.conf')")),
        row(&["KEY-E04"], "program:a:b", "").fails("Invalid name: 'a:b' because of character: ':'"),
        row(&["KEY-E06"], "program:", "").has("/groups/0/name", "").is("name", ""),
        row(&["KEY-E07"], "program: x ", "").has("/groups/0/name", "x").is("name", "x"),
        row(&["KEY-E07"], "fcgi-program: x ", "socket=tcp://h:1").has("/groups/0/name", "x"),
        // Only the processes of a listener: the pool keeps the blanks.
        row(&["KEY-E07"], "eventlistener: x ", "events=TICK")
            .has("/groups/0/name", " x ")
            .is("name", "x"),
    ]
}

fn warnings() -> Vec<Row> {
    let syslog = |channel: &str| {
        format!(
            "warn: For [program:x], {channel}_logfile=syslog but this is deprecated and will be removed.  \
             Use {channel}_syslog=true to enable syslog instead."
        )
    };
    let auto = |channel: &str| {
        format!(
            "warn: For [program:x], AUTO logging used for {channel}_logfile without rollover, set \
             maxbytes > 0 to avoid filling up filesystem unintentionally"
        )
    };
    let redirected = "warn: For [program:x], redirect_stderr=true but stderr_logfile has also been set to a \
                      filename, the filename has been ignored";
    let row = |ids, lines: &str| Row::program(ids, lines);
    let (out, err) = (auto("stdout"), auto("stderr"));
    vec![
        row(&["KEY-W01"], "stdout_logfile=syslog")
            .says(&[&syslog("stdout")])
            .is("stdout_logfile", "NONE")
            .is("stdout_syslog", true),
        row(&["KEY-W01"], "stderr_logfile=SYSLOG\nstderr_syslog=false")
            .says(&[&syslog("stderr")])
            .is("stderr_logfile", "NONE")
            .is("stderr_syslog", true),
        row(&["KEY-W02"], "redirect_stderr=true\nstderr_logfile=x")
            .says(&[redirected])
            .is("stderr_logfile", "NONE"),
        row(&["KEY-W02"], "redirect_stderr=true\nstderr_logfile=AUTO").says(&[]),
        row(&["KEY-W02"], "redirect_stderr=true\nstderr_logfile=NONE").says(&[]),
        row(&["KEY-W02"], "redirect_stderr=true\nstderr_logfile=").says(&[redirected]),
        row(&["KEY-W03"], "stdout_logfile_maxbytes=0").says(&[&out]),
        row(&["KEY-W03"], "stderr_logfile_maxbytes=0").says(&[&err]),
        row(&["KEY-W03"], "stdout_logfile=auto\nstdout_logfile_maxbytes=0KB").says(&[&out]),
        row(&["KEY-W03"], "redirect_stderr=true\nstderr_logfile_maxbytes=0").says(&[&err]),
        row(&["KEY-W03"], "stdout_logfile=x\nstdout_logfile_maxbytes=0").says(&[]),
        row(&["KEY-W03"], "stdout_logfile_maxbytes=-1").says(&[]),
        row(
            &["KEY-W04"],
            "numprocs=2\nprocess_name=%(process_num)d\nstdout_logfile_maxbytes=0\nstderr_logfile=syslog",
        )
        .says(&[&out, &syslog("stderr"), &out, &syslog("stderr")]),
        // In the order of the groups in the file, not as they are sorted.
        Row::whole(
            &["KEY-W04"],
            "[supervisord]\n[program:b]\ncommand=c\nstdout_logfile_maxbytes=0\n[program:a]\ncommand=c\n\
             stdout_logfile_maxbytes=0\n",
        )
        .says(&[&out.replace(":x]", ":b]"), &out.replace(":x]", ":a]")])
        .has(&format!("{PROCESS}/name"), "a"),
    ]
}
