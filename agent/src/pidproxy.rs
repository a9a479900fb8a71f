//! `pidproxy`: runs a command that puts a daemon in the background, and sends the signals that it
//! gets itself to the pid in the daemon's pidfile.
//!
//! ```text
//! supervisord ──signal──▶ pidproxy ──the same──▶ the pid in PIDFILE
//!                            └──runs──▶ COMMAND, whose end is its own
//! ```
//!
//! It is a program of its own that lies in the agent's file; nothing of the agent runs beside it.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, absolute};
use std::process::{Child, Command, ExitCode};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

const USAGE: &str = "PIDFILE COMMAND [ARGUMENT...]
Runs COMMAND, a path (PATH is not searched), and goes on until it ends. TERM, HUP, INT, QUIT, USR1 and
USR2 go to the process whose pid stands in PIDFILE; after TERM, INT and QUIT this program ends, too.";

/// What is passed on.
const PASSED: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// Runs as `name` with these words behind it; comes back when the command has ended, or a signal
/// has ended what the pidfile names.
#[must_use]
pub fn main(name: &str, words: &[String]) -> ExitCode {
    let (pidfile, command, arguments) = match words {
        [word] if word == "--help" || word == "-h" => {
            println!("usage: {name} {USAGE}");
            return ExitCode::SUCCESS;
        }
        [pidfile, command, arguments @ ..] => (pidfile, command, arguments),
        [] | [_] => {
            println!("usage: {name} {USAGE}");
            return ExitCode::from(1);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(proxy(pidfile, command, arguments))) {
        Ok(Ok(code)) => code,
        Ok(Err(text)) => failed(name, &text),
        Err(error) => failed(name, &format!("cannot watch signals: {error}")),
    }
}

fn failed(name: &str, text: &str) -> ExitCode {
    eprintln!("{name}: {text}");
    ExitCode::from(1)
}

async fn proxy(pidfile: &str, command: &str, arguments: &[String]) -> Result<ExitCode, String> {
    let cannot_watch = |error| format!("cannot watch signals: {error}");
    // Before there is anybody to pass them to, so that none is deadly.
    let mut signals = Signals::watch().map_err(cannot_watch)?;
    let mut deaths = signal(SignalKind::child()).map_err(cannot_watch)?;
    let mut child = start(command, arguments)?;
    loop {
        tokio::select! {
            signal = signals.next() => {
                if pass(pidfile, signal)? {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            _ = deaths.recv() => {
                if has_ended(&mut child)? {
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
    }
}

/// The command as it was typed, by its whole path.
fn start(command: &str, arguments: &[String]) -> Result<Child, String> {
    let path = absolute(Path::new(command)).map_err(|error| format!("{command:?}: {error}"))?;
    Command::new(&path).arg0(command).args(arguments).spawn().map_err(|error| {
        format!("cannot run {}: {error}; a path is wanted, PATH is not searched", path.display())
    })
}

fn has_ended(child: &mut Child) -> Result<bool, String> {
    let status = child.try_wait().map_err(|error| format!("cannot wait for it: {error}"))?;
    // One that is merely stopped or continued has not.
    Ok(status.is_some_and(|status| status.code().is_some() || status.signal().is_some()))
}

/// Passes a signal on; says whether that was the last one.
fn pass(pidfile: &str, signal: Signal) -> Result<bool, String> {
    let Some(pid) = read(pidfile) else {
        println!("Can't read child pidfile {pidfile}!");
        return Ok(false);
    };
    kill(pid, signal)
        .map_err(|errno| format!("cannot send {signal} to pid {pid} of {pidfile}: {errno}"))?;
    Ok(matches!(signal, Signal::SIGTERM | Signal::SIGINT | Signal::SIGQUIT))
}

/// The pid in the file. Zero and less would name whole groups of processes, this one among them.
fn read(pidfile: &str) -> Option<Pid> {
    let number: i32 = std::fs::read_to_string(pidfile).ok()?.trim().parse().ok()?;
    (number > 0).then(|| Pid::from_raw(number))
}

/// The signals that are passed on, listened to.
struct Signals([SignalStream; PASSED.len()]);

impl Signals {
    fn watch() -> std::io::Result<Self> {
        let watch = |one: Signal| signal(SignalKind::from_raw(one as i32));
        let [term, hup, int, quit, first, second] = PASSED;
        let streams = [watch(term)?, watch(hup)?, watch(int)?, watch(quit)?];
        let [term, hup, int, quit] = streams;
        Ok(Self([term, hup, int, quit, watch(first)?, watch(second)?]))
    }

    async fn next(&mut self) -> Signal {
        let [term, hup, int, quit, first, second] = &mut self.0;
        let index = tokio::select! {
            _ = term.recv() => 0,
            _ = hup.recv() => 1,
            _ = int.recv() => 2,
            _ = quit.recv() => 3,
            _ = first.recv() => 4,
            _ = second.recv() => 5,
        };
        PASSED[index]
    }
}

#[cfg(test)]
mod tests {
    use super::{Pid, read};

    #[test]
    fn only_a_process_can_be_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pid");
        let file = file.to_str().expect("it is UTF-8");
        assert_eq!(read(file), None, "not there");
        for (text, pid) in [
            ("17\n", Some(17)),
            (" 17 ", Some(17)),
            ("", None),
            ("x", None),
            ("0", None),
            ("-1", None),
            ("99999999999", None),
        ] {
            std::fs::write(file, text).expect("written");
            assert_eq!(read(file), pid.map(Pid::from_raw), "{text:?}");
        }
    }
}
