//! A fleet in one machine: a controller and its agents, real binaries with real certificates.
//!
//! Each agent reaches the controller through a [`Relay`] of its own, so that its link, and only
//! its, can be cut, stalled and restored. Certificates are made for each fleet by `certs-dev`.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use certs_dev::Validity;

use crate::home::Home;
use crate::owned::Owned;
use crate::ran::Ran;
use crate::relay::Relay;
use crate::stamps::{self, Stamp};
use crate::subject::{Daemon, Host, Subject, free_port};
use crate::wait::{self, PATIENCE};
use crate::{normal, places};

/// The fleet's name in every certificate.
pub const FLEET: &str = "test";

/// The operator whose certificate [`Fleet::operator`] uses.
pub const OPERATOR: &str = "ops";

/// A running fleet. All of it ends with it.
#[derive(Debug)]
pub struct Fleet {
    // Dropped in this order: agents, controller, and what is left of the controller's home.
    agents: Vec<Agent>,
    controller: Option<Owned>,
    address: SocketAddr,
    home: Home,
}

/// One host of a fleet.
#[derive(Debug)]
pub struct Agent {
    /// Its name in the fleet.
    pub name: String,
    /// The daemon, its directory, its local client.
    pub daemon: Daemon,
    /// Its way to the controller.
    pub link: Relay,
}

/// What a host of a fleet is to be.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels, as written in `[fleet]`: `role=web,zone=a`.
    pub labels: &'a str,
    /// Its `supervisord.conf`, with the placeholders of [`crate::subject`], without `[fleet]`.
    pub configuration: &'a str,
}

impl Agent {
    /// What this host's programs wrote into `{dir}/stamps` at their starts.
    #[must_use]
    pub fn stamps(&self) -> Vec<Stamp> {
        stamps::read(&self.daemon.home().read("stamps"))
    }

    /// The same of one program.
    #[must_use]
    pub fn stamps_of(&self, note: &str) -> Vec<Stamp> {
        let mut stamps = self.stamps();
        stamps.retain(|stamp| stamp.note == note);
        stamps
    }

    /// Waits until a program has written its first stamp.
    ///
    /// # Panics
    ///
    /// When it has not within [`PATIENCE`].
    #[expect(clippy::must_use_candidate, reason = "the waiting is the use")]
    pub fn wait_stamp(&self, note: &str) -> Stamp {
        let what = format!("{note} to start on {}", self.name);
        wait::until(PATIENCE, &what, || {
            let mut stamps = self.stamps_of(note);
            stamps.pop().ok_or_else(|| self.daemon.log())
        })
    }
}

impl Fleet {
    /// Makes certificates, starts the controller and the agents, and waits until each agent serves
    /// its local clients and has dialled the controller.
    ///
    /// # Panics
    ///
    /// When any of that fails within [`PATIENCE`].
    #[must_use]
    pub fn start(members: &[Member<'_>]) -> Self {
        Self::start_with("", members)
    }

    /// As [`Fleet::start`], with more keys for the controller's configuration, and waits until the
    /// controller has heard of every host's processes.
    ///
    /// # Panics
    ///
    /// As [`Fleet::start`].
    #[must_use]
    pub fn start_with(settings: &str, members: &[Member<'_>]) -> Self {
        let mut fleet = Self::prepare_with(settings, members);
        fleet.start_controller();
        for member in members {
            fleet.start_agent(member);
        }
        fleet.wait_joined();
        fleet
    }

    /// Makes the certificates and settings, and starts nothing.
    ///
    /// # Panics
    ///
    /// When certificates cannot be made.
    #[must_use]
    pub fn prepare(members: &[Member<'_>]) -> Self {
        Self::prepare_with("", members)
    }

    /// As [`Fleet::prepare`], with more keys for the controller's configuration.
    ///
    /// # Panics
    ///
    /// As [`Fleet::prepare`].
    #[must_use]
    pub fn prepare_with(settings: &str, members: &[Member<'_>]) -> Self {
        let home = Home::new();
        let fleet = certs_dev::Fleet {
            name: FLEET.to_owned(),
            hosts: members.iter().map(|member| member.name.to_owned()).collect(),
            operators: vec![OPERATOR.to_owned()],
            controller: "c1".to_owned(),
            controller_names: vec![],
            validity: Validity::days(1),
        };
        certs_dev::write_all(&fleet, &home.join("certs"), false)
            .unwrap_or_else(|error| panic!("certificates: {error}"));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let fleet = Self { agents: Vec::new(), controller: None, address, home };
        fleet.write_settings(settings);
        fleet
    }

    fn write_settings(&self, more: &str) {
        let files = |stem: &str| {
            let file = |name: &str| self.home.join("certs").join(name).display().to_string();
            format!(
                "ca = {:?}\ncertificate = {:?}\nkey = {:?}\n",
                file("ca.pem"),
                file(&format!("{stem}.pem")),
                file(&format!("{stem}.key")),
            )
        };
        let (listen, store) = (self.address, self.home.join("store").display().to_string());
        let controller = files("controller");
        self.home.write(
            "controller.toml",
            &format!("listen = \"{listen}\"\nstore = {store:?}\n{controller}{more}"),
        );
        self.home.write("client.toml", &files(&format!("operator-{OPERATOR}")));
    }

    /// Starts the controller, again if it was killed, and waits until it takes connections.
    ///
    /// # Panics
    ///
    /// When it does not within [`PATIENCE`].
    pub fn start_controller(&mut self) {
        let mut command = Command::new(places::binary("fleetvisor-controller"));
        command.arg("-c").arg(self.home.join("controller.toml"));
        let mut controller = Owned::start(&self.home, &mut command);
        wait::until(PATIENCE, "the controller to take connections", || {
            if let Some(code) = controller.ended() {
                panic!("the controller ended with {code}:\n{}", self.controller_words());
            }
            TcpStream::connect(self.address).map(drop)
        });
        self.controller = Some(controller);
    }

    /// Kills the controller as an out-of-memory killer would.
    pub fn kill_controller(&mut self) {
        self.controller = None;
    }

    /// The controller, if it runs.
    pub fn controller(&mut self) -> Option<&mut Owned> {
        self.controller.as_mut()
    }

    /// Starts one more agent and waits until it serves locally and has dialled.
    ///
    /// # Panics
    ///
    /// When it does not within [`PATIENCE`].
    pub fn start_agent(&mut self, member: &Member<'_>) -> &mut Agent {
        let link = Relay::to(self.address);
        let host = Host::new(Subject::Ours, &self.configuration(member, &link));
        let daemon = Daemon::start_on(host);
        wait::until(PATIENCE, &format!("{} to dial", member.name), || {
            if link.accepted() > 0 { Ok(()) } else { Err(daemon.log()) }
        });
        self.agents.push(Agent { name: member.name.to_owned(), daemon, link });
        self.agents.last_mut().expect("just pushed")
    }

    /// The member's configuration with its `[fleet]` section.
    fn configuration(&self, member: &Member<'_>, link: &Relay) -> String {
        let certs = self.home.join("certs");
        format!(
            "{}\n[fleet]\ncontroller={}\nhost={name}\nlabels={}\nca={certs}/ca.pem\n\
             certificate={certs}/host-{name}.pem\nkey={certs}/host-{name}.key\n\
             state_dir={{dir}}/state\nredial_max=1\n",
            member.configuration,
            link.address(),
            member.labels,
            name = member.name,
            certs = certs.display(),
        )
    }

    /// An agent by its name.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn host(&self, name: &str) -> &Agent {
        let found = self.agents.iter().find(|agent| agent.name == name);
        found.unwrap_or_else(|| panic!("no agent is called {name}"))
    }

    /// The same, to be changed.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn agent(&mut self, name: &str) -> &mut Agent {
        let found = self.agents.iter_mut().find(|agent| agent.name == name);
        found.unwrap_or_else(|| panic!("no agent is called {name}"))
    }

    /// Where the controller listens, not through a relay.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The directory of certificates.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.home.join("certs")
    }

    /// What the controller has said so far.
    #[must_use]
    pub fn controller_words(&self) -> String {
        self.home.read("stdout.txt") + &self.home.read("stderr.txt")
    }

    /// A command of the operator's client against the fleet, to be run or spawned.
    #[must_use]
    pub fn operator_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(places::binary("fleetvisorctl"));
        command
            .args(["-s", &format!("fleet://{}", self.address)])
            .arg("-c")
            .arg(self.home.join("client.toml"))
            .args(arguments)
            .env_remove("FLEETVISOR_SERVER")
            .current_dir(self.home.path());
        command
    }

    /// Runs the operator's client to its end; pids and times in its output become words.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn operator(&self, arguments: &[&str]) -> Ran {
        let ran = Ran::of(&mut self.operator_command(arguments))
            .unwrap_or_else(|error| panic!("fleetvisorctl: {error}"));
        let directory = self.home.path().display().to_string();
        let normal = |text: &str| normal::text(text, &[(&directory, "{dir}")]);
        Ran { code: ran.code, stdout: normal(&ran.stdout), stderr: normal(&ran.stderr) }
    }

    /// Waits until every host is up and has told its processes.
    ///
    /// # Panics
    ///
    /// When they have not within [`PATIENCE`].
    pub fn wait_joined(&self) {
        self.ask_until(&["status"], |status| {
            let rows = || status.value.as_array().into_iter().flatten();
            let is_there = |agent: &Agent| {
                rows().any(|row| row["host"] == agent.name.as_str() && row["stale"] == false)
            };
            self.agents.iter().all(is_there)
        });
    }

    /// Runs the operator's client until `right` is content with what it says, and returns that.
    ///
    /// # Panics
    ///
    /// When it never is within [`PATIENCE`].
    pub fn operator_until(&self, arguments: &[&str], right: impl Fn(&Ran) -> bool) -> Ran {
        wait::until(PATIENCE, &format!("fleetvisorctl {}", arguments.join(" ")), || {
            let ran = self.operator(arguments);
            if right(&ran) { Ok(ran) } else { Err(ran) }
        })
    }
}
