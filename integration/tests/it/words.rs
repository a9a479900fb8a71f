//! Our own words on the agent's command line, which supervisord refuses as positional arguments.

use std::process::Command;

use integration::places;
use integration::ran::Ran;
use integration::subject::{Daemon, Host, Subject};
use nix::sys::signal::Signal;

fn run(words: &[&str]) -> Ran {
    Ran::of(Command::new(places::binary("fleetvisord")).args(words)).unwrap()
}

#[test]
fn the_help_names_every_word_and_every_word_helps() {
    let help = run(&["-h"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{help}");
    for word in ["check", "echo-conf", "pidproxy", "version"] {
        assert!(help.stdout.lines().any(|line| line.starts_with(word)), "{word} in {help}");
        for asked in ["-h", "--help"] {
            let ran = run(&[word, asked]);
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{word} {asked}: {ran}");
            assert!(ran.stdout.starts_with(&format!("usage: fleetvisord {word}")), "{ran}");
        }
    }
}

#[test]
fn that_there_is_no_profiler_is_said() {
    let host = Host::new(Subject::Ours, "{head}");
    let mut daemon = Daemon::launch_with(host, &["-n", "-s", "--profile_options=calls"]);
    daemon.wait_answering();
    let log = daemon.log();
    assert!(
        log.contains("WARN there is no profiler: --profile_options changes nothing\n"),
        "{log}"
    );
    daemon.signal(Signal::SIGTERM);
    assert_eq!((daemon.wait_end(), daemon.home().read("stdout.txt").as_str()), (0, ""));
}

#[test]
fn a_key_that_ends_the_start_is_found_without_one() {
    let host = Host::new(Subject::Ours, "{head}[DEFAULT]\nshared=1\n");
    let file = host.home().join("supervisord.conf").display().to_string();
    let ran = run(&["check", &file]);
    assert_eq!(ran.code, 2, "{ran}");
    let said = host.normal(&ran.stderr);
    let fault =
        "[rpcinterface:supervisor] shared: Could not make supervisor rpc interface; drop the key";
    assert!(said.contains(fault), "{said}");
}
