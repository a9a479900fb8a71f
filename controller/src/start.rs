//! From a configuration to a running controller, and to its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use controller_core::{Fleet, Host, Operation, Settings};
use proto_mtls::{FileError, Files};
use proto_words::Now;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::info;

use crate::config::{Config, LogFormat};
use crate::hands::Hands;
use crate::listen::{self, Prepared};
use crate::mailbox::Mailbox;
use crate::run::{Clock, Loop};
use crate::store::{EPOCH, HOSTS, OPERATIONS, RedbStore, Store, StoreError, Writer};
use crate::tasks::Tasks;
use crate::{api, link};

/// How long streams get to end when the controller is told to.
const SHUTDOWN_MAX: Duration = Duration::from_secs(3);

/// Watchers that vanished without a word would hold their connection for ever; agents are judged
/// by their own signs of life, much sooner. Seldom, since it wakes every agent.
const PING_EVERY: Duration = Duration::from_mins(5);

/// An operator's machine may sleep for a moment; longer than this it has gone.
const PONG_MAX: Duration = Duration::from_mins(1);

/// Streams of one connection at one time: an operator's programs share one, and no one needs more.
const STREAMS_MAX: u32 = 256;

/// Why the controller cannot run.
#[derive(Debug, Error)]
pub enum StartError {
    /// The certificates.
    #[error(transparent)]
    Files(#[from] FileError),
    /// The fleet's name.
    #[error(
        "`fleet` is {configured:?}, the certificate says {certificate:?}; one of them is wrong"
    )]
    OtherFleet {
        /// In the configuration.
        configured: String,
        /// In the certificate.
        certificate: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The port.
    #[error("cannot listen on {address}: {source}; `listen` names a free address and port")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else of the system's.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server.
    #[error("the gRPC server ended: {0}")]
    Server(#[from] tonic::transport::Error),
}

/// A running controller.
#[derive(Debug)]
pub struct Controller {
    /// Where it listens: the port is the real one.
    pub address: SocketAddr,
    /// SHA-256 of the authority's certificate, in hex.
    pub ca_fingerprint: String,
    fleet: String,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
    core: JoinHandle<()>,
    stop_server: oneshot::Sender<()>,
    stop_core: oneshot::Sender<()>,
    tasks: Tasks,
    term: Signal,
    int: Signal,
}

/// Sends the log to stderr; called once, by `main`.
pub fn log_to_stderr(format: LogFormat) {
    let log = tracing_subscriber::fmt().with_writer(io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

impl Controller {
    /// Opens the store and the port, and runs.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let prepared = listen::prepare(&Files {
            ca: config.ca.clone(),
            certificate: config.certificate.clone(),
            key: config.key.clone(),
        })?;
        check_fleet(config, &prepared)?;
        let clock = Clock::start();
        let mut store = RedbStore::open(&config.store)?;
        let core = restored(&mut store, settings(config), clock.now())?;
        let listener = bind(config.listen).await?;
        let address = listener.local_addr()?;
        let (writer, written) = Writer::start(Box::new(store))?;
        let (mailbox, letters, happenings) = Mailbox::new();
        let tasks = Tasks::default();
        let (stop_server, server_stops) = oneshot::channel::<()>();
        let (stop_core, core_stops) = oneshot::channel::<()>();
        let hands = Hands::new(config, happenings, writer);
        let (fleet, ca_fingerprint) = (prepared.fleet.clone(), prepared.ca_fingerprint.clone());
        let server = serve(listener, prepared, &mailbox, &tasks, server_stops);
        // Heard from before the greeting on, so that whoever has read it may end us in order.
        let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let [term, int] = signals;
        Ok(Self {
            term: term?,
            int: int?,
            address,
            ca_fingerprint,
            fleet,
            server: tokio::spawn(server),
            core: tokio::spawn(Loop { core, hands, clock, letters, written }.run(core_stops)),
            stop_server,
            stop_core,
            tasks,
        })
    }

    /// What a person reads first: where it is, who signs, and what to type next.
    #[must_use]
    pub fn greeting(&self) -> String {
        let mut dial = self.address;
        if dial.ip().is_unspecified() {
            dial.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!(
            "fleetvisor-controller {} for fleet {} listens on {}\n\
             authority SHA-256 {}\n\
             next: fleetvisorctl -s fleet://{dial} --ca CA --certificate OPERATOR.pem --key OPERATOR.key hosts\n",
            env!("CARGO_PKG_VERSION"),
            self.fleet,
            self.address,
            self.ca_fingerprint,
        )
    }

    /// Runs until SIGTERM or SIGINT, then ends in order.
    ///
    /// # Errors
    ///
    /// [`StartError::Server`] when the server ends by itself.
    pub async fn until_told(mut self) -> Result<(), StartError> {
        tokio::select! {
            _ = self.term.recv() => info!("SIGTERM: ending"),
            _ = self.int.recv() => info!("SIGINT: ending"),
            ended = &mut self.server => {
                if let Ok(Err(error)) = ended {
                    return Err(error.into());
                }
            }
        }
        self.stop().await;
        Ok(())
    }

    /// Ends in order: the streams, then the loop, then what is still to be written.
    pub async fn stop(self) {
        let _ = self.stop_server.send(());
        self.tasks.end().await;
        let _ = self.stop_core.send(());
        let _ = self.core.await;
        let mut server = self.server;
        if tokio::time::timeout(SHUTDOWN_MAX, &mut server).await.is_err() {
            server.abort();
        }
    }
}

fn check_fleet(config: &Config, prepared: &Prepared) -> Result<(), StartError> {
    match &config.fleet {
        Some(configured) if *configured != prepared.fleet => Err(StartError::OtherFleet {
            configured: configured.clone(),
            certificate: prepared.fleet.clone(),
        }),
        _ => Ok(()),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

fn settings(config: &Config) -> Settings {
    Settings {
        guard_hosts: config.guard_hosts,
        host_deadline_ms: config.host_deadline.ms(),
        deadline_ms: config.deadline.ms(),
        keepalive_idle_ms: config.keepalive_idle.ms(),
        keepalive_busy_ms: config.keepalive_busy.ms(),
        probe_ms: config.probe.ms(),
    }
}

/// The core with what the store remembers, in a new epoch.
fn restored(store: &mut dyn Store, settings: Settings, now: Now) -> Result<Fleet, StoreError> {
    let bad = |key: &str, why: &dyn std::fmt::Display| StoreError::Value {
        key: key.to_owned(),
        why: why.to_string(),
    };
    let old = store.get(EPOCH)?;
    let seen = match &old {
        None => 0,
        Some(bytes) => std::str::from_utf8(bytes)
            .map_err(|e| bad(EPOCH, &e))?
            .parse::<u64>()
            .map_err(|e| bad(EPOCH, &e))?,
    };
    let epoch = seen + 1;
    if !store.compare_and_set(EPOCH, old.as_deref(), epoch.to_string().as_bytes())? {
        return Err(bad(EPOCH, &"another controller uses this store"));
    }
    let mut hosts: Vec<Host> = Vec::new();
    for (key, value) in store.range(HOSTS)? {
        hosts.push(serde_json::from_slice(&value).map_err(|e| bad(&key, &e))?);
    }
    let mut operations: Vec<Operation> = Vec::new();
    for (key, value) in store.range(OPERATIONS)? {
        operations.push(serde_json::from_slice(&value).map_err(|e| bad(&key, &e))?);
    }
    Ok(Fleet::new(settings, epoch, hosts, operations, now))
}

fn serve(
    listener: TcpListener,
    prepared: Prepared,
    mailbox: &Mailbox,
    tasks: &Tasks,
    stops: oneshot::Receiver<()>,
) -> impl Future<Output = Result<(), tonic::transport::Error>> + use<> {
    tasks.spawn(listen::accept(listener, prepared.door, tasks.clone()));
    let routes = tonic::transport::Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PONG_MAX))
        .add_service(link::service(mailbox.clone(), tasks.clone()))
        .add_service(api::service(mailbox.clone(), tasks.clone()));
    let connections = tokio_stream::wrappers::ReceiverStream::new(prepared.verified);
    routes.serve_with_incoming_shutdown(connections, async {
        let _ = stops.await;
    })
}
