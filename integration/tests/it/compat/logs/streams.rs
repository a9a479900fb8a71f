//! Logs that are no files of their own: `/dev/stdout` and its like, on pipes, terminals and files.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::thread;

use integration::facts::shown;
use integration::prepared::by_shell;
use integration::subject::{Daemon, HEAD, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;

for_each_subject![a_pipe_a_terminal_and_a_file];

const PROGRAMS: &str = "
[program:out]
command={child} print:from-out forever
startsecs=0
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes={max}
[program:err]
command={child} complain:from-err forever
startsecs=0
stderr_logfile=/dev/fd/1
stderr_logfile_maxbytes={max}
[program:link]
command={child} print:from-link forever
startsecs=0
stdout_logfile={dir}/link.log
stdout_logfile_maxbytes={max}
";

/// A host whose own log, too, goes to its stdout.
fn host(subject: Subject, maxbytes: &str) -> Host {
    let keys = format!("/dev/stdout\nlogfile_maxbytes={maxbytes}");
    let head = HEAD.replace("{dir}/main.log", &keys);
    let host = Host::new(subject, &(head + PROGRAMS).replace("{max}", maxbytes));
    std::os::unix::fs::symlink("/dev/stdout", host.home().join("link.log")).unwrap();
    host
}

/// Where a daemon's stdout goes, read without waiting.
struct Reader {
    from: File,
    text: String,
}

impl Reader {
    fn new(from: File) -> Self {
        fcntl(from.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        Self { from, text: String::new() }
    }

    /// Waits until a phrase has come so many times.
    fn wait(&mut self, phrase: &str, times: usize) {
        wait::until(PATIENCE, &format!("{phrase:?} on stdout"), || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = self.from.read(&mut buffer) {
                self.text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
            if self.text.matches(phrase).count() >= times { Ok(()) } else { Err(self.text.clone()) }
        });
    }
}

/// In the foreground there are two ways to stdout, and each line comes by both.
const TWICE: &str = "INFO success: out entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)";

fn a_pipe_a_terminal_and_a_file(subject: Subject) {
    thread::scope(|scope| {
        scope.spawn(|| the_stream_gets_all(on_a_pipe(subject, "0")));
        scope.spawn(|| the_stream_gets_all(on_a_terminal(subject, "0")));
        scope.spawn(|| {
            let mut host = host(subject, "0");
            by_shell(&mut host, "exec >>{dir}/file");
            let daemon = Daemon::start_on(host);
            for word in ["from-out", "from-err", "from-link", TWICE] {
                wait_text(&daemon.path("file"), word);
            }
            assert!(fs::symlink_metadata(daemon.path("link.log")).unwrap().is_symlink());
        });
    });
    shown(subject, &["LOG-28"]);
}

/// What is no file is never rotated (COMPAT-10), however much goes through it.
#[test]
fn ours_takes_a_limit_for_none() {
    thread::scope(|scope| {
        scope.spawn(|| the_stream_gets_all(on_a_pipe(Subject::Ours, "10")));
        scope.spawn(|| the_stream_gets_all(on_a_terminal(Subject::Ours, "10")));
    });
}

fn on_a_pipe(subject: Subject, maxbytes: &str) -> (Daemon, Reader) {
    let mut host = host(subject, maxbytes);
    let pipe = host.home().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let pipe = File::options().read(true).write(true).open(&pipe).unwrap();
    by_shell(&mut host, "exec >{dir}/pipe");
    (Daemon::start_on(host), Reader::new(pipe))
}

fn on_a_terminal(subject: Subject, maxbytes: &str) -> (Daemon, Reader) {
    let mut host = host(subject, maxbytes);
    let terminal = nix::pty::openpty(None, None).unwrap();
    let name = nix::unistd::ttyname(&terminal.slave).unwrap();
    by_shell(&mut host, &format!("exec >{}", name.display()));
    (Daemon::start_on(host), Reader::new(File::from(terminal.master)))
}

fn the_stream_gets_all((mut daemon, mut stream): (Daemon, Reader)) {
    for word in ["from-out", "from-err", "from-link"] {
        stream.wait(word, 1);
    }
    stream.wait(TWICE, 2);
    // Reopening finds the same again.
    daemon.signal(Signal::SIGUSR2);
    stream.wait("INFO supervisord logreopen", 2);
    assert_eq!(daemon.ctl(&["restart", "err"]).stdout, "err: stopped\nerr: started\n");
    stream.wait("from-err", 2);
    daemon.signal(Signal::SIGTERM);
    stream.wait("stopped: out (terminated by SIGTERM)", 2);
    assert_eq!(daemon.wait_end(), 0);
}
