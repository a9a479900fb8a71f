//! What a page's commands run against: the hosts of `docs/examples`, a controller, one more host by
//! itself. The names that pages use for places of the reader's stand for ours.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command as Process;

use integration::fleet::{Fleet, Member, OPERATOR};
use integration::home::{Home, MARK};
use integration::owned::Owned;
use integration::ran::Ran;
use integration::subject::{Client, free_port};
use integration::wait::{self, PATIENCE};
use integration::{normal, places};
use nix::sys::signal::Signal;

use super::markdown::{Command, shape};

/// The hosts, as in the demo.
pub const HOSTS: [&str; 3] = ["db-1", "web-1", "web-2"];

/// Where an example's own section begins.
const FLEET_SECTION: &str = "\n[fleet]\n";

/// How long one command may take, in seconds: longer than the client's own patience.
const COMMAND_MAX: &str = "60";

/// The stage of one page.
pub struct Stage {
    // Dropped in this order: the fleet, then what was started by hand.
    _fleet: Fleet,
    home: Home,
    /// What a page writes, and what it stands for.
    names: Vec<(&'static str, String)>,
    /// The last operation that was told of.
    operation: String,
}

/// An example's configuration, as the repository has it.
pub fn example(host: &str) -> String {
    let path = places::repository().join(format!("docs/examples/{host}/supervisord.conf"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The same with the harness's names for the socket and the log.
pub fn for_the_harness(text: &str) -> String {
    text.replace("supervisor.sock", "s.sock").replace("supervisord.log", "main.log")
}

impl Stage {
    /// Starts the fleet and waits until all of it is up.
    pub fn new() -> Self {
        let texts = HOSTS.map(|host| for_the_harness(&example(host)));
        let halves = texts
            .each_ref()
            .map(|text| text.split_once(FLEET_SECTION).expect("an example joins a fleet"));
        let members: Vec<_> = HOSTS.iter().zip(halves).map(member).collect();
        let fleet = Fleet::start(&members);
        let home = Home::new();
        programs(&home);
        let names = write_files(&home, &fleet);
        let stage = Self { _fleet: fleet, home, names, operation: String::new() };
        wait::until(PATIENCE, "all hosts to be up", || {
            let ran = stage.run("fleetvisorctl hosts", false);
            let up = ran.stdout.matches(" up ").count();
            if up == HOSTS.len() { Ok(()) } else { Err(ran) }
        });
        stage
    }

    /// Runs one command and says what is not as the page has it.
    pub fn check(&mut self, command: &Command) -> Result<(), String> {
        if let Some(rest) = command.text.strip_prefix("make ") {
            return has_target(rest);
        }
        if command.text.starts_with("cargo build") {
            return Ok(()); // whoever runs this test has built
        }
        let text = self.real(&command.text);
        let ran = if stays(&command.text) {
            self.run_until_shown(&text, command)
        } else {
            self.run(&text, command.is_one_host)
        };
        self.remember_operation(&ran.stdout);
        if ran.code != command.code {
            return Err(format!("exit code {} was stated\n{ran}", command.code));
        }
        match self.missing(&command.sample, &ran) {
            Some(line) => Err(format!("{line:?} was not printed\n{ran}")),
            None => Ok(()),
        }
    }

    /// The first line of a sample that was not printed.
    fn missing(&self, sample: &[String], ran: &Ran) -> Option<String> {
        // The harness's certificates end tomorrow, the reader's do not.
        let shaped = |line: &str| shape(&normal::text(line, &[(", RENEW", "")]));
        let printed: Vec<_> = ran.stdout.lines().chain(ran.stderr.lines()).collect();
        let printed: Vec<_> = printed.iter().map(|line| shaped(&self.as_written(line))).collect();
        let is_missing = |line: &&String| line.as_str() != "…" && !printed.contains(&shaped(line));
        sample.iter().find(is_missing).cloned()
    }

    /// The command with our places.
    fn real(&self, text: &str) -> String {
        let mut text = text.replace("cargo run -p certs-dev --", "certs-dev");
        for (written, real) in &self.names {
            text = text.replace(written, real);
        }
        let words = text.split(' ').map(|word| match word {
            "ID" => self.operation.as_str(),
            word => word,
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// What was printed, with the page's names for places.
    fn as_written(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (written, real) in &self.names {
            line = line.replace(real, written);
        }
        line
    }

    fn run(&self, text: &str, is_one_host: bool) -> Ran {
        let mut command = Process::new("timeout");
        command.args([COMMAND_MAX, "sh", "-c", text]);
        Ran::of(self.environment(&mut command, is_one_host)).expect("timeout(1) can be started")
    }

    /// Runs what only a signal ends: until it has shown the sample, while the shop is restarted.
    fn run_until_shown(&self, text: &str, command: &Command) -> Ran {
        let home = Home::new();
        let mut shell = Process::new("sh");
        let here = self.home.join("operator");
        shell.args(["-c", &format!("cd '{}' && exec {text}", here.display())]);
        let mut process = Owned::start(&home, self.environment(&mut shell, false));
        let so_far =
            |code| Ran { code, stdout: home.read("stdout.txt"), stderr: home.read("stderr.txt") };
        wait::until(PATIENCE, "a first word", || {
            let ran = so_far(0);
            let is_there = !ran.stdout.is_empty() || !ran.stderr.is_empty();
            if is_there { Ok(()) } else { Err(ran) }
        });
        if text.contains("events") && !command.sample.is_empty() {
            self.run("fleetvisorctl restart shop:*", false);
        }
        wait::until(PATIENCE, &format!("the sample of `{text}`"), || {
            let ran = so_far(0);
            self.missing(&command.sample, &ran)
                .map_or(Ok(()), |line| Err(format!("no {line:?} in\n{ran}")))
        });
        process.signal(Signal::SIGINT);
        so_far(process.wait(PATIENCE))
    }

    fn environment<'a>(&self, command: &'a mut Process, is_one_host: bool) -> &'a mut Process {
        let path = std::env::var("PATH").unwrap_or_default();
        let own = self.home.join("bin").display().to_string();
        for name in ["SERVER", "CONFIG", "CA", "CERTIFICATE", "KEY"] {
            command.env_remove(format!("FLEETVISOR_{name}"));
        }
        let directory = if is_one_host { "one" } else { "operator" };
        command
            .env("PATH", format!("{own}:{path}"))
            .env("XDG_CONFIG_HOME", self.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env(MARK, self.home.path())
            .current_dir(self.home.join(directory))
    }

    fn remember_operation(&mut self, said: &str) {
        let last = said.rsplit_once("operation ").map(|(_, rest)| rest);
        let id = last.and_then(|rest| rest.split_whitespace().next());
        if let Some(id) = id.filter(|id| shape(id) == "ID") {
            id.clone_into(&mut self.operation);
        }
    }
}

fn member<'a>((name, (configuration, fleet)): (&&'a str, (&'a str, &'a str))) -> Member<'a> {
    let labels = fleet.lines().find_map(|line| line.strip_prefix("labels="));
    Member { name, labels: labels.expect("an example has labels"), configuration }
}

/// The programs under the names that a reader types.
fn programs(home: &Home) {
    let bin = home.join("bin");
    std::fs::create_dir(&bin).expect("a fresh home is writable");
    let link = |name: &str, program: PathBuf| {
        symlink(program, bin.join(name)).expect("a fresh directory has no links");
    };
    for name in ["fleetvisorctl", "fleetvisord", "fleetvisor-controller", "certs-dev"] {
        link(name, places::binary(name));
    }
    link("supervisorctl", Client::Original.program());
}

/// The reader's files; returns what the pages call them.
fn write_files(home: &Home, fleet: &Fleet) -> Vec<(&'static str, String)> {
    for directory in ["one", "operator", "fleetvisor"] {
        std::fs::create_dir(home.join(directory)).expect("a fresh home is writable");
    }
    let certs = fleet.certificates().display().to_string();
    let files = |stem: &str| {
        format!(
            "ca = '{certs}/ca.pem'\ncertificate = '{certs}/{stem}.pem'\nkey = '{certs}/{stem}.key'\n"
        )
    };
    let address = fleet.address().to_string();
    let settings =
        format!("server = 'fleet://{address}'\n{}", files(&format!("operator-{OPERATOR}")));
    home.write("fleetvisor/fleetvisorctl.toml", &settings);
    let store = home.join("store").display().to_string();
    let controller =
        format!("listen = '127.0.0.1:{}'\nstore = '{store}'\n{}", free_port(), files("controller"));
    home.write("operator/controller.toml", &controller);
    let web = example("web-1");
    let one = web.split(FLEET_SECTION).next().unwrap_or_default();
    home.write("one/supervisord.conf", one);
    home.write("one/broken.conf", &one.replace("autostart=false", "autostart=no way"));
    let differs = "stopwaitsecs=0\nstdout_logfile=/dev/stderr";
    home.write("one/differs.conf", &one.replace("stdout_logfile=%(here)s/api.log", differs));
    let one = |name: &str| home.join("one").join(name).display().to_string();
    vec![
        ("/etc/supervisord.conf", one("supervisord.conf")),
        ("/etc/broken.conf", one("broken.conf")),
        ("/etc/differs.conf", one("differs.conf")),
        ("controller.example:9440", address),
    ]
}

/// Whether only a signal ends a command.
fn stays(text: &str) -> bool {
    text.starts_with("fleetvisor-controller") || text.split(' ').any(|word| word == "events")
}

fn has_target(words: &str) -> Result<(), String> {
    let makefile = std::fs::read_to_string(places::repository().join("Makefile"))
        .map_err(|error| format!("Makefile: {error}"))?;
    let target = words.split_whitespace().next().unwrap_or_default();
    let is_there = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
    if is_there { Ok(()) } else { Err(format!("the Makefile has no {target}")) }
}
