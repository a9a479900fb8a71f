//! Groups of all kinds: `[fcgi-program:x]` (KFC), `[eventlistener:x]` (KEL), `[group:x]` (KGR), and how
//! they are put together (GRP).

use serde_json::{Value, json};

use super::Row;

tables![sockets, socket_faults, listeners, listener_faults, groups, members, put_together];

fn whole(ids: &'static [&'static str], text: &str) -> Row {
    Row::whole(ids, &format!("[supervisord]\n{text}\n"))
}

fn fcgi(ids: &'static [&'static str], lines: &str) -> Row {
    whole(ids, &format!("[fcgi-program:x]\ncommand=c\n{lines}"))
}

fn socket(ids: &'static [&'static str], socket: &str, lines: &str) -> Row {
    fcgi(ids, &format!("socket={socket}\n{lines}"))
}

fn sockets() -> Vec<Row> {
    let is = |row: Row, key: &str, value: Value| row.has(&format!("/groups/0/{key}"), value);
    let nobody =
        nix::unistd::User::from_name("nobody").ok().flatten().expect("every host has nobody");
    let (uid, gid) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    let own = nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok().flatten();
    let own = own.expect("whoever runs the tests has a name").name;
    let owner = json!({"uid": uid, "gid": gid});
    vec![
        is(socket(&["KFC-01"], "unix:///a/b.sock", ""), "socket", "unix:///a/b.sock".into()),
        is(socket(&["KFC-01"], "unix:///a/../b//c.sock", ""), "socket", "unix:///b/c.sock".into()),
        is(
            socket(&["KFC-01"], "tcp://localhost:9000", ""),
            "socket",
            "tcp://localhost:9000".into(),
        ),
        is(
            socket(&["KFC-01"], "tcp://LocalHost:09000", ""),
            "socket",
            "tcp://localhost:9000".into(),
        ),
        is(socket(&["KFC-01"], "tcp://a/b,c:1", ""), "socket", "tcp://a/b,c:1".into()),
        is(socket(&["KFC-01"], "tcp://h:1", ""), "kind", "fcgi-program".into()),
        is(
            socket(&["KFC-05"], "unix:///s", "socket_owner=root"),
            "socket_owner",
            json!({"uid": 0, "gid": -1}),
        ),
        is(
            socket(&["KFC-05"], "unix:///s", "socket_owner=nobody:root"),
            "socket_owner",
            json!({"uid": uid, "gid": 0}),
        ),
        is(socket(&["KFC-06"], "unix:///s", ""), "socket_mode", "0700".into()),
        is(socket(&["KFC-06"], "unix:///s", "socket_mode=0666"), "socket_mode", "0666".into()),
        is(socket(&["KFC-07"], "tcp://h:1", ""), "socket_mode", json!(null)),
        is(socket(&["KFC-08"], "unix:///s", ""), "socket_backlog", json!(null)),
        is(socket(&["KFC-08"], "unix:///s", "socket_backlog=1"), "socket_backlog", 1.into()),
        is(
            socket(&["KFC-08"], "tcp://h:1", "socket_backlog=65535"),
            "socket_backlog",
            65535.into(),
        ),
        is(socket(&["KFC-09"], "unix:///s", ""), "socket_owner", json!(null)),
        is(socket(&["KFC-09"], "unix:///s", &format!("user={own}")), "socket_owner", json!(null)),
        is(socket(&["KFC-09"], "unix:///s", "user=nobody"), "socket_owner", owner),
        is(
            socket(&["KFC-09"], "unix:///s", "user=nobody\nsocket_owner=root:root"),
            "socket_owner",
            json!({"uid": 0, "gid": 0}),
        ),
        is(socket(&["KFC-09"], "tcp://h:1", "user=nobody"), "socket_owner", json!(null)),
    ]
}

fn socket_faults() -> Vec<Row> {
    let form = |written: &str| {
        let shown =
            if written.contains('\'') { format!("\"{written}\"") } else { format!("'{written}'") };
        let error = format!("('Bad socket format %s', {shown}) in [fcgi-program:x] socket");
        socket(&["KFC-02"], written, "").fails(&error)
    };
    let no_line = "[fcgi-program:x] section requires a \"socket\" line";
    let of_unix = "socket_owner and socket_mode params should only be used with a Unix domain socket in \
                   [fcgi-program:x] socket";
    let mut rows = vec![
        fcgi(&["KFC-01"], "").fails(no_line),
        fcgi(&["KFC-01"], "socket=").fails(no_line),
        // No IPv6: the host has no colon.
        form("tcp://[::1]:9000"),
        form("tcp://::1:9000"),
        form("tcp://h h:9000"),
        form("tcp://:9000"),
        form("tcp://h:x"),
        form("tcp://h:-1"),
        form("tcp://h"),
        form("/a/b.sock"),
        form("unix:/a"),
        form("UNIX:///a"),
        form("http://it's:1"),
        socket(&["KFC-03"], "unix://rel/path", "")
            .fails("('Unix socket path %s is not an absolute path', 'rel/path') in [fcgi-program:x] socket"),
        socket(&["KFC-03"], "unix://~/path", "")
            .fails("('Unix socket path %s is not an absolute path', '~/path') in [fcgi-program:x] socket"),
        socket(&["KFC-04"], "tcp://h:99999", "")
            .fails("99999 is above upper bound (65535) in [fcgi-program:x] socket"),
        socket(&["KFC-04"], "tcp://h:0", "").fails("0 is below lower bound (1) in [fcgi-program:x] socket"),
        socket(&["KFC-07"], "tcp://h:1", "socket_mode=0700").fails(of_unix),
        socket(&["KFC-07"], "tcp://h:1", "socket_owner=root").fails(of_unix),
        socket(&["KFC-07"], "nonsense", "socket_mode=0700").fails(of_unix),
    ];
    for (ids, key, values) in [
        (&["KFC-05"] as &'static [_], "socket_owner", ["nope", ":root", ""]),
        (&["KFC-06"], "socket_mode", ["rwx", "9", ""]),
        (&["KFC-08"], "socket_backlog", ["0", "65536", "-1"]),
    ] {
        for written in values {
            let row = socket(ids, "unix:///s", &format!("{key}={written}"));
            rows.push(row.fails(&format!("Invalid {key} value {written}")));
        }
    }
    rows.push(
        socket(&["KFC-08"], "unix:///s", "socket_backlog=x")
            .fails("invalid literal for int() with base 10: 'x'"),
    );
    rows
}

fn listener(ids: &'static [&'static str], lines: &str) -> Row {
    whole(ids, &format!("[eventlistener:x]\ncommand=c\n{lines}"))
}

fn listeners() -> Vec<Row> {
    let is = |row: Row, key: &str, value: Value| row.has(&format!("/groups/0/{key}"), value);
    let all = "EVENT PROCESS_COMMUNICATION PROCESS_COMMUNICATION_STDERR PROCESS_COMMUNICATION_STDOUT PROCESS_GROUP \
               PROCESS_GROUP_ADDED PROCESS_GROUP_REMOVED PROCESS_LOG PROCESS_LOG_STDERR PROCESS_LOG_STDOUT \
               PROCESS_STATE PROCESS_STATE_BACKOFF PROCESS_STATE_EXITED PROCESS_STATE_FATAL PROCESS_STATE_RUNNING \
               PROCESS_STATE_STARTING PROCESS_STATE_STOPPED PROCESS_STATE_STOPPING PROCESS_STATE_UNKNOWN \
               REMOTE_COMMUNICATION SUPERVISOR_STATE_CHANGE SUPERVISOR_STATE_CHANGE_RUNNING \
               SUPERVISOR_STATE_CHANGE_STOPPING TICK TICK_3600 TICK_5 TICK_60";
    let names: Vec<_> = all.split_whitespace().collect();
    let handler = "supervisor.dispatchers:default_handler";
    vec![
        is(listener(&["KEL-01"], "events=TICK_5"), "kind", "eventlistener".into()),
        is(listener(&["KEL-01"], "events=tick_5 , Process_State"), "events", json!(["PROCESS_STATE", "TICK_5"])),
        is(listener(&["KEL-01"], "events=TICK_5,tick_5,TICK_5"), "events", json!(["TICK_5"])),
        is(listener(&["KEL-01"], &format!("events={}", names.join(","))), "events", json!(names)),
        is(listener(&["KEL-02"], "events=TICK"), "buffer_size", 10.into()),
        is(listener(&["KEL-02"], "events=TICK\nbuffer_size=1"), "buffer_size", 1.into()),
        is(listener(&["KEL-03"], "events=TICK"), "result_handler", handler.into()),
        is(listener(&["KEL-03"], &format!("events=TICK\nresult_handler={handler}")), "result_handler", handler.into()),
        is(listener(&["KEL-05"], "events=TICK"), "priority", (-1).into()).is("priority", 999),
        is(listener(&["KEL-05"], "events=TICK\npriority=3"), "priority", 3.into()).is("priority", 3),
        // Read, although nothing comes of it.
        listener(
            &["KEL-06"],
            "events=TICK\nstdout_capture_maxbytes=1KB\nstdout_events_enabled=true\nstdout_syslog=true\n\
             stderr_capture_maxbytes=2KB\nstderr_events_enabled=true\nstderr_syslog=true",
        )
        .is("stdout_capture_maxbytes", 1024)
        .is("stdout_events_enabled", true)
        .is("stdout_syslog", true)
        .is("stderr_capture_maxbytes", 2048)
        .is("stderr_events_enabled", true)
        .is("stderr_syslog", true),
        listener(&["KEL-07"], "events=TICK\n[group:g]\nprograms=x")
            .fails("[group:g] names unknown program or fcgi-program x"),
    ]
}

fn listener_faults() -> Vec<Row> {
    let no_line = "[eventlistener:x] section requires an \"events\" line";
    let unknown = |written: &str, shown: &str| {
        listener(&["KEL-01"], &format!("events={written}"))
            .fails(&format!("Unknown event type {shown} in [eventlistener:x] events"))
    };
    vec![
        listener(&["KEL-01"], "").fails(no_line),
        listener(&["KEL-01"], "events=").fails(no_line),
        unknown("TICKS", "TICKS"),
        unknown("tick_7", "TICK_7"),
        unknown(",", ""),
        unknown("nope TICK", "NOPE TICK"),
        // Which of two is told first depends on the original's mood; of one and an empty one, too.
        listener(&["KEL-02"], "events=TICK\nbuffer_size=0")
            .fails("[eventlistener:x] section sets invalid buffer_size (0)"),
        listener(&["KEL-02"], "events=TICK\nbuffer_size=-5")
            .fails("[eventlistener:x] section sets invalid buffer_size (-5)"),
        listener(&["KEL-02"], "buffer_size=x").fails("invalid literal for int() with base 10: 'x'"),
        listener(&["KEL-03"], "events=TICK\nresult_handler=no.such:thing")
            .fails("no.such:thing cannot be resolved within [eventlistener:x]"),
        listener(&["KEL-03"], "events=TICK\nresult_handler=supervisor.dispatchers:nope")
            .fails("supervisor.dispatchers:nope cannot be resolved within [eventlistener:x]"),
        listener(&["KEL-04"], "events=TICK\nredirect_stderr=true").fails(
            "[eventlistener:x] section sets redirect_stderr=true but this is not allowed because it will \
             interfere with the eventlistener protocol",
        ),
        listener(&["KEL-04"], "events=TICK\nredirect_stderr=false").is("redirect_stderr", false),
    ]
}

const TWO: &str = "[program:a]\ncommand=a\npriority=3\n[program:b]\ncommand=b\npriority=1\n";

fn groups() -> Vec<Row> {
    let group = |ids, lines: &str| whole(ids, &format!("{TWO}[group:g]\n{lines}"));
    vec![
        whole(&["KGR-01"], "[group:g]").has("/groups/0/name", "g").has("/groups/0/processes", json!([])),
        whole(&["KGR-01"], "[group:g]\nprograms=").has("/groups/0/processes", json!([])),
        whole(&["KGR-01"], "[fcgi-program:f]\ncommand=f\nsocket=tcp://h:1\n[program:a]\ncommand=a\n[group:g]\nprograms=f,a")
            .is("name", "f")
            .has("/groups/0/processes/1/name", "a"),
        group(&["KGR-02"], "programs=a,b").has("/groups/0/priority", 999),
        group(&["KGR-02"], "programs=a,b\npriority=7")
            .has("/groups/0/priority", 7)
            .has("/groups/0/processes/0/priority", 3)
            .has("/groups/0/processes/1/priority", 1),
        group(&["KGR-02"], "priority=x").fails("invalid literal for int() with base 10: 'x'"),
        group(&["KGR-03"], "programs=nope").fails("[group:g] names unknown program or fcgi-program nope"),
        // From the second member on the section of the one before is shown.
        group(&["KGR-03"], "programs=a,nope").fails("[program:a] names unknown program or fcgi-program nope"),
        group(&["KGR-03"], "programs=a,b,nope").fails("[program:b] names unknown program or fcgi-program nope"),
        group(&["KGR-04"], "programs=a\n[fcgi-program:a]\ncommand=c\nsocket=tcp://h:1")
            .fails("[group:g] name a is ambiguous (exists as program and fcgi-program)"),
        group(&["KGR-04"], "programs=b,a\n[fcgi-program:a]\ncommand=c\nsocket=tcp://h:1")
            .fails("[program:b] name a is ambiguous (exists as program and fcgi-program)"),
        group(&["KGR-05"], "programs=b,a").lacks("/groups/1"),
        group(&["KGR-05"], "programs=a").has("/groups/0/name", "b").has("/groups/1/name", "g").lacks("/groups/2"),
        group(&["KGR-05"], "programs=a\n[group:h]\nprograms=a")
            .has("/groups/1/name", "g")
            .has("/groups/1/processes/0/name", "a")
            .has("/groups/2/name", "h")
            .has("/groups/2/processes/0/name", "a"),
        group(&["KGR-05"], "programs=a,a,b")
            .has("/groups/0/processes/0/name", "a")
            .has("/groups/0/processes/1/name", "a")
            .has("/groups/0/processes/2/name", "b"),
    ]
}

/// What a FastCGI program is in a `[group:x]`: an ordinary one.
fn members() -> Vec<Row> {
    let member = |lines: &str| {
        whole(&["KGR-06"], &format!("[group:g]\nprograms=f\n[fcgi-program:f]\ncommand=f\n{lines}"))
    };
    let ordinary = |row: Row| {
        row.has("/groups/0/kind", "program")
            .is("name", "f")
            .lacks("/groups/0/socket")
            .lacks("/groups/1")
    };
    vec![
        ordinary(member("socket=tcp://h:1")),
        ordinary(member("")),
        ordinary(member("socket=nonsense\nsocket_mode=x\nsocket_owner=x\nsocket_backlog=x")),
        // The names in a group are not sorted, those of one section are.
        whole(
            &["KGR-07", "GRP-02"],
            "[group:g]\nprograms=z,y\n[program:y]\ncommand=c\npriority=1\n[program:z]\ncommand=c\npriority=2\n\
             numprocs=2\nnumprocs_start=9\nprocess_name=z%(process_num)d\n",
        )
        .is("name", "z10")
        .has("/groups/0/processes/1/name", "z9")
        .has("/groups/0/processes/2/name", "y"),
    ]
}

fn put_together() -> Vec<Row> {
    let ordered = |row: Row, names: &[(&str, &str)]| {
        let row = row.lacks(&format!("/groups/{}", names.len()));
        names.iter().enumerate().fold(row, |row, (at, (kind, name))| {
            row.has(&format!("/groups/{at}/kind"), *kind).has(&format!("/groups/{at}/name"), *name)
        })
    };
    let program = |name: &str, lines: &str| format!("[program:{name}]\ncommand=c\n{lines}\n");
    let fcgi = |name: &str, lines: &str| {
        format!("[fcgi-program:{name}]\ncommand=c\nsocket=tcp://h:1\n{lines}\n")
    };
    let listener = |name: &str, lines: &str| {
        format!("[eventlistener:{name}]\ncommand=c\nevents=TICK\n{lines}\n")
    };
    let same =
        [fcgi("a", ""), listener("a", "priority=999"), program("a", ""), "[group:a]\n".to_owned()]
            .concat();
    let mixed = [
        program("b", "priority=5"),
        fcgi("c", "priority=4"),
        listener("z", ""),
        program("a", "priority=5"),
        "[group:d]\npriority=5\n".to_owned(),
        program("B", "priority=5"),
        program("e", "priority=-7"),
    ]
    .concat();
    vec![
        ordered(
            whole(&["GRP-01"], &same),
            &[("program", "a"), ("program", "a"), ("eventlistener", "a"), ("fcgi-program", "a")],
        )
        // The first of the two is the [group:], which has no processes.
        .has("/groups/0/processes", json!([]))
        .has("/groups/1/processes/0/name", "a"),
        ordered(
            whole(&["GRP-01"], &mixed),
            &[
                ("program", "e"),
                ("eventlistener", "z"),
                ("fcgi-program", "c"),
                ("program", "B"),
                ("program", "a"),
                ("program", "b"),
                ("program", "d"),
            ],
        ),
        ordered(
            whole(&["GRP-06"], &[program("a", ""), fcgi("a", "")].concat()),
            &[("program", "a"), ("fcgi-program", "a")],
        ),
        ordered(
            whole(&["GRP-06"], "[program:a]\ncommand=1\n[program:a]\ncommand=2"),
            &[("program", "a")],
        )
        .is("command", "2"),
    ]
}
