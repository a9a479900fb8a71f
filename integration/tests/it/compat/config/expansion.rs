//! What `%(name)s` and its relatives become (EXP-01 to EXP-10).

use integration::loaded::Batch;
use integration::subject::Subject;

use super::{PROCESS, Row};

tables![conversions, broken_formats, unknown_names, shown_names, once];

fn value(ids: &'static [&'static str], written: &str, value: &str) -> Row {
    Row::program(ids, &format!("command={written}")).is("command", value)
}

fn conversions() -> Vec<Row> {
    let number = |format: &str, shown: &str| {
        let ids = &["EXP-01"];
        let lines = format!("numprocs=2\nnumprocs_start=6\nprocess_name=%(process_num){format}");
        Row::program(ids, &lines).has("/groups/0/processes/1/name", shown)
    };
    let mut rows = vec![
        value(&["EXP-01"], "%(here)s/x", "{dir}/x"),
        value(&["EXP-01"], "[%(ENV_A)-6s]", "[it's  ]").variable("A", "it's"),
        value(&["EXP-01"], "[%(ENV_A)6s]", "[  it's]").variable("A", "it's"),
        value(&["EXP-01"], "%(ENV_A).2s", "it").variable("A", "it's"),
        value(&["EXP-01"], "%(ENV_A)r", "\"it's\"").variable("A", "it's"),
        value(&["EXP-01"], "%(ENV_A)a %(ENV_A)r", "'\\xe9' '\u{e9}'").variable("A", "\u{e9}"),
        value(&["EXP-01"], "%(ENV_A)c", "x").variable("A", "x"),
        value(&["EXP-01"], "%(numprocs)03d", "001"),
        value(&["EXP-02"], "100%% %%(here)s", "100% %(here)s"),
    ];
    rows.extend(
        [
            ("02d", "07"),
            ("d", "7"),
            ("i", "7"),
            ("u", "7"),
            ("o", "7"),
            ("#o", "0o7"),
            ("x", "7"),
            ("X", "7"),
            ("#X", "0X7"),
            ("5.1f", "  7.0"),
            ("F", "7.000000"),
            ("e", "7.000000e+00"),
            ("E", "7.000000E+00"),
            ("g", "7"),
            ("G", "7"),
            ("c", "\u{7}"),
            ("r", "7"),
            ("a", "7"),
            ("s", "7"),
            ("+d", "+7"),
            ("-4s|", "7   |"),
        ]
        .map(|(format, shown)| number(format, shown)),
    );
    rows
}

fn broken_formats() -> Vec<Row> {
    let bad = |id: &'static [&'static str], written: &str, why: &str| {
        let key = "program:x.command";
        Row::program(id, &format!("command={written}")).variable("A", "a").fails(&format!(
            "Format string '{written}' for '{key}' is badly formatted: {why} in section \
             'program:x' (file: '{{dir}}/s.conf')"
        ))
    };
    vec![
        bad(&["EXP-03"], "50%", "incomplete format"),
        bad(&["EXP-03"], "%(here)", "incomplete format"),
        bad(&["EXP-03"], "%(here", "incomplete format key"),
        bad(&["EXP-04"], "%q", "unsupported format character 'q' (0x71) at index 1"),
        bad(&["EXP-04"], "a%(here)y", "unsupported format character 'y' (0x79) at index 8"),
        bad(&["EXP-05"], "%d", "%d format: a real number is required, not dict"),
        bad(&["EXP-05"], "%(ENV_A)d", "%d format: a real number is required, not str"),
        bad(&["EXP-05"], "%(ENV_A)x", "%x format: an integer is required, not str"),
        bad(&["EXP-05"], "%(ENV_A)f", "must be real number, not str"),
        bad(&["EXP-07"], "%s %s", "not enough arguments for format string"),
        bad(&["EXP-07"], "%(here)s %s", "not enough arguments for format string"),
        bad(&["EXP-07"], "%(here)s 100% sure", "not enough arguments for format string"),
    ]
}

/// EXP-06 is decided against: a dump of the environment stands in no file of ours.
#[test]
fn a_conversion_without_a_name_is_refused() {
    for written in ["%s", "100% sure", "%r"] {
        let batch = Batch::new(vec![Row::program(&[], &format!("command={written}")).case]);
        let original = &batch.load(Subject::Original)[0];
        let command = original.0.pointer(&format!("{PROCESS}/command")).expect("it is taken");
        assert!(command.to_string().contains("ENV_PATH"), "{command}");
        let ours = &batch.load(Subject::Ours)[0];
        let wanted = format!(
            "Format string '{written}' for 'program:x.command' is badly formatted: not enough \
             arguments for format string in section 'program:x' (file: '{{dir}}/s.conf')"
        );
        assert_eq!(ours.error(), Some(wanted.as_str()));
    }
}

fn unknown_names() -> Vec<Row> {
    let unknown = |row: Row, written: &str, key: &str, missing: &str, available: &str| {
        row.fails_with(&format!(
            "Format string '{written}' for '{key}' contains names ('{missing}') which cannot be \
             expanded. Available names: {available}"
        ))
    };
    let in_process = "ENV_HOME, ENV_PATH, group_name, here, host_node_name, numprocs, process_num, \
                      program_name in section 'program:x' (file: '{dir}/s.conf')";
    let names = |written: &str, missing: &str| {
        let row = Row::program(&["EXP-08"], &format!("command={written}"));
        unknown(row, written, "program:x.command", missing, in_process)
    };
    vec![
        names("%(nope)s", "nope"),
        names("%(ENV_NOPE)s", "ENV_NOPE"),
        names("%()s", ""),
        names("%(HERE)s", "HERE"),
        // The first one that is missing, even where the rest is badly formatted.
        names("%(one)s %(two)s %", "one"),
        unknown(
            Row::daemon(&["EXP-08"], "environment=A=\"%(nope)s\""),
            "A=\"%(nope)s\"",
            "supervisord.environment",
            "nope",
            "ENV_HOME, ENV_PATH, here",
        ),
        // repr() of the whole value.
        Row::program(&["EXP-08"], "command=it's %(no)s").fails_with(
            "Format string \"it's %(no)s\" for 'program:x.command' contains names ('no') which",
        ),
        Row::program(&["EXP-08"], "command=\"it's\" %(no)s").fails_with(
            "Format string '\"it\\'s\" %(no)s' for 'program:x.command' contains names ('no') which",
        ),
    ]
}

/// By which name a value is called in these errors.
fn shown_names() -> Vec<Row> {
    let row = |text: &str, key: &str| {
        let text = format!("[supervisord]\n{text}");
        Row::whole(&["EXP-09"], &text)
            .fails_with(&format!("Format string '%(no)s' for '{key}' contains names ('no')"))
    };
    let program = |line: &str, key: &str| row(&format!("[program:x]\ncommand=c\n{line}"), key);
    vec![
        row("identifier=%(no)s", "supervisord.identifier"),
        row("[include]\nfiles=%(no)s", "include.files"),
        row("[group:g]\nprograms=%(no)s", "group:g.programs"),
        row("[unix_http_server]\nfile=%(no)s", "unix_http_server.file"),
        row("[inet_http_server:z]\nport=%(no)s", "inet_http_server:z.port"),
        row(
            "[rpcinterface:r]\nsupervisor.rpcinterface_factory=%(no)s",
            "rpcinterface:r.supervisor.rpcinterface_factory",
        ),
        program("command=%(no)s", "program:x.command"),
        program("startsecs=%(no)s", "program:x.startsecs"),
        program("stdout_logfile=%(no)s", "program:x.stdout_logfile"),
        // The second pass, and what has one pass only, of its own.
        program("stdout_logfile=%%(no)s", "stdout_logfile"),
        program("stderr_logfile=%%(no)s", "stderr_logfile"),
        program("environment=%(no)s", "environment"),
        program("process_name=%(no)s", "process_name"),
        row("environment=%%(no)s", "environment"),
    ]
}

fn once() -> Vec<Row> {
    vec![
        value(&["EXP-10"], "%(ENV_A)s", "%(here)s").variable("A", "%(here)s"),
        value(&["EXP-10"], "%(ENV_A)s", "100%").variable("A", "100%"),
        value(&["EXP-10"], "%(ENV_A)s", "%%").variable("A", "%%"),
        Row::daemon(&["EXP-10"], "identifier=%(ENV_A)s")
            .variable("A", "%(here)s")
            .has("/daemon/identifier", "%(here)s"),
    ]
}
