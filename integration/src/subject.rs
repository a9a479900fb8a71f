//! One host under test: Supervisor 4.3.0 or our agent, behind one interface.
//!
//! A [`Daemon`] runs in the foreground in a fresh directory with a configuration text in which
//! `{dir}`, `{port}`, `{child}`, `{sleeper}` and `{head}` stand for what they say; `{head}` is the
//! sections that every configuration needs ([`HEAD`]).

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::home::Home;
use crate::owned::Owned;
use crate::ran::Ran;
use crate::rpc::{CallError, Door, member};
use crate::wait::PATIENCE;
use crate::{normal, oracle, places, sleeper, wait};

/// The sections that `{head}` stands for: a unix socket, the logs in the home, the methods.
pub const HEAD: &str = "\
[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={dir}/main.log
pidfile={dir}/main.pid
childlogdir={dir}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{dir}/s.sock
";

/// The file that a daemon's configuration is written to, in its home.
const CONFIGURATION: &str = "supervisord.conf";

/// Whose daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Supervisor itself.
    Original,
    /// Our agent.
    Ours,
}

/// Whose client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Supervisor's own, from its virtual environment.
    Original,
    /// `fleetvisorctl`.
    Ours,
}

impl Subject {
    /// The daemon's program.
    #[must_use]
    pub fn program(self) -> PathBuf {
        match self {
            Self::Original => oracle::program("supervisord"),
            Self::Ours => places::binary("fleetvisord"),
        }
    }
}

impl Client {
    /// The client's program.
    #[must_use]
    pub fn program(self) -> PathBuf {
        match self {
            Self::Original => oracle::program("supervisorctl"),
            Self::Ours => places::binary("fleetvisorctl"),
        }
    }
}

/// A home with a configuration in it, before anything runs.
#[derive(Debug)]
pub struct Host {
    subject: Subject,
    home: Home,
    port: u16,
    environment: Vec<(String, String)>,
    /// The program, last, behind words that prepare its start.
    program: Vec<PathBuf>,
    /// The configuration as it is typed behind `-c`.
    typed: PathBuf,
}

impl Host {
    /// Makes a fresh home and writes the configuration.
    #[must_use]
    pub fn new(subject: Subject, configuration: &str) -> Self {
        let home = Home::new();
        let host = Self {
            subject,
            typed: home.join(CONFIGURATION),
            home,
            port: free_port(),
            environment: Vec::new(),
            program: vec![subject.program()],
        };
        host.configure(configuration);
        host
    }

    /// Its directory.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Whose daemon runs here.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// What `{port}` stands for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Writes the configuration anew, placeholders replaced.
    pub fn configure(&self, configuration: &str) {
        self.home.write(CONFIGURATION, &self.expand(configuration));
    }

    /// Replaces the placeholders.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        let mut text = text.replace("{head}", HEAD);
        let directory = self.home.path().display().to_string();
        text = text.replace("{dir}", &directory).replace("{port}", &self.port.to_string());
        if text.contains("{child}") {
            text = text.replace("{child}", &places::binary("child").display().to_string());
        }
        if text.contains("{sleeper}") {
            text = text.replace("{sleeper}", &sleeper::path().display().to_string());
        }
        text
    }

    /// Runs the daemon's program with these arguments until it ends by itself, as one does with
    /// options or configurations that it refuses. Paths in the output are normalised.
    ///
    /// # Panics
    ///
    /// When it has not ended within [`PATIENCE`].
    #[must_use]
    pub fn run_daemon(&self, arguments: &[&str]) -> Ran {
        self.end_of(self.daemon_command().args(arguments))
    }

    /// The same without `-c`: the arguments are all that the program is told.
    ///
    /// # Panics
    ///
    /// As [`Host::run_daemon`].
    #[must_use]
    pub fn run_program(&self, arguments: &[&str]) -> Ran {
        self.end_of(self.program_command().args(arguments))
    }

    fn end_of(&self, command: &mut Command) -> Ran {
        for name in ["stdout.txt", "stderr.txt"] {
            // Of an earlier run, if there was one.
            let _ = std::fs::remove_file(self.home.join(name));
        }
        let mut process = Owned::start(&self.home, command);
        let code = process.wait(PATIENCE);
        let (stdout, stderr) = (self.home.read("stdout.txt"), self.home.read("stderr.txt"));
        Ran { code, stdout: self.normal(&stdout), stderr: self.normal(&stderr) }
    }

    /// Runs a client against this host and normalises its output.
    #[must_use]
    pub fn client(&self, client: Client, arguments: &[&str]) -> Ran {
        let ran = Ran::of(
            Command::new(client.program())
                .arg("-c")
                .arg(self.home.join(CONFIGURATION))
                .args(arguments)
                .env_remove("FLEETVISOR_SERVER")
                .env("LC_ALL", "C.UTF-8")
                .current_dir(self.home.path()),
        )
        .unwrap_or_else(|error| panic!("the client cannot be started: {error}"));
        Ran { code: ran.code, stdout: self.normal(&ran.stdout), stderr: self.normal(&ran.stderr) }
    }

    /// `text` with this host's directory, port, pids and times replaced by words.
    #[must_use]
    pub fn normal(&self, text: &str) -> String {
        normal::text(text, &[(&self.home.path().display().to_string(), "{dir}")])
    }

    /// Gives the daemon a variable of the environment, from its next start on.
    pub fn set_environment(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Lets the daemon be started by other words: the last is its program, those before it, if
    /// any, are a program that prepares and then becomes it (`env`, `setpriv`, `sh -c 'exec …'`).
    pub fn set_program(&mut self, words: Vec<PathBuf>) {
        assert!(!words.is_empty(), "there is always a program");
        self.program = words;
    }

    /// Lets the daemon's program be a file of its own in the home, so that its memory is not shared
    /// with other daemons, which come and go while it is measured.
    ///
    /// # Panics
    ///
    /// When there is no room for a copy.
    pub fn copy_program(&mut self) {
        let own = self.home.join("daemon");
        std::fs::copy(self.program(), &own).expect("there is room for a copy");
        self.set_program(vec![own]);
    }

    /// Has the daemon told of its configuration by another path, for instance a relative one.
    pub fn type_configuration(&mut self, path: &str) {
        self.typed = PathBuf::from(path);
    }

    /// Puts words before those by which the daemon is started.
    pub fn start_with(&mut self, words: &[&str]) {
        let words = words.iter().map(|word| PathBuf::from(self.expand(word)));
        let words: Vec<_> = words.collect();
        self.program.splice(0..0, words);
    }

    /// Has the daemon run as if the kernel refused these things; the words are `bin/confined.rs`'s.
    pub fn confine(&mut self, words: &[&str]) {
        let program = places::binary("confined").display().to_string();
        self.start_with(&[&[program.as_str()], words, &["--"]].concat());
    }

    /// The path under which the daemon's program is started: its `argv[0]`.
    #[must_use]
    pub fn program(&self) -> &Path {
        self.program.last().expect("there is always a program")
    }

    /// The daemon's program, nothing behind it.
    #[must_use]
    pub fn program_command(&self) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).envs(self.environment.iter().cloned());
        command
    }

    /// The daemon with its configuration.
    #[must_use]
    pub fn daemon_command(&self) -> Command {
        let mut command = self.program_command();
        command.arg("-c").arg(&self.typed);
        command
    }
}

/// A running daemon. It, its children and its directory go when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    // Dropped in this order: first the parent, then, with the home, what it leaves behind.
    process: Owned,
    host: Host,
}

impl Daemon {
    /// Starts the subject with this configuration and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it ends or does not answer within [`PATIENCE`].
    #[must_use]
    pub fn start(subject: Subject, configuration: &str) -> Self {
        Self::start_on(Host::new(subject, configuration))
    }

    /// Starts the daemon of a prepared host and waits until it answers.
    ///
    /// # Panics
    ///
    /// As [`Daemon::start`].
    #[must_use]
    pub fn start_on(host: Host) -> Self {
        let mut daemon = Self::launch(host);
        daemon.wait_answering();
        daemon
    }

    /// Starts the daemon and waits for nothing; for hosts without a socket.
    #[must_use]
    pub fn launch(host: Host) -> Self {
        Self::launch_with(host, &["-n"])
    }

    /// Starts the daemon with these arguments behind its configuration, which must leave it in the
    /// foreground, and waits for nothing.
    #[must_use]
    pub fn launch_with(host: Host, arguments: &[&str]) -> Self {
        let process = Owned::start(&host.home, host.daemon_command().args(arguments));
        Self { process, host }
    }

    /// The host: its directory, its clients.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The host, to prepare its next start.
    pub fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// The directory.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.host.home
    }

    /// The path of a file in the home.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.host.home.join(name)
    }

    /// The daemon's own pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// The unix socket of [`HEAD`].
    #[must_use]
    pub fn door(&self) -> Door {
        Door::Unix(self.path("s.sock"))
    }

    /// The TCP address of a server that was configured with `port=127.0.0.1:{port}`.
    #[must_use]
    pub fn tcp(&self) -> Door {
        Door::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, self.host.port)))
    }

    /// Runs the original's client.
    #[must_use]
    pub fn ctl(&self, arguments: &[&str]) -> Ran {
        self.host.client(Client::Original, arguments)
    }

    /// The activity log of [`HEAD`], normalised.
    #[must_use]
    pub fn log(&self) -> String {
        self.host.normal(&self.home().read("main.log"))
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// The daemon's exit code if it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.process.ended()
    }

    /// Waits for the daemon's end and returns its exit code.
    pub fn wait_end(&mut self) -> i32 {
        self.process.wait(PATIENCE)
    }

    /// Kills the daemon as an out-of-memory killer would; its children live on.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the daemon again in the same home, after its end.
    pub fn start_again(&mut self) {
        self.process = Owned::start(&self.host.home, self.host.daemon_command().arg("-n"));
        self.wait_answering();
    }

    /// What is known of one process.
    ///
    /// # Errors
    ///
    /// As [`Door::call`].
    pub fn process(&self, namespec: &str) -> Result<Process, CallError> {
        let xml = self.door().call("supervisor.getProcessInfo", &[namespec])?;
        let get = |name| member(&xml, name).unwrap_or_default();
        let pid = get("pid").parse().unwrap_or_default();
        Ok(Process {
            state: get("statename"),
            pid: Pid::from_raw(pid),
            spawn_error: get("spawnerr"),
        })
    }

    /// Waits until a process is in this state and returns it.
    ///
    /// # Panics
    ///
    /// When it is not within [`PATIENCE`].
    #[expect(clippy::must_use_candidate, reason = "the waiting is the use")]
    pub fn wait_state(&self, namespec: &str, state: &str) -> Process {
        wait::until(PATIENCE, &format!("{namespec} to be {state}"), || {
            match self.process(namespec) {
                Ok(process) if process.state == state => Ok(process),
                Ok(process) => Err(process.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })
    }

    /// Waits until a phrase stands in the activity log.
    pub fn wait_log(&self, phrase: &str) {
        wait_text(&self.path("main.log"), phrase);
    }

    /// Waits until the daemon serves again, for instance after a HUP.
    pub fn wait_answering(&mut self) {
        let door = self.door();
        wait::until(PATIENCE, "the daemon to answer", || {
            let state = door.call("supervisor.getState", &[]);
            if state
                .as_ref()
                .is_ok_and(|xml| member(xml, "statename").as_deref() == Some("RUNNING"))
            {
                return Ok(());
            }
            if let Some(code) = self.process.ended() {
                let home = &self.host.home;
                let words = home.read("stdout.txt") + &home.read("stderr.txt");
                panic!("the daemon ended with {code} instead of answering:\n{words}");
            }
            Err(format!("{state:?}"))
        });
    }
}

/// A process as the daemon tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// `statename`.
    pub state: String,
    /// `pid`, 0 when it does not run.
    pub pid: Pid,
    /// `spawnerr`.
    pub spawn_error: String,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {}) {}", self.state, self.pid, self.spawn_error)
    }
}

/// Waits until a file contains a phrase, and returns its text.
///
/// # Panics
///
/// When it does not within [`PATIENCE`].
#[expect(clippy::must_use_candidate, reason = "the waiting is the use")]
pub fn wait_text(path: &Path, phrase: &str) -> String {
    wait_text_for(PATIENCE, path, phrase)
}

/// As [`wait_text`], with a deadline of one's own.
#[expect(clippy::must_use_candidate, reason = "the waiting is the use")]
pub fn wait_text_for(deadline: Duration, path: &Path, phrase: &str) -> String {
    wait::until(deadline, &format!("{phrase:?} in {}", path.display()), || {
        let text = std::fs::read(path).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&text).into_owned();
        if text.contains(phrase) { Ok(text) } else { Err(text) }
    })
}

/// A TCP port that was free a moment ago on all of loopback.
///
/// # Panics
///
/// When there is none left.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
