//! The command line of fleet mode.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use proto::v1;
use proto_words::{HostSelector, ProcessState, Signal, TargetSelector};

use crate::reach::fleet::Trouble;

const AFTER: &str = "\
Targets are [HOSTS/]PROCESSES:
  all                 everything on every host
  shop:*              the group shop on every host
  web-1/shop:api      one process of one host
  web-*/all  web-[1-3]/all  web-1,db-1/all
Operators on hosts: , union  & intersection  ! difference  ^ either; two different ones need
parentheses. -H and -l narrow every target down.

Exit codes: 0 done; 10 some failed, 11 all failed, 12 only unreachable, 13 ended early by a failure,
15 some unknown at the deadline; 16 matched nothing, 17 too many hosts without --yes, 18 locked,
19 not authorised, 20 no controller; 2 wrong usage. status: 0, 3 something does not run, 4 unknown.";

/// The heading of the options that every verb takes.
const EVERYWHERE: &str = "Options of every verb";

/// Fleet mode's command line.
#[derive(Debug, Parser)]
#[command(
    name = "fleetvisorctl",
    version,
    about = "Operates a fleet through its controller.",
    after_help = AFTER,
    override_usage = "fleetvisorctl -s fleet://HOST:9440 [OPTIONS] VERB …"
)]
pub struct Args {
    /// The controller
    #[arg(
        short,
        long,
        alias = "serverurl",
        global = true,
        help_heading = EVERYWHERE,
        value_name = "fleet://HOST:9440"
    )]
    pub server: Option<String>,
    /// The configuration [default: ~/.config/fleetvisor/fleetvisorctl.toml, then /etc/fleetvisor/…]
    #[arg(short, long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub configuration: Option<PathBuf>,
    /// The certificate of the fleet's authority
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The operator's certificate
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Only these hosts: web-1,web-2 or web-[1-3] or 'web-* ! web-2'
    #[arg(short = 'H', long, global = true, help_heading = EVERYWHERE, value_name = "HOSTS")]
    pub hosts: Vec<String>,
    /// Only hosts with these labels: key=value,key!=value,key,!key
    #[arg(short, long, global = true, help_heading = EVERYWHERE, value_name = "LABELS")]
    pub label: Vec<String>,
    /// How answers are written
    #[arg(short, long, global = true, help_heading = EVERYWHERE, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    #[command(subcommand)]
    pub verb: Verb,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// One JSON value at the end.
    Json,
    /// A JSON object per line, as things happen.
    Jsonl,
}

/// What is asked.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the hosts: whether they are there, since when, and when their certificates end
    Hosts(OnHosts),
    /// Show the processes
    Status(OnTargets),
    /// Start processes, in waves by priority
    Start(Start),
    /// Stop processes, in waves by priority, the highest first
    Stop(Stop),
    /// Stop and start processes
    Restart(Restart),
    /// Send a signal to processes
    Signal(SendSignal),
    /// Read the hosts' configurations again and show what is new, changing nothing
    Reread(Reread),
    /// Read the hosts' configurations again and apply what is new
    Update(Update),
    /// Show changes of state as they come, until Ctrl-C
    Events(Events),
    /// Show the newest operations
    Operations(Operations),
    /// Show all that is known of one operation
    Operation(OneOperation),
    /// End an operation: what has not been handed over is cancelled
    Cancel(OneOperation),
}

/// For some hosts.
#[derive(Debug, clap::Args)]
pub struct OnHosts {
    /// Which hosts; all if none is named
    #[arg(id = "on", value_name = "HOSTS")]
    pub hosts: Vec<String>,
}

/// For some processes, or all.
#[derive(Debug, clap::Args)]
pub struct OnTargets {
    /// Which processes; all if none is named
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
}

/// `start`.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// Which processes
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Until when a start is waited for
    #[arg(long, value_enum, default_value_t = Barrier::Running)]
    pub barrier: Barrier,
    #[command(flatten)]
    pub how: How,
}

/// `stop`.
#[derive(Debug, clap::Args)]
pub struct Stop {
    /// Which processes
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub how: How,
}

/// `restart`.
#[derive(Debug, clap::Args)]
pub struct Restart {
    /// Which processes
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Until when a start is waited for
    #[arg(long, value_enum, default_value_t = Barrier::Running)]
    pub barrier: Barrier,
    /// Each process by itself, or all stops before all starts
    #[arg(long, value_enum, default_value_t = Order::PerTarget)]
    pub order: Order,
    #[command(flatten)]
    pub how: How,
}

/// `signal`.
#[derive(Debug, clap::Args)]
pub struct SendSignal {
    /// Which signal: a name such as HUP, or a number
    pub signal: String,
    /// Which processes
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<String>,
    #[command(flatten)]
    pub how: How,
}

/// `reread`.
#[derive(Debug, clap::Args)]
pub struct Reread {
    /// Which hosts; all if none is named
    #[arg(id = "on", value_name = "HOSTS")]
    pub hosts: Vec<String>,
    #[command(flatten)]
    pub how: How,
}

/// `update`.
#[derive(Debug, clap::Args)]
pub struct Update {
    /// Which groups, [HOSTS/]GROUP; all if none is named
    #[arg(value_name = "GROUP")]
    pub groups: Vec<String>,
    #[command(flatten)]
    pub how: How,
}

/// `events`.
#[derive(Debug, clap::Args)]
pub struct Events {
    /// Which processes; all if none is named
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Only changes into this state; may be given several times
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub state: Vec<String>,
}

/// `operations`.
#[derive(Debug, clap::Args)]
pub struct Operations {
    /// How many
    #[arg(short = 'n', long, default_value_t = 20)]
    pub most: u32,
}

/// `operation`, `cancel`.
#[derive(Debug, clap::Args)]
pub struct OneOperation {
    /// The operation's id
    pub id: String,
}

/// How an operation is carried out.
#[derive(Debug, clap::Args)]
pub struct How {
    /// Show the waves and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What a failure does to what is still to come [default: stop for start and restart, else continue]
    #[arg(long, value_enum)]
    pub on_failure: Option<OnFailure>,
    /// What is done about hosts that are not there
    #[arg(long, value_enum, default_value_t = OnUnreachable::Skip)]
    pub on_unreachable: OnUnreachable,
    /// For the whole operation: 500ms, 45s, 10m [default: the controller's]
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub deadline: Option<Duration>,
    /// For each host, once its turn has come [default: the controller's]
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub host_deadline: Option<Duration>,
    /// At most so many targets at once; 0 is no limit within a wave
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub parallel: u32,
    /// A selection that matches nothing is fine
    #[arg(long)]
    pub allow_empty: bool,
    /// Agree to this many hosts
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub yes: u32,
}

/// Until when a start is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Barrier {
    /// Past startsecs.
    Running,
    /// The process exists.
    Spawned,
    /// As spawned, for now: the agent answers when the process exists.
    None,
}

/// How many processes are restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// Stop and start each by itself, in waves.
    PerTarget,
    /// Stop all, then start all, as supervisorctl does.
    StopThenStart,
}

/// What a failure does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFailure {
    /// Nothing.
    Continue,
    /// Finish the wave, skip later ones.
    Stop,
    /// Skip at once what is not handed over.
    Abort,
}

/// What is done about hosts that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnUnreachable {
    /// Go on without them.
    Skip,
    /// Count them as failed.
    Fail,
    /// Wait for them until their deadline.
    Wait,
}

fn span(text: &str) -> Result<Duration, String> {
    let bad = || "write a number and a unit: 500ms, 45s, 10m, 2h".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let number: u64 = text[..digits].parse().map_err(|_| bad())?;
    let ms = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    match number.checked_mul(ms) {
        Some(ms @ 1..) => Ok(Duration::from_millis(ms)),
        _ => Err(bad()),
    }
}

impl Verb {
    /// Looks at what clap cannot see, before anything is sent.
    ///
    /// # Errors
    ///
    /// [`Trouble`] for a word that is no selector, signal or state.
    pub fn check(&self) -> Result<(), Trouble> {
        for target in self.targets() {
            TargetSelector::parse(target).map_err(|error| Trouble::usage(error.to_string()))?;
        }
        match self {
            Self::Signal(send) => Signal::parse(&send.signal)
                .map(|_| ())
                .map_err(|error| Trouble::usage(error.to_string())),
            Self::Events(events) => events.states().map(|_| ()),
            _ => Ok(()),
        }
    }

    fn targets(&self) -> &[String] {
        match self {
            Self::Status(OnTargets { targets })
            | Self::Start(Start { targets, .. })
            | Self::Stop(Stop { targets, .. })
            | Self::Restart(Restart { targets, .. })
            | Self::Signal(SendSignal { targets, .. })
            | Self::Events(Events { targets, .. }) => targets,
            Self::Hosts(_)
            | Self::Reread(_)
            | Self::Update(_)
            | Self::Operations(_)
            | Self::Operation(_)
            | Self::Cancel(_) => &[],
        }
    }
}

impl Events {
    /// The states, as messages have them.
    ///
    /// # Errors
    ///
    /// [`Trouble`] for a word that is no state.
    pub fn states(&self) -> Result<Vec<i32>, Trouble> {
        let one = |name: &String| {
            let state = ProcessState::from_name(name).ok_or_else(|| {
                let all: Vec<_> = ProcessState::ALL.iter().map(|state| state.name()).collect();
                Trouble::usage(format!("{name:?} is no state; write one of {}", all.join(", ")))
            })?;
            Ok(proto::state_to_wire(state).into())
        };
        self.state.iter().map(one).collect()
    }
}

impl Args {
    /// What `-H` and `-l` say, with these targets and further hosts.
    ///
    /// # Errors
    ///
    /// [`Trouble`] for a word that is no selector.
    pub fn selection(
        &self,
        targets: &[String],
        hosts: &[String],
    ) -> Result<v1::Selection, Trouble> {
        let usage = |error: proto_words::BadSelector| Trouble::usage(error.to_string());
        for text in self.hosts.iter().chain(hosts) {
            HostSelector::parse(text).map_err(usage)?;
        }
        for text in &self.label {
            HostSelector::parse_labels(text).map_err(usage)?;
        }
        let both = [union(&self.hosts), union(hosts)].into_iter().flatten().collect::<Vec<_>>();
        Ok(v1::Selection {
            hosts: match &both[..] {
                [a, b] => format!("({a}) & ({b})"),
                one => one.concat(),
            },
            labels: self.label.clone(),
            processes: Vec::new(),
            targets: targets.to_vec(),
        })
    }
}

/// Several selectors as one: in any of them.
fn union(texts: &[String]) -> Option<String> {
    match texts {
        [] => None,
        [only] => Some(only.clone()),
        many => {
            let each: Vec<_> = many.iter().map(|text| format!("({text})")).collect();
            Some(each.join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Args, Verb};

    fn read(line: &str) -> Result<Args, String> {
        let words = std::iter::once("fleetvisorctl").chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn options_may_stand_before_and_after_the_verb() {
        let args = read(
            "-s fleet://c:1 start -H web-1 -H db-1,db-2 -l role=web all -o jsonl --deadline 5s",
        )
        .unwrap();
        let selection = args.selection(&["all".into()], &[]).unwrap();
        assert_eq!(selection.hosts, "(web-1),(db-1,db-2)");
        assert_eq!(
            (selection.labels, selection.targets),
            (vec!["role=web".to_owned()], vec!["all".to_owned()])
        );
        let Verb::Start(start) = args.verb else { panic!("{:?}", args.verb) };
        assert_eq!(start.how.deadline.unwrap().as_secs(), 5);
        let args = read("hosts web-* -H role=web").unwrap();
        assert_eq!(args.selection(&[], &["web-*".into()]).unwrap().hosts, "(role=web) & (web-*)");
    }

    #[test]
    fn what_cannot_be_meant_is_wrong_usage() {
        assert!(read("start").is_err() && read("start all --deadline 7").is_err());
        for (line, text) in [
            ("start a,b&c/all", "two different operators"),
            ("signal NOPE all", "not a valid signal name"),
            ("events --state DEAD", "is no state; write one of STOPPED"),
        ] {
            let error = read(line).unwrap().verb.check().unwrap_err();
            assert!(error.text.contains(text) && error.exit == 2, "{}", error.text);
        }
        assert!(read("hosts -H a,b&c").unwrap().selection(&[], &[]).is_err());
    }
}
