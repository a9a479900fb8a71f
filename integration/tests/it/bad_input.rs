//! Requests that nobody should send: an HTTP error or a fault, and the agent lives.

use integration::subject::{Daemon, Subject};

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
        (
            "an open element",
            "<methodCall><methodName>supervisor.getState</methodName>",
        ),
        (
            "crossed elements",
            "<methodCall><methodName>x</methodCall></methodName>",
        ),
        ("no method", "<methodCall><params></params></methodCall>"),
        (
            "an empty name",
            "<methodCall><methodName></methodName></methodCall>",
        ),
        (
            "more after the end",
            "<methodCall><methodName>x</methodName></methodCall><more/>",
        ),
        (
            "a number that is none",
            "<methodCall><methodName>supervisor.readLog</methodName><params>\
          <param><value><int>abc</int></value></param></params></methodCall>",
        ),
        (
            "a control character",
            "<methodCall><methodName>x\u{1b}</methodName></methodCall>",
        ),
        (
            "an unknown entity",
            "<methodCall><methodName>&no;</methodName></methodCall>",
        ),
    ];
    let daemon = Daemon::start(subject, HOST);
    let running = daemon.wait_state("cat", "RUNNING");
    for door in [daemon.door(), daemon.tcp()] {
        for (name, body) in bodies {
            let response = door
                .post(body.as_bytes())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(response.status, 400, "{name}: {response:?}");
        }
        let unknown = door.call("no.such.method", &[]).unwrap_err();
        assert_eq!(unknown.to_string(), "fault 1: UNKNOWN_METHOD");
        let unknown = door.call("supervisor.getProcessInfo", &["zz"]).unwrap_err();
        assert_eq!(unknown.to_string(), "fault 10: BAD_NAME: zz");
    }
    assert_eq!(daemon.process("cat").unwrap(), running);
}
