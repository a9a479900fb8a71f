//! A FastCGI responder, one request at a time: it accepts on descriptor 0, as the protocol has it.
//!
//! What it answers is what a web server would see of it: its pid, how its socket is, what it was
//! asked. With `WAIT_FOR=FILE` among the parameters it answers only when FILE exists. Each request
//! is noted on its standard output.

use std::fs::File;
use std::io::{self, Write, stdin};
use std::path::Path;
use std::time::Duration;

use integration::fastcgi::{Kind, Record, pairs};
use integration::wait;
use rustix::net::{accept, getsockname, sockopt};

/// Nobody waits for a file longer than this: a test that failed must not leave it behind.
const WAIT_MAX: Duration = Duration::from_mins(10);

fn main() -> io::Result<()> {
    println!("ready");
    loop {
        let connection = File::from(accept(stdin())?);
        if let Err(error) = serve(connection) {
            eprintln!("fcgi: {error}");
        }
    }
}

fn serve(mut connection: File) -> io::Result<()> {
    let (mut params, mut body, mut ended) = (Vec::new(), Vec::new(), false);
    while !ended {
        let Some(Record { kind, content }) = Record::read(&mut connection)? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        match kind {
            Kind::Begin => {}
            Kind::Params => params.extend(content),
            Kind::Stdin if content.is_empty() => ended = true,
            Kind::Stdin => body.extend(content),
            other => return Err(io::Error::other(format!("{other:?} in a request"))),
        }
    }
    let params = pairs(&params);
    let of = |name: &str| params.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    if let Some(file) = of("WAIT_FOR") {
        say(&format!("waiting for {file}"))?;
        wait::until(WAIT_MAX, file, || if Path::new(file).exists() { Ok(()) } else { Err("no") });
    }
    let listening = getsockname(stdin())?;
    let answer = format!(
        "Content-Type: text/plain\r\n\r\npid={}\nfamily={}\nreuse={}\nquery={}\nbody={}\n",
        std::process::id(),
        listening.address_family().as_raw(),
        sockopt::socket_reuseaddr(stdin())?,
        of("QUERY_STRING").map_or("", String::as_str),
        String::from_utf8_lossy(&body),
    );
    Record::new(Kind::Stdout, answer).write(&mut connection)?;
    Record::new(Kind::Stdout, []).write(&mut connection)?;
    Record::end(0).write(&mut connection)?;
    say("answered")
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
