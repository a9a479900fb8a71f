//! A whole server on a unix socket, with a core that is played, asked in raw bytes.

mod limits;
mod requests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent_core::command::{Command, LogFiles, Refusal, Reply};
use agent_core::spec::{Credentials, ServerAddress, ServerSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
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
        let files = LogFiles { stdout: Some(out.display().to_string()), stderr: None };
        let (mailbox, _) = core(facts(Some(out)), move |command| match command {
            Command::Files(_) => Reply::Files(files.clone()),
            _ => Reply::Refused(Refusal::BadName(String::new())),
        });
        let unix = ServerAddress::Unix {
            path: dir.path().join("s.sock").display().to_string(),
            mode: 0o700,
            owner: None,
        };
        let inet = ServerAddress::Inet { host: "127.0.0.1".into(), port: 0 };
        let specs = [inet, unix].map(|address| ServerSpec {
            section: "x".into(),
            address,
            credentials: credentials.cloned(),
        });
        let servers: Vec<_> = specs.iter().map(|spec| open(spec).unwrap()).collect();
        let port = servers[0].port().unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(serve_within(bounds, servers, mailbox, rpc(), log, stopped));
        Self { dir, port, stop, serving }
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
    let head = format!("POST /RPC2 HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    head + body
}

/// The head without its date, which is checked to be one.
fn dateless(head: &str) -> String {
    let (dates, rest): (Vec<&str>, Vec<&str>) =
        head.lines().partition(|line| line.starts_with("Date: "));
    assert!(dates.len() == 1 && dates[0].ends_with(" GMT"), "{head}");
    rest.join("\n")
}
