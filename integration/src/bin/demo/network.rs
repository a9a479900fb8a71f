//! Where the hosts live: as root on Linux each in a network and UTS namespace of its own, joined by
//! a bridge; otherwise all on loopback.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};

/// The bridge's network is a /24 out of the block that is set aside for tests of devices
/// (RFC 2544), so that it hides no network that somebody uses; which one differs from run to run.
const BLOCK: [u8; 2] = [198, 18];

/// The last number of the first host's address; the bridge has 1.
const FIRST_HOST: u8 = 11;

/// A network for the demo.
#[derive(Debug)]
pub enum Network {
    /// Everybody on 127.0.0.1.
    Loopback,
    /// A bridge, and a namespace for each host.
    Namespaces {
        /// Distinguishes this run's namespaces and interfaces.
        tag: String,
        /// The third number of the addresses.
        third: u8,
        /// The hosts, in the order of their addresses.
        hosts: Vec<String>,
    },
}

impl Network {
    /// Makes the best network that this machine allows. The second is why it is not the first.
    pub fn make(hosts: &[&str]) -> (Self, Option<String>) {
        if !nix::unistd::Uid::current().is_root() {
            return (Self::Loopback, Some("not root, so all hosts share 127.0.0.1".to_owned()));
        }
        let tag = format!("{:x}", std::process::id() & 0xffff);
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        let network = Self::Namespaces { tag, third: free_third(), hosts };
        match network.build() {
            Ok(()) => (network, None),
            Err(why) => {
                network.remove();
                (Self::Loopback, Some(format!("no namespaces ({why}), so all share 127.0.0.1")))
            }
        }
    }

    /// Where the controller listens.
    pub fn controller(&self) -> IpAddr {
        match self {
            Self::Loopback => Ipv4Addr::LOCALHOST.into(),
            Self::Namespaces { third, .. } => address(*third, 1).into(),
        }
    }

    /// A command that runs on a host, with the host's name as its `uname -n` where it has one.
    pub fn command(&self, host: &str, program: &Path) -> Command {
        let Self::Namespaces { tag, .. } = self else {
            return Command::new(program);
        };
        let script = "echo \"$1\" > /proc/sys/kernel/hostname; shift; exec \"$@\"";
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace(tag, host), "unshare", "--uts"]);
        command.args(["sh", "-c", script, "sh", host]).arg(program);
        command
    }

    fn build(&self) -> Result<(), String> {
        let Self::Namespaces { tag, third, hosts } = self else {
            return Ok(());
        };
        let bridge = format!("fvbr{tag}");
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["addr", "add", &format!("{}/24", address(*third, 1)), "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        for (number, host) in (FIRST_HOST..).zip(hosts) {
            let (space, outer) = (namespace(tag, host), format!("fv{tag}{number}"));
            ip(&["netns", "add", &space])?;
            ip(&["link", "add", &outer, "type", "veth", "peer", "name", "eth0", "netns", &space])?;
            ip(&["link", "set", &outer, "master", &bridge, "up"])?;
            let own = format!("{}/24", address(*third, number));
            ip(&["-n", &space, "addr", "add", &own, "dev", "eth0"])?;
            ip(&["-n", &space, "link", "set", "eth0", "up"])?;
            ip(&["-n", &space, "link", "set", "lo", "up"])?;
        }
        Ok(())
    }

    /// Takes it down again; what is not there is no error.
    pub fn remove(&self) {
        let Self::Namespaces { tag, hosts, .. } = self else {
            return;
        };
        for (number, host) in (FIRST_HOST..).zip(hosts) {
            // With one end the other goes, too, and at once; the namespace's own end takes longer.
            let _ = ip(&["link", "del", &format!("fv{tag}{number}")]);
            let _ = ip(&["netns", "del", &namespace(tag, host)]);
        }
        let _ = ip(&["link", "del", &format!("fvbr{tag}")]);
    }
}

fn address(third: u8, last: u8) -> Ipv4Addr {
    let [first, second] = BLOCK;
    Ipv4Addr::new(first, second, third, last)
}

/// A network that nobody here has, looked for from a place that differs from run to run.
fn free_third() -> u8 {
    let own = u8::try_from(std::process::id() % 256).unwrap_or(0);
    let is_free = |third: &u8| {
        let network = format!("{}/24", address(*third, 0));
        let shown = Command::new("ip").args(["-4", "addr", "show", "to", &network]).output();
        shown.is_ok_and(|shown| shown.stdout.is_empty())
    };
    (0..=255).map(|step| own.wrapping_add(step)).find(is_free).unwrap_or(own)
}

fn namespace(tag: &str, host: &str) -> String {
    format!("fleetvisor-{tag}-{host}")
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    match ran {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "ip {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("ip: {error}")),
    }
}
