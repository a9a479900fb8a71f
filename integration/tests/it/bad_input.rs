//! Requests that nobody should send: an HTTP error or a fault, and the agent lives.

use std::io::{ErrorKind, Write as _};

use integration::rpc::{self, Door};
use integration::subject::{Daemon, Subject};

/// A request's body may have this many bytes; the first one more is refused.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

const HOST: &str = "{head}
[inet_http_server]
port=127.0.0.1:{port}
[program:cat]
command={sleeper}
startsecs=0
";

for_each_subject![what_is_not_well_formed_is_a_bad_request];

fn what_is_not_well_formed_is_a_bad_request(subject: Subject) {
    let bodies: &[(&str, &str)] = &[
        ("no XML", "garbage"),
        ("an open element", "<methodCall><methodName>supervisor.getState</methodName>"),
        ("crossed elements", "<methodCall><methodName>x</methodCall></methodName>"),
        ("no method", "<methodCall><params></params></methodCall>"),
        ("an empty name", "<methodCall><methodName></methodName></methodCall>"),
        ("more after the end", "<methodCall><methodName>x</methodName></methodCall><more/>"),
        (
            "a number that is none",
            "<methodCall><methodName>supervisor.readLog</methodName><params>\
          <param><value><int>abc</int></value></param></params></methodCall>",
        ),
        ("a control character", "<methodCall><methodName>x\u{1b}</methodName></methodCall>"),
        ("an unknown entity", "<methodCall><methodName>&no;</methodName></methodCall>"),
    ];
    let daemon = Daemon::start(subject, HOST);
    let running = daemon.wait_state("cat", "RUNNING");
    for door in [daemon.door(), daemon.tcp()] {
        for (name, body) in bodies {
            let response =
                door.post(body.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(response.status, 400, "{name}: {response:?}");
        }
        let unknown = door.call("no.such.method", &[]).unwrap_err();
        assert_eq!(unknown.to_string(), "fault 1: UNKNOWN_METHOD");
        let unknown = door.call("supervisor.getProcessInfo", &["zz"]).unwrap_err();
        assert_eq!(unknown.to_string(), "fault 10: BAD_NAME: zz");
    }
    assert_eq!(daemon.process("cat").unwrap(), running);
}

#[test]
fn a_body_over_the_limit_is_refused_and_the_agent_lives() {
    let daemon = Daemon::start(Subject::Ours, HOST);
    let running = daemon.wait_state("cat", "RUNNING");
    for door in [daemon.door(), daemon.tcp()] {
        let mut request = format!(
            "POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            BODY_BYTES_MAX + 1
        )
        .into_bytes();
        request.resize(request.len() + BODY_BYTES_MAX + 1, b' ');
        refused(&door, &request);
    }
    assert_eq!(daemon.process("cat").unwrap(), running);
}

/// Refused with a status, or, where the agent closes before we have sent everything, with a reset.
fn refused(door: &Door, request: &[u8]) {
    match door.exchange(request) {
        Ok(response) => assert!((400..500).contains(&response.status), "{response:?}"),
        Err(error) => assert!(
            matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
            "{error}"
        ),
    }
}

#[test]
fn deep_nesting_is_refused_and_the_agent_lives() {
    const DEPTH: usize = 10_000;
    let daemon = Daemon::start(Subject::Ours, HOST);
    let running = daemon.wait_state("cat", "RUNNING");
    let arrays = ("<value><array><data>".repeat(DEPTH), "</data></array></value>".repeat(DEPTH));
    let structs = (
        "<value><struct><member><name>a</name>".repeat(DEPTH),
        "</member></struct></value>".repeat(DEPTH),
    );
    let unknown = ("<a>".repeat(DEPTH), "</a>".repeat(DEPTH));
    for (open, close) in [arrays, structs, unknown] {
        let body = format!(
            "<methodCall><methodName>supervisor.getState</methodName><params><param>{open}{close}\
             </param></params></methodCall>"
        );
        let response = daemon.door().post(body.as_bytes()).unwrap();
        let fault = rpc::fault(&response.body);
        assert!(response.status == 400 || fault.is_some(), "{response:?}");
    }
    assert_eq!(daemon.process("cat").unwrap(), running);
}

#[test]
fn a_client_that_says_nothing_holds_up_nobody() {
    let daemon = Daemon::start(Subject::Ours, HOST);
    let running = daemon.wait_state("cat", "RUNNING");
    let silent: Vec<_> = (0..50).map(|_| daemon.tcp().connect().unwrap()).collect();
    let mut half = daemon.door().connect().unwrap();
    half.write_all(b"POST /RPC2 HTTP/1.1\r\nContent-Length: 100\r\n\r\n<method").unwrap();
    assert_eq!(daemon.process("cat").unwrap(), running);
    drop((silent, half));
}
