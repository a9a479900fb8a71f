//! Command lines that are refused: two lines on stderr, exit code 2.

use integration::facts::shown;
use integration::home::Home;
use integration::nobody::are_root;
use integration::ran::Ran;
use integration::runs::{Run, run_all};
use integration::subject::{Host, Subject};

for_each_subject![
    what_is_wrong_is_said_in_two_lines,
    an_option_counts_once,
    a_file_that_cannot_be_read_is_said,
];

/// What a refused command line leaves, under the usual name.
pub fn usage(message: &str) -> Ran {
    Ran {
        code: 2,
        stdout: String::new(),
        stderr: format!("Error: {message}\nFor help, use /opt/sv/bin/supervisord -h\n"),
    }
}

/// Each with the fact that it shows, the words, and what stands behind `Error: `.
const REFUSED: &[(&str, &[&str], &str)] = &[
    ("CLI-30", &["-Z"], "option -Z not recognized"),
    ("CLI-30", &["-nZ"], "option -Z not recognized"),
    ("CLI-31", &["--zzz"], "option --zzz not recognized"),
    ("CLI-31", &["--no-nodaemon"], "option --no-nodaemon not recognized"),
    ("CLI-32", &["--logf", "x"], "option --logf not a unique prefix"),
    ("CLI-32", &["--s"], "option --s not a unique prefix"),
    ("CLI-33", &["-y"], "option -y requires argument"),
    ("CLI-33", &["-ny"], "option -y requires argument"),
    ("CLI-34", &["--user"], "option --user requires argument"),
    ("CLI-34", &["--us"], "option --user requires argument"),
    ("CLI-32", &["--c=good.conf"], "option --c not a unique prefix"),
    ("CLI-35", &["--nodaemon=1"], "option --nodaemon must not have an argument"),
    ("CLI-35", &["--sil="], "option --silent must not have an argument"),
    // Flags have no opposite.
    ("CLI-23", &["--nodaemon=0"], "option --nodaemon must not have an argument"),
    ("CLI-36", &["-n", "foo", "bar"], "positional arguments are not supported: ['foo', 'bar']"),
    (
        "CLI-36",
        &["-n", "it's", "-Z", "--zzz"],
        "positional arguments are not supported: [\"it's\", '-Z', '--zzz']",
    ),
    // Under this name none of our own words is one.
    ("CLI-36", &["version"], "positional arguments are not supported: ['version']"),
    ("CLI-36", &["echo-conf"], "positional arguments are not supported: ['echo-conf']"),
    ("CLI-36", &["--", "-n"], "positional arguments are not supported: ['-n']"),
    ("CLI-36", &["-"], "positional arguments are not supported: ['-']"),
    (
        "CLI-37",
        &["-m", "999"],
        "invalid value for -m '999': 999 can not be converted to an octal type",
    ),
    (
        "CLI-37",
        &["--umask", "x"],
        "invalid value for --umask 'x': x can not be converted to an octal type",
    ),
    ("CLI-38", &["-e", "foo"], "invalid value for -e 'foo': bad logging level name 'foo'"),
    (
        "CLI-39",
        &["-d", "/nope"],
        "invalid value for -d '/nope': /nope is not an existing directory",
    ),
    (
        "CLI-39",
        &["--childlogdir=/nope"],
        "invalid value for --childlogdir '/nope': /nope is not an existing directory",
    ),
    (
        "CLI-40",
        &["-l", "/nope/x"],
        "invalid value for -l '/nope/x': The directory named as part of the path /nope/x does not \
         exist",
    ),
    (
        "CLI-40",
        &["-j/nope/x"],
        "invalid value for -j '/nope/x': The directory named as part of the path /nope/x does not \
         exist",
    ),
    (
        "CLI-41",
        &["-y", "5XB"],
        "invalid value for -y '5XB': invalid literal for int() with base 10: '5xb'",
    ),
    (
        "CLI-42",
        &["-z", "x"],
        "invalid value for -z 'x': invalid literal for int() with base 10: 'x'",
    ),
    (
        "CLI-42",
        &["-a", "x"],
        "invalid value for -a 'x': invalid literal for int() with base 10: 'x'",
    ),
    (
        "CLI-42",
        &["--minprocs", "1e3"],
        "invalid value for --minprocs '1e3': invalid literal for int() with base 10: '1e3'",
    ),
    ("CLI-43", &["-c", "good.conf", "-u", "nosuch"], "Invalid user name nosuch"),
    // Only when the file has been read: a fault of the file comes first.
    (
        "CLI-43",
        &["-c", "bad.conf", "-u", "nosuch"],
        "invalid literal for int() with base 10: 'many'",
    ),
    ("CLI-44", &["-c", "good.conf", "-u", "99999"], "Invalid user id 99999"),
    // The value of the command line does not make up for the file's.
    ("CLI-27", &["-c", "bad.conf", "-a", "1024"], "invalid literal for int() with base 10: 'many'"),
    ("CLI-45", &["-c", "/nonexistent"], "could not find config file /nonexistent"),
    ("CLI-45", &["-c", "no/such.conf"], "could not find config file no/such.conf"),
    ("CLI-46", &["-c", "."], "could not read config file ."),
    ("CLI-46", &["-c", "{dir}"], "could not read config file {dir}"),
    ("CLI-01", &["--configuration", "good.conf", "-u", "nosuch"], "Invalid user name nosuch"),
    ("CLI-01", &["--conf=good.conf", "--use=nosuch"], "Invalid user name nosuch"),
    ("CLI-01", &["-cgood.conf", "-unosuch"], "Invalid user name nosuch"),
    ("CLI-21", &["--profile_options"], "option --profile_options requires argument"),
    // What it is told is not looked at.
    (
        "CLI-21",
        &["--profile_options", "Nonsense,callers", "-c", "good.conf", "-u", "nosuch"],
        "Invalid user name nosuch",
    ),
    ("UP-02", &["-c", "good.conf", "-u", ""], "Invalid user name "),
    ("UP-02", &["-c", "empty_user.conf"], "Invalid user name "),
    ("UP-02", &["-c", "bad_user.conf"], "Invalid user id 99999"),
];

fn what_is_wrong_is_said_in_two_lines(subject: Subject) {
    let home = Home::new();
    for (name, key) in [
        ("good.conf", ""),
        ("bad.conf", "minfds=many"),
        ("empty_user.conf", "user="),
        ("bad_user.conf", "user=99999"),
    ] {
        home.write(name, &format!("[supervisord]\n{key}\n"));
    }
    let runs: Vec<_> = REFUSED.iter().map(|(_, words, _)| Run::new(words)).collect();
    let mut ids = Vec::new();
    for ((id, words, message), ran) in REFUSED.iter().zip(run_all(subject, &home, &runs)) {
        assert_eq!(ran, usage(message), "{id}: {words:?}");
        ids.push(*id);
    }
    // What is refused leaves nothing: no log, no pidfile.
    assert!(!home.join("supervisord.log").exists() && !home.join("supervisord.pid").exists());
    // What CLI-21, CLI-23 and UP-02 say besides is shown where daemons run; CLI-46 has a file, too.
    ids.retain(|id| !["CLI-21", "CLI-23", "CLI-46", "UP-02"].contains(id));
    ids.dedup();
    shown(subject, &ids);
}

/// Every option by its names and, if it takes one, a value that is good.
const OPTIONS: [(&str, &str, Option<&str>); 19] = [
    ("-c", "--configuration", Some("x")),
    ("-n", "--nodaemon", None),
    ("-s", "--silent", None),
    ("-u", "--user", Some("x")),
    ("-m", "--umask", Some("022")),
    ("-d", "--directory", Some("/")),
    ("-l", "--logfile", Some("/x")),
    ("-y", "--logfile_maxbytes", Some("1KB")),
    ("-z", "--logfile_backups", Some("3")),
    ("-e", "--loglevel", Some("info")),
    ("-j", "--pidfile", Some("/x")),
    ("-i", "--identifier", Some("x")),
    ("-q", "--childlogdir", Some("/")),
    ("-a", "--minfds", Some("9")),
    ("", "--minprocs", Some("9")),
    ("-k", "--nocleanup", None),
    ("-t", "--strip_ansi", None),
    ("", "--profile_options", Some("calls")),
    // A shortened name is told as the whole one.
    ("", "--minp", Some("9")),
];

fn an_option_counts_once(subject: Subject) {
    let mut runs = Vec::new();
    let mut wanted = Vec::new();
    for (short, long, value) in OPTIONS {
        let given = |name: &'static str| [Some(name), value].into_iter().flatten();
        let names: &[&str] = if short.is_empty() { &[long] } else { &[short, long] };
        for (first, second) in names.iter().flat_map(|a| names.iter().map(move |b| (*a, *b))) {
            let words: Vec<&str> = given(first).chain(given(second)).collect();
            runs.push(Run::new(&words));
            let told = if second == "--minp" { "--minprocs" } else { second };
            wanted.push((words, usage(&format!("conflicting command line option '{told}'"))));
        }
    }
    let left = run_all(subject, &Home::new(), &runs);
    for ((words, wanted), ran) in wanted.into_iter().zip(left) {
        assert_eq!(ran, wanted, "{words:?}");
    }
    shown(subject, &["CLI-24"]);
}

fn a_file_that_cannot_be_read_is_said(subject: Subject) {
    let mut host = Host::new(subject, "[supervisord]\n");
    host.home().write("secret.conf", "[supervisord]\n");
    host.as_nobody();
    host.forbid("secret.conf");
    for file in ["secret.conf", "./secret.conf"] {
        let ran = host.run_program(&["-c", file]);
        let error = format!(
            "Error: could not read config file {file}\nFor help, use {} -h\n",
            host.normal(&host.program().display().to_string())
        );
        assert_eq!((ran.code, ran.stderr), (2, error), "as root: {}", are_root());
    }
    shown(subject, &["CLI-46"]);
}
