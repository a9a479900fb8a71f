//! The scripted child: does its arguments one after another and exits with 0.
//!
//! | word | what it does |
//! |---|---|
//! | `print:TEXT`, `complain:TEXT` | a line to stdout, to stderr |
//! | `say:TEXT` | TEXT to stdout in one write; `\n` in it is a newline |
//! | `hear:FILE` | as an event listener: reads one event and notes it in FILE ([`integration::ears`]) |
//! | `serve:FILE` | says that it is ready, hears an event and says OK, for ever |
//! | `write-lines:N` | N numbered lines to stdout |
//! | `write-bytes:N` | N bytes to stdout, 63 and a newline at a time |
//! | `stamp:FILE[:NOTE]` | appends `MONOTONIC_NS REALTIME_NS PID NOTE` to FILE, in one write |
//! | `sleep:SECONDS` | sleeps (fractions allowed) |
//! | `forever` | sleeps until a signal ends it |
//! | `ignore:SIGNAL` | ignores a signal from now on |
//! | `catch:SIGNAL=CODE` | exits with CODE at that signal, from now on |
//! | `fork:SECONDS` | leaves a grandchild behind that sleeps and holds stdout open |
//! | `leave-group` | joins the process group of its parent |
//! | `listen:PORT` | answers `ok` to each connection on 127.0.0.1, for ever |
//! | `echo` | copies stdin to stdout until its end |
//! | `env:NAME` | prints `NAME=value`, or `NAME unset` |
//! | `cwd` | prints the working directory |
//! | `own` | prints all that it sees of itself, one line of JSON |
//! | `until:FILE` | waits until FILE exists |
//! | `unless:FILE=CODE` | exits with CODE unless FILE exists |
//! | `save:FILE=N` | copies N bytes of stdin to FILE |
//! | `deaf` | closes stdin |
//! | `wall-clock:FILE=SECONDS` | makes a daemon's clock go wrong ([`integration::wall_clock`]) |
//! | `exit:CODE` | exits |
//! | `die:SIGNAL` | ends itself by a signal |

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use integration::ears::Heard;
use integration::own::Own;
use integration::wait;
use integration::wall_clock::set_wall_clock;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getpgid, setpgid};

/// Nobody waits for an `until:FILE` longer than this: a test that failed must not leave it behind.
const UNTIL_MAX: Duration = Duration::from_mins(10);

/// The exit code of the caught signal that is waited for; set before its thread starts.
static CAUGHT: AtomicI32 = AtomicI32::new(0);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    for word in &words {
        let (verb, rest) = word.split_once(':').unwrap_or((word, ""));
        if let Err(error) = act(verb, rest) {
            eprintln!("child: {word}: {error}");
            exit(64);
        }
    }
}

fn act(verb: &str, rest: &str) -> io::Result<()> {
    match verb {
        "print" => say(&mut io::stdout(), rest),
        "complain" => say(&mut io::stderr(), rest),
        "say" => say_all(rest),
        "hear" => hear(rest),
        "serve" => loop {
            say_all("READY\\n")?;
            hear(rest)?;
            say_all("RESULT 2\\nOK")?;
        },
        "write-lines" => write_lines(number(rest)?),
        "write-bytes" => write_bytes(number(rest)?),
        "stamp" => stamp(rest),
        "sleep" => sleep(rest),
        "forever" => forever(),
        "ignore" => ignore(signal(rest)?),
        "catch" => catch(rest),
        "fork" => fork(rest),
        "leave-group" => Ok(setpgid(Pid::this(), getpgid(Some(Pid::parent()))?)?),
        "listen" => listen(rest),
        "echo" => echo(),
        "env" => env(rest),
        "cwd" => say(&mut io::stdout(), &std::env::current_dir()?.display().to_string()),
        "until" => wait::until(UNTIL_MAX, rest, || {
            if Path::new(rest).exists() { Ok(Ok(())) } else { Err("no such file") }
        }),
        "own" => say(&mut io::stdout(), &serde_json::to_string(&Own::look()?)?),
        "unless" => unless(rest),
        "save" => save(rest),
        "deaf" => Ok(nix::unistd::close(0)?),
        "wall-clock" => {
            let (file, seconds) = pair(rest)?;
            set_wall_clock(Path::new(file), seconds.parse().map_err(io::Error::other)?)
        }
        "exit" => exit(i32::try_from(number(rest)?).map_err(io::Error::other)?),
        "die" => die(signal(rest)?),
        _ => Err(io::Error::other("no such word; see the head of child.rs")),
    }
}

/// In one write: whoever reads gets a line whole.
fn say(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(format!("{text}\n").as_bytes())?;
    to.flush()
}

fn say_all(text: &str) -> io::Result<()> {
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    out.write_all(text.replace("\\n", "\n").as_bytes())
}

fn hear(file: &str) -> io::Result<()> {
    let event = Heard::read(&mut io::stdin().lock())?;
    let mut notes = OpenOptions::new().append(true).create(true).open(file)?;
    notes.write_all(event.note().as_bytes())
}

fn write_lines(count: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    (1..=count).try_for_each(|line| writeln!(out, "line {line}"))?;
    out.flush()
}

fn write_bytes(count: usize) -> io::Result<()> {
    let line = [[b'x'; 63].as_slice(), b"\n"].concat();
    let mut out = io::stdout().lock();
    let mut left = count;
    while left > 0 {
        let now = left.min(line.len());
        out.write_all(&line[line.len() - now..])?;
        left -= now;
    }
    out.flush()
}

/// One `write` to a file opened for appending: stamps of many children do not mix.
fn stamp(rest: &str) -> io::Result<()> {
    let (file, note) = rest.split_once(':').unwrap_or((rest, ""));
    let (mono, wall) = (wait::mono().as_nanos(), wait::wall().as_nanos());
    let line = format!("{mono} {wall} {} {note}\n", std::process::id());
    OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())
}

fn sleep(rest: &str) -> io::Result<()> {
    let seconds: f64 = rest.parse().map_err(io::Error::other)?;
    wait::pass(Duration::try_from_secs_f64(seconds).map_err(io::Error::other)?);
    Ok(())
}

fn forever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Blocking a signal is as good as ignoring it, and needs no handler.
fn ignore(signal: Signal) -> io::Result<()> {
    Ok(SigSet::from(signal).thread_block()?)
}

/// A thread waits for the blocked signal: no handler, so no code that must be async-signal-safe.
fn catch(rest: &str) -> io::Result<()> {
    let (name, code) = rest.split_once('=').ok_or_else(|| io::Error::other("catch:SIGNAL=CODE"))?;
    let set = SigSet::from(signal(name)?);
    set.thread_block()?;
    CAUGHT.store(code.parse().map_err(io::Error::other)?, Ordering::SeqCst);
    std::thread::spawn(move || {
        if set.wait().is_ok() {
            exit(CAUGHT.load(Ordering::SeqCst));
        }
    });
    Ok(())
}

fn fork(seconds: &str) -> io::Result<()> {
    let own = std::env::current_exe()?;
    Command::new(own).arg(format!("sleep:{seconds}")).spawn().map(drop)
}

fn listen(port: &str) -> io::Result<()> {
    let port: u16 = port.parse().map_err(io::Error::other)?;
    for stream in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let _ = stream?.write_all(b"ok\n");
    }
    Ok(())
}

fn echo() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        say(&mut io::stdout(), &line?)?;
    }
    Ok(())
}

fn unless(rest: &str) -> io::Result<()> {
    let (file, code) = pair(rest)?;
    if Path::new(file).exists() {
        return Ok(());
    }
    exit(code.parse().map_err(io::Error::other)?)
}

fn save(rest: &str) -> io::Result<()> {
    let (file, count) = pair(rest)?;
    let count = count.parse().map_err(io::Error::other)?;
    io::copy(&mut io::stdin().lock().take(count), &mut File::create(file)?).map(drop)
}

/// `FILE=WORD`.
fn pair(rest: &str) -> io::Result<(&str, &str)> {
    rest.split_once('=').ok_or_else(|| io::Error::other("FILE=WORD"))
}

fn env(name: &str) -> io::Result<()> {
    match std::env::var(name) {
        Ok(value) => say(&mut io::stdout(), &format!("{name}={value}")),
        Err(_) => say(&mut io::stdout(), &format!("{name} unset")),
    }
}

fn die(signal: Signal) -> io::Result<()> {
    kill(Pid::this(), signal)?;
    forever()
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(io::Error::other)
}

/// `TERM` or `SIGTERM`.
fn signal(name: &str) -> io::Result<Signal> {
    let name = name.strip_prefix("SIG").unwrap_or(name);
    Ok(format!("SIG{name}").parse::<Signal>()?)
}
