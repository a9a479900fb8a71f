//! Two thousand programs of one configuration.

use integration::journal::Journal;
use integration::processes::Seen;
use integration::subject::{Daemon, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;

use super::{HEAD, wait_up};

const PROGRAMS: usize = 2000;

/// A pidfd, stdin, stdout and stderr.
const DESCRIPTORS_EACH: usize = 4;

/// For everything else that the agent has open.
const DESCRIPTORS_BESIDES: usize = 100;

#[test]
fn two_thousand_programs_start_run_and_stop() {
    let needed = PROGRAMS * DESCRIPTORS_EACH + DESCRIPTORS_BESIDES;
    let (_, limit) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    println!("{needed} descriptors are needed; the hard limit is {limit}");
    assert!(needed as u64 <= limit, "{needed} descriptors are needed; the hard limit is {limit}");
    let configuration = format!(
        "{HEAD}minfds={needed}
[program:s]
command={{sleeper}}
process_name=%(process_num)d
numprocs={PROGRAMS}
stdout_logfile=NONE
stderr_logfile=NONE
"
    );
    let mut daemon = Daemon::start(Subject::Ours, &configuration);
    let agent = Seen::of(daemon.pid());
    let mut journal = Journal::of(&daemon.path("main.log"));
    wait_up(&mut journal, PROGRAMS, PROGRAMS);
    assert_eq!(agent.children().len(), PROGRAMS);
    let used = agent.open_descriptors();
    println!("{used} descriptors are open");
    assert!(used <= needed, "{used}");
    let idle = used - PROGRAMS * DESCRIPTORS_EACH;
    assert_eq!(states(&daemon, "RUNNING"), PROGRAMS);

    let stopped = daemon.door().call("supervisor.stopAllProcesses", &[]).unwrap();
    assert_eq!(stopped.matches("<string>OK</string>").count(), PROGRAMS);
    assert_eq!(states(&daemon, "STOPPED"), PROGRAMS);
    assert_eq!(journal.follow().sum(|lives| lives.stopped), PROGRAMS);
    assert_eq!(agent.children(), []);
    wait::until(PATIENCE, "the descriptors to be closed", || {
        let now = agent.open_descriptors();
        if now <= idle { Ok(()) } else { Err(format!("{now}, not {idle}")) }
    });

    let started = daemon.door().call("supervisor.startAllProcesses", &[]).unwrap();
    assert_eq!(started.matches("<string>OK</string>").count(), PROGRAMS);
    assert_eq!(agent.children().len(), PROGRAMS);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    assert_eq!(journal.follow().sum(|lives| lives.stopped), 2 * PROGRAMS);
    assert_eq!(journal.sum(|lives| lives.begun), 2 * PROGRAMS);
    assert_eq!(journal.faults, [""; 0]);
    assert_eq!(daemon.home().processes(), []);
}

/// How many processes are in this state.
fn states(daemon: &Daemon, state: &str) -> usize {
    let all = daemon.door().call("supervisor.getAllProcessInfo", &[]).expect("an answer");
    all.matches(&format!("<string>{state}</string>")).count()
}
