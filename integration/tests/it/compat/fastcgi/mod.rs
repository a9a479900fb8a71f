//! FastCGI programs: a socket that a group shares, asked by a client as a web server asks.

mod life;
mod refused;
mod shared;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use integration::fastcgi::{self, Answer};
use integration::places;
use integration::rpc::Door;
use integration::subject::Daemon;

/// A configuration in which `{fcgi}` stands for the responder.
fn with_responder(text: &str) -> String {
    text.replace("{fcgi}", &places::binary("fcgi").display().to_string())
}

fn unix(path: &Path) -> Door {
    Door::Unix(path.to_path_buf())
}

fn tcp(port: u16) -> Door {
    Door::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// One request and its answer.
fn ask(door: &Door, pairs: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let mut connection = door.connect()?;
    fastcgi::send(&mut connection, pairs, body)?;
    fastcgi::receive(&mut connection)
}

/// Has a process started or stopped, and waits until it is.
fn order(daemon: &Daemon, method: &str, name: &str) {
    let done = daemon.door().call(&format!("supervisor.{method}"), &[name]);
    done.unwrap_or_else(|error| panic!("{method} {name}: {error}"));
}

/// A line of an answer, `NAME=`.
fn line<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let mut lines = answer.stdout.lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {name} in {answer:?}"))
}

/// The lines of the log that speak of births, ends and sockets and have one of these words, without
/// stamps.
fn story(daemon: &Daemon, words: &[&str]) -> Vec<String> {
    const VERBS: [&str; 6] =
        ["Creating socket", "Closing socket", "spawned:", "spawnerr:", "exited:", "stopped:"];
    let log = daemon.log();
    let told = log.lines().filter(|line| VERBS.iter().any(|verb| line.contains(verb)));
    let about = told.filter(|line| words.iter().any(|word| line.contains(word)));
    about.map(|line| line.split_once(' ').unwrap_or_default().1.to_owned()).collect()
}
