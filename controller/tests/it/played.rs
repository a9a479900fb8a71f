//! A fleet on a stage: certificates, a controller, agents that say what a test wants, operators.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use certs_dev::{Authority, Leaf, Validity, write_private, write_public};
use controller::config::{Config, LogFormat, Span};
use controller::start::Controller;
use proto::v1::fleet_client::FleetClient;
use proto::v1::link_client::LinkClient;
use proto::v1::{self, agent_message, controller_message, operate_message};
use proto_mtls::{Credentials, Files, client_config};
use rustls::ClientConfig;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

/// Nothing in these tests takes this long; whoever waits longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits, but not for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("waited for {what}"))
}

/// Everything that was logged in this process so far.
pub fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// Waits until a line of the log has all of these.
pub async fn logs(words: &[&str]) {
    let seen = async {
        while !logged().lines().any(|line| words.iter().all(|word| line.contains(word))) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .unwrap_or_else(|_| panic!("no line with {words:?} in\n{}", logged()));
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A controller with its certificates and its store.
pub struct Stage {
    pub dir: TempDir,
    pub authority: Authority,
    pub config: Config,
    controller: Option<Controller>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init();
        });
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new("shop", Validity::days(1)).unwrap();
        let files = written(dir.path(), "controller", &authority, &Leaf::controller("shop", "c-1"));
        let span = |ms| Span(Duration::from_millis(ms));
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            fleet: Some("shop".into()),
            ca: files.ca,
            certificate: files.certificate,
            key: files.key,
            store: dir.path().join("store"),
            guard_hosts: 10,
            host_deadline: span(60_000),
            deadline: span(60_000),
            keepalive_idle: span(45_000),
            keepalive_busy: span(5_000),
            probe: span(5_000),
            log: LogFormat::Text,
        };
        change(&mut config);
        let mut stage = Self { dir, authority, config, controller: None };
        stage.start().await;
        stage
    }

    pub async fn start(&mut self) {
        self.controller = Some(Controller::start(&self.config).await.unwrap());
    }

    pub async fn stop(&mut self) {
        let controller = self.controller.take().unwrap();
        soon("the end of the controller", controller.stop()).await;
    }

    pub fn address(&self) -> String {
        self.controller.as_ref().unwrap().address.to_string()
    }

    /// Settings of a client with a certificate of this authority.
    pub fn client(&self, leaf: &Leaf) -> Arc<ClientConfig> {
        let name = format!("client-{}", uuid::Uuid::now_v7());
        let files = written(self.dir.path(), &name, &self.authority, leaf);
        Arc::new(client_config(&Credentials::load(&files).unwrap()).unwrap())
    }

    pub async fn channel(&self, leaf: &Leaf) -> Channel {
        proto_mtls::channel(&self.address(), self.client(leaf)).await.unwrap()
    }

    pub async fn operator(&self) -> Operator {
        Operator(FleetClient::new(self.channel(&Leaf::operator("shop", "alice")).await))
    }

    /// An agent that has been welcomed and has told its table.
    pub async fn agent(&self, name: &str, rows: &[v1::Row]) -> Agent {
        let mut agent = self.dial(name, name).await;
        agent.welcome().await;
        agent.snapshot(rows).await;
        agent
    }

    /// An agent that has said hello.
    pub async fn dial(&self, name: &str, instance: &str) -> Agent {
        let channel = self.channel(&Leaf::host("shop", name)).await;
        Agent::dial(channel, hello(name, instance)).await.unwrap()
    }
}

pub fn written(dir: &Path, name: &str, authority: &Authority, leaf: &Leaf) -> Files {
    let pair = authority.issue(leaf).unwrap();
    let at = |what: &str| dir.join(format!("{name}.{what}"));
    write_public(&at("ca"), &authority.certificate()).unwrap();
    write_public(&at("pem"), &pair.certificate).unwrap();
    write_private(&at("key"), &pair.key).unwrap();
    Files { ca: at("ca"), certificate: at("pem"), key: at("key") }
}

pub fn hello(name: &str, instance: &str) -> v1::Hello {
    v1::Hello {
        protocol_lowest: 1,
        protocol_highest: 1,
        host: name.into(),
        instance_id: instance.into(),
        position: Some(v1::Position { epoch: 1, seq: 1 }),
        labels: HashMap::from([("role".to_owned(), name[..name.len() - 2].to_owned())]),
        agent_version: "0.1.0".into(),
        ..v1::Hello::default()
    }
}

/// A row in state STOPPED.
pub fn row(group: &str, name: &str, group_priority: i64) -> v1::Row {
    v1::Row {
        seq: 1,
        origin: "autostart".into(),
        group: group.into(),
        name: name.into(),
        state: v1::ProcessState::Stopped.into(),
        incarnation: Some(v1::Incarnation { epoch: 1, spawn: 0 }),
        group_priority,
        priority: 999,
        startsecs: 1,
        ..v1::Row::default()
    }
}

/// An agent that says what it is told to.
pub struct Agent {
    up: mpsc::Sender<v1::AgentMessage>,
    down: Streaming<v1::ControllerMessage>,
}

impl Agent {
    pub async fn dial(channel: Channel, hello: v1::Hello) -> Result<Self, Status> {
        let (up, stream) = mpsc::channel(16);
        let first = v1::AgentMessage { body: Some(agent_message::Body::Hello(hello)) };
        up.send(first).await.unwrap();
        let down =
            LinkClient::new(channel).session(ReceiverStream::new(stream)).await?.into_inner();
        Ok(Self { up, down })
    }

    pub async fn say(&self, body: agent_message::Body) {
        self.up.send(v1::AgentMessage { body: Some(body) }).await.unwrap();
    }

    /// The next message that is no sign of life; `None` when the controller has hung up.
    pub async fn hear(&mut self) -> Option<controller_message::Body> {
        loop {
            let message = soon("a message of the controller", self.down.message()).await;
            match message.ok()??.body {
                Some(controller_message::Body::Alive(_)) => {}
                body => return body,
            }
        }
    }

    /// The next message, also a sign of life.
    pub async fn probe(&mut self) -> controller_message::Body {
        self.down.message().await.unwrap().unwrap().body.unwrap()
    }

    pub async fn welcome(&mut self) -> v1::Welcome {
        match self.hear().await {
            Some(controller_message::Body::Welcome(welcome)) => welcome,
            other => panic!("no welcome: {other:?}"),
        }
    }

    pub async fn refusal(&mut self) -> v1::LinkRefused {
        match self.hear().await {
            Some(controller_message::Body::Refused(refused)) => refused,
            other => panic!("no refusal: {other:?}"),
        }
    }

    pub async fn orders(&mut self) -> v1::OrderBatch {
        match self.hear().await {
            Some(controller_message::Body::Orders(batch)) => batch,
            other => panic!("no orders: {other:?}"),
        }
    }

    pub async fn acknowledged(&mut self) -> v1::ResultsAcknowledged {
        match self.hear().await {
            Some(controller_message::Body::Acknowledged(orders)) => orders,
            other => panic!("no acknowledgement: {other:?}"),
        }
    }

    pub async fn snapshot(&self, rows: &[v1::Row]) {
        let position = Some(v1::Position { epoch: 1, seq: 1 });
        let snapshot = v1::Snapshot { position, rows: rows.to_vec(), now_ms: 0 };
        self.say(agent_message::Body::Snapshot(snapshot)).await;
    }

    pub async fn result(&self, batch: &v1::OrderBatch, kind: v1::OutcomeKind) {
        for order in &batch.orders {
            let outcome = v1::Outcome { kind: kind.into(), ..v1::Outcome::default() };
            self.say(agent_message::Body::Result(v1::OrderResult {
                operation: batch.operation.clone(),
                wave: batch.wave,
                order: order.id,
                outcome: Some(outcome),
                ..v1::OrderResult::default()
            }))
            .await;
        }
    }
}

/// An operator.
pub struct Operator(pub FleetClient<Channel>);

impl Operator {
    /// Waits until this many processes are known.
    pub async fn knows(&mut self, processes: usize) {
        let known = async {
            loop {
                let status =
                    self.0.status(v1::StatusRequest::default()).await.unwrap().into_inner();
                let fresh = status.processes.iter().filter(|process| !process.stale);
                if fresh.count() == processes {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon("the processes", known).await;
    }

    /// Waits until a host is as lively as this.
    pub async fn sees(&mut self, host: &str, liveness: v1::HostLiveness) {
        let seen = async {
            loop {
                let hosts =
                    self.0.hosts(v1::HostsRequest::default()).await.unwrap().into_inner().hosts;
                if hosts.iter().any(|known| known.name == host && known.liveness() == liveness) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        soon("the host", seen).await;
    }

    pub async fn operate(&mut self, request: v1::OperateRequest) -> Following {
        Following(self.0.operate(request).await.unwrap().into_inner())
    }

    pub async fn record(&mut self, id: &str) -> v1::OperationRecord {
        let request = v1::OperationRequest { operation: id.into() };
        self.0.operation(request).await.unwrap().into_inner()
    }
}

/// What is heard of an operation.
pub struct Following(Streaming<v1::OperateMessage>);

impl Following {
    pub async fn next(&mut self) -> operate_message::Body {
        let message = soon("news of the operation", self.0.message()).await;
        message.unwrap().unwrap().body.unwrap()
    }

    pub async fn plan(&mut self) -> v1::Plan {
        match self.next().await {
            operate_message::Body::Plan(plan) => plan,
            other => panic!("no plan: {other:?}"),
        }
    }

    /// A line per piece of news, until the end.
    pub async fn rest(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.next().await {
                operate_message::Body::WaveOpened(wave) => {
                    lines.push(format!("wave {}", wave.wave));
                }
                operate_message::Body::Result(result) => lines.push(shown(&result)),
                operate_message::Body::Finished(record) => {
                    lines.push(format!("exit {}", record.exit_code));
                    return lines;
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
}

pub fn shown(result: &v1::TargetResult) -> String {
    let target = result.target.clone().unwrap();
    let kind = result.outcome.clone().unwrap().kind().as_str_name().to_owned();
    let kind = kind.trim_start_matches("OUTCOME_KIND_").to_owned();
    let was = match result.amended_from() {
        v1::OutcomeKind::Unspecified => String::new(),
        was => format!(" was {}", was.as_str_name().trim_start_matches("OUTCOME_KIND_")),
    };
    format!("{}/{}:{} {kind}{was}", target.host, target.group, target.process)
}

/// `start all`.
pub fn start_all() -> v1::OperateRequest {
    v1::OperateRequest {
        verb: Some(v1::operate_request::Verb::Start(v1::StartOrder::default())),
        ..v1::OperateRequest::default()
    }
}
