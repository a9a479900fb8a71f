//! Starts that fail for the log's or a socket's sake, and warnings about directories.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject};
use nix::sys::signal::Signal;

use super::BARE;

for_each_subject![
    a_log_that_cannot_be_opened_ends_the_start,
    a_directory_of_logs_that_cannot_be_read_is_told,
    a_fastcgi_socket_that_cannot_be_made_ends_the_start,
    an_end_has_its_exit_code,
];

fn a_log_that_cannot_be_opened_ends_the_start(subject: Subject) {
    let host = Host::new(subject, "[supervisord]\nlogfile={dir}/sub\npidfile={dir}/main.pid\n");
    fs::create_dir(host.home().join("sub")).unwrap();
    for arguments in [&[][..], &["-n"]] {
        let ran = host.run_daemon(arguments);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.contains("Is a directory"), "{ran}");
        assert!(ran.stderr.contains("{dir}/sub"), "{ran}");
        assert!(!ran.stderr.contains("For help"), "{ran}");
    }
    assert!(!host.home().join("main.pid").exists());
    shown(subject, &["ST-10", "UP-18"]);
}

fn a_directory_of_logs_that_cannot_be_read_is_told(subject: Subject) {
    let keys = BARE.replace("childlogdir={dir}", "childlogdir={dir}/logs");
    let mut host = Host::new(subject, &format!("{keys}[program:p]\ncommand=/bin/sleep 1000\n"));
    let logs = host.home().join("logs");
    fs::create_dir(&logs).unwrap();
    host.as_nobody();
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o300)).unwrap();
    let daemon = Daemon::launch(host);
    daemon.wait_log("spawned: 'p'");
    let log = daemon.log();
    assert!(log.contains("WARN Could not clear childlog dir\n"), "{log}");
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 2, "new ones are made there");
    shown(subject, &["ST-29"]);
}

fn a_fastcgi_socket_that_cannot_be_made_ends_the_start(subject: Subject) {
    let host = Host::new(
        subject,
        &format!("{BARE}[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix://{{dir}}/none/f.sock\n"),
    );
    let ran = host.run_daemon(&[]);
    assert_eq!(ran.code, 1, "{ran}");
    let why = "Could not create FastCGI socket unix://{dir}/none/f.sock: ";
    assert!(ran.stderr.contains(why), "{ran}");
    assert!(ran.stderr.contains("No such file or directory"), "{ran}");
    assert!(!ran.stderr.contains("For help"), "{ran}");
    shown(subject, &["ST-31"]);
}

fn an_end_has_its_exit_code(subject: Subject) {
    let mut daemon = Daemon::start(subject, "{head}");
    daemon.signal(Signal::SIGQUIT);
    assert_eq!(daemon.wait_end(), 0, "by signal");
    daemon.start_again();
    daemon.door().call("supervisor.shutdown", &[]).unwrap();
    assert_eq!(daemon.wait_end(), 0, "by RPC");
    assert_eq!(daemon.host().run_daemon(&["-Z"]).code, 2);
    shown(subject, &["UP-18"]);
}
