//! What the tests here play: a core that answers, a controller that says what the test says.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use agent_core::command::{LogFiles, ProcessInfo, Scope, Table};
use agent_core::effect::Event;
use agent_core::{Command, Refusal, Reply};
use certs_dev::{Authority, Leaf, Pair, Validity, write_private, write_public};
use proto::v1::agent_message::Body;
use proto::v1::controller_message::Body as Said;
use proto::v1::link_server::{Link, LinkServer};
use proto::v1::{AgentMessage, BulkChunk, BulkDone, ControllerMessage, Hello, Position, Welcome};
use proto_mtls::{Credentials, Files};
use proto_words::{Incarnation, Namespec, Origin, ProcessPart, ProcessState, Row};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

use crate::fleet::{AgentIdentity, FleetSettings, spawn};
use crate::mailbox::{Facts, Letter, Mailbox};

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
        incarnation: Incarnation {
            epoch: EPOCH,
            spawn: 1,
        },
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

/// A core with the group `web`. What a start comes to is in the process's name: `good…` runs,
/// `bad…` fails, `slow…` stays STARTING until it is released.
pub(crate) struct PlayedCore {
    rows: BTreeMap<String, Row>,
    seq: u64,
    events: broadcast::Sender<Arc<Event>>,
    asked: mpsc::UnboundedSender<(Origin, Command)>,
    held: Vec<(String, oneshot::Sender<Reply>)>,
    stderr: Option<String>,
}

/// What a test makes a played core do.
#[derive(Clone, Copy)]
pub(crate) enum Poke {
    /// A process changes its state.
    Change(&'static str, ProcessState),
    /// What is `slow` runs now.
    Release,
}

impl PlayedCore {
    fn change(&mut self, name: &str, state: ProcessState) {
        self.seq += 1;
        let Some(row) = self.rows.get_mut(name) else {
            return;
        };
        let from = row.state.unwrap_or(ProcessState::Unknown);
        row.seq = self.seq;
        row.state = Some(state);
        if state == ProcessState::Starting {
            row.incarnation.spawn += 1;
        }
        let event = Event::Process {
            row: Box::new(row.clone()),
            from,
            tries: 0,
            expected: true,
            pid: 0,
        };
        let _ = self.events.send(Arc::new(event));
    }

    fn poke(&mut self, poke: Poke) {
        match poke {
            Poke::Change(name, state) => self.change(name, state),
            Poke::Release => {
                for (name, reply) in std::mem::take(&mut self.held) {
                    self.change(&name, ProcessState::Running);
                    let _ = reply.send(Reply::Done);
                }
            }
        }
    }

    fn state(&self, name: &str) -> Option<ProcessState> {
        self.rows.get(name)?.state
    }

    fn answer(&mut self, letter: Letter) {
        let Letter {
            origin,
            command,
            reply,
        } = letter;
        let is_question = matches!(
            command,
            Command::Rows | Command::Info(_) | Command::Files(_)
        );
        if !is_question {
            let _ = self.asked.send((origin, command.clone()));
        }
        let answer = match command {
            Command::Rows => Reply::Rows(Table {
                epoch: EPOCH,
                seq: self.seq,
                rows: self.rows.values().cloned().collect(),
            }),
            Command::Info(spec) => self.info(&spec),
            Command::Files(_) => Reply::Files(LogFiles {
                stdout: None,
                stderr: self.stderr.clone(),
            }),
            Command::Start { scope, .. } => return self.start(&name_in(&scope), reply),
            Command::Stop { scope, .. } => {
                self.change(&name_in(&scope), ProcessState::Stopped);
                Reply::Done
            }
            _ => Reply::Done,
        };
        let _ = reply.send(answer);
    }

    fn start(&mut self, name: &str, reply: oneshot::Sender<Reply>) {
        let refusal = match self.state(name) {
            None => Some(Refusal::BadName(name.to_owned())),
            Some(state) if state.is_running() => Some(Refusal::AlreadyStarted(name.to_owned())),
            Some(_) => None,
        };
        if let Some(refusal) = refusal {
            let _ = reply.send(Reply::Refused(refusal));
            return;
        }
        self.change(name, ProcessState::Starting);
        if name.starts_with("slow") {
            self.held.push((name.to_owned(), reply));
        } else if name.starts_with("bad") {
            self.change(name, ProcessState::Backoff);
            let _ = reply.send(Reply::Refused(Refusal::SpawnError {
                name: name.to_owned(),
                why: "Exited too quickly".to_owned(),
            }));
        } else {
            self.change(name, ProcessState::Running);
            let _ = reply.send(Reply::Done);
        }
    }

    fn info(&self, spec: &Namespec) -> Reply {
        let name = part(&spec.process);
        let Some(state) = self.state(&name) else {
            return Reply::Refused(Refusal::BadName(name));
        };
        Reply::Infos(vec![ProcessInfo {
            name,
            group: spec.group.clone(),
            start: 0,
            stop: 0,
            now: 0,
            state,
            spawnerr: String::new(),
            exitstatus: 0,
            stdout_logfile: String::new(),
            stderr_logfile: String::new(),
            pid: 0,
        }])
    }
}

fn name_in(scope: &Scope) -> String {
    match scope {
        Scope::Named(spec) => part(&spec.process),
        Scope::All | Scope::Group(_) => String::new(),
    }
}

fn part(process: &ProcessPart) -> String {
    match process {
        ProcessPart::One(name) => name.clone(),
        ProcessPart::Every => String::new(),
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
        Self {
            dir,
            asked,
            poke,
            settings,
            mailbox,
            log,
            lines,
            door: None,
            tasks,
            sessions,
        }
    }

    /// Lets the door run.
    pub(crate) fn open(&mut self) {
        let lines = self.log.clone();
        let log = Arc::new(move |_, text: String| {
            let _ = lines.send(text); // a test that has ended reads no log
        });
        let identity = AgentIdentity {
            epoch: EPOCH,
            configuration_digest: b"digest".to_vec(),
        };
        let settings = self.settings.clone();
        self.door = Some(spawn(settings, self.mailbox.clone(), identity, log));
    }

    /// The next session, after its hello.
    pub(crate) async fn session(&mut self) -> PlayedSession {
        let session = timeout(PATIENCE, self.sessions.recv()).await;
        session
            .expect("the agent dials")
            .expect("the controller lives")
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
        self.welcome_with(epoch, have, Duration::from_secs(30))
            .await;
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

async fn play(
    mut core: PlayedCore,
    mut inbox: mpsc::Receiver<Letter>,
    mut pokes: mpsc::UnboundedReceiver<Poke>,
) {
    loop {
        tokio::select! {
            Some(letter) = inbox.recv() => core.answer(letter),
            Some(poke) = pokes.recv() => core.poke(poke),
            else => return,
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
        let Some(AgentMessage {
            body: Some(Body::Hello(hello)),
        }) = heard.message().await?
        else {
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
