//! How the lines of a file are read (INI-01 to INI-27).

use super::{PROCESS, Row};

tables![comments, values, continuations, sections, keys, whole_files];

/// `command=` takes any text, so what stands there is what was read.
fn value(ids: &'static [&'static str], lines: &str, value: &str) -> Row {
    Row::program(ids, lines).is("command", value)
}

fn comments() -> Vec<Row> {
    vec![
        value(&["INI-01"], "command=v ;c", "v"),
        value(&["INI-01"], "command=v #c", "v"),
        value(&["INI-01"], "command=v\t;c", "v"),
        value(&["INI-01"], "command=v \u{a0};c", "v"),
        value(&["INI-01", "INI-24"], "command=\"a ; b\"", "\"a"),
        value(&["INI-02"], "command=v;c", "v;c"),
        value(&["INI-02"], "command=v#c", "v#c"),
        value(&["INI-03"], "command=;c", ";c"),
        value(&["INI-03"], "command= ;c", ""),
        value(&["INI-04"], "command=a;b ;c ; d", "a;b"),
        value(&["INI-05"], "; one\n# two\n  ; three\n\t# four\ncommand=v", "v"),
        value(&["INI-05"], ";command=w\n#command=w", "c"),
        Row::program(&["INI-05"], "rem foo")
            .fails("Source contains parsing errors: '{dir}/s.conf'\n\t[line  4]: 'rem foo\\n'"),
        value(&["INI-06"], "command=a\n ; within\n b", "a\nb"),
        value(&["INI-06"], "command=a\n# within, not indented\n b", "a\nb"),
        value(&["INI-06"], "command=a\n b ; behind\n c", "a\nb\nc"),
    ]
}

fn values() -> Vec<Row> {
    vec![
        value(&["INI-07"], "command: v", "v"),
        value(&["INI-07"], "command : v", "v"),
        value(&["INI-07"], "command:v=w", "v=w"),
        value(&["INI-07"], "command=v:w", "v:w"),
        value(&["INI-07"], "command \t=\t v \t", "v"),
        value(&["INI-08"], "COMMAND=v", "v"),
        value(&["INI-08"], "CoMmAnD=v", "v"),
        value(&["INI-12"], "command=", ""),
        value(&["INI-12"], "command = ", ""),
        value(&["INI-19"], "command=a\ncommand=b", "b"),
        value(&["INI-19"], "command=a\nCOMMAND: b", "b"),
        value(&["INI-24"], "command=\"q\"", "\"q\""),
        value(&["INI-24"], "command='q'", "'q'"),
        value(&["INI-25"], "command=a\\\nstartsecs=3", "a\\").is("startsecs", 3),
        value(&["INI-25"], "command=a\\\n b", "a\\\nb"),
        value(&["INI-27"], "command=~/x $HOME ${HOME}", "~/x $HOME ${HOME}"),
        Row::program(&["INI-27"], "directory=$X").variable("X", "/").is("directory", "$X"),
        Row::program(&["INI-27"], "directory=~").is("directory", "~"),
        Row::daemon(&["INI-27"], "directory=~").has("/daemon/directory", "{dir}"),
        Row::daemon(&["INI-27"], "directory=$HOME").fails("$HOME is not an existing directory"),
    ]
}

fn continuations() -> Vec<Row> {
    vec![
        value(&["INI-09"], "command=v\n  w", "v\nw"),
        value(&["INI-09"], "command=v\n  x=2", "v\nx=2"),
        value(&["INI-09"], "command=v\n  [b]", "v\n[b]"),
        value(&["INI-09"], "command=v\n\tw\n  x", "v\nw\nx"),
        value(&["INI-09"], "command=\n  v", "\nv"),
        value(&["INI-10"], "command=v\n\n cont", "v\n\ncont"),
        value(&["INI-10"], "command=v\n   \n cont", "v\n\ncont"),
        value(&["INI-10"], "command=v\n\n\n", "v"),
        value(&["INI-10"], "command=v\n\nstartsecs=3", "v").is("startsecs", 3),
        Row::whole(&["INI-11"], "[supervisord]\n[program:x]\n command=v\n startsecs=3\n")
            .is("command", "v")
            .is("startsecs", 3),
        Row::whole(&["INI-11"], "[supervisord]\n[program:x]\n  command=v\n  startsecs=3\n")
            .is("command", "v")
            .is("startsecs", 3),
        Row::whole(&["INI-11"], "[supervisord]\n  [program:x]\ncommand=v\n").is("command", "v"),
        Row::whole(&["INI-11"], " [supervisord]\n   [program:x]\n     command=v\n   startsecs=3\n")
            .is("command", "v")
            .is("startsecs", 3),
        Row::whole(&["INI-11"], "[supervisord]\n[program:x]\ncommand=v\n  [program:y]\n")
            .is("command", "v\n[program:y]")
            .lacks("/groups/1"),
    ]
}

fn sections() -> Vec<Row> {
    let two = |text: &str| format!("[supervisord]\n{text}");
    let whole = |ids, text| Row::whole(ids, &two(text));
    vec![
        whole(&["INI-15"], "[program:x] trailing\ncommand=v\n").is("command", "v"),
        whole(&["INI-15"], "[program:x];c\ncommand=v\n").is("command", "v"),
        whole(&["INI-15"], "[program:x]=1\ncommand=v\n").is("command", "v"),
        // A name with blanks around it is another section, which nobody reads.
        whole(&["INI-16"], "[ program:x ]\ncommand=v\n").has("/groups", Vec::<String>::new()),
        Row::whole(&["INI-16"], "[ supervisord ]\n")
            .fails(".ini file does not include supervisord section"),
        whole(&["INI-17"], "[program:a]b]\ncommand=v\n").is("name", "a]b"),
        whole(&["INI-18"], "[]\ncommand=v\n").fails(
            "Source contains parsing errors: '{dir}/s.conf'\n\t[line  2]: '[]\\n'",
        ),
        whole(&["INI-18"], "[a\n").fails(
            "Source contains parsing errors: '{dir}/s.conf'\n\t[line  2]: '[a\\n'",
        ),
        Row::whole(&["INI-18"], "[]\n").fails(
            "File contains no section headers.\nfile: '{dir}/s.conf', line: 1\n'[]\\n'",
        ),
        whole(&["INI-08"], "[Program:c]\ncommand=v\n").has("/groups", Vec::<String>::new()),
        Row::whole(&["INI-08"], "[Supervisord]\n")
            .fails(".ini file does not include supervisord section"),
        whole(
            &["INI-20"],
            "[program:x]\ncommand=a\nstartsecs=3\n[program:w]\ncommand=w\n[program:x]\ncommand=b\n",
        )
        .has("/groups/1/processes/0/command", "b")
        .has("/groups/1/processes/0/startsecs", 3)
        .lacks("/groups/2"),
        // The position is that of the first: the first `inet` server.
        whole(
            &["INI-20"],
            "[inet_http_server:b]\nport=1\n[inet_http_server:a]\nport=2\n[inet_http_server:b]\nport=3\n",
        )
        .has("/servers/0/port", 3)
        .has("/servers/1/port", 2),
        whole(&["INI-20"], "[program:x]\ncommand=a\nstartsecs=3\n[include]\nfiles=i.conf\n")
            .file("i.conf", "[program:x]\ncommand=b\n")
            .is("command", "b")
            .is("startsecs", 3)
            .says(&["info: Included extra file \"{dir}/i.conf\" during parsing"]),
    ]
}

fn keys() -> Vec<Row> {
    let whole = |ids, text: &str| Row::whole(ids, &format!("[supervisord]\n{text}"));
    vec![
        whole(&["INI-21"], "[DEFAULT]\ncommand=d\n[program:x]\n[program:y]\ncommand=own\n")
            .is("command", "d")
            .has("/groups/1/processes/0/command", "own"),
        whole(&["INI-21"], "[program:x]\n[DEFAULT]\nCOMMAND=d\n").is("command", "d"),
        Row::whole(&["INI-21"], "[DEFAULT]\nminfds=3\n[supervisord]\n").has("/daemon/minfds", 3),
        Row::whole(&["INI-21"], "[DEFAULT]\nlogfile=x\n")
            .fails(".ini file does not include supervisord section"),
        whole(&["INI-21"], "[default]\ncommand=d\n[program:x]\n")
            .fails_with("program section program:x does not specify a command"),
        whole(&["INI-26"], "frobnicate=1\nlog_file=/no/where\n[frobnicate]\nminfds=x\n")
            .has("/daemon/minfds", 1024),
        Row::program(&["INI-26"], "frobnicate=%(nope)s\ncomand=d").is("command", "c"),
        whole(&["INI-26"], "[Program:x]\nstartsecs=x\n[programs:y]\nstartsecs=x\n")
            .has("/groups", Vec::<String>::new()),
    ]
}

fn whole_files() -> Vec<Row> {
    vec![
        Row::whole(
            &["INI-22"],
            "[supervisord]\r\n[program:x]\r\ncommand=v\r\n w\r\nstartsecs=3\r\n",
        )
        .is("command", "v\nw")
        .is("startsecs", 3),
        Row::whole(&["INI-22"], "[supervisord]\r[program:x]\rcommand=v\r").is("command", "v"),
        Row::whole(&["INI-23"], "\u{feff}[supervisord]\n").fails(
            "File contains no section headers.\nfile: '{dir}/s.conf', line: 1\n\
             '\\ufeff[supervisord]\\n'",
        ),
        // Without a line end behind the last line.
        Row::whole(&["INI-12"], "[supervisord]\n[program:x]\ncommand=").is("command", ""),
        Row::whole(&["INI-27"], "[supervisord]\n[program:x]\ncommand=c\nstdout_logfile=~/o.log")
            .has(&format!("{PROCESS}/stdout_logfile"), "{dir}/o.log"),
    ]
}
