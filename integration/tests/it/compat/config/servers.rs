//! `[unix_http_server]`, `[inet_http_server]` (KHS-01 to KHS-08) and `[rpcinterface:x]` (KRP-01, KRP-02).

use integration::loaded::Case;
use serde_json::json;

use super::Row;

tables![sections, keys, credentials, interfaces];

fn whole(ids: &'static [&'static str], text: &str) -> Row {
    Row::whole(ids, &format!("[supervisord]\n{text}\n"))
}

/// A section counts by how its name begins.
fn sections() -> Vec<Row> {
    let many = "[unix_http_server_disabled]\nfile=/a\n[inet_http_server:x]\nport=1\n[unix_http_server]\nfile=/b\n\
                [inet_http_server]\nport=2\n[unix_http_server:x]\nfile=/c\n[inet_http_servers off]\nport=3\n";
    let sections = ["inet_http_server:x", "inet_http_server", "inet_http_servers off"]
        .into_iter()
        .chain(["unix_http_server_disabled", "unix_http_server", "unix_http_server:x"]);
    let mut all = whole(&["KHS-01"], many).lacks("/servers/6");
    for (number, section) in sections.enumerate() {
        all = all.has(&format!("/servers/{number}/section"), section);
    }
    vec![
        all,
        whole(&["KHS-01"], "[http_server]\nport=1\n[Inet_http_server]\nport=1")
            .has("/servers", json!([])),
        whole(&["KHS-01"], "[unix_http_server_old]\nfile=/s\nchmod=x")
            .fails("Invalid chmod value x"),
    ]
}

fn keys() -> Vec<Row> {
    let unix = |ids, lines: &str| whole(ids, &format!("[unix_http_server]\n{lines}"));
    let server = "/servers/0";
    let mut elsewhere = Case::new("[supervisord]\n[unix_http_server]\nfile=s.sock\n");
    elsewhere.cwd = "cwd".to_owned();
    let mut rows = vec![
        whole(&["KHS-02"], "[inet_http_server]")
            .fails("section [inet_http_server] has no port value"),
        whole(&["KHS-02"], "[inet_http_server:x]\nusername=u\npassword=p")
            .fails("section [inet_http_server:x] has no port value"),
        whole(&["KHS-02"], "[inet_http_server]\nport=127.0.0.1:9001")
            .has("/servers/0/host", "127.0.0.1")
            .has("/servers/0/port", 9001)
            .has("/daemon/serverurl", "http://127.0.0.1:9001"),
        whole(&["KHS-03"], "[unix_http_server]")
            .fails("section [unix_http_server] has no file value"),
        whole(&["KHS-03"], "[unix_http_server:x]\nchmod=x")
            .fails("section [unix_http_server:x] has no file value"),
        Row::new(&["KHS-03"], elsewhere)
            .has("/servers/0/file", "{dir}/cwd/s.sock")
            .has("/daemon/serverurl", "unix://{dir}/cwd/s.sock"),
    ];
    for (written, path) in [
        ("/a/../b//s.sock", "/b/s.sock"),
        ("~/s.sock", "{dir}/s.sock"),
        ("%(here)s/s.sock", "{dir}/s.sock"),
        ("/no/where/at/all", "/no/where/at/all"),
        ("\n /behind/a/line/end", "/behind/a/line/end"),
        ("", "{dir}"),
    ] {
        rows.push(unix(&["KHS-03"], &format!("file={written}")).has("/servers/0/file", path));
    }
    rows.extend([
        unix(&["KHS-04", "KHS-05"], "file=/s")
            .has(&format!("{server}/chmod"), "0700")
            .has(&format!("{server}/chown"), json!(null)),
        unix(&["KHS-04"], "file=/s\nchmod=0777").has(&format!("{server}/chmod"), "0777"),
        unix(&["KHS-04"], "file=/s\nchmod=0o660").has(&format!("{server}/chmod"), "0660"),
        unix(&["KHS-04"], "file=/s\nchmod=rwx").fails("Invalid chmod value rwx"),
        unix(&["KHS-04"], "file=/s\nchmod=").fails("Invalid chmod value "),
        unix(&["KHS-05"], "file=/s\nchown=root:root")
            .has(&format!("{server}/chown"), json!({"uid": 0, "gid": 0})),
        unix(&["KHS-05"], "file=/s\nchown=root")
            .has(&format!("{server}/chown"), json!({"uid": 0, "gid": -1})),
        unix(&["KHS-05"], "file=/s\nchown=nope:root").fails("Invalid sockchown value nope:root"),
        unix(&["KHS-05"], "file=/s\nchown=").fails("Invalid sockchown value "),
    ]);
    rows
}

fn credentials() -> Vec<Row> {
    let half = |section: &str| {
        format!(
            "Section [{section}] contains incomplete authentication: If a username or a password is \
             specified, both the username and password must be specified"
        )
    };
    let mut rows = Vec::new();
    for (section, line) in [
        ("unix_http_server", "file=/s"),
        ("unix_http_server:x", "file=/s"),
        ("inet_http_server", "port=1"),
        ("inet_http_server:x", "port=1"),
    ] {
        let with = |ids, more: &str| whole(ids, &format!("[{section}]\n{line}\n{more}"));
        rows.extend([
            with(&["KHS-06"], "").has("/servers/0/username", json!(null)),
            with(&["KHS-06"], "username=u\npassword=p").has("/servers/0/username", "u"),
            with(&["KHS-06"], "username=u").fails(&half(section)),
            with(&["KHS-06"], "password=p").fails(&half(section)),
            with(&["KHS-06"], "username=").fails(&half(section)),
            with(&["KHS-08"], "username=\npassword=").has("/servers/0/username", json!(null)),
            with(&["KHS-08"], "username=\npassword=p").has("/servers/0/username", json!(null)),
            with(&["KHS-06"], "username=u\npassword=").has("/servers/0/username", "u"),
        ]);
    }
    rows
}

fn interfaces() -> Vec<Row> {
    let main = "supervisor.rpcinterface:make_main_rpcinterface";
    let with = |ids, lines: &str| whole(ids, &format!("[rpcinterface:x]\n{lines}"));
    let factory =
        |spec: &str| with(&["KRP-02"], &format!("supervisor.rpcinterface_factory={spec}"));
    let mut rows = vec![
        with(&["KRP-01"], "")
            .fails("section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory"),
        with(&["KRP-01"], "factory=x")
            .fails("section [rpcinterface:x] does not specify a supervisor.rpcinterface_factory"),
        with(&["KRP-01"], &format!("supervisor.rpcinterface_factory={main}"))
            .has("/rpc_interfaces", json!(["x"])),
        with(&["KRP-01"], &format!("supervisor.rpcinterface_factory = {main}\n[rpcinterface:supervisor]\nSupervisor.RPCinterface_factory={main}"))
            .has("/rpc_interfaces", json!(["x", "supervisor"])),
    ];
    for spec in [
        "no.such.module:make",
        "no_such_module:make",
        "supervisor.rpcinterface:no_such_function",
        "a:b:c",
    ] {
        rows.push(
            factory(spec).fails(&format!("{spec} cannot be resolved within [rpcinterface:x]")),
        );
    }
    rows
}
