//! From the first step to the loop, and every way in which a start fails.

mod failures;
mod limits;
mod order;
mod pidfile;
mod servers;
mod sockets;

use integration::nobody::are_root;
use integration::ran::Ran;
use integration::subject::{Host, Subject};

/// A daemon without a server, in its home.
const BARE: &str = "[supervisord]
logfile={dir}/main.log
pidfile={dir}/main.pid
childlogdir={dir}
";

/// A host that starts as root: whoever runs the tests becomes it, in a name space of its own.
fn as_root(subject: Subject, configuration: &str) -> Host {
    let mut host = Host::new(subject, configuration);
    if !are_root() {
        host.start_with(&["unshare", "-r"]);
    }
    host
}

/// What a start that was refused left: this message, and exit code 2.
fn assert_refused(host: &Host, ran: &Ran, message: &str) {
    let argv0 = host.normal(&host.program().display().to_string());
    let wanted = format!("Error: {message}\nFor help, use {argv0} -h\n");
    assert_eq!((ran.code, ran.stderr.as_str()), (2, wanted.as_str()), "{ran}");
}

/// The lines of a normalised log without their stamps.
fn lines(log: &str) -> Vec<&str> {
    log.lines().map(|line| line.strip_prefix("WHEN ").unwrap_or(line)).collect()
}
