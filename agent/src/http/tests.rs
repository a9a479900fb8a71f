//! A whole server on a unix socket, with a core that is played, asked in raw bytes.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::command::{Command, LogFiles, Refusal, Reply};
use agent_core::spec::{Credentials, Level, ServerAddress, ServerSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::patience::{BOUNDS, Bounds};
use super::serve::serve_within;
use super::{Log, Rpc, open};
use crate::played::{core, facts, log};

/// Everything here takes milliseconds; this long means that it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    dir: tempfile::TempDir,
    port: u16,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// Answers `echo X` with `X`, `status N` with that status, `large` with more than sockets hold,
/// and dies of anything else.
fn rpc() -> Rpc {
    Arc::new(|body| {
        let body = String::from_utf8(body.to_vec()).unwrap();
        Box::pin(async move {
            match body.split_once(' ').unwrap_or((&body, "")) {
                ("echo", text) => Ok(text.into()),
                ("status", status) => Err(status.parse().unwrap()),
                ("large", _) => Ok(vec![b'x'; 8 << 20]),
                _ => panic!("a fault of ours"),
            }
        })
    })
}

impl World {
    /// A unix and a TCP server; `out.log` is stdout's log of every process, and the main log.
    fn new(credentials: Option<&Credentials>) -> Self {
        Self::with(BOUNDS, credentials, log().0)
    }

    fn with(bounds: Bounds, credentials: Option<&Credentials>, log: Log) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out.log");
        let files = LogFiles {
            stdout: Some(out.display().to_string()),
            stderr: None,
        };
        let (mailbox, _) = core(facts(Some(out)), move |command| match command {
            Command::Files(_) => Reply::Files(files.clone()),
            _ => Reply::Refused(Refusal::BadName(String::new())),
        });
        let unix = ServerAddress::Unix {
            path: dir.path().join("s.sock").display().to_string(),
            mode: 0o700,
            owner: None,
        };
        let inet = ServerAddress::Inet {
            host: "127.0.0.1".into(),
            port: 0,
        };
        let specs = [inet, unix].map(|address| ServerSpec {
            section: "x".into(),
            address,
            credentials: credentials.cloned(),
        });
        let servers = open(&specs).unwrap();
        let port = servers[0].port().unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(serve_within(bounds, servers, mailbox, rpc(), log, stopped));
        Self {
            dir,
            port,
            stop,
            serving,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn connect(&self) -> Client {
        Client(UnixStream::connect(self.path("s.sock")).await.unwrap())
    }

    /// One request on a connection of its own: status line and headers, and body.
    async fn ask(&self, request: &str) -> (String, String) {
        let mut client = self.connect().await;
        client.send(request.as_bytes()).await;
        client.response().await
    }

    async fn status(&self, request: &str) -> String {
        let (head, _) = self.ask(request).await;
        head.split(' ').nth(1).unwrap_or("nothing").to_owned()
    }
}

struct Client(UnixStream);

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        // A server may refuse before it has read all.
        let _ = self.0.write_all(bytes).await;
    }

    async fn until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        let reading = async {
            while !read.ends_with(end.as_bytes()) {
                match self.0.read_u8().await {
                    Ok(byte) => read.push(byte),
                    Err(_) => break,
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("an answer comes");
        String::from_utf8(read).unwrap()
    }

    async fn response(&mut self) -> (String, String) {
        let head = self.until("\r\n\r\n").await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.0.read(&mut byte)).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }
}

fn post(body: &str) -> String {
    let head = format!(
        "POST /RPC2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    head + body
}

/// The head without its date, which is checked to be one.
fn dateless(head: &str) -> String {
    let (dates, rest): (Vec<&str>, Vec<&str>) =
        head.lines().partition(|line| line.starts_with("Date: "));
    assert!(dates.len() == 1 && dates[0].ends_with(" GMT"), "{head}");
    rest.join("\n")
}

#[tokio::test]
async fn calls_are_answered_one_after_the_other_and_the_connection_stays() {
    let world = World::new(None);
    let mut client = world.connect().await;
    client
        .send((post("echo 1") + &post("echo two")).as_bytes())
        .await;
    for (length, text) in [(1, "1"), (3, "two")] {
        let (head, body) = client.response().await;
        let expected = format!(
            "HTTP/1.1 200 OK\nServer: Medusa/1.12\nContent-Type: text/xml\n\
             Content-Length: {length}\n"
        );
        assert_eq!((dateless(&head), body.as_str()), (expected, text));
    }
}

#[tokio::test]
async fn requests_that_are_none_have_their_status() {
    let world = World::new(None);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n\r\n");
    for (request, status) in [
        (get("/ok.html"), "200"),
        ("POST /ok.html HTTP/1.1\r\n\r\n".to_owned(), "411"),
        (get("/"), "404"),
        ("POST / HTTP/1.1\r\n\r\n".to_owned(), "411"),
        ("PUT / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (get("/RPC2"), "400"),
        (get("/logtail/cat"), "404"),
        (get("/logtail/cat/stderr"), "404"),
        (get("/mainlogtail"), "404"),
        ("POST /RPC2 HTTP/1.1\r\n\r\n".to_owned(), "411"),
        (
            "POST /RPC2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "411",
        ),
        (
            "POST /RPC2 HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
            "400",
        ),
        (post(""), "400"),
        (post("status 400"), "400"),
        (post("status 413"), "413"),
        (post("status 500"), "500"),
        ("garbage\r\n\r\n".to_owned(), "400"),
        (
            format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(300_000)),
            "431",
        ),
    ] {
        let shown: String = request.chars().take(60).collect();
        assert_eq!(world.status(&request).await, status, "{shown:?}");
    }
}

#[tokio::test]
async fn an_error_page_is_the_originals() {
    let world = World::new(None);
    let (head, body) = world.ask("GET /x HTTP/1.1\r\n\r\n").await;
    let expected = "HTTP/1.1 404 Not Found\nServer: Medusa/1.12\nContent-Length: 134\n\
                    Content-Type: text/html\n";
    assert_eq!(dateless(&head), expected);
    assert_eq!(
        body,
        "<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n\
         <h1>Error response</h1>\r\n<p>Error code 404.\r\n<p>Message: Not Found.\r\n</body>\r\n"
    );
}

#[tokio::test]
async fn a_request_of_more_than_16_mib_is_413_and_the_next_one_is_answered() {
    let world = World::new(None);
    let large = " ".repeat(super::body::REQUEST_BYTES_MAX + 1);
    let (head, _) = world.ask(&post(&large)).await;
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert_eq!(world.status("GET /ok.html HTTP/1.1\r\n\r\n").await, "200");
}

#[tokio::test]
async fn every_path_wants_the_password() {
    let world = World::new(Some(&Credentials {
        username: "joe".into(),
        password: "pw".into(),
    }));
    for request in ["GET /ok.html", "GET /", "GET /logtail/cat", "PUT /"] {
        let mut client = world.connect().await;
        client
            .send(format!("{request} HTTP/1.1\r\n\r\n").as_bytes())
            .await;
        let (head, body) = client.response().await;
        let expected = "HTTP/1.1 401 Unauthorized\nServer: Medusa/1.12\nConnection: close\n\
                        Www-Authenticate: Basic realm=\"default\"\nContent-Length: 137\n\
                        Content-Type: text/html\n";
        assert_eq!(dateless(&head), expected);
        assert_eq!(body.len(), 137);
        assert!(client.is_closed().await);
    }
    let with = |cookie: &str| format!("GET /ok.html HTTP/1.1\r\nAuthorization: {cookie}\r\n\r\n");
    assert_eq!(world.status(&with("Basic am9lOnB3")).await, "200");
    assert_eq!(world.status(&with("Basic am9lOnB4")).await, "401");
    assert_eq!(world.status(&with("Basic abc")).await, "400");
    assert_eq!(world.status(&post("echo x")).await, "401");
}

#[tokio::test]
async fn a_log_is_streamed_until_the_client_goes() {
    let world = World::new(None);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    for (path, unbuffered) in [("/logtail/cat", true), ("/mainlogtail", false)] {
        let mut client = world.connect().await;
        client
            .send(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes())
            .await;
        let head = client.until("\r\n\r\n").await;
        assert!(
            head.contains("Content-Type: text/plain;charset=utf-8\r\n"),
            "{head}"
        );
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        assert_eq!(head.contains("X-Accel-Buffering: no\r\n"), unbuffered);
        assert!(head.contains("Last-Modified: "), "{head}");
        assert_eq!(client.until("one\n\r\n").await, "4\r\none\n\r\n");
        std::fs::write(world.path("out.log"), "one\ntwo\n").unwrap();
        let more = client.until("two\n\r\n").await;
        assert!(more.ends_with("two\n\r\n"), "{more}");
        std::fs::write(world.path("out.log"), "one\n").unwrap();
    }
}

#[tokio::test]
async fn over_http_1_0_a_log_comes_at_once() {
    let world = World::new(None);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut client = world.connect().await;
    client.send(b"GET /mainlogtail HTTP/1.0\r\n\r\n").await;
    let all = client.until("one\n").await;
    assert!(all.ends_with("\r\n\r\none\n"), "{all}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_stream() {
    let (log, lines) = log();
    let world = World::with(BOUNDS, None, log);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut client = world.connect().await;
    client.send(b"GET /mainlogtail HTTP/1.1\r\n\r\n").await;
    client.until("one\n\r\n").await;
    drop(client);
    let gone = async {
        while !lines
            .lock()
            .unwrap()
            .iter()
            .any(|(_, line)| line.ends_with("200 4"))
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the stream ends");
}

#[tokio::test]
async fn a_stop_finishes_what_is_asked_and_removes_the_socket() {
    let world = World::new(None);
    let mut idle = world.connect().await;
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    idle.response().await;
    let mut tcp = TcpStream::connect(("127.0.0.1", world.port)).await.unwrap();
    tcp.write_all(b"GET /ok.html HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nOK"), "{answer}");
    world.stop.send(true).unwrap();
    assert!(idle.is_closed().await);
    timeout(PATIENCE, world.serving)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(!world.dir.path().join("s.sock").exists());
}

#[tokio::test]
async fn slow_clients_are_cut_off_and_idle_ones_are_not() {
    let soon = Duration::from_millis(50);
    let bounds = Bounds {
        head: soon,
        piece: soon,
        body: soon,
        taking: soon,
        ..BOUNDS
    };
    let world = World::with(bounds, None, log().0);
    let mut idle = world.connect().await;
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    idle.response().await;
    let mut slow = world.connect().await;
    slow.send(b"GET /ok.html HTTP/1.1\r\nX").await;
    assert!(slow.is_closed().await);
    let mut slow = world.connect().await;
    slow.send(b"POST /RPC2 HTTP/1.1\r\nContent-Length: 9\r\n\r\n<")
        .await;
    let (head, _) = slow.response().await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    let (head, _) = idle.response().await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let bounds = Bounds {
        taking: Duration::from_millis(50),
        ..BOUNDS
    };
    let world = World::with(bounds, None, log().0);
    let mut deaf = world.connect().await;
    deaf.send(post("large").as_bytes()).await;
    let given_up = async {
        // A write tells whether the other side is still there without reading anything.
        while !matches!(deaf.0.try_write(b"x"), Err(e) if e.kind() != ErrorKind::WouldBlock) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, given_up).await.expect("it ends");
}

#[tokio::test]
async fn a_fault_of_ours_is_500_and_the_server_lives() {
    let (log, lines) = log();
    let world = World::with(BOUNDS, None, log);
    assert_eq!(world.status(&post("die")).await, "500");
    assert_eq!(world.status(&post("echo x")).await, "200");
    let lines = lines.lock().unwrap();
    let critical = lines.iter().find(|(level, _)| *level == Level::Critical);
    assert!(
        critical.is_some_and(|(_, text)| text.contains("/RPC2")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn whoever_comes_when_all_seats_are_taken_gets_the_longest_idle_ones() {
    let bounds = Bounds {
        connections: 2,
        ..BOUNDS
    };
    let world = World::with(bounds, None, log().0);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut follower = world.connect().await;
    follower.send(b"GET /mainlogtail HTTP/1.1\r\n\r\n").await;
    follower.until("one\n\r\n").await;
    let mut idle = world.connect().await;
    idle.send(b"GET /ok.html HTTP/1.1\r\n\r\n").await;
    idle.response().await;
    assert_eq!(world.status("GET /ok.html HTTP/1.1\r\n\r\n").await, "200");
    assert!(idle.is_closed().await);
    std::fs::write(world.path("out.log"), "one\ntwo\n").unwrap();
    follower.until("two\n\r\n").await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_whoever_follows_a_log() {
    let bounds = Bounds {
        farewell: Duration::from_hours(1),
        ..BOUNDS
    };
    let world = World::with(bounds, None, log().0);
    std::fs::write(world.path("out.log"), "one\n").unwrap();
    let mut follower = world.connect().await;
    follower.send(b"GET /mainlogtail HTTP/1.1\r\n\r\n").await;
    follower.until("one\n\r\n").await;
    world.stop.send(true).unwrap();
    timeout(PATIENCE, world.serving)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(follower.is_closed().await);
}
