//! What the story is played on: certificates, a controller, three agents, and a client.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use certs_dev::Validity;
use integration::home::{Home, MARK};
use integration::{places, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::network::Network;

/// The hosts of `docs/examples`.
pub const HOSTS: [&str; 3] = ["web-1", "web-2", "db-1"];

/// The controller's usual port.
const PORT: u16 = 9440;

/// How long a state may take to come about on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that runs, and where.
pub struct Stage {
    home: PathBuf,
    network: Arc<Network>,
    address: SocketAddr,
    agents: BTreeMap<&'static str, Pid>,
}

/// What a client's command has said.
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its standard output and error, in this order.
    pub text: String,
}

impl Stage {
    /// Prepares files and addresses; starts nothing.
    pub fn prepare(home: &Home, network: Arc<Network>) -> Result<Self, String> {
        let fleet = certs_dev::Fleet {
            name: "demo".to_owned(),
            hosts: HOSTS.map(str::to_owned).to_vec(),
            operators: vec!["you".to_owned()],
            controller: "controller-1".to_owned(),
            controller_names: vec![],
            validity: Validity::days(30),
        };
        let certificates = home.join("certs");
        certs_dev::write_all(&fleet, &certificates, false).map_err(|error| error.to_string())?;
        let address = SocketAddr::new(network.controller(), free_port(&network));
        let home = home.path().to_owned();
        let stage = Self { home, network, address, agents: BTreeMap::new() };
        stage.write_settings().map_err(|error| format!("cannot write the settings: {error}"))?;
        Ok(stage)
    }

    fn write_settings(&self) -> std::io::Result<()> {
        let certificates = self.home.join("certs");
        let files = |stem: &str| {
            let path = |name: &str| certificates.join(name).display().to_string();
            let (ca, own, key) =
                (path("ca.pem"), path(&format!("{stem}.pem")), path(&format!("{stem}.key")));
            format!("ca = {ca:?}\ncertificate = {own:?}\nkey = {key:?}\n")
        };
        let store = self.home.join("store").display().to_string();
        let controller =
            format!("listen = \"{}\"\nstore = {store:?}\n{}", self.address, files("controller"));
        fs::write(self.home.join("controller.toml"), controller)?;
        let client = format!("server = \"fleet://{}\"\n{}", self.address, files("operator-you"));
        fs::write(self.client_settings(), client)?;
        for host in HOSTS {
            let directory = self.home.join(host);
            fs::create_dir_all(directory.join("tls"))?;
            let example = places::repository().join("docs/examples").join(host);
            fs::copy(example.join("supervisord.conf"), self.configuration(host))?;
            for (from, to) in [
                ("ca.pem".to_owned(), "ca.pem"),
                (format!("host-{host}.pem"), "host.pem"),
                (format!("host-{host}.key"), "host.key"),
            ] {
                fs::copy(certificates.join(from), directory.join("tls").join(to))?;
            }
        }
        Ok(())
    }

    /// A host's `supervisord.conf`.
    pub fn configuration(&self, host: &str) -> PathBuf {
        self.home.join(host).join("supervisord.conf")
    }

    /// The client's settings, for commands that a person types.
    pub fn client_settings(&self) -> PathBuf {
        self.home.join("fleetvisorctl.toml")
    }

    /// The controller's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the controller and waits until it takes connections; returns what it printed.
    pub fn start_controller(&self) -> Result<String, String> {
        let mut command = Command::new(places::binary("fleetvisor-controller"));
        command.arg("-c").arg(self.home.join("controller.toml"));
        self.start(&mut command, "controller.txt")?;
        self.await_state("the controller takes connections", || {
            TcpStream::connect(self.address).map(drop).map_err(|error| error.to_string())
        })?;
        Ok(read(&self.home.join("controller.txt")))
    }

    /// Starts a host's agent.
    pub fn start_agent(&mut self, host: &'static str) -> Result<(), String> {
        let mut command = self.network.command(host, &places::binary("fleetvisord"));
        command.arg("-n").arg("-s").arg("-c").arg(self.configuration(host));
        command.env("FLEETVISOR_CONTROLLER", self.address.to_string());
        let pid = self.start(&mut command, &format!("{host}.txt"))?;
        self.agents.insert(host, pid);
        Ok(())
    }

    /// Kills a host's agent as an out-of-memory killer would, and then what it had started: the
    /// guard that will keep programs over an agent's death is not there yet.
    pub fn kill_agent(&mut self, host: &'static str, programs: &[i64]) -> Result<(), String> {
        let pid = self.agents.remove(host).ok_or_else(|| format!("no agent on {host}"))?;
        kill(pid, Signal::SIGKILL).map_err(|error| format!("cannot kill the agent: {error}"))?;
        for program in programs {
            if let Ok(program) = i32::try_from(*program)
                && program > 1
            {
                let _ = kill(Pid::from_raw(-program), Signal::SIGKILL);
            }
        }
        Ok(())
    }

    fn start(&self, command: &mut Command, words: &str) -> Result<Pid, String> {
        let output = fs::File::create(self.home.join(words)).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let program = Path::new(command.get_program()).display().to_string();
        let child = command
            .env(MARK, &self.home)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0) // Ctrl-C is ours to handle, and ours to pass on
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        Ok(Pid::from_raw(child.id().cast_signed()))
    }

    /// Runs the client to its end.
    pub fn ctl(&self, arguments: &[&str]) -> Result<Said, String> {
        let output = Command::new(places::binary("fleetvisorctl"))
            .args(arguments)
            .env("FLEETVISOR_CONFIG", self.client_settings())
            .env(MARK, &self.home)
            .env("FLEETVISOR_SERVER", format!("fleet://{}", self.address))
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("cannot start fleetvisorctl: {error}"))?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(Said { code: output.status.code().unwrap_or(-1), text })
    }

    /// Runs the client with `-o json` and reads what it prints.
    pub fn json(&self, arguments: &[&str]) -> Result<Value, String> {
        let said = self.ctl(&[&["-o", "json"], arguments].concat())?;
        serde_json::from_str(&said.text)
            .map_err(|error| format!("{}: not JSON: {error}\n{}", arguments.join(" "), said.text))
    }

    /// Looks until `look` is content.
    pub fn await_state<T>(
        &self,
        what: &str,
        mut look: impl FnMut() -> Result<T, String>,
    ) -> Result<T, String> {
        let begun = wait::mono();
        loop {
            match look() {
                Ok(found) => return Ok(found),
                Err(seen) if wait::mono().saturating_sub(begun) > PATIENCE => {
                    let words: String = HOSTS.iter().map(|host| self.words_of(host)).collect();
                    return Err(format!(
                        "waited {PATIENCE:?} until {what}; last seen: {seen}\n\
                         controller:\n{}\n{words}",
                        read(&self.home.join("controller.txt"))
                    ));
                }
                Err(_) => wait::pass(Duration::from_millis(100)),
            }
        }
    }

    fn words_of(&self, host: &str) -> String {
        let log = read(&self.home.join(host).join("supervisord.log"));
        let output = read(&self.home.join(format!("{host}.txt")));
        format!("{host}:\n{output}{log}\n")
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The usual port, or another one when it is taken.
fn free_port(network: &Network) -> u16 {
    let listen = |port| TcpListener::bind((network.controller(), port));
    match listen(PORT) {
        Ok(_) => PORT,
        Err(_) => listen(0)
            .and_then(|listener| listener.local_addr())
            .map_or(PORT, |address| address.port()),
    }
}
