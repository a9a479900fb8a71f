//! A real socket with a server that plays its part byte by byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{JoinHandle, spawn};

use proto_xmlrpc::{Value, write_fault, write_response};

use super::local::{Access, Local};
use super::trouble::{Kind, Trouble};
use super::{Heard, Reach as _};

/// A server on a unix socket: the n-th request of the only connection gets the n-th answer.
/// Joining it gives the requests' heads.
struct Server {
    dir: tempfile::TempDir,
    thread: JoinHandle<Vec<String>>,
}

impl Server {
    fn start(answers: Vec<Vec<u8>>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(dir.path().join("s")).expect("a socket");
        let thread = spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            answers.into_iter().map(|answer| serve(&stream, &answer)).collect()
        });
        Self { dir, thread }
    }

    fn url(&self) -> String {
        format!("unix://{}", self.dir.path().join("s").display())
    }

    fn heads(self) -> Vec<String> {
        self.thread.join().expect("the server played to its end")
    }
}

/// Reads one request and answers it.
fn serve(stream: &UnixStream, answer: &[u8]) -> String {
    let (mut reader, mut head) = (BufReader::new(stream), String::new());
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).expect("a line of the head");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |n| n.parse().expect("a number"))];
    reader.read_exact(&mut body).expect("the body");
    let mut stream = stream;
    stream.write_all(answer).expect("the client is there");
    head
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn local(url: String) -> Local {
    let access = Access { username: Some("u".to_owned()), password: Some("p".to_owned()) };
    Local::new(url, access, false).expect("an event queue")
}

fn kind(result: Result<Value, Trouble>) -> Kind {
    result.expect_err("trouble").kind
}

#[test]
fn calls_share_a_connection_and_show_the_credentials() {
    let fault = ok(&write_fault(10, "BAD_NAME: zz"));
    let server = Server::start(vec![ok(&write_response(&"3.0".into())), fault]);
    let mut local = local(server.url());
    assert_eq!(local.call("getVersion", &[]).expect("an answer"), "3.0".into());
    let refused = local.call("startProcess", &["zz".into()]).expect_err("a fault");
    assert_eq!(refused.fault(), Some(proto_words::FaultCode::BadName));
    let heads = server.heads();
    assert!(heads[0].starts_with("POST /RPC2 HTTP/1.1\r\n"), "{}", heads[0]);
    for line in ["authorization: Basic dTpw", "content-type: text/xml", "host: localhost"] {
        assert!(heads.iter().all(|head| head.contains(line)), "{line}: {heads:?}");
    }
}

#[test]
fn what_is_no_answer_is_trouble_of_its_own_kind() {
    let unauthorized = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_vec();
    for (answer, expected) in [
        (unauthorized, "Status { code: 401, reason: \"Unauthorized\" }"),
        (Vec::new(), "Disconnected"),
        (ok(b"<x>"), "Body("),
        (b"nonsense\r\n\r\n".to_vec(), "Protocol("),
    ] {
        let server = Server::start(vec![answer]);
        let trouble = format!("{:?}", kind(local(server.url()).call("getPID", &[])));
        assert!(trouble.starts_with(expected), "{trouble}");
        server.heads();
    }
}

#[test]
fn a_server_that_is_not_there_is_trouble_of_the_system() {
    let dir = tempfile::tempdir().expect("a directory");
    let path: PathBuf = dir.path().join("s");
    let call = |url: String| format!("{:?}", kind(local(url).call("getPID", &[])));
    let unix = |path: &Path| format!("unix://{}", path.display());
    assert_eq!(call(unix(&path)), "System(2)");
    drop(UnixListener::bind(&path).expect("a socket"));
    assert_eq!(call(unix(&path)), "System(111)");
    let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a port");
    assert_eq!(call(format!("http://{free}")), "System(111)");
    assert!(call("https://h".to_owned()).starts_with("Value(\"ValueError\""));
}

#[test]
fn a_followed_log_comes_as_it_is_until_it_ends() {
    let log = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                3\r\na\xffb\r\n2\r\nc\n\r\n0\r\n\r\n";
    let server = Server::start(vec![log.to_vec()]);
    let mut local = local(server.url());
    let mut watch = local.follow(&["/logtail/w#b/stdout".to_owned()], false).expect("followed");
    let mut out = Vec::new();
    assert_eq!(watch.next(&mut out), Heard::Ended);
    assert_eq!(out, b"a\xffbc\n");
    let head = server.heads().remove(0);
    assert!(head.starts_with("GET /logtail/w%23b/stdout HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Basic dTpw"), "{head}");
}
