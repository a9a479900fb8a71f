//! What the tests here play: a core that answers, a controller that says what the test says.

mod core;

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use agent_core::Command;
use certs_dev::{Authority, Leaf, Pair, Validity, write_private, write_public};
use proto::v1::agent_message::Body;
use proto::v1::controller_message::Body as Said;
use proto::v1::link_server::{Link, LinkServer};
use proto::v1::{AgentMessage, BulkChunk, BulkDone, ControllerMessage, Hello, Position, Welcome};
use proto_mtls::{Credentials, Files};
use proto_words::{Incarnation, Origin, ProcessState, Row};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

pub(crate) use crate::fleet::testing::core::Poke;
use crate::fleet::testing::core::{PlayedCore, play};
use crate::fleet::{AgentIdentity, FleetSettings, spawn};
use crate::mailbox::{Facts, Mailbox};

/// Longer than anything here takes; what is waited for comes much sooner.
const PATIENCE: Duration = Duration::from_secs(20);

/// The epoch of the played core.
pub(crate) const EPOCH: u64 = 5;

/// A row with nothing special about it.
pub(crate) fn row(group: &str, name: &str, state: Option<ProcessState>, seq: u64) -> Row {
    Row {
        seq,
        origin: Origin::Autostart,
        group: group.into(),
        name: name.into(),
        state,
        incarnation: Incarnation { epoch: EPOCH, spawn: 1 },
        pid: 0,
        group_priority: 999,
        priority: 999,
        startsecs: 1,
        spawnerr: String::new(),
        exitstatus: 0,
        started_ms: 0,
        stopped_ms: 0,
        since_ms: 0,
    }
}

/// One agent's door between a played core and a played controller.
pub(crate) struct Bench {
    pub dir: tempfile::TempDir,
    pub asked: mpsc::UnboundedReceiver<(Origin, Command)>,
    pub poke: mpsc::UnboundedSender<Poke>,
    pub settings: FleetSettings,
    mailbox: Mailbox,
    log: mpsc::UnboundedSender<String>,
    lines: mpsc::UnboundedReceiver<String>,
    door: Option<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
    sessions: mpsc::Receiver<PlayedSession>,
}

/// The controller's end of one session.
pub(crate) struct PlayedSession {
    pub hello: Hello,
    heard: Streaming<AgentMessage>,
    say: mpsc::Sender<Result<ControllerMessage, Status>>,
}

impl Bench {
    /// A core with these processes, all STOPPED, and a controller; the door is not running yet.
    pub(crate) async fn new(processes: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ca = Authority::new("demo", Validity::days(1)).unwrap();
        let (controller, sessions, server) = played_controller(dir.path(), &ca).await;
        let own = ca.issue(&Leaf::host("demo", "web-1")).unwrap();
        let settings = FleetSettings {
            controllers: vec![controller],
            host: Some("web-1".into()),
            labels: [("role".to_owned(), "web".to_owned())].into(),
            files: files(dir.path(), "own", &ca, &own),
            state_dir: dir.path().join("state"),
            redial_max: Duration::from_millis(50),
        };
        let (mailbox, inbox, events) = Mailbox::new(Facts {
            identifier: "supervisor".into(),
            pid: 1,
            logfile: None,
            has_supervisor_interface: true,
        });
        let (asked_in, asked) = mpsc::unbounded_channel();
        let (log, lines) = mpsc::unbounded_channel();
        let (poke, pokes) = mpsc::unbounded_channel();
        let stderr = dir.path().join("stderr.log");
        std::fs::write(&stderr, "no such table\n").unwrap();
        let rows = processes.iter().map(|name| {
            let stopped = Some(ProcessState::Stopped);
            ((*name).to_owned(), row("web", name, stopped, 1))
        });
        let core = PlayedCore {
            rows: rows.collect(),
            seq: 1,
            events,
            asked: asked_in,
            held: Vec::new(),
            stderr: stderr.to_str().map(str::to_owned),
        };
        let tasks = vec![server, tokio::spawn(play(core, inbox, pokes))];
        Self { dir, asked, poke, settings, mailbox, log, lines, door: None, tasks, sessions }
    }

    /// Lets the door run.
    pub(crate) fn open(&mut self) {
        let lines = self.log.clone();
        let log = Arc::new(move |_, text: String| {
            let _ = lines.send(text); // a test that has ended reads no log
        });
        let identity = AgentIdentity { epoch: EPOCH, configuration_digest: b"digest".to_vec() };
        let settings = self.settings.clone();
        self.door = Some(spawn(settings, self.mailbox.clone(), identity, log));
    }

    /// The next session, after its hello.
    pub(crate) async fn session(&mut self) -> PlayedSession {
        let session = timeout(PATIENCE, self.sessions.recv()).await;
        session.expect("the agent dials").expect("the controller lives")
    }

    /// The next session, welcomed by a controller of epoch 7 that knows nothing.
    pub(crate) async fn welcomed(&mut self) -> PlayedSession {
        let mut session = self.session().await;
        session.welcome(7, Position::default()).await;
        session
    }

    /// What the core was asked to do next.
    pub(crate) async fn next_asked(&mut self) -> (Origin, Command) {
        let asked = timeout(PATIENCE, self.asked.recv()).await;
        asked.expect("the core is asked").expect("the core lives")
    }

    /// Waits for a line of the log that contains this; those before it are gone then.
    pub(crate) async fn logged(&mut self, part: &str) -> String {
        let mut seen = Vec::new();
        while let Ok(Some(line)) = timeout(PATIENCE, self.lines.recv()).await {
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
        panic!("{part:?} is not in {seen:?}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for task in self.door.iter().chain(&self.tasks) {
            task.abort();
        }
    }
}

impl PlayedSession {
    pub(crate) async fn say(&self, body: Said) {
        let message = ControllerMessage { body: Some(body) };
        self.say.send(Ok(message)).await.expect("the agent listens");
    }

    pub(crate) async fn welcome(&mut self, epoch: u64, have: Position) {
        self.welcome_with(epoch, have, Duration::from_secs(30)).await;
    }

    pub(crate) async fn welcome_with(&mut self, epoch: u64, have: Position, keepalive: Duration) {
        let keepalive = prost_types::Duration::try_from(keepalive).ok();
        self.say(Said::Welcome(Welcome {
            protocol: 1,
            capabilities: Vec::new(),
            controller_epoch: epoch,
            have: Some(have),
            keepalive_idle: keepalive,
            keepalive_busy: keepalive,
        }))
        .await;
    }

    /// The next message, or the end of the session.
    pub(crate) async fn next(&mut self) -> Option<Body> {
        let message = timeout(PATIENCE, self.heard.message()).await;
        message.expect("the agent speaks").ok()??.body
    }

    /// The next message that `pick` takes; others are passed over.
    pub(crate) async fn wait_for<T>(&mut self, pick: impl Fn(Body) -> Option<T>) -> T {
        loop {
            let body = self.next().await.expect("the session lasts");
            if let Some(found) = pick(body) {
                return found;
            }
        }
    }
}

fn files(dir: &Path, stem: &str, ca: &Authority, pair: &Pair) -> Files {
    let files = Files {
        ca: dir.join(format!("{stem}-ca.pem")),
        certificate: dir.join(format!("{stem}.pem")),
        key: dir.join(format!("{stem}.key")),
    };
    write_public(&files.ca, &ca.certificate()).unwrap();
    write_public(&files.certificate, &pair.certificate).unwrap();
    write_private(&files.key, &pair.key).unwrap();
    files
}

async fn played_controller(
    dir: &Path,
    ca: &Authority,
) -> (String, mpsc::Receiver<PlayedSession>, JoinHandle<()>) {
    let pair = ca.issue(&Leaf::controller("demo", "c")).unwrap();
    let credentials = Credentials::load(&files(dir, "controller", ca, &pair)).unwrap();
    let config = Arc::new(proto_mtls::server_config(credentials).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sessions_in, sessions) = mpsc::channel(8);
    let (connections_in, connections) = mpsc::channel::<io::Result<Io>>(8);
    let accept = async move {
        let acceptor = TlsAcceptor::from(config);
        while let Ok((socket, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(socket).await {
                let _ = connections_in.send(Ok(Io(stream))).await;
            }
        }
    };
    let server = async move {
        let serve = tonic::transport::Server::builder()
            .add_service(LinkServer::new(Played { sessions_in }))
            .serve_with_incoming(ReceiverStream::new(connections));
        let _ = tokio::join!(accept, serve);
    };
    (address, sessions, tokio::spawn(server))
}

struct Played {
    sessions_in: mpsc::Sender<PlayedSession>,
}

#[tonic::async_trait]
impl Link for Played {
    type SessionStream = ReceiverStream<Result<ControllerMessage, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut heard = request.into_inner();
        let Some(AgentMessage { body: Some(Body::Hello(hello)) }) = heard.message().await? else {
            return Err(Status::invalid_argument("no hello"));
        };
        let (say, said) = mpsc::channel(64);
        let session = PlayedSession { hello, heard, say };
        let _ = self.sessions_in.send(session).await;
        Ok(Response::new(ReceiverStream::new(said)))
    }

    async fn bulk(
        &self,
        _request: Request<Streaming<BulkChunk>>,
    ) -> Result<Response<BulkDone>, Status> {
        Err(Status::unimplemented("played"))
    }
}

/// What tonic wants of a connection.
struct Io(TlsStream<TcpStream>);

impl Connected for Io {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
