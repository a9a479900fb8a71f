//! Where the configuration is looked for, and what its path means.

use std::fs;
use std::os::unix::fs::symlink;

use integration::facts::shown;
use integration::home::Home;
use integration::nobody::are_root;
use integration::ran::Ran;
use integration::runs::{Run, run_all};
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;

for_each_subject![
    the_first_file_that_exists_counts,
    etc_comes_last,
    a_name_without_a_path_is_looked_up,
    here_is_where_the_path_says,
    the_path_is_kept_as_typed,
];

/// The words that root is told before anything else.
const WARNING: &str = ": UserWarning: Supervisord is running as root and it is searching for its \
     configuration file in default locations (including its current working directory); you \
     probably want to specify a \"-c\" argument specifying an absolute path to a configuration \
     file for improved security.";

/// A configuration that cannot be used, and says so by a name of its own.
fn named(name: &str) -> String {
    format!("[supervisord]\nminfds={name}\n")
}

/// What its use leaves, besides the warning.
fn refused(name: &str) -> String {
    format!("invalid literal for int() with base 10: '{name}'")
}

/// Checks that a run without `-c` was refused with this message, and warned first if root ran it.
fn assert_refused(ran: &Ran, message: &str, root: bool, argv0: &str) {
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let (first, last) = (lines[0], &lines[lines.len().saturating_sub(2)..]);
    assert_eq!(last, [&format!("Error: {message}"), &format!("For help, use {argv0} -h")], "{ran}");
    if root {
        let place = first.strip_suffix(WARNING).unwrap_or_else(|| panic!("no warning in {ran}"));
        let (file, line) = place.rsplit_once(':').unwrap_or_default();
        assert!(!file.is_empty() && line.parse::<u32>().is_ok(), "{first}");
    } else {
        assert_eq!(lines.len(), 2, "{ran}");
    }
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran}");
}

fn the_first_file_that_exists_counts(subject: Subject) {
    // By argv[0], the candidates besides those in /etc, seen from the working directory.
    let table = [
        ("{dir}/sv/bin/supervisord", ["{dir}/sv/etc/", "{dir}/sv/", "", "etc/"]),
        ("sv/bin/supervisord", ["sv/etc/", "sv/", "", "etc/"]),
        ("../cwd/sv/x/bin//supervisord", ["../cwd/sv/x/etc/", "../cwd/sv/x/", "", "etc/"]),
        ("./supervisord", ["etc/", "", "", "etc/"]),
        ("supervisord", ["etc/", "", "", "etc/"]),
    ];
    for (argv0, folders) in table {
        let home = Home::new();
        let shown_home = home.path().display().to_string();
        let cwd = home.join("cwd");
        let path = |folder: &str| {
            let folder = folder.replace("{dir}", &shown_home);
            cwd.join(folder).join("supervisord.conf")
        };
        // All of them at first; then without the first one, and so on, up to none.
        for (number, folder) in folders.iter().enumerate() {
            fs::create_dir_all(path(folder).parent().unwrap()).unwrap();
            let number = folders.iter().position(|other| other == folder).unwrap_or(number);
            fs::write(path(folder), named(&format!("number-{number}"))).unwrap();
        }
        fs::create_dir_all(cwd.join("sv/x/bin")).unwrap();
        let run = [Run::new(&[]).called(argv0).within("cwd")];
        for (number, folder) in folders.iter().enumerate() {
            let there = path(folder).exists();
            let left = run_all(subject, &home, &run);
            if there {
                assert_refused(&left[0], &refused(&format!("number-{number}")), are_root(), argv0);
            }
            let _ = fs::remove_file(path(folder));
        }
        let all: Vec<_> =
            folders.iter().map(|folder| format!("{folder}supervisord.conf")).collect();
        let none = format!(
            "No config file found at default paths ({}, /etc/supervisord.conf, \
             /etc/supervisor/supervisord.conf); use the -c option to specify a config file at a \
             different path",
            all.join(", ")
        );
        if !std::path::Path::new("/etc/supervisord.conf").exists() {
            assert_refused(&run_all(subject, &home, &run)[0], &none, are_root(), argv0);
        }
        // That it exists is enough.
        fs::create_dir(path(folders[0])).unwrap();
        let left = run_all(subject, &home, &run);
        let unreadable = format!("could not read config file {}supervisord.conf", folders[0]);
        assert_refused(&left[0], &unreadable, are_root(), argv0);
    }
    shown(subject, &["CLI-47", "CFS-02"]);
}

fn etc_comes_last(subject: Subject) {
    let mut host = Host::new(subject, "");
    fs::create_dir_all(host.home().join("etc/supervisor")).unwrap();
    fs::create_dir_all(host.home().join("work")).unwrap();
    for name in ["passwd", "group"] {
        fs::copy(format!("/etc/{name}"), host.home().join("etc").join(name)).unwrap();
    }
    host.home().write("etc/supervisord.conf", &named("first"));
    host.home().write("etc/supervisor/supervisord.conf", &named("second"));
    // An /etc of its own; whoever is not root is root in there.
    let script = "mount --bind {dir}/etc /etc && cd {dir}/work && exec \"$@\"";
    let space = if are_root() { "-m" } else { "-rm" };
    host.start_with(&["unshare", space, "sh", "-c", script, "-"]);
    let argv0 = host.program().display().to_string();
    assert_refused(&host.run_program(&[]), &refused("first"), true, &argv0);
    fs::remove_file(host.home().join("etc/supervisord.conf")).unwrap();
    assert_refused(&host.run_program(&[]), &refused("second"), true, &argv0);
    host.home().write("work/supervisord.conf", &named("nearer"));
    assert_refused(&host.run_program(&[]), &refused("nearer"), true, &argv0);
    shown(subject, &["CFS-01", "CFS-03"]);
}

fn a_name_without_a_path_is_looked_up(subject: Subject) {
    let mut host = Host::new(subject, "");
    fs::create_dir_all(host.home().join("sv/bin")).unwrap();
    fs::create_dir_all(host.home().join("sv/etc")).unwrap();
    symlink(subject.program(), host.home().join("sv/bin/supervisord")).unwrap();
    host.home().write("sv/etc/supervisord.conf", &named("found"));
    host.set_environment("PATH", &host.expand("/nowhere:{dir}/sv/bin:/usr/bin:/bin"));
    host.set_program(vec!["env".into(), "supervisord".into()]);
    let ran = host.run_program(&[]);
    assert_refused(&ran, &refused("found"), are_root(), "{dir}/sv/bin/supervisord");
    shown(subject, &["CFS-02"]);
}

fn here_is_where_the_path_says(subject: Subject) {
    let home = Home::new();
    fs::create_dir_all(home.join("real/deep")).unwrap();
    home.write("real/deep/s.conf", "[supervisord]\ndirectory=%(here)s/nope\n");
    symlink(home.join("real/deep"), home.join("linked")).unwrap();
    fs::create_dir(home.join("file")).unwrap();
    symlink(home.join("real/deep/s.conf"), home.join("file/s.conf")).unwrap();
    let table = [
        ("real/deep/s.conf", "", "{dir}/real/deep"),
        ("linked/s.conf", "", "{dir}/linked"),
        ("file/s.conf", "", "{dir}/file"),
        ("./real/../linked//s.conf", "", "{dir}/linked"),
        ("s.conf", "linked", "{dir}/real/deep"),
        ("{dir}/file/s.conf", "real", "{dir}/file"),
    ];
    let runs = table.map(|(typed, cwd, _)| Run::new(&["-c", typed]).within(cwd));
    for ((typed, cwd, here), ran) in table.iter().zip(run_all(subject, &home, &runs)) {
        let error = format!("Error: {here}/nope is not an existing directory\n");
        assert!(ran.stderr.starts_with(&error), "-c {typed} in {cwd:?}: {ran}");
    }
    shown(subject, &["CFS-04"]);
}

fn the_path_is_kept_as_typed(subject: Subject) {
    const MORE: &str = "{head}\n[program:more]\ncommand={sleeper}\nstartsecs=0\n";
    let mut host = Host::new(subject, "{head}");
    fs::create_dir(host.home().join("sub")).unwrap();
    host.type_configuration("sub/../supervisord.conf");
    let mut daemon = Daemon::start_on(host);
    daemon.host().configure(MORE);
    let answer = daemon.door().call("supervisor.reloadConfig", &[]).unwrap();
    assert!(answer.contains("<string>more</string>"), "{answer}");
    daemon.signal(Signal::SIGHUP);
    wait::until(PATIENCE, "the second start", || {
        let log = daemon.log();
        if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
    });
    daemon.wait_answering();
    daemon.wait_state("more", "RUNNING");
    fs::remove_file(daemon.path("supervisord.conf")).unwrap();
    let error = daemon.door().call("supervisor.reloadConfig", &[]).unwrap_err().to_string();
    let named = "could not find config file sub/../supervisord.conf";
    assert!(error.contains(named), "{error}");
    shown(subject, &["CFS-05"]);
}
