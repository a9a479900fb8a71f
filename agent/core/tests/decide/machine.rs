//! One process, told as transcripts: what happened at which second, and what came of it.
//!
//! Each line is `seconds event -> steps`. STATE is an announcement, `log …` a line of the activity
//! log (only where a test asks for the log), `spawn` and `signal` are what hands are told.
//! A spawn that hangs is told in `births.rs`, also when it wants to be woken.

use agent_core::input::Exit;
use agent_core::machine::{Context, Event, Machine, Step};
use proto_words::{Now, ProcessState};

use super::play::program;

const PID: i32 = 7;

fn event(words: &str, mono_ns: u64) -> (Event, bool) {
    let mut parts = words.split_whitespace();
    let word = parts.next().expect("an event");
    let number = parts.next().and_then(|text| text.parse().ok()).unwrap_or(0);
    let exited = |exit| Event::ChildExited { pid: PID, exit, at_mono_ns: mono_ns };
    let event = match word {
        "start" => Event::StartAsked,
        "stop" => Event::StopAsked,
        "shutdown" => return (Event::ShutdownAsked, false),
        "late" => return (Event::Tick, false),
        "spawned" => Event::Spawned { pid: PID },
        "unspawned" => Event::SpawnFailed { why: "can't find command 'p'".into() },
        "exit" => exited(Exit::Code(number)),
        "killed" => exited(Exit::Signal { number, core_dumped: false }),
        "core" => exited(Exit::Signal { number, core_dumped: true }),
        "other" => Event::ChildExited { pid: 99, exit: Exit::Code(0), at_mono_ns: mono_ns },
        "esrch" | "eperm" => Event::SignalFailed {
            killing: number == 0,
            errno: if word == "esrch" { 3 } else { 1 },
            text: "[Errno]".into(),
        },
        "tick" => Event::Tick,
        other => panic!("no such event in this test: {other}"),
    };
    (event, true)
}

fn show(step: &Step, with_log: bool) -> Option<String> {
    match step {
        Step::Entered { to, expected: false, .. } => Some(format!("{to}!")),
        Step::Entered { to, .. } => Some(to.to_string()),
        Step::Log(level, text) => with_log.then(|| format!("log {} {text}", level.code())),
        Step::Spawn => Some("spawn".into()),
        Step::CancelSpawn => Some("cancel".into()),
        Step::Childless => None,
        Step::Signal { signal, group, .. } => {
            Some(format!("{} {signal}", if *group { "signal-group" } else { "signal" }))
        }
    }
}

/// Replays the left column and compares the whole text.
fn replay(options: &str, transcript: &str, with_log: bool) {
    let spec = program("p", options);
    let mut machine = Machine::default();
    let lines = transcript.lines().map(str::trim).filter(|line| !line.is_empty());
    let (mut wanted, mut got) = (String::new(), String::new());
    for line in lines {
        let (left, _) = line.split_once("->").expect("event -> steps");
        let (at, words) = left.trim().split_once(' ').expect("time event");
        let ms: u64 = at.replace('.', "").parse::<u64>().expect("seconds with one decimal") * 100;
        let now = Now {
            mono_ns: ms * 1_000_000,
            wall_ms: i64::try_from(ms).expect("a transcript is short"),
        };
        let (event, respawn) = event(words, now.mono_ns);
        let steps = machine.on_event(Context { now, spec: &spec, respawn }, event);
        let mut shown: Vec<_> = steps.iter().filter_map(|step| show(step, with_log)).collect();
        let wake = machine.deadline(respawn).map(|at| at / 1_000_000);
        let spawning = machine.state() == ProcessState::Starting && machine.pid() == 0;
        if let Some(wake) = wake.filter(|_| !with_log && !spawning) {
            shown.push(format!("wake {}.{}", wake / 1000, wake % 1000 / 100));
        }
        wanted.push_str(&(line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n"));
        let left = left.split_whitespace().collect::<Vec<_>>().join(" ");
        got.push_str(&(format!("{left} -> {}", shown.join(", ")).trim().to_owned() + "\n"));
    }
    assert_eq!(got, wanted, "\n--- got ---\n{got}");
}

fn check(options: &str, transcript: &str) {
    replay(options, transcript, false);
}

fn check_log(options: &str, transcript: &str) {
    replay(options, transcript, true);
}

#[test]
fn a_child_that_dies_too_soon_is_retried_then_given_up() {
    check(
        "startsecs=1 startretries=1",
        "
        0.0 start   -> STARTING, spawn
        0.0 spawned -> wake 1.0
        0.2 exit 1  -> BACKOFF, wake 1.2
        1.2 tick    -> STARTING, spawn
        1.2 spawned -> wake 2.2
        1.3 exit 1  -> BACKOFF, FATAL
        9.9 tick    ->
        ",
    );
}

#[test]
fn each_retry_waits_a_second_longer_and_three_retries_are_four_attempts() {
    check(
        "",
        "
        0.0 start     -> STARTING, spawn
        0.0 unspawned -> BACKOFF, wake 1.0
        0.9 tick      -> wake 1.0
        1.0 tick      -> STARTING, spawn
        1.0 unspawned -> BACKOFF, wake 3.0
        3.0 tick      -> STARTING, spawn
        3.0 unspawned -> BACKOFF, wake 6.0
        6.0 tick      -> STARTING, spawn
        6.0 unspawned -> BACKOFF, FATAL
        6.1 start     -> STARTING, spawn
        6.1 unspawned -> BACKOFF, wake 7.1
        ",
    );
}

#[test]
fn without_retries_there_is_one_attempt_and_so_with_fewer_than_none() {
    for retries in ["startretries=0", "startretries=-1"] {
        check(
            retries,
            "
            0.0 start   -> STARTING, spawn
            0.0 spawned -> wake 1.0
            0.1 exit 0  -> BACKOFF, FATAL
            ",
        );
    }
}

#[test]
fn a_child_up_for_startsecs_is_running_and_the_exact_moment_counts() {
    check(
        "startsecs=2",
        "
        0.0 start   -> STARTING, spawn
        0.5 spawned -> wake 2.5
        2.4 tick    -> wake 2.5
        2.5 tick    -> RUNNING
        ",
    );
    check(
        "startsecs=2",
        "
        0.0 start   -> STARTING, spawn
        0.5 spawned -> wake 2.5
        2.5 exit 0  -> RUNNING, EXITED
        ",
    );
}

#[test]
fn without_startsecs_a_child_is_running_at_once_and_never_too_quick() {
    for secs in ["startsecs=0", "startsecs=-5"] {
        check(
            &format!("{secs} autorestart=false"),
            "
            0.0 start   -> STARTING, spawn
            0.0 spawned -> RUNNING
            0.0 exit 3  -> EXITED!
            ",
        );
    }
}

#[test]
fn reaching_running_forgets_the_failed_attempts() {
    check(
        "startretries=1",
        "
        0.0 start     -> STARTING, spawn
        0.0 unspawned -> BACKOFF, wake 1.0
        1.0 tick      -> STARTING, spawn
        1.0 spawned   -> wake 2.0
        2.0 tick      -> RUNNING
        3.0 exit 1    -> EXITED!, STARTING, spawn
        3.0 unspawned -> BACKOFF, wake 4.0
        ",
    );
}

#[test]
fn a_stop_out_of_backoff_does_not_forget_them() {
    check(
        "startretries=1",
        "
        0.0 start     -> STARTING, spawn
        0.0 unspawned -> BACKOFF, wake 1.0
        0.5 stop      -> STOPPED
        0.6 start     -> STARTING, spawn
        0.6 unspawned -> BACKOFF, FATAL
        ",
    );
}

#[test]
fn autorestart_decides_by_the_exit_code() {
    let exits = |options: &str, exit: &str, then: &str| {
        check(
            options,
            &format!(
                "
                0.0 start   -> STARTING, spawn
                0.0 spawned -> wake 1.0
                1.0 tick    -> RUNNING
                5.0 {exit}  -> {then}
                "
            ),
        );
    };
    exits("autorestart=unexpected", "exit 0", "EXITED");
    exits("autorestart=unexpected", "exit 2", "EXITED!, STARTING, spawn");
    exits("autorestart=unexpected exitcodes=0,2", "exit 2", "EXITED");
    exits("autorestart=unexpected", "killed 9", "EXITED!, STARTING, spawn");
    exits("autorestart=true", "exit 0", "EXITED, STARTING, spawn");
    exits("autorestart=false", "exit 2", "EXITED!");
    exits("autorestart=false", "killed 11", "EXITED!");
}

#[test]
fn a_quick_exit_is_retried_whatever_autorestart_says() {
    check(
        "autorestart=false",
        "
        0.0 start   -> STARTING, spawn
        0.0 spawned -> wake 1.0
        0.1 exit 0  -> BACKOFF, wake 1.1
        1.1 tick    -> STARTING, spawn
        ",
    );
}

#[test]
fn a_stop_is_a_signal_then_sigkill_again_and_again_until_it_is_gone() {
    check(
        "stopwaitsecs=3 stopsignal=INT",
        "
        0.0 start    -> STARTING, spawn
        0.0 spawned  -> wake 1.0
        1.0 tick     -> RUNNING
        2.0 stop     -> STOPPING, signal SIGINT, wake 5.0
        2.1 stop     -> wake 5.0
        5.0 tick     -> signal SIGKILL, wake 8.0
        8.0 tick     -> signal SIGKILL, wake 11.0
        8.1 killed 9 -> STOPPED
        ",
    );
}

#[test]
fn without_stopwaitsecs_sigkill_follows_at_once_and_then_once_a_second() {
    check(
        "stopwaitsecs=0",
        "
        0.0 start   -> STARTING, spawn
        0.0 spawned -> wake 1.0
        0.5 stop    -> STOPPING, signal SIGTERM, wake 0.5
        0.5 tick    -> signal SIGKILL, wake 1.5
        ",
    );
}

#[test]
fn groups_are_signalled_where_the_options_say_so() {
    let stopped = |options: &str, first: &str, last: &str| {
        check(
            &format!("{options} stopwaitsecs=1"),
            &format!(
                "
                0.0 start   -> STARTING, spawn
                0.0 spawned -> wake 1.0
                0.2 stop    -> STOPPING, {first}, wake 1.2
                1.2 tick    -> {last}, wake 2.2
                "
            ),
        );
    };
    stopped("startsecs=1", "signal SIGTERM", "signal SIGKILL");
    stopped("killasgroup=true", "signal SIGTERM", "signal-group SIGKILL");
    stopped("stopasgroup=true killasgroup=true", "signal-group SIGTERM", "signal-group SIGKILL");
}

#[test]
fn a_stop_while_starting_is_not_a_quick_exit() {
    check(
        "",
        "
        0.0 start     -> STARTING, spawn
        0.0 spawned   -> wake 1.0
        0.3 stop      -> STOPPING, signal SIGTERM, wake 10.3
        0.4 killed 15 -> STOPPED
        9.0 tick      ->
        ",
    );
}

#[test]
fn a_stop_before_the_child_exists_is_done_when_it_does() {
    check(
        "",
        "
        0.0 start     -> STARTING, spawn
        0.1 stop      ->
        0.4 spawned   -> STOPPING, signal SIGTERM, wake 10.4
        0.5 killed 15 -> STOPPED
        ",
    );
    check(
        "",
        "
        0.0 start     -> STARTING, spawn
        0.1 stop      ->
        0.4 unspawned -> BACKOFF, STOPPED
        ",
    );
}

#[test]
fn while_the_host_shuts_down_nothing_starts_by_itself() {
    check(
        "",
        "
        0.0 start     -> STARTING, spawn
        0.0 unspawned -> BACKOFF, wake 1.0
        0.5 shutdown  -> FATAL
        9.0 late      ->
        ",
    );
    check(
        "",
        "
        0.0 start    -> STARTING, spawn
        0.0 spawned  -> wake 1.0
        1.0 late     -> RUNNING
        2.0 shutdown -> STOPPING, signal SIGTERM, wake 12.0
        2.1 exit 0   -> STOPPED
        ",
    );
}

#[test]
fn a_signal_that_cannot_be_sent_makes_the_state_unknown_and_the_exit_clears_it() {
    check(
        "autorestart=true",
        "
        0.0 start   -> STARTING, spawn
        0.0 spawned -> wake 1.0
        1.0 tick    -> RUNNING
        2.0 stop    -> STOPPING, signal SIGTERM, wake 12.0
        2.0 eperm   -> UNKNOWN
        3.0 exit 0  -> STOPPED
        ",
    );
}

#[test]
fn a_signal_to_a_child_that_has_just_gone_changes_nothing() {
    check(
        "",
        "
        0.0 start   -> STARTING, spawn
        0.0 spawned -> wake 1.0
        1.0 tick    -> RUNNING
        2.0 stop    -> STOPPING, signal SIGTERM, wake 12.0
        2.0 esrch   -> wake 12.0
        2.1 exit 0  -> STOPPED
        ",
    );
}

#[test]
fn what_a_phase_has_no_use_for_is_nothing() {
    check(
        "",
        "
        0.0 stop      ->
        0.0 tick      ->
        0.0 spawned   ->
        0.0 unspawned ->
        0.0 exit 1    ->
        0.0 eperm     ->
        0.0 shutdown  ->
        0.0 start     -> STARTING, spawn
        0.0 start     ->
        0.0 spawned   -> wake 1.0
        0.0 other     -> wake 1.0
        1.0 tick      -> RUNNING
        1.0 start     ->
        ",
    );
}

#[test]
fn the_log_says_it_in_supervisords_words() {
    check_log(
        "startretries=0",
        "
        0.0 start     -> STARTING, spawn
        0.0 spawned   -> log INFO spawned: 'p' with pid 7
        1.0 tick      -> RUNNING, log INFO success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
        2.0 exit 0    -> EXITED, log INFO exited: p (exit status 0; expected)
        3.0 start     -> STARTING, spawn
        3.0 unspawned -> log INFO spawnerr: can't find command 'p', BACKOFF, FATAL, log INFO gave up: p entered FATAL state, too many start retries too quickly
        4.0 start     -> STARTING, spawn
        4.0 spawned   -> log INFO spawned: 'p' with pid 7
        4.1 exit 1    -> BACKOFF, log WARN exited: p (exit status 1; not expected), FATAL, log INFO gave up: p entered FATAL state, too many start retries too quickly
        ",
    );
    check_log(
        "stopwaitsecs=1 autorestart=false",
        "
        0.0 start     -> STARTING, spawn
        0.0 spawned   -> log INFO spawned: 'p' with pid 7
        0.1 start     -> log WARN process 'p' already running
        0.2 stop      -> log DEBG killing p (pid 7) with signal SIGTERM, STOPPING, signal SIGTERM
        0.2 esrch     -> log DEBG unable to signal p (pid 7), it probably just exited on its own: [Errno]
        1.2 tick      -> log WARN killing 'p' (7) with SIGKILL, log DEBG killing p (pid 7) with signal SIGKILL, signal SIGKILL
        1.3 killed 9  -> STOPPED, log WARN stopped: p (terminated by SIGKILL)
        2.0 start     -> STARTING, spawn
        2.0 spawned   -> log INFO spawned: 'p' with pid 7
        3.0 tick      -> RUNNING, log INFO success: p entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
        4.0 core 6    -> EXITED!, log WARN exited: p (terminated by SIGABRT (core dumped); not expected)
        5.0 start     -> STARTING, spawn
        5.0 spawned   -> log INFO spawned: 'p' with pid 7
        5.1 stop      -> log DEBG killing p (pid 7) with signal SIGTERM, STOPPING, signal SIGTERM
        5.2 exit 0    -> STOPPED, log INFO stopped: p (exit status 0)
        6.0 start     -> STARTING, spawn
        6.0 unspawned -> log INFO spawnerr: can't find command 'p', BACKOFF
        6.1 stop      -> log DEBG Attempted to kill p, which is in BACKOFF state., STOPPED
        ",
    );
    check_log(
        "stopasgroup=true",
        "
        0.0 start   -> STARTING, spawn
        0.0 spawned -> log INFO spawned: 'p' with pid 7
        0.2 stop    -> log DEBG killing p (pid 7) process group with signal SIGTERM, STOPPING, signal-group SIGTERM
        0.2 eperm   -> log CRIT unknown problem killing p (7):[Errno], UNKNOWN
        0.3 killed 40 -> STOPPED, log WARN stopped: p (terminated by signal 40)
        ",
    );
}
