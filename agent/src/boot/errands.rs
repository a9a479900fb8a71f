//! Work for the loop that may block: reading the configuration again, making AUTO logs, trying
//! sockets.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use agent_config::{ConfigError, LoadRequest, RealDisk, load};
use agent_core::command::{BadConfiguration, PreparedGroup};
use agent_core::sockets;
use agent_core::spec::{
    Configuration, GroupKind, GroupSpec, Level, LogFile, LogSpec, ServerSpec, SocketSpec,
};

use super::restart;
use super::users::HostUsers;
use crate::logs::{Order, Orders, auto};
use crate::run::Errands;
use crate::spawn::socket;

/// Reads and prepares for one life of the agent.
pub struct HostErrands {
    /// What to read; it remembers environment keys that have left the file.
    request: Mutex<LoadRequest>,
    childlogdir: String,
    identifier: String,
    /// What this life's servers listen on.
    servers: Vec<ServerSpec>,
    /// What the next life may count on.
    checked: Mutex<Option<Box<Configuration>>>,
    orders: Orders,
}

impl HostErrands {
    /// For a life that began with this configuration.
    #[must_use]
    pub fn new(request: LoadRequest, configuration: &Configuration, orders: Orders) -> Self {
        let daemon = &configuration.daemon;
        Self {
            request: Mutex::new(request),
            childlogdir: daemon.childlogdir.clone(),
            identifier: daemon.identifier.clone(),
            servers: configuration.servers.clone(),
            checked: Mutex::new(None),
            orders,
        }
    }

    /// The configuration that was last found good for a restart.
    pub fn take_checked(&self) -> Option<Box<Configuration>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Errands for HostErrands {
    fn read(&self, to_restart: bool) -> Result<Box<Configuration>, BadConfiguration> {
        // The request is whole after each statement.
        let mut request = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |request: &LoadRequest| {
            load(request, &RealDisk, &HostUsers).map_err(|error| told_twice(&error))
        };
        if to_restart {
            // The next life remembers nothing, and says itself what there is to say.
            let configuration =
                read(&LoadRequest { remembered: BTreeMap::new(), ..request.clone() })?;
            restart::possible(&configuration, &self.servers)?;
            let checked = Some(Box::new(configuration.clone()));
            *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = checked;
            return Ok(Box::new(configuration));
        }
        let configuration = read(&request)?;
        request.remembered.extend(configuration.daemon.environment.clone());
        for (level, text) in &configuration.messages {
            self.orders.log(*level, text.as_str());
        }
        // It counts from now on (ANS-06). A queue that is full has worse trouble.
        let strip = Order::StripAnsi(configuration.daemon.strip_ansi);
        drop(self.orders.post(strip));
        Ok(Box::new(configuration))
    }

    fn prepare(&self, group: GroupSpec) -> Box<PreparedGroup> {
        let (prepared, said) = prepare(group, &self.childlogdir, &self.identifier);
        for (level, text) in said {
            self.orders.log(level, text);
        }
        Box::new(prepared)
    }
}

fn told_twice(error: &ConfigError) -> BadConfiguration {
    BadConfiguration {
        text: error.to_string(),
        diagnosis: error.diagnosis().to_string().replace('\n', " "),
    }
}

/// Makes the AUTO log files of a group, and its socket for a trial. A file that cannot be made is
/// said, and its channel is read and thrown away; a socket that cannot be made is the group's fault.
#[must_use]
pub fn prepare(
    configured: GroupSpec,
    childlogdir: &str,
    identifier: &str,
) -> (PreparedGroup, Vec<(Level, String)>) {
    let mut auto_logs = BTreeMap::new();
    let mut said = Vec::new();
    for process in &configured.processes {
        let mut make = |channel: &str, log: &LogSpec| {
            if log.file != LogFile::Auto {
                return;
            }
            match auto::create(Path::new(childlogdir), &process.name, channel, identifier) {
                Ok(path) => {
                    let path = path.to_string_lossy().into_owned();
                    auto_logs.insert((process.name.clone(), channel.to_owned()), path);
                }
                Err(error) => said.push((
                    Level::Error,
                    format!(
                        "cannot make the {channel} log of {} in {childlogdir}: {error}; its \
                         {channel} is not kept",
                        process.name
                    ),
                )),
            }
        };
        make("stdout", &process.stdout);
        if !process.redirect_stderr {
            make("stderr", &process.stderr);
        }
    }
    let fault = match &configured.kind {
        GroupKind::FastCgi(socket) => try_socket(socket, &mut said),
        GroupKind::Programs | GroupKind::EventListeners(_) => None,
    };
    (PreparedGroup { configured, auto_logs, fault }, said)
}

/// Makes a socket and closes it again; says why it cannot be made (FCG-02).
fn try_socket(spec: &SocketSpec, said: &mut Vec<(Level, String)>) -> Option<String> {
    said.push((Level::Info, sockets::creating(spec)));
    match socket::open(spec) {
        Ok(socket) => {
            said.push((Level::Info, sockets::closing(spec)));
            drop(socket);
            None
        }
        Err(why) => Some(why.to_string()),
    }
}
