//! The keys of `[supervisord]` (KSD-01 to KSD-18) and the client's (KSC-01).

use serde_json::json;

use super::{Key, Row, key};

tables![defaults, values, faults, temporary_directories, the_clients_section];

/// The errors stand alone: neither section nor key are told.
#[rustfmt::skip]
fn keys() -> Vec<Key> {
    let no_number = "invalid literal for int() with base 10: 'x'";
    vec![
        key(&["KSD-01"], "logfile", json!("{dir}/supervisord.log"), "sub/../x.log", json!("{dir}/x.log"),
            "no/x.log", "The directory named as part of the path no/x.log does not exist"),
        key(&["KSD-02"], "logfile_maxbytes", json!(52_428_800), "2KB", json!(2048), "x", no_number),
        key(&["KSD-03"], "logfile_backups", json!(10), "0", json!(0), "x", no_number),
        key(&["KSD-04"], "loglevel", json!("info"), "DEBUG", json!("debug"),
            "loud", "bad logging level name 'loud'"),
        key(&["KSD-05"], "pidfile", json!("{dir}/supervisord.pid"), "~/./x.pid", json!("{dir}/x.pid"),
            "no/x.pid", "The directory named as part of the path no/x.pid does not exist"),
        key(&["KSD-06"], "nodaemon", json!(false), "true", json!(true),
            "maybe", "not a valid boolean value: 'maybe'"),
        key(&["KSD-07"], "silent", json!(false), "on", json!(true), "x", "not a valid boolean value: 'x'"),
        key(&["KSD-08"], "minfds", json!(1024), "2048", json!(2048), "x", no_number),
        key(&["KSD-09"], "minprocs", json!(200), "1", json!(1), "x", no_number),
        key(&["KSD-10"], "umask", json!("0022"), "077", json!("0077"),
            "9", "9 can not be converted to an octal type"),
        key(&["KSD-11"], "user", json!(null), "root", json!({"uid": 0, "gid": 0, "name": "root"}),
            "no-such-user", "Invalid user name no-such-user"),
        key(&["KSD-12"], "directory", json!(null), "/usr", json!("/usr"),
            "no", "no is not an existing directory"),
        key(&["KSD-13"], "identifier", json!("supervisor"), "a b/c", json!("a b/c"),
            "%(no)s", "Format string '%(no)s' for 'supervisord.identifier' contains names ('no') which \
             cannot be expanded. Available names: ENV_HOME, ENV_PATH, here"),
        key(&["KSD-14"], "childlogdir", json!("/tmp"), "/usr", json!("/usr"),
            "no", "no is not an existing directory"),
        key(&["KSD-15"], "nocleanup", json!(false), "1", json!(true), "x", "not a valid boolean value: 'x'"),
        key(&["KSD-16"], "strip_ansi", json!(false), "yes", json!(true), "x", "not a valid boolean value: 'x'"),
        key(&["KSD-17"], "environment", json!({}), "A=1,B=\"2\"", json!({"A": "1", "B": "2"}),
            "A", "Unexpected end of key/value pairs in value 'A'"),
    ]
}

fn defaults() -> Vec<Row> {
    let row = |known: Key| {
        Row::daemon(known.ids, "").has(&format!("/daemon/{}", known.name), known.default)
    };
    keys().into_iter().map(row).collect()
}

fn values() -> Vec<Row> {
    let row = |known: Key| {
        let row = Row::daemon(known.ids, &known.right());
        row.file("sub/", "").has(&format!("/daemon/{}", known.name), known.value)
    };
    let mut rows: Vec<_> = keys().into_iter().map(row).collect();
    for (written, path) in [
        ("syslog", "syslog"),
        ("SYSLOG", "{dir}/SYSLOG"),
        ("./syslog", "{dir}/syslog"),
        ("/dev/stdout", "/dev/stdout"),
    ] {
        let row = Row::daemon(&["KSD-01"], &format!("logfile={written}"));
        rows.push(row.has("/daemon/logfile", path));
    }
    rows.push(Row::daemon(&["KSD-05"], "pidfile=syslog").has("/daemon/pidfile", "{dir}/syslog"));
    rows.push(
        Row::daemon(&["KSD-18"], "profile_options=nonsense,%(no)s").has("/daemon/minfds", 1024),
    );
    rows
}

fn faults() -> Vec<Row> {
    let row = |known: Key| Row::daemon(known.ids, &known.wrong()).fails(known.error);
    keys().into_iter().map(row).collect()
}

/// Where programs log when nobody says.
fn temporary_directories() -> Vec<Row> {
    let row = || Row::daemon(&["KSD-14"], "").file("a/", "").file("b/", "").file("c/", "");
    let at = |row: Row, directory: &str| row.has("/daemon/childlogdir", directory);
    let temp = |row: Row| row.variable("TEMP", "{dir}/b").variable("TMP", "{dir}/c");
    vec![
        at(temp(row().variable("TMPDIR", "{dir}/a")), "{dir}/a"),
        at(temp(row()), "{dir}/b"),
        at(row().variable("TMP", "{dir}/c"), "{dir}/c"),
        at(temp(row().variable("TMPDIR", "{dir}/no")), "{dir}/b"),
        at(temp(row().variable("TMPDIR", "")), "{dir}/b"),
        at(row().variable("TMPDIR", "a"), "{dir}/a"),
        at(row().variable("TMPDIR", "{dir}/a/../b/"), "{dir}/b"),
        at(row().variable("TMPDIR", "{dir}/no"), "/tmp"),
    ]
}

/// `[supervisorctl]` is the client's: nothing in it can be wrong for the daemon.
fn the_clients_section() -> Vec<Row> {
    let text =
        "[supervisord]\n[supervisorctl]\nserverurl=%(no)s\nusername=%\nprompt=%(here)d\nx=y\n";
    vec![Row::whole(&["KSC-01"], text).has("/daemon/minfds", 1024)]
}
