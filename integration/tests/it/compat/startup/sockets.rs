//! How a unix socket comes to be, and what becomes of one that was left behind.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;

use integration::facts::shown;
use integration::subject::{Daemon, HEAD, Host, Subject};
use nix::unistd::{getgid, getuid};

for_each_subject![what_nobody_answers_on_is_taken_over, it_has_its_mode_before_its_name];

fn what_nobody_answers_on_is_taken_over(subject: Subject) {
    for leftover in ["socket", "file"] {
        let host = Host::new(subject, "{head}");
        let path = host.home().join("s.sock");
        if leftover == "socket" {
            drop(UnixListener::bind(&path).unwrap());
        } else {
            fs::write(&path, "").unwrap();
        }
        let before = fs::symlink_metadata(&path).unwrap().mtime_nsec();
        let daemon = Daemon::start_on(host);
        let stderr = daemon.host().normal(&daemon.home().read("stderr.txt"));
        assert_eq!(stderr, "Unlinking stale socket {dir}/s.sock\n", "a {leftover}");
        assert!(!daemon.log().contains("stale"), "{}", daemon.log());
        assert_ne!(fs::symlink_metadata(&path).unwrap().mtime_nsec(), before);
    }
    shown(subject, &["ST-18"]);
}

fn it_has_its_mode_before_its_name(subject: Subject) {
    let (uid, gid) = (getuid(), getgid());
    let keys = format!("file={{dir}}/s.sock\nchmod=0710\nchown={uid}:{gid}");
    let mut host = Host::new(subject, &HEAD.replace("file={dir}/s.sock", &keys));
    let calls = "trace=bind,chmod,fchmodat,link,linkat,chown,lchown,fchownat,unlink,unlinkat";
    // The tracer steps aside, so that the daemon has the pid that was started.
    host.start_with(&["strace", "-D", "-f", "-o", "{dir}/calls.txt", "-e", calls, "--"]);
    let daemon = Daemon::start_on(host);
    let temporary = format!("{{dir}}/s.sock.{}", daemon.pid());
    let calls = daemon
        .home()
        .read("calls.txt")
        .replace(&daemon.home().path().display().to_string(), "{dir}");
    let done = calls.lines().filter(|line| line.contains("/s.sock") && line.ends_with(" = 0"));
    let done: Vec<String> = done
        .map(|line| {
            let (_, call) = line.split_once(' ').unwrap_or_default();
            let name = call.trim_start().split('(').next().unwrap_or_default();
            let short = name.trim_start_matches(['f', 'l']).trim_end_matches("at");
            let short = if name.starts_with("link") { "link" } else { short };
            let paths = call.split('"').skip(1).step_by(2).collect::<Vec<_>>().join(" ");
            format!("{short} {paths}")
        })
        .collect();
    let wanted = [
        format!("bind {temporary}"),
        format!("chmod {temporary}"),
        format!("link {temporary} {{dir}}/s.sock"),
        "chown {dir}/s.sock".to_owned(),
        format!("unlink {temporary}"),
    ];
    assert_eq!(done, wanted, "{calls}");
    let found = fs::symlink_metadata(daemon.path("s.sock")).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o710);
    assert_eq!((found.uid(), found.gid()), (uid.as_raw(), gid.as_raw()));
    shown(subject, &["ST-20"]);
}
