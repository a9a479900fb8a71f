//! An agent with nothing to do makes no system call at all.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use integration::ears::wait_heard;
use integration::subject::{Daemon, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// So long nothing may happen. An agent that looks every few seconds is found out.
const WINDOW: Duration = Duration::from_secs(10);

/// Attaching interrupts every pending call, which is then made again; that is over after this.
const SETTLING: Duration = Duration::from_secs(1);

/// Programs that sleep meanwhile.
const PROGRAMS: usize = 100;

#[test]
fn an_idle_agent_with_a_hundred_programs_makes_no_system_call() {
    let configuration = format!(
        "{{head}}\n[program:s]\ncommand={{sleeper}}\nprocess_name=%(process_num)d\n\
         numprocs={PROGRAMS}\nstartsecs=0\n\
         autorestart=true\n\
         [program:failed]\ncommand={{dir}}/nothing\nstartretries=0\n\
         [program:ended]\ncommand={{child}} exit:0\nstartsecs=0\nautorestart=false\n\
         [program:never]\ncommand={{sleeper}}\nautostart=false\n\
         [program:deaf]\ncommand={{child}} ignore:TERM stamp:{{dir}}/deaf forever\nstartsecs=0\n\
         stopwaitsecs=600\n\
         [eventlistener:ear]\ncommand={{child}} serve:{{dir}}/heard\nstartsecs=0\n\
         events=PROCESS_STATE,PROCESS_LOG,REMOTE_COMMUNICATION\nbuffer_size=1000\n"
    );
    let daemon = Daemon::start(Subject::Ours, &configuration);
    for number in 0..PROGRAMS {
        daemon.wait_state(&format!("s:{number}"), "RUNNING");
    }
    // What has failed, ended, been restarted or cannot be stopped is no reason to look.
    daemon.wait_state("failed", "FATAL");
    daemon.wait_state("ended", "EXITED");
    kill(daemon.process("s:0").unwrap().pid, Signal::SIGKILL).unwrap();
    wait_text(&daemon.path("deaf"), "\n");
    let stop = ["<string>deaf</string>", "<boolean>0</boolean>"];
    daemon.door().call_with("supervisor.stopProcess", &stop).unwrap();
    daemon.wait_state("deaf", "STOPPING");
    // A listener that has heard everything is as idle as the rest.
    wait_heard(&daemon, "heard", "all starts", |heard| {
        let up = heard.iter().filter(|event| event.name() == "PROCESS_STATE_RUNNING");
        up.count() == PROGRAMS + 4 // the listener, what has ended, what is deaf, what was restarted
    });
    let trace = Trace::attach(&daemon);
    wait::pass(SETTLING);
    let begin = wait::wall();
    wait::pass(WINDOW);
    let end = wait::wall();
    assert_eq!(daemon.ctl(&["status", "s:0"]).code, 0);
    let calls = trace.end();
    let (during, after): (Vec<&Call>, Vec<&Call>) =
        calls.iter().filter(|call| call.at >= begin).partition(|call| call.at < end);
    assert!(!after.is_empty(), "the trace does not even show the status; it shows nothing");
    assert!(
        during.is_empty(),
        "{} calls, the first: {:?}",
        during.len(),
        &during[..during.len().min(10)]
    );
}

/// strace at all threads of a daemon.
struct Trace {
    strace: Child,
    file: std::path::PathBuf,
}

/// A line of the trace.
#[derive(Debug)]
struct Call {
    at: Duration,
    #[expect(dead_code, reason = "printed when the test fails")]
    text: String,
}

impl Trace {
    /// Attaches to the process, with `-f` to all its threads, and waits until strace says so.
    fn attach(daemon: &Daemon) -> Self {
        let pid = daemon.pid();
        let (file, words) = (daemon.path("trace.txt"), daemon.path("strace.txt"));
        let strace = Command::new("strace")
            .args(["-f", "-ttt", "-o"])
            .arg(&file)
            .args(["-p", &pid.to_string()])
            .stderr(fs::File::create(&words).unwrap())
            .stdin(Stdio::null())
            .spawn()
            .expect("strace is installed; `make packages` does it where it may");
        wait_text(&words, &format!("Process {pid} attached"));
        Self { strace, file }
    }

    /// Detaches and reads what was seen.
    fn end(mut self) -> Vec<Call> {
        kill(Pid::from_raw(self.strace.id().cast_signed()), Signal::SIGINT).unwrap();
        wait::until(PATIENCE, "the end of strace", || {
            self.strace.try_wait().unwrap().ok_or("still tracing")
        });
        calls(&self.file)
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// `TID SECONDS.MICROS CALL`; lines about signals and exits are no calls, but just as unwanted.
fn calls(trace: &Path) -> Vec<Call> {
    let text = fs::read_to_string(trace).unwrap();
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        let at: f64 = words.nth(1)?.parse().ok()?;
        Some(Call { at: Duration::from_secs_f64(at), text: line.to_owned() })
    };
    text.lines().filter_map(read).collect()
}
