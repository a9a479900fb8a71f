//! A clock of the wall that is set back or forward while everything runs; and what is told of times.

use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use integration::wall_clock::WallClock;
use nix::sys::signal::{Signal, kill};

use super::{Differences, Info, ask, count, lines, wait_lines};

for_each_subject![a_clock_that_is_set_back_holds_nothing_up, processes_are_described];

const HOUR: f64 = 3600.0;

const WAITING: &str = "{head}
[program:old]
command={child} forever
startsecs=3
autorestart=false
[program:young]
command={child} forever
startsecs=3
autostart=false
[program:ends]
command={child} until:{dir}/go exit:0
startsecs=0
autorestart=false
[program:deaf]
command={child} ignore:TERM print:deaf forever
startsecs=0
stopwaitsecs=3
stdout_logfile={dir}/deaf.log
[program:fails]
command={dir}/missing
startretries=99
";

fn a_clock_that_is_set_back_holds_nothing_up(subject: Subject) {
    let mut host = Host::new(subject, WAITING);
    let clock = WallClock::of(&mut host);
    let daemon = Daemon::start_on(host);
    daemon.wait_state("old", "RUNNING");
    wait_text(&daemon.path("deaf.log"), "deaf");
    let end = |name: &str| kill(daemon.process(name).unwrap().pid, Signal::SIGKILL).unwrap();
    let waiter = std::thread::scope(|scope| {
        let stop = scope.spawn(|| daemon.door().call("supervisor.stopProcess", &["deaf"]));
        daemon.wait_state("deaf", "STOPPING");
        look_an_hour_back(&daemon, &clock);
        stop.join().unwrap()
    });
    waiter.unwrap();
    wait_lines(&daemon, "deaf", "WARN stopped: deaf (terminated by SIGKILL)", 1);
    // Whoever waits for the stop is told of in the log as before.
    wait_lines(&daemon, "deaf", "INFO waiting for deaf to stop", 1);
    shown(subject, &["CLK-03"]);
    look_just_behind_the_start(&daemon, &clock);
    end("old");
    let all =
        wait_lines(&daemon, "old", "WARN exited: old (terminated by SIGKILL; not expected)", 1);
    assert_eq!(count(&all, "future"), 0, "{all:?}");
    shown(subject, &["CLK-02"]);
    clock.goes_wrong_by(-HOUR);
    daemon.home().write("go", "");
    let all = wait_lines(&daemon, "ends", "INFO exited: ends (exit status 0; expected)", 1);
    let warned = daemon.log();
    let future = "WARN process 'ends' (";
    let said = ") laststart time is in the future, don't know how long process was running so \
                assuming it did not exit too quickly\n";
    assert!(warned.contains(future) && warned.contains(said), "{all:?}\n{warned}");
    shown(subject, &["SM-56"]);
}

/// Every start and every deadline is in the future now.
fn look_an_hour_back(daemon: &Daemon, clock: &WallClock) {
    let subject = daemon.host().subject();
    let failures = count(&lines(daemon, "missing"), "spawnerr: ");
    assert_eq!(ask(daemon, "startProcess", "young"), 0);
    clock.goes_wrong_by(-HOUR);
    wait::until(PATIENCE, "a start that is not in the future", || {
        let info = Info::of(daemon, "young");
        let (start, now) = (info.number("start"), info.number("now"));
        if start <= now { Ok(()) } else { Err(format!("{start}, now {now}")) }
    });
    daemon.wait_state("young", "RUNNING");
    shown(subject, &["CLK-01"]);
    wait_lines(daemon, "missing", "spawnerr: ", failures + 2);
    shown(subject, &["CLK-04"]);
    // What has been up for long stays in the future; the description says nothing of that.
    let info = Info::of(daemon, "old");
    assert!(info.number("start") > info.number("now"));
    let pid = info.number("pid");
    assert_eq!(info.text("description"), format!("pid {pid}, uptime 0:00:00"));
}

/// The clock says that what is RUNNING has not been up for `startsecs`: its start is taken back.
fn look_just_behind_the_start(daemon: &Daemon, clock: &WallClock) {
    let startsecs = 3;
    let start = Info::of(daemon, "old").number("start");
    wait::until(PATIENCE, "a start that is taken back", || {
        #[expect(clippy::cast_precision_loss, reason = "far from 2 to the 52nd")]
        clock.goes_wrong_by(start as f64 + 1.2 - wait::wall().as_secs_f64());
        let info = Info::of(daemon, "old");
        let (found, now) = (info.number("start"), info.number("now"));
        let seen = format!("{found} after {start}, now {now}");
        if found < start && now - found >= startsecs { Ok(()) } else { Err(seen) }
    });
    assert_eq!(Info::of(daemon, "old").text("statename"), "RUNNING");
}

const DESCRIBED: &str = "{head}
[program:up]
command={child} forever
startsecs=0
[program:never]
command={child} forever
autostart=false
[program:young]
command={child} forever
startsecs=3600
[program:deaf]
command={child} ignore:TERM print:deaf forever
startsecs=0
stopwaitsecs=3600
stdout_logfile={dir}/deaf.log
[program:fails]
command={dir}/missing
startretries=99
[program:fatal]
command={dir}/missing
startretries=0
[program:quick]
command={child} exit:1
startsecs=9
startretries=0
[program:halts]
command={child} forever
startsecs=0
[program:ends]
command={child} until:{dir}/go exit:0
startsecs=0
autorestart=false
";

/// Where it is half past five in the morning when a day begins in UTC.
const ZONE: &str = "FVT-5:30";

fn processes_are_described(subject: Subject) {
    let mut host = Host::new(subject, DESCRIBED);
    host.set_environment("TZ", ZONE);
    let clock = WallClock::of(&mut host);
    let daemon = Daemon::start_on(host);
    wait_text(&daemon.path("deaf.log"), "deaf");
    assert_eq!(ask(&daemon, "stopProcess", "deaf"), 0);
    let missing = format!("can't find command '{}'", daemon.path("missing").display());
    let mut differences = Differences::default();
    for (name, state, text) in [
        ("never", "STOPPED", "Not started"),
        ("young", "STARTING", ""),
        ("deaf", "STOPPING", ""),
        ("fails", "BACKOFF", missing.as_str()),
        ("fatal", "FATAL", missing.as_str()),
        ("quick", "FATAL", "Exited too quickly (process log may have details)"),
    ] {
        daemon.wait_state(name, state);
        differences.look(name, Info::of(&daemon, name).text("description"), text.to_owned());
    }
    differences.none(&daemon);
    shown(subject, &["DSC-02", "DSC-04"]);
    // Nothing has ever ended there: the time of its end is the beginning of all times.
    assert_eq!(ask(&daemon, "stopProcess", "fails"), 0);
    assert_eq!(Info::of(&daemon, "fails").text("description"), "Jan 01 05:30 AM");
    shown(subject, &["DSC-05"]);
    look_at_uptimes(&daemon, &clock);
    look_at_ends(&daemon, &clock);
}

fn look_at_uptimes(daemon: &Daemon, clock: &WallClock) {
    let info = Info::of(daemon, "up");
    let (start, pid) = (info.number("start"), info.number("pid"));
    let mut differences = Differences::default();
    for (uptime, text) in [
        (59, "0:00:59"),
        (36_000, "10:00:00"),
        (86_399, "23:59:59"),
        (86_400, "1 day, 0:00:00"),
        (90_061, "1 day, 1:01:01"),
        (172_805, "2 days, 0:00:05"),
        (-5000, "0:00:00"),
    ] {
        // A look takes time: the second is the one that was meant when it is told with it.
        let description = wait::until(PATIENCE, "a look within the second", || {
            #[expect(clippy::cast_precision_loss, reason = "far from 2 to the 52nd")]
            clock.goes_wrong_by((start + uptime) as f64 + 0.05 - wait::wall().as_secs_f64());
            let info = Info::of(daemon, "up");
            let second = info.number("now") - start;
            if second == uptime { Ok(info.text("description")) } else { Err(second) }
        });
        differences.look("uptime", description, format!("pid {pid}, uptime {text}"));
    }
    differences.none(daemon);
    shown(daemon.host().subject(), &["DSC-01"]);
}

/// Starts and ends are stamped by the wall, whatever it says.
fn look_at_ends(daemon: &Daemon, clock: &WallClock) {
    let subject = daemon.host().subject();
    let set = |when: f64| clock.goes_wrong_by(when - wait::wall().as_secs_f64());
    let near = |found: i64, when: i64| (when..when + 60).contains(&found);
    // 4:32:10 in the morning of the 20th of November 2026, UTC.
    set(1_795_149_130.0);
    daemon.door().call("supervisor.stopProcess", &["halts"]).unwrap();
    let info = Info::of(daemon, "halts");
    assert_eq!(info.text("description"), "Nov 20 10:02 AM");
    assert!(near(info.number("stop"), 1_795_149_130), "{}", info.number("stop"));
    // 7:00:10 in the morning of the 2nd of January 2027.
    set(1_798_873_210.0);
    daemon.home().write("go", "");
    daemon.wait_state("ends", "EXITED");
    assert_eq!(Info::of(daemon, "ends").text("description"), "Jan 02 12:30 PM");
    shown(subject, &["DSC-03"]);
    assert_eq!(ask(daemon, "startProcess", "halts"), 0);
    let start = daemon.wait_state("halts", "RUNNING");
    assert!(near(Info::of(daemon, "halts").number("start"), 1_798_873_210), "{start}");
    shown(subject, &["CLK-05"]);
}
