//! The doors' thread: HTTP and the fleet link, in a runtime of their own, so that a client that
//! pulls hundreds of megabytes of logs does not delay a stop.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use agent_core::spec::{Configuration, Level, RpcInterfaceSpec, ServerSpec};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::servers;
use crate::fleet::{self, AgentIdentity, FleetSettings, SettingsError};
use crate::http::{self, BoundServer};
use crate::logs::Orders;
use crate::mailbox::Mailbox;
use crate::xmlrpc::Xmlrpc;

/// How long the fleet's door may take to put its last results on record: a little more than it
/// allows itself.
const FAREWELL: Duration = Duration::from_secs(3);

/// What the doors' thread is given.
pub struct Doors {
    /// Listening already.
    pub servers: Vec<BoundServer>,
    /// Could not be opened yet: tried again until they can.
    pub late: Vec<ServerSpec>,
    /// What answers on those.
    pub interfaces: Vec<RpcInterfaceSpec>,
    /// How to join a fleet; `None` is a plain supervisord.
    pub fleet: Option<FleetSettings>,
    /// The epoch of this life.
    pub epoch: u64,
    /// The way to the core.
    pub mailbox: Mailbox,
    /// The way to the activity log.
    pub orders: Orders,
}

/// How long a file or a name service that hangs may hold up the end.
const LAST_LOOKS: Duration = Duration::from_secs(1);

/// The settings of `[fleet]`, if there is that section; the environment outweighs it.
///
/// # Errors
///
/// [`SettingsError`]: a key or a value that cannot be right. Files are not looked at: a missing
/// certificate keeps a host out of its fleet, never its programs from running.
pub fn fleet_settings(
    configuration: &Configuration,
) -> Result<Option<FleetSettings>, SettingsError> {
    let read = |section| {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        let here = Path::new(&configuration.here);
        FleetSettings::read(section, &configuration.file, here, environment)
    };
    configuration.fleet.as_ref().map(read).transpose()
}

/// Starts the thread; it ends when `stopped` becomes true or its sender is gone, and has by then
/// answered what it was asked.
///
/// # Errors
///
/// When no thread or runtime can be made.
pub fn start(doors: Doors, stopped: watch::Receiver<bool>) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let orders = doors.orders.clone();
    let log: http::Log = Arc::new(move |level: Level, text: String| orders.log(level, text));
    std::thread::Builder::new().name("doors".to_owned()).spawn(move || {
        runtime.block_on(open(doors, log, stopped));
        runtime.shutdown_timeout(LAST_LOOKS);
    })
}

async fn open(doors: Doors, log: http::Log, stopped: watch::Receiver<bool>) {
    let Doors { servers, late, interfaces, fleet, epoch, mailbox, .. } = doors;
    let link = fleet.map(|settings| {
        let identity = AgentIdentity { epoch, configuration_digest: Vec::new() };
        fleet::spawn(settings, mailbox.clone(), identity, Arc::clone(&log))
    });
    let rpc = Xmlrpc::new(mailbox.clone(), Arc::clone(&log)).handler();
    let http_door = HttpDoor { mailbox, rpc, log, stopped };
    let mut latecomers = JoinSet::new();
    for server in late {
        latecomers.spawn(http_door.clone().serve_late(server, interfaces.clone()));
    }
    http_door.serve(servers).await;
    latecomers.join_all().await;
    if let Some(link) = link {
        // The core's end ends it; it is not waited for longer than its own limit.
        drop(timeout(FAREWELL, link).await);
    }
}

/// What every HTTP server is served with.
#[derive(Clone)]
struct HttpDoor {
    mailbox: Mailbox,
    rpc: http::Rpc,
    log: http::Log,
    stopped: watch::Receiver<bool>,
}

impl HttpDoor {
    async fn serve(self, servers: Vec<BoundServer>) {
        let log = Arc::clone(&self.log);
        if let Err(error) =
            http::serve(servers, self.mailbox, self.rpc, self.log, self.stopped).await
        {
            log(Level::Critical, format!("the HTTP servers cannot be served: {error}"));
        }
    }

    /// Serves a server as soon as it can be opened.
    async fn serve_late(self, server: ServerSpec, interfaces: Vec<RpcInterfaceSpec>) {
        if let Some(bound) = open_late(&server, self.stopped.clone()).await {
            (self.log)(Level::Info, format!("[{}] is served now", server.section));
            for (level, text) in servers::notes(&server, &interfaces) {
                (self.log)(level, text);
            }
            self.serve(vec![bound]).await;
        }
    }
}

/// Tries until it can be opened; `None` when the end comes first.
async fn open_late(server: &ServerSpec, mut stopped: watch::Receiver<bool>) -> Option<BoundServer> {
    loop {
        tokio::select! {
            // A sender that is gone says the same.
            _ = stopped.wait_for(|stopped| *stopped) => return None,
            () = sleep(servers::OPEN_AGAIN) => {}
        }
        let wanted = server.clone();
        // A name service may hang.
        if let Ok(Ok(bound)) = spawn_blocking(move || http::open(&wanted)).await {
            return Some(bound);
        }
    }
}
