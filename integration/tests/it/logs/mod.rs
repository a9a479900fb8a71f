//! Log files that cannot be written do not stop supervision.

mod hung;

use std::fs;
use std::path::{Path, PathBuf};

use integration::subject::{Daemon, Host, Subject, wait_text};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;

/// The daemon's log and one program's lie in `place`; another program's do not.
const HOST: &str = "[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={dir}/place/main.log
logfile_maxbytes=20KB
pidfile={dir}/main.pid
childlogdir={dir}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{dir}/s.sock
[program:chatty]
command={child} print:begin until:{dir}/go write-bytes:1000000 stamp:{dir}/written forever
startsecs=0
stdout_logfile={dir}/place/chatty.log
stdout_logfile_maxbytes=100KB
[program:other]
command={child} stamp:{dir}/others print:here forever
startsecs=0
stdout_logfile={dir}/other.log
";

/// Bytes of the small file system.
const SMALL: &str = "size=64k";

/// A tmpfs, taken away again before the home is removed.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `None` where the account may not mount.
    fn on(place: &Path) -> Option<Self> {
        mount(Some("none"), place, Some("tmpfs"), MsFlags::empty(), Some(SMALL)).ok()?;
        Some(Self(place.to_path_buf()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

#[test]
fn a_full_log_directory_does_not_stop_supervision() {
    let host = Host::new(Subject::Ours, HOST);
    let place = host.home().join("place");
    fs::create_dir(&place).unwrap();
    let tmpfs = Tmpfs::on(&place);
    // The home is removed after the file system in it: fields of a pair go in this order.
    let (tmpfs, mut daemon) = (tmpfs, Daemon::start_on(host));
    if tmpfs.is_none() {
        // Without the right to mount: a device on which every write fails with the same error.
        let log = "stdout_logfile={dir}/place/chatty.log\nstdout_logfile_maxbytes=100KB";
        let full = HOST.replace(log, "stdout_logfile=/dev/full\nstdout_logfile_maxbytes=0");
        daemon.host().configure(&full);
        daemon.signal(Signal::SIGHUP);
        daemon.wait_state("other", "RUNNING");
        daemon.wait_answering();
    }
    supervision_goes_on(&mut daemon);
    drop(tmpfs);
}

#[test]
fn a_log_directory_that_vanishes_does_not_stop_supervision() {
    let host = Host::new(Subject::Ours, HOST);
    let place = host.home().join("place");
    fs::create_dir(&place).unwrap();
    let mut daemon = Daemon::start_on(host);
    wait_text(&place.join("chatty.log"), "begin");
    fs::remove_dir_all(&place).unwrap();
    supervision_goes_on(&mut daemon);
}

/// Everything that an operator does still works, and the program that fills its log is not held up.
fn supervision_goes_on(daemon: &mut Daemon) {
    daemon.wait_state("chatty", "RUNNING");
    let other = daemon.wait_state("other", "RUNNING");
    daemon.home().write("go", "");
    wait_text(&daemon.path("written"), "\n");
    nix::sys::signal::kill(other.pid, Signal::SIGKILL).unwrap();
    let again = wait_starts(daemon, 2);
    assert!(again.lines().count() >= 2, "a killed program is started again");
    daemon.wait_state("other", "RUNNING");
    for (words, said) in [
        (["stop", "chatty"], "chatty: stopped\n"),
        (["stop", "other"], "other: stopped\n"),
        (["start", "other"], "other: started\n"),
        (["tail", "other"], "here\nhere\nhere\n\n"),
    ] {
        let ran = daemon.ctl(&words);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, said), "{words:?}\n{ran}");
    }
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
}

fn wait_starts(daemon: &Daemon, count: usize) -> String {
    integration::wait::until(integration::wait::PATIENCE, "another start", || {
        let stamps = daemon.home().read("others");
        if stamps.lines().count() >= count { Ok(stamps) } else { Err(stamps) }
    })
}
