//! One life of the agent: from a configuration to the last child's end. A restart is another life
//! of the same process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use agent_config::{LoadRequest, RealDisk, load};
use agent_core::command::PreparedGroup;
use agent_core::effect::Finish;
use agent_core::spec::{Configuration, Level, ServerSpec};
use agent_core::{Beginning, Supervisor};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

use super::doors::{self, Doors};
use super::errands::{HostErrands, prepare};
use super::inherited::Inherited;
use super::pidfile::Pidfile;
use super::users::HostUsers;
use super::{background, limits, privileges, servers};
use crate::clock::Clock;
use crate::fleet::FleetSettings;
use crate::http::{BoundServer, SocketFile};
use crate::logs::{ActivityLog, ActivitySettings, Bytes, Place, Rotation, auto};
use crate::mailbox::{Facts, Mailbox};
use crate::run::{Errands, REPORTS_WAITING_MAX, Report, Tools, run};
use crate::signals;
use crate::spawn::{SpawnSettings, Spawner};

/// How long the last lines may take to reach their files at the end: a disk that hangs must not
/// keep the agent from ending.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Why a life cannot begin or go on.
#[derive(Debug, Error)]
pub enum Failure {
    /// Something is wrong with what the user wrote: two lines on stderr, exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The system does not let us: exit code 1.
    #[error("{0}")]
    System(String),
}

fn usage(error: &impl ToString) -> Failure {
    Failure::Usage(error.to_string())
}

fn system(what: &str) -> impl Fn(std::io::Error) -> Failure {
    let what = what.to_owned();
    move |error| Failure::System(format!("{what}: {error}"))
}

/// What was opened before the agent may go to the background.
struct Opened {
    configuration: Configuration,
    activity: ActivityLog,
    groups: Vec<PreparedGroup>,
    servers: Vec<BoundServer>,
    /// Those that could not be opened at a restart.
    late: Vec<ServerSpec>,
    fleet: Option<FleetSettings>,
}

/// What goes from one life of the process to the next.
pub struct Kept {
    /// No restart yet: limits and the background are of the first life only.
    pub(super) first: bool,
    /// The activity log of the life before.
    pub(super) last_log: Option<PathBuf>,
    /// The configuration that was looked at before everything was stopped.
    pub(super) checked: Option<Box<Configuration>>,
    /// The number of the last event that listeners were told; -1 before the first.
    pub(super) event_serial: i64,
    /// Left open by whoever started us.
    pub(super) inherited: Inherited,
}

/// Lives once, and says what is to follow.
///
/// # Errors
///
/// [`Failure`], with the text for stderr.
pub fn live(request: &LoadRequest, epoch: u64, kept: &mut Kept) -> Result<Finish, Failure> {
    let mut opened = open(request, kept)?;
    // The pidfile invites signals; until the loop hears them they wait.
    signals::hold();
    let mut traces = Traces::of(&opened.servers);
    let daemon = &opened.configuration.daemon;
    if kept.first && !daemon.nodaemon {
        background::go(daemon, &mut opened.activity)
            .map_err(|error| Failure::System(format!("cannot go to the background: {error}")))?;
    }
    traces.pidfile = write_pidfile(&mut opened);
    let finish = work(request, opened, epoch, kept)?;
    // The doors have unlinked their sockets, while these were their own beyond doubt.
    traces.sockets.clear();
    Ok(finish)
}

/// The files by which others find a living agent. They go with the life, however it ends (UP-15);
/// the process that stays behind when we go to the background ends without this.
struct Traces {
    sockets: Vec<SocketFile>,
    pidfile: Option<Pidfile>,
}

impl Traces {
    fn of(servers: &[BoundServer]) -> Self {
        Self {
            sockets: servers.iter().filter_map(BoundServer::socket_file).collect(),
            pidfile: None,
        }
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        self.sockets.iter().for_each(SocketFile::unlink);
        if let Some(pidfile) = self.pidfile.take() {
            pidfile.remove();
        }
    }
}

fn open(request: &LoadRequest, kept: &mut Kept) -> Result<Opened, Failure> {
    let first = kept.first;
    let mut said = Vec::new();
    let configuration = read(request, kept.checked.take(), &mut said)?;
    let daemon = &configuration.daemon;
    said.extend(configuration.messages.clone());
    if request.options.profile_options.is_some() {
        let text = "there is no profiler: --profile_options changes nothing";
        said.push((Level::Warn, text.to_owned()));
    }
    if !first {
        kept.inherited.close_below(daemon.minfds);
    }
    match privileges::drop_to(daemon.user.as_ref()) {
        Ok(note) => said.extend(note),
        Err(error) if first => return Err(usage(&error)),
        Err(error) => said.push((Level::Critical, format!("{error}; still who it was"))),
    }
    if first {
        said.extend(limits::raise(daemon.minfds, daemon.minprocs).map_err(|error| usage(&error))?);
    }
    let mut activity = open_log(&configuration, &mut kept.last_log)?;
    // All criticals, then warnings, then infos; within each as they came.
    said.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    if !daemon.nocleanup {
        said.extend(auto::clean_up(Path::new(&daemon.childlogdir), &daemon.identifier));
    }
    let fleet = match doors::fleet_settings(&configuration) {
        Ok(fleet) => fleet,
        Err(error) if first => return Err(usage(&error)),
        Err(error) => {
            // A host that runs is not stopped for its fleet.
            said.push((Level::Error, format!("not in the fleet: {error}")));
            None
        }
    };
    let groups = prepare_all(&configuration, first, &mut said);
    for (level, text) in said {
        activity.log(level, &text);
    }
    let groups = groups?;
    let (servers, late) = if first {
        let opened = servers::open(&configuration, &mut activity);
        (opened.map_err(|error| usage(&error))?, Vec::new())
    } else {
        servers::open_again(&configuration, &mut activity)
    };
    Ok(Opened { configuration, activity, groups, servers, late, fleet })
}

/// Reads the configuration; at a restart the one that was looked at will do, since everything is
/// stopped by then and a slip of the hand is no reason to leave it so.
fn read(
    request: &LoadRequest,
    checked: Option<Box<Configuration>>,
    said: &mut Vec<(Level, String)>,
) -> Result<Configuration, Failure> {
    match (load(request, &RealDisk, &HostUsers), checked) {
        (Ok(configuration), _) => Ok(configuration),
        (Err(error), None) => Err(usage(&error)),
        (Err(error), Some(checked)) => {
            let text = format!(
                "the configuration was changed while everything stopped, and cannot be read: \
                 {error}; started again as it was read before"
            );
            said.push((Level::Critical, text));
            Ok(*checked)
        }
    }
}

/// Prepares every group that will be active. A socket that cannot be made ends the first life
/// before it begins; after a restart its programs fail with that text, and nothing else does.
fn prepare_all(
    configuration: &Configuration,
    first: bool,
    said: &mut Vec<(Level, String)>,
) -> Result<Vec<PreparedGroup>, Failure> {
    let daemon = &configuration.daemon;
    let mut groups: Vec<PreparedGroup> = Vec::new();
    for group in &configuration.groups {
        if groups.iter().any(|known| known.configured.name == group.name) {
            continue; // of two with one name only the first counts
        }
        let (prepared, notes) = prepare(group.clone(), &daemon.childlogdir, &daemon.identifier);
        said.extend(notes);
        match &prepared.fault {
            Some(why) if first => return Err(Failure::System(why.clone())),
            Some(why) => said.push((Level::Error, why.clone())),
            None => {}
        }
        groups.push(prepared);
    }
    Ok(groups)
}

/// Opens the activity log; after a restart the one of the life before will do, since everything is
/// stopped by then and a log is no reason to leave it so.
fn open_log(
    configuration: &Configuration,
    last_log: &mut Option<PathBuf>,
) -> Result<ActivityLog, Failure> {
    let daemon = &configuration.daemon;
    let path = (daemon.logfile != "syslog").then(|| PathBuf::from(&daemon.logfile));
    let mut settings = ActivitySettings {
        place: path.clone().map_or(Place::Syslog, Place::File),
        rotation: Rotation::new(daemon.logfile_maxbytes, daemon.logfile_backups),
        level: daemon.loglevel,
        to_stdout: daemon.nodaemon && !daemon.silent,
    };
    let what = format!("cannot open the activity log {}", daemon.logfile);
    let (error, last) = match (ActivityLog::open(&settings), last_log.as_ref()) {
        (Ok(activity), _) => {
            *last_log = path;
            return Ok(activity);
        }
        (Err(error), None) => return Err(system(&what)(error)),
        (Err(error), Some(last)) => (error, last),
    };
    let text = format!("{what}: {error}; {} goes on instead", last.display());
    settings.place = Place::File(last.clone());
    let mut activity = ActivityLog::open(&settings).or_else(|_| {
        // Neither: better a log that leads nowhere than a host that stays stopped.
        settings.place = Place::File(PathBuf::from("/dev/null"));
        ActivityLog::open(&settings).map_err(system(&what))
    })?;
    activity.log(Level::Critical, &text);
    Ok(activity)
}

fn write_pidfile(opened: &mut Opened) -> Option<Pidfile> {
    let path = opened.configuration.daemon.pidfile.clone();
    let Ok(pidfile) = Pidfile::write(Path::new(&path)) else {
        opened.activity.log(Level::Critical, &format!("could not write pidfile {path}"));
        return None;
    };
    let text = format!("supervisord started with pid {}", std::process::id());
    opened.activity.log(Level::Info, &text);
    Some(pidfile)
}

/// Starts the threads, runs the loop, and brings everything to its end.
fn work(
    request: &LoadRequest,
    opened: Opened,
    epoch: u64,
    kept: &mut Kept,
) -> Result<Finish, Failure> {
    let Opened { configuration, activity, groups, servers, late, fleet } = opened;
    let daemon = &configuration.daemon;
    let (report, reports) = mpsc::channel(REPORTS_WAITING_MAX);
    let bytes = Bytes::start(activity, daemon.strip_ansi, {
        let report = report.clone();
        // When the loop has ended, nobody waits for reports any more: here and below.
        Box::new(move |said| drop(report.blocking_send(Report::Bytes(said))))
    })
    .map_err(system("cannot start the log thread"))?;
    let settings = SpawnSettings { server_url: daemon.server_url.clone(), minfds: daemon.minfds };
    let spawner = Spawner::start(settings, {
        let report = report.clone();
        Box::new(move |said| drop(report.blocking_send(Report::Spawn(said))))
    })
    .map_err(system("cannot start the spawn thread"))?;
    let (mailbox, inbox, events) = Mailbox::new(facts(&configuration));
    let (stop, stopped) = watch::channel(false);
    let orders = bytes.orders();
    let orders_of_doors = orders.clone();
    let interfaces = configuration.rpc_interfaces.clone();
    let doors = Doors { servers, late, interfaces, fleet, epoch, mailbox, orders: orders_of_doors };
    let doors = doors::start(doors, stopped).map_err(system("cannot start the doors"))?;
    let clock = Clock::start();
    let mut remembering = request.clone();
    remembering.remembered.extend(daemon.environment.clone());
    let errands = Arc::new(HostErrands::new(remembering, &configuration, orders.clone()));
    let tools = Tools {
        jobs: spawner.jobs(),
        register: spawner.register(),
        orders,
        reports,
        report,
        inbox,
        events,
        errands: Arc::clone(&errands) as Arc<dyn Errands>,
        clock,
    };
    // The spawn thread ends with its last handle; it is not waited for, since it may hang.
    drop(spawner);
    let beginning = Beginning {
        epoch,
        identifier: configuration.daemon.identifier,
        event_serial: kept.event_serial,
        configured: configuration.groups,
        prepared: groups,
    };
    let (core, first) = Supervisor::new(clock.now(), beginning);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(system("cannot start the loop"))?;
    let ended = runtime.block_on(run(core, first, tools));
    // The doors finish what they are answering; then nothing is written any more.
    drop(stop);
    drop(doors.join());
    end_logs(bytes);
    let ended = ended.map_err(system("cannot watch signals and children"))?;
    kept.checked = errands.take_checked();
    kept.event_serial = ended.event_serial;
    Ok(ended.finish)
}

fn facts(configuration: &Configuration) -> Facts {
    let daemon = &configuration.daemon;
    Facts {
        identifier: daemon.identifier.clone(),
        pid: std::process::id(),
        logfile: (daemon.logfile != "syslog").then(|| PathBuf::from(&daemon.logfile)),
        has_supervisor_interface: configuration
            .rpc_interfaces
            .iter()
            .any(|interface| interface.name == "supervisor"),
    }
}

/// Lets the log thread write its last words, for a while.
fn end_logs(bytes: Bytes) {
    let (done, waiting) = std_mpsc::channel();
    let ending = std::thread::Builder::new().name("last-words".to_owned()).spawn(move || {
        drop(bytes.finish());
        let _ = done.send(());
    });
    if ending.is_ok() {
        // Too late is too late; there is nobody left to tell.
        let _ = waiting.recv_timeout(LAST_WRITES);
    }
}
