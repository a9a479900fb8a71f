//! What a child finds, and how it ends.

use std::process::Command;

use agent::spawn::reap::signal_child;
use agent_core::input::Exit;
use agent_core::spec::UserSpec;
use proto_words::Signal;

use crate::support::{Host, wait};

#[test]
fn an_exit_is_a_code_or_a_signal() {
    let host = Host::new();
    assert_eq!(host.shell("exit 3").exit, Exit::Code(3));
    assert_eq!(host.run(host.spec("true")).exit, Exit::Code(0));
    let killed = Exit::Signal { number: 9, core_dumped: false };
    assert_eq!(host.shell("kill -9 $$").exit, killed);
}

#[test]
fn the_environment_has_supervisords_variables_and_the_programs_own() {
    let host = Host::new();
    let mut spec = host.spec("env");
    let own = [("COLOUR", "blue"), ("SUPERVISOR_GROUP_NAME", "mine")];
    spec.environment = own.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let stdout = host.run(spec).stdout;
    let variables: Vec<_> = stdout.lines().collect();
    for expected in [
        "SUPERVISOR_ENABLED=1",
        "SUPERVISOR_SERVER_URL=unix:///run/x.sock",
        "SUPERVISOR_PROCESS_NAME=web",
        "SUPERVISOR_GROUP_NAME=mine",
        "COLOUR=blue",
    ] {
        assert!(variables.contains(&expected), "{expected} in {variables:?}");
    }
    let home = std::env::var("HOME").map(|home| format!("HOME={home}"));
    assert!(home.is_ok_and(|home| variables.contains(&home.as_str())));
}

#[test]
fn a_program_has_its_own_server_url() {
    let host = Host::new();
    let mut spec = host.spec("env");
    spec.server_url = Some("http://other:1".to_owned());
    let stdout = host.run(spec).stdout;
    assert!(stdout.contains("SUPERVISOR_SERVER_URL=http://other:1\n"));
}

#[test]
fn directory_umask_and_group_are_its_own() {
    let host = Host::new();
    let mut spec = host.spec(r#"sh -c 'pwd; umask; cut -d" " -f1,5,6 /proc/$$/stat'"#);
    spec.directory = Some("/usr".to_owned());
    spec.umask = Some(0o027);
    let (pid, watch) = host.start(spec);
    let session = nix::unistd::getsid(None).unwrap();
    let expected = format!("/usr\n0027\n{pid} {pid} {session}\n");
    assert_eq!(host.end(pid, &watch).stdout, expected);
}

#[test]
fn only_stdin_stdout_and_stderr_are_open() {
    let host = Host::new();
    let inheritable = std::fs::File::open("/dev/null").unwrap();
    rustix::io::fcntl_setfd(&inheritable, rustix::io::FdFlags::empty()).unwrap();
    let stdout = host.shell("ls /proc/$$/fd; true").stdout;
    assert_eq!(stdout, "0\n1\n2\n");
}

#[test]
fn no_signal_is_blocked_and_only_pipe_and_xfsz_are_ignored() {
    let host = Host::new();
    let stdout = host.run(host.spec("grep ^Sig[BI] /proc/self/status")).stdout;
    let sets = "SigBlk:\t0000000000000000\nSigIgn:\t0000000001001000\n";
    assert_eq!(stdout, sets);
}

#[test]
fn argv0_is_the_first_word_as_written() {
    let host = Host::new();
    let stdout = host.run(host.spec("cat /proc/self/cmdline")).stdout;
    assert_eq!(stdout, "cat\0/proc/self/cmdline\0");
}

#[test]
fn a_user_is_switched_to_with_its_groups() {
    let Ok(Some(nobody)) = nix::unistd::User::from_name("nobody") else {
        return;
    };
    let host = Host::new();
    let mut spec = host.spec("sh -c 'id -u; id -g; id -G'");
    spec.user =
        Some(UserSpec { uid: nobody.uid.as_raw(), gid: nobody.gid.as_raw(), name: nobody.name });
    let ended = host.run(spec);
    if nix::unistd::getuid().is_root() {
        let groups = Command::new("id").args(["-G", "nobody"]).output().unwrap();
        let groups = String::from_utf8(groups.stdout).unwrap();
        assert_eq!(ended.stdout, format!("{}\n{}\n{groups}", nobody.uid, nobody.gid));
    } else if nix::unistd::getuid() != nobody.uid {
        let said = format!(
            "supervisor: couldn't setuid to {}: Can't drop privilege as nonroot user\n\
             supervisor: child process was not spawned\n",
            nobody.uid
        );
        assert_eq!((ended.exit, ended.stderr), (Exit::Code(127), said));
    }
}

#[test]
fn a_signal_goes_to_the_child_or_to_its_group() {
    let host = Host::new();
    // The grandchild holds the pipe: it ends only if the group is signalled.
    let script = "sleep 1000 & echo $!; wait";
    let (pid, watch) = host.start(host.spec(&format!("/bin/sh -c '{script}'")));
    host.await_text("out", "\n");
    signal_child(&watch, pid, Signal::TERM, false).unwrap();
    let terminated = Exit::Signal { number: 15, core_dumped: false };
    assert_eq!(wait(&watch), terminated);
    let sleeper: i32 = host.read("out").trim().parse().unwrap();
    let sleeper = nix::unistd::Pid::from_raw(sleeper);
    assert_eq!(nix::unistd::getpgid(Some(sleeper)).unwrap().as_raw(), pid);
    signal_child(&watch, pid, Signal::KILL, true).unwrap();
    crate::support::until("the grandchild is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{sleeper}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
    let gone = signal_child(&watch, pid, Signal::TERM, false);
    assert_eq!(gone, Err(nix::errno::Errno::ESRCH));
}
