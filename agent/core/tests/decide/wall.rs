//! A wall clock that is set back: what is shown follows, deadlines do not.

use agent_core::input::Exit;
use agent_core::machine::{Context, Event, Machine, Step};
use proto_words::Now;

use super::play::program;

const PID: i32 = 7;

/// A machine whose child was spawned at 100 s of the wall, and the time at both clocks since then.
struct Told {
    machine: Machine,
    options: &'static str,
}

impl Told {
    fn spawned(options: &'static str) -> Self {
        let mut told = Self { machine: Machine::default(), options };
        let _ = told.at(0, 100, Event::StartAsked);
        let _ = told.at(0, 100, Event::Spawned { pid: PID });
        told
    }

    fn at(&mut self, mono_secs: u64, wall_secs: i64, event: Event) -> Vec<String> {
        let now = Now { mono_ns: mono_secs * 1_000_000_000, wall_ms: wall_secs * 1000 };
        let spec = program("p", self.options);
        let steps = self.machine.on_event(Context { now, spec: &spec, respawn: true }, event);
        let said = steps.into_iter().filter_map(|step| match step {
            Step::Log(level, text) => Some(format!("{} {text}", level.code())),
            Step::Entered { to, .. } => Some(to.to_string()),
            _ => None,
        });
        said.collect()
    }

    fn shown_at(&self, wall_secs: i64) -> i64 {
        let now = Now { mono_ns: 0, wall_ms: wall_secs * 1000 };
        self.machine.shown_start_ms(now, program("p", self.options).startsecs) / 1000
    }

    fn exit(&mut self, mono_secs: u64, wall_secs: i64) -> Vec<String> {
        let at_mono_ns = mono_secs * 1_000_000_000;
        let event = Event::ChildExited { pid: PID, exit: Exit::Code(0), at_mono_ns };
        self.at(mono_secs, wall_secs, event)
    }
}

const FUTURE: &str = "WARN process 'p' (7) laststart time is in the future, don't know how long \
                      process was running so assuming it did not exit too quickly";

#[test]
fn a_young_process_has_not_begun_in_the_future() {
    let mut told = Told::spawned("startsecs=9");
    assert_eq!((told.shown_at(101), told.shown_at(50)), (100, 50));
    assert_eq!(told.at(1, 50, Event::Tick), [] as [&str; 0]);
    assert_eq!(told.shown_at(60), 50, "it is not forgotten when the clock goes on");
    let up = told.at(9, 58, Event::Tick);
    assert_eq!(up[0], "RUNNING", "the deadline has not moved");
}

#[test]
fn who_is_up_has_been_so_for_startsecs() {
    let mut told = Told::spawned("startsecs=3 autorestart=false");
    let _ = told.at(3, 103, Event::Tick);
    assert_eq!([103, 102, 101, 100, 99].map(|wall| told.shown_at(wall)), [100, 99, 98, 100, 100]);
    assert_eq!(told.exit(5, 102), ["EXITED", "INFO exited: p (exit status 0; expected)"]);
    assert_eq!(told.shown_at(200), 99);
}

#[test]
fn an_end_before_the_beginning_is_not_too_quick() {
    let mut told = Told::spawned("startsecs=9 autorestart=false");
    let expected = "INFO exited: p (exit status 0; expected)";
    assert_eq!(told.exit(1, 99), [FUTURE, "RUNNING", "EXITED", expected]);
    let mut told = Told::spawned("startsecs=0 autorestart=false");
    assert_eq!(told.exit(1, 99), [FUTURE, "EXITED", expected]);
    let mut told = Told::spawned("startsecs=0");
    let _ = told.at(1, 99, Event::StopAsked);
    assert_eq!(told.exit(2, 99), [FUTURE, "STOPPED", "INFO stopped: p (exit status 0)"]);
}
