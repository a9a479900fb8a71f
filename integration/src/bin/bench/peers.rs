//! Those who are compared, behind one interface.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use integration::home::Home;
use integration::subject::{Daemon, Host, Subject};
use integration::{bare, wait};
use nix::unistd::Pid;

/// Long enough for the original with a thousand programs on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Between two looks at a file; what is measured stands in the file and not in the looking.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

/// A running daemon, ours or the original, and when it was launched.
pub struct Running {
    pub daemon: Daemon,
    pub launched: Duration,
}

/// Starts a daemon and waits for nothing.
pub fn launch(subject: Subject, configuration: &str) -> Running {
    let host = Host::new(subject, configuration);
    let launched = wait::mono();
    Running { daemon: Daemon::launch(host), launched }
}

/// `{head}` with room for many descriptors, and one section of programs.
pub fn programs(count: usize, command: &str, keys: &str) -> String {
    let minfds = count * 4 + 200;
    let head = integration::subject::HEAD
        .replace("[supervisord]\n", &format!("[supervisord]\nminfds={minfds}\n"));
    format!(
        "{head}\n[program:p]\ncommand={command}\nprocess_name=%(process_num)d\nnumprocs={count}\n\
         startsecs=0\nredirect_stderr=true\nstdout_logfile={{dir}}/log-%(process_num)d\n{keys}\n"
    )
}

/// The bare loop at work in a home of its own.
pub struct Bare {
    pub home: Home,
    pub launched: Duration,
    child: Child,
}

impl Bare {
    /// `bare keep COUNT`, with the starter.
    pub fn keep(count: usize, argument: Option<&str>) -> Self {
        let home = Home::new();
        let stamps = home.join("stamps");
        home.write("stamps", "");
        let mut words = vec![bare::starter(), stamps];
        words.extend(argument.map(PathBuf::from));
        Self::start(home, "keep", count, &words)
    }

    /// `bare copy COUNT`, with these words.
    pub fn copy(count: usize, words: &[PathBuf]) -> Self {
        Self::start(Home::new(), "copy", count, words)
    }

    fn start(home: Home, how: &str, count: usize, words: &[PathBuf]) -> Self {
        let mut command = Command::new(bare::bare());
        command.arg(how).arg(count.to_string()).arg(home.path()).args(words);
        command.env(integration::home::MARK, home.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let launched = wait::mono();
        let child = command.spawn().unwrap_or_else(|error| panic!("the bare loop: {error}"));
        Self { home, launched, child }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Ends stdin, so that everything is stopped; the number that it prints.
    pub fn stop(&mut self) -> f64 {
        drop(self.child.stdin.take());
        self.number()
    }

    /// The number that it prints next.
    pub fn number(&mut self) -> f64 {
        let mut line = String::new();
        let stdout = self.child.stdout.as_mut().expect("its stdout is ours");
        BufReader::new(stdout).read_line(&mut line).expect("the bare loop tells its figure");
        line.trim().parse().unwrap_or_else(|_| panic!("no number: {line:?}"))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One start, as the program itself saw it.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub at: Duration,
    pub pid: i32,
}

/// Waits until `count` starts are stamped and returns all.
pub fn starts(home: &Home, count: usize) -> Vec<Start> {
    let begun = wait::mono();
    loop {
        let found = stamps(home);
        if found.len() >= count {
            return found;
        }
        assert!(
            wait::mono().saturating_sub(begun) < PATIENCE,
            "only {} of {count} starts",
            found.len()
        );
        wait::pass(BETWEEN_LOOKS);
    }
}

/// Every start so far: 16 bytes each.
pub fn stamps(home: &Home) -> Vec<Start> {
    const STAMP: usize = 16;
    let bytes = std::fs::read(home.join("stamps")).unwrap_or_default();
    let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
    let stamp = |bytes: &[u8]| Start {
        at: Duration::from_nanos(number(&bytes[..8])),
        pid: i32::try_from(number(&bytes[8..])).expect("a pid"),
    };
    bytes.chunks_exact(STAMP).map(stamp).collect()
}

/// How many starts so far, without reading them.
pub fn starts_so_far(home: &Home) -> u64 {
    File::open(home.join("stamps"))
        .and_then(|file| file.metadata())
        .map_or(0, |file| file.len() / 16)
}
