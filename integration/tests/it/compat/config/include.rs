//! `[include]` (INC-01 to INC-10).

use integration::facts::shown;
use integration::loaded::Case;
use integration::subject::{Client, Host, Subject};

use super::Row;

tables![patterns, order, what_counts, passed_over, named_in_errors];
mod client {
    for_each_subject![the_client_includes_nothing];
    use super::the_client_includes_nothing;
}

/// A main file that includes these patterns.
fn including(ids: &'static [&'static str], files: &str) -> Row {
    Row::whole(ids, &format!("[supervisord]\n[include]\nfiles={files}\n"))
}

/// A file that defines one program of its own name.
fn program(row: Row, path: &str) -> Row {
    let name = path.rsplit('/').next().unwrap_or(path);
    row.file(path, &format!("[program:{name}]\ncommand=c\n"))
}

fn programs(row: Row, paths: &str) -> Row {
    paths.split_whitespace().fold(row, program)
}

fn included(paths: &str) -> Vec<String> {
    let line = |path: &str| format!("info: Included extra file \"{{dir}}/{path}\" during parsing");
    paths.split_whitespace().map(line).collect()
}

/// Includes `files`, of which `there` exist, and reads `read` in this order.
fn reads(ids: &'static [&'static str], files: &str, there: &str, read: &str) -> Row {
    let said = included(read);
    programs(including(ids, files), there)
        .says(&said.iter().map(String::as_str).collect::<Vec<_>>())
}

fn patterns() -> Vec<Row> {
    let two = &["INC-02"];
    let mut rows = vec![
        reads(&["INC-01"], "a b\tc", "a b c", "a b c"),
        reads(&["INC-01"], "a\n b\n  c\n", "a b c", "a b c"),
        including(&["INC-01"], "\"a b\"").file("a b", "[a]\n").says(&[
            "warn: No file matches via include \"{dir}/\"a\"",
            "warn: No file matches via include \"{dir}/b\"\"",
        ]),
        including(&["INC-01"], "").has("/messages", Vec::<String>::new()),
        reads(two, "sub/a", "sub/a a", "sub/a"),
        reads(two, "{dir}/sub/a", "sub/a a", "sub/a"),
        reads(two, "*.c", "a.c b.c c.d", "a.c b.c"),
        reads(two, "?.c", "a.c bb.c", "a.c"),
        reads(two, "[ab].c", "a.c b.c c.c", "a.c b.c"),
        reads(two, "[!ab].c", "a.c b.c c.c", "c.c"),
        reads(two, "[a-b].c", "a.c b.c c.c", "a.c b.c"),
        reads(two, "d/**", "d/a d/e/b d/e/f/c", "d/a d/e"),
        reads(two, "d/**/?", "d/a d/e/b d/e/f/c", "d/e/b d/e/f"),
        reads(two, "*/x?.c", "d/xa.c e/xb.c x.c", "d/xa.c e/xb.c"),
        reads(two, "*.c", ".a.c a.c", "a.c"),
        reads(two, ".*.c", ".a.c a.c", ".a.c"),
        reads(two, "*[.]c", ".a.c b.c", "b.c"),
        including(two, "[.]a.c")
            .file(".a.c", "[a]\n")
            .says(&["warn: No file matches via include \"{dir}/[.]a.c\""]),
        including(two, "~/x")
            .file("x", "[a]\n")
            .says(&["warn: No file matches via include \"{dir}/~/x\""]),
    ];
    let mut elsewhere = Case::new("[supervisord]\n[include]\nfiles=a.c\n").file("a.c", "[a]\n");
    elsewhere.typed = "../s.conf".to_owned();
    elsewhere.cwd = "cwd".to_owned();
    rows.push(
        Row::new(two, elsewhere).says(&["info: Included extra file \"{dir}/a.c\" during parsing"]),
    );
    rows
}

fn order() -> Vec<Row> {
    vec![
        reads(&["INC-03"], "z.c a.c", "a.c z.c", "z.c a.c"),
        reads(&["INC-03"], "?.c", "b.c c.c a.c B.c", "B.c a.c b.c c.c"),
        reads(&["INC-03"], "?/x.c", "b/x.c a/x.c", "a/x.c b/x.c"),
        reads(&["INC-03"], "a.c *.c", "a.c b.c", "a.c a.c b.c"),
        including(&["INC-03"], "a.c b.c a.c")
            .file("a.c", "[supervisord]\nminfds=1\n")
            .file("b.c", "[supervisord]\nminfds=2\n")
            .has("/daemon/minfds", 1),
        including(&["INC-04"], "no.c a.c no*")
            .file("a.c", "[a]\n")
            .says(&[
                "warn: No file matches via include \"{dir}/no.c\"",
                "warn: No file matches via include \"{dir}/no*\"",
                "info: Included extra file \"{dir}/a.c\" during parsing",
            ])
            .has("/daemon/minfds", 1024),
    ]
}

fn what_counts() -> Vec<Row> {
    vec![
        Row::whole(
            &["INC-05"],
            "[include]\nfiles=i\n[supervisord]\nminfds=1\nminprocs=2\n[program:x]\ncommand=main\nstartsecs=5\n",
        )
        .file("i", "[supervisord]\nminfds=3\n[program:x]\ncommand=included\n")
        .has("/daemon/minfds", 3)
        .has("/daemon/minprocs", 2)
        .is("command", "included")
        .is("startsecs", 5),
        Row::whole(&["INC-05"], "[include]\nfiles=i\n")
            .file("i", "[supervisord]\nminfds=3\n")
            .has("/daemon/minfds", 3),
        including(&["INC-06"], "i")
            .file("i", "[include]\nfiles=j\n[supervisord]\nminfds=3\n")
            .file("j", "[supervisord]\nminfds=4\n")
            .has("/daemon/minfds", 3)
            .says(&["info: Included extra file \"{dir}/i\" during parsing"]),
    ]
}

/// What cannot be read is passed over, and yet said to have been included.
fn passed_over() -> Vec<Row> {
    vec![
        including(&["INC-07"], "d*")
            .file("dir/", "")
            .has("/daemon/minfds", 1024)
            .says(&["info: Included extra file \"{dir}/dir\" during parsing"]),
        including(&["INC-07"], "nowhere.c l*.c")
            .file("nowhere.c@", "gone")
            .file("loop.c@", "loop.c")
            .has("/daemon/minfds", 1024)
            .says(&[
                "info: Included extra file \"{dir}/nowhere.c\" during parsing",
                "info: Included extra file \"{dir}/loop.c\" during parsing",
            ]),
    ]
}

fn named_in_errors() -> Vec<Row> {
    let bad = "invalid literal for int() with base 10: 'x'";
    let with = |ids, text: &str| including(ids, "sub/*").file("sub/i", text);
    let mut typed = Case::new("[supervisord]\n[program:x]\ncommand=c\nstartsecs=x\n");
    typed.typed = "..//./s.conf".to_owned();
    typed.cwd = "cwd".to_owned();
    let mut rows = vec![
        with(&["INC-08"], "[program:x]\ncommand=c\nstartsecs=x\n")
            .fails(&format!("{bad} in section 'program:x' (file: '{{dir}}/sub/i')")),
        with(&["INC-08"], "[program:it's]\ncommand=c\nstartsecs=x\n")
            .fails(&format!("{bad} in section \"program:it's\" (file: '{{dir}}/sub/i')")),
        // The file in which the section first appeared, not that of the fault.
        Row::whole(&["INC-08"], "[supervisord]\n[program:x]\ncommand=c\n[include]\nfiles=i\n")
            .file("i", "[program:x]\nstartsecs=x\n")
            .fails(&format!("{bad} in section 'program:x' (file: '{{dir}}/s.conf')")),
        including(&["INC-08"], "i j")
            .file("i", "[program:x]\ncommand=c\n")
            .file("j", "[program:x]\nstartsecs=x\n")
            .fails(&format!("{bad} in section 'program:x' (file: '{{dir}}/i')")),
        Row::new(&["INC-08"], typed)
            .fails(&format!("{bad} in section 'program:x' (file: '..//./s.conf')")),
        with(&["INC-08"], "[eventlistener:x]\ncommand=c\nevents=TICK\nstartsecs=x\n")
            .fails(&format!("{bad} in section 'eventlistener:x' (file: '{{dir}}/sub/i')")),
        with(&["INC-08"], "[fcgi-program:x]\ncommand=c\nsocket=tcp://h:1\nstartsecs=x\n")
            .fails(&format!("{bad} in section 'fcgi-program:x' (file: '{{dir}}/sub/i')")),
        with(&["INC-08"], "[group:g]\nprograms=x\n[program:x]\ncommand=c\nstartsecs=x\n")
            .fails(&format!("{bad} in section 'program:x' (file: '{{dir}}/sub/i')")),
    ];
    for (text, error) in [
        ("[supervisord]\nminfds=x\n", bad),
        ("[program:x]\ncommand=c\npriority=x\n", bad),
        ("[group:g]\npriority=x\n", bad),
        ("[group:g]\nprograms=no\n", "[group:g] names unknown program or fcgi-program no"),
        ("[eventlistener:x]\ncommand=c\nbuffer_size=x\n", bad),
        (
            "[eventlistener:x]\ncommand=c\nevents=NO\n",
            "Unknown event type NO in [eventlistener:x] events",
        ),
        ("[unix_http_server]\nfile=/s\nchmod=x\n", "Invalid chmod value x"),
        ("[inet_http_server]\nport=x\n", "not a valid port number: 'x' "),
    ] {
        rows.push(with(&["INC-09"], text).fails(error));
    }
    rows
}

fn the_client_includes_nothing(subject: Subject) {
    let client = match subject {
        Subject::Original => Client::Original,
        Subject::Ours => Client::Ours,
    };
    let host = Host::new(
        subject,
        "[supervisorctl]\nserverurl=unix://{dir}/main.sock\n[include]\nfiles={dir}/more.conf {dir}/broken.conf\n",
    );
    host.home().write("more.conf", "[supervisorctl]\nserverurl=unix:///included.sock\n");
    host.home().write("broken.conf", "no configuration");
    let ran = host.client(client, &["status"]);
    assert_eq!(ran.stdout, "unix://{dir}/main.sock no such file\n", "{ran}");
    assert_eq!(ran.code, 4);
    shown(subject, &["INC-10"]);
}
