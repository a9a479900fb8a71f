//! Options: which there are, what they print, how they are refused, and what they change.

mod options;
mod refused;

use integration::facts::shown;
use integration::home::Home;
use integration::ran::Ran;
use integration::runs::{Run, run_all};
use integration::subject::Subject;

for_each_subject![help_has_a_line_for_each_option, the_first_option_that_prints_is_the_last];

/// How the lines of the help begin, in their order: short and long name, and what follows.
const HELP: [&str; 20] = [
    "-c/--configuration FILENAME",
    "-n/--nodaemon",
    "-s/--silent",
    "-h/--help",
    "-v/--version",
    "-u/--user USER",
    "-m/--umask UMASK",
    "-d/--directory DIRECTORY",
    "-l/--logfile FILENAME",
    "-y/--logfile_maxbytes BYTES",
    "-z/--logfile_backups NUM",
    "-e/--loglevel LEVEL",
    "-j/--pidfile FILENAME",
    "-i/--identifier STR",
    "-q/--childlogdir DIRECTORY",
    "-k/--nocleanup",
    "-a/--minfds NUM",
    "-t/--strip_ansi",
    "--minprocs NUM",
    "--profile_options OPTIONS",
];

fn help_has_a_line_for_each_option(subject: Subject) {
    let rows = [
        Run::new(&["-h"]),
        Run::new(&["--help"]),
        Run::new(&["--he"]),
        Run::new(&["-?"]),
        Run::new(&["-h"]).called("sv/supervisord"),
    ];
    let mut left = run_all(subject, &Home::new(), &rows);
    let relative = left.pop().expect("a row was run");
    for ran in &left {
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
        assert_eq!(ran, &left[0], "every way to ask for help gives the same");
    }
    let help = &left[0].stdout;
    let begin = "supervisord -- run a set of applications as daemons.\n\n\
                 Usage: /opt/sv/bin/supervisord [options]\n\nOptions:\n";
    assert!(help.starts_with(begin), "{help}");
    assert_eq!(relative.stdout, help.replace("/opt/sv/bin/supervisord", "sv/supervisord"));
    let mut options = help[begin.len()..].lines().filter(|line| line.starts_with('-'));
    for wanted in HELP {
        let line = options.next().unwrap_or_default();
        let (head, description) = line.split_once(" -- ").unwrap_or((line, ""));
        assert_eq!(head.trim_end(), wanted);
        assert!(!description.trim().is_empty(), "{line}");
    }
    assert_eq!(options.next(), None, "{help}");
    shown(subject, &["CLI-04", "CLI-05", "CLI-25"]);
}

fn the_first_option_that_prints_is_the_last(subject: Subject) {
    const VERSION: &str = "4.3.0\n";
    let rows: &[&[&str]] = &[
        &["-v"],
        &["--version"],
        &["-v", "-h"],
        // Neither is the file looked for, nor what follows looked at but for its syntax.
        &["-v", "-c", "/nonexistent", "-e", "nonsense"],
        &["-nsv", "-n"],
    ];
    let runs: Vec<_> = rows.iter().map(|words| Run::new(words)).collect();
    for (words, ran) in rows.iter().zip(run_all(subject, &Home::new(), &runs)) {
        let version = Ran { code: 0, stdout: VERSION.to_owned(), stderr: String::new() };
        assert_eq!(ran, version, "{words:?}");
    }
    let runs = [
        Run::new(&["-h", "-v"]),
        Run::new(&["-v", "--zzz"]),
        Run::new(&["-v", "more"]),
        Run::new(&["-e", "nonsense", "-v"]),
        Run::new(&["-n", "-n", "-v"]),
    ];
    let left = run_all(subject, &Home::new(), &runs);
    assert!(left[0].stdout.contains("Usage: ") && !left[0].stdout.contains(VERSION), "{}", left[0]);
    for (ran, message) in left[1..].iter().zip([
        "option --zzz not recognized",
        "positional arguments are not supported: ['more']",
        "invalid value for -e 'nonsense': bad logging level name 'nonsense'",
        "conflicting command line option '-n'",
    ]) {
        assert_eq!(*ran, refused::usage(message));
    }
    shown(subject, &["CLI-06", "CLI-26"]);
}
