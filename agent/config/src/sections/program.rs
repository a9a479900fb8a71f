//! The processes of a `[program:x]`, `[eventlistener:x]` or `[fcgi-program:x]` (KPR-01 to KPR-28),
//! read in supervisord's order, so that of several faults the same one is found (KEY-E08).

use agent_core::spec::{Autorestart, ProcessSpec, UserSpec};
use proto_words::Signal;

use super::logs::{self, Channel};
use super::{Build, Scope, add_environment, after_colon};
use crate::World;
use crate::error::ConfigError;
use crate::expand::expand;
use crate::fault::{Fault, MAX_PROCESSES};
use crate::names::{Names, Value};
use crate::shlex;
use crate::text::strip;
use crate::types::{autorestart, boolean, exit_codes, integer, name, octal, signal};

/// A process's priority, and that of its group when its own section makes it.
pub(crate) const DEFAULT_PRIORITY: i64 = 999;

/// All processes of a section, as members of `group`: by priority and name (GRP-02). Warnings are
/// repeated for each process (KEY-W04).
pub(crate) fn processes(
    build: &Build<'_>,
    section: &str,
    group: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<ProcessSpec>, ConfigError> {
    read(build, section, group, warnings).map_err(|error| {
        let found = build.ini.section(section);
        let included = found.and_then(|own| own.included_from.as_deref());
        error.in_program(section, included.unwrap_or(build.file))
    })
}

fn read(
    build: &Build<'_>,
    section: &str,
    group: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<ProcessSpec>, ConfigError> {
    let Some(own) = build.ini.section(section) else {
        return Ok(vec![]);
    };
    let scope = build.scope(&own.name);
    let program = name(after_colon(section)).map_err(|fault| scope.fails(None, fault))?;
    let mut names = build.names();
    for (key, value) in [
        ("program_name", program.as_str()),
        ("host_node_name", &build.world.surroundings.hostname),
        ("group_name", group),
    ] {
        names.insert(key.to_owned(), Value::Text(value.to_owned()));
    }
    let once = Once::read(build, scope, &names)?;
    names.insert("numprocs".to_owned(), Value::Number(once.numprocs));
    let first = once.numprocs_start;
    let mut processes = vec![];
    for number in first..first.saturating_add(once.numprocs) {
        names.insert("process_num".to_owned(), Value::Number(number));
        names.restore_shared();
        processes.push(once.process(build.world, scope, &mut names, warnings)?);
    }
    processes.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    Ok(processes)
}

/// What is read once per section, without the number of the process (EXP-15).
struct Once {
    priority: i64,
    autostart: bool,
    autorestart: Autorestart,
    startsecs: i64,
    startretries: i64,
    stopsignal: Signal,
    stopwaitsecs: i64,
    stopasgroup: bool,
    killasgroup: bool,
    exitcodes: Vec<i32>,
    redirect_stderr: bool,
    numprocs: i64,
    numprocs_start: i64,
    stdout: Channel,
    stderr: Channel,
    server_url: Option<String>,
    user: Option<UserSpec>,
    umask: Option<u32>,
    process_name: String,
}

impl Once {
    /// The order of the fields is the order in which faults are found.
    fn read(build: &Build<'_>, scope: Scope<'_>, names: &Names) -> Result<Self, ConfigError> {
        let number = |key, default| scope.read(key, names, default, integer);
        let flag = |key, default| scope.read(key, names, default, boolean);
        let priority = number("priority", DEFAULT_PRIORITY)?;
        let autostart = flag("autostart", true)?;
        let autorestart = scope.read("autorestart", names, Autorestart::Unexpected, autorestart)?;
        let startsecs = number("startsecs", 1)?;
        let startretries = number("startretries", 3)?;
        let stopsignal = scope.read("stopsignal", names, Signal::TERM, signal)?;
        let stopwaitsecs = number("stopwaitsecs", 10)?;
        let stopasgroup = flag("stopasgroup", false)?;
        let once = Self {
            priority,
            autostart,
            autorestart,
            startsecs,
            startretries,
            stopsignal,
            stopwaitsecs,
            stopasgroup,
            killasgroup: flag("killasgroup", stopasgroup)?,
            exitcodes: scope.read("exitcodes", names, vec![0], exit_codes)?,
            redirect_stderr: flag("redirect_stderr", false)?,
            numprocs: number("numprocs", 1)?,
            numprocs_start: number("numprocs_start", 0)?,
            stdout: Channel::read("stdout", scope, names)?,
            stderr: Channel::read("stderr", scope, names)?,
            server_url: scope.text("serverurl", names)?.filter(|url| !is_auto(url)),
            user: scope.read_optional("user", names, |text| build.world.user(text))?,
            umask: scope.read_optional("umask", names, octal)?,
            process_name: process_name(scope)?,
        };
        once.check(scope)?;
        Ok(once)
    }

    fn check(&self, scope: Scope<'_>) -> Result<(), ConfigError> {
        if self.numprocs > MAX_PROCESSES {
            let fault = Fault::TooManyProcesses(self.numprocs);
            return Err(scope.fails(Some("numprocs"), fault));
        }
        if self.numprocs > 1 && !self.process_name.contains("%(process_num)") {
            let key = scope.raw("process_name").map_or("numprocs", |_| "process_name");
            return Err(scope.fails(Some(key), Fault::NoProcessNum));
        }
        if self.stopasgroup && !self.killasgroup {
            return Err(scope.fails(Some("killasgroup"), Fault::StopWithoutKill));
        }
        Ok(())
    }

    /// One process. `names` keeps its own environment, as supervisord's does: the next process of
    /// the section can use it.
    fn process(
        &self,
        world: &World<'_>,
        scope: Scope<'_>,
        names: &mut Names,
        warnings: &mut Vec<String>,
    ) -> Result<ProcessSpec, ConfigError> {
        let raw = scope.raw("environment").unwrap_or("");
        let text = scope.expanded_again("environment", raw, names)?;
        let environment =
            shlex::pairs(&text).map_err(|fault| scope.fails(Some("environment"), fault))?;
        add_environment(names, &environment);
        let directory = scope.text("directory", names)?;
        let mut stdout = logs::read(&self.stdout, world, scope, names, warnings)?;
        let mut stderr = logs::read(&self.stderr, world, scope, names, warnings)?;
        if self.redirect_stderr {
            logs::drop_redirected(&mut stderr, scope, warnings);
        }
        logs::drop_empty_path(&mut stdout);
        logs::drop_empty_path(&mut stderr);
        let command = scope
            .text("command", names)?
            .ok_or_else(|| scope.fails(None, Fault::NoCommand(scope.section.to_owned())))?;
        let name = expand(&self.process_name, names, "process_name")
            .map_err(|fault| scope.fails(Some("process_name"), fault))?;
        Ok(ProcessSpec {
            name,
            command,
            directory,
            umask: self.umask,
            priority: self.priority,
            autostart: self.autostart,
            autorestart: self.autorestart,
            startsecs: self.startsecs,
            startretries: self.startretries,
            stopsignal: self.stopsignal,
            stopwaitsecs: self.stopwaitsecs,
            stopasgroup: self.stopasgroup,
            killasgroup: self.killasgroup,
            exitcodes: self.exitcodes.clone(),
            user: self.user.clone(),
            redirect_stderr: self.redirect_stderr,
            stdout,
            stderr,
            environment,
            server_url: self.server_url.clone(),
        })
    }
}

/// The name is judged before it is expanded (KPR-02).
fn process_name(scope: Scope<'_>) -> Result<String, ConfigError> {
    let raw = scope.raw("process_name").unwrap_or("%(program_name)s");
    name(raw).map_err(|fault| scope.fails(Some("process_name"), fault))
}

/// KPR-28.
fn is_auto(url: &str) -> bool {
    strip(url).eq_ignore_ascii_case("auto")
}
