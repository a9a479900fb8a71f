//! Verbs as transcripts: what the server is asked and answers, and what the operator sees.

use std::collections::VecDeque;
use std::io::Write;

use proto_words::FaultCode;
use proto_xmlrpc::{Fault, Value};

use crate::action;
use crate::reach::trouble::{Kind, Trouble};
use crate::reach::{Heard, Reach, Watch};
use crate::session::Session;

/// A server that plays a script and writes down what it was asked.
#[derive(Default)]
struct Script {
    answers: VecDeque<Result<Value, Kind>>,
    asked: Vec<String>,
    heard: VecDeque<Heard>,
}

impl Reach for Script {
    fn url(&self) -> String {
        "unix:///s".to_owned()
    }

    fn turn_to(&mut self, url: &str) {
        self.asked.push(format!("turn to {url}"));
    }

    fn authenticate(&mut self, username: String, _password: String) {
        self.asked.push(format!("as {username}"));
    }

    fn begin(&mut self) {}

    fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, Trouble> {
        let shown = params.iter().map(|param| match param {
            Value::String(text) => text.clone(),
            other => format!("{other:?}"),
        });
        let words: Vec<String> = [method.to_owned()].into_iter().chain(shown).collect();
        self.asked.push(words.join(" "));
        let answer = self.answers.pop_front().expect("the script has an answer for every call");
        answer.map_err(Trouble::new)
    }

    fn follow(&mut self, paths: &[String], _with_input: bool) -> Result<Box<dyn Watch>, Trouble> {
        self.asked.push(format!("follow {}", paths.join(" ")));
        Ok(Box::new(Script { heard: std::mem::take(&mut self.heard), ..Script::default() }))
    }

    fn line(&mut self) -> Heard {
        self.heard.pop_front().unwrap_or(Heard::EndOfInput)
    }
}

impl Watch for Script {
    fn next(&mut self, out: &mut dyn Write) -> Heard {
        writeln!(out, "(log)").expect("it is memory");
        self.heard.pop_front().unwrap_or(Heard::Ended)
    }
}

fn fault(code: FaultCode, about: &str) -> Result<Value, Kind> {
    let text = format!("{code}: {about}");
    Err(Kind::Fault(Fault { code: code.number(), text }))
}

fn system(error: nix::errno::Errno) -> Result<Value, Kind> {
    Err(Kind::System(error as i32))
}

#[expect(clippy::unnecessary_wraps, reason = "it is an answer like the others")]
fn version() -> Result<Value, Kind> {
    Ok("3.0".into())
}

fn result(name: &str, code: FaultCode) -> Value {
    Value::record([
        ("name", name.into()),
        ("group", "grp".into()),
        ("status", code.number().into()),
        ("description", "d".into()),
    ])
}

/// What an action asked, printed, and ended with.
struct Played {
    asked: Vec<String>,
    printed: String,
    exit: u8,
}

fn play(line: &str, answers: Vec<Result<Value, Kind>>) -> Played {
    play_hearing(line, answers, vec![])
}

fn play_hearing(line: &str, answers: Vec<Result<Value, Kind>>, heard: Vec<Heard>) -> Played {
    let mut script = Script { answers: answers.into(), heard: heard.into(), ..Script::default() };
    let mut out = Vec::new();
    let mut session = Session {
        reach: &mut script,
        out: &mut out,
        exit: 0,
        interactive: false,
        own_name: true,
        over: false,
    };
    action::run(&mut session, line);
    let exit = session.exit;
    assert!(script.answers.is_empty(), "{line}: fewer calls than answers: {:?}", script.asked);
    let printed = String::from_utf8(out).expect("we print UTF-8");
    Played { asked: script.asked, printed, exit }
}

#[test]
fn start_asks_for_each_name_and_tells_each_result() {
    let group = vec![result("a", FaultCode::Success), result("b", FaultCode::SpawnError)];
    let played = play(
        "start cat grp:* zz:* nofile",
        vec![
            version(),
            fault(FaultCode::AlreadyStarted, "cat"),
            Ok(Value::Array(group)),
            fault(FaultCode::BadName, "zz"),
            fault(FaultCode::NoFile, "nofile"),
        ],
    );
    assert_eq!(
        played.asked,
        [
            "getVersion",
            "startProcess cat",
            "startProcessGroup grp",
            "startProcessGroup zz",
            "startProcess nofile",
        ]
    );
    assert_eq!(
        played.printed,
        "cat: ERROR (already started)\ngrp:a: started\ngrp:b: ERROR (spawn error)\n\
         zz: ERROR (no such group)\nnofile: ERROR (no such file)\n"
    );
    assert_eq!(played.exit, 1);
}

#[test]
fn restart_stops_every_name_before_it_starts_any() {
    let played = play(
        "restart a b",
        vec![
            version(),
            version(),
            fault(FaultCode::NotRunning, "a"),
            Ok(true.into()),
            version(),
            Ok(true.into()),
            Ok(true.into()),
        ],
    );
    let printed = "a: ERROR (not running)\nb: stopped\na: started\nb: started\n";
    assert_eq!((played.printed.as_str(), played.exit), (printed, 0));
}

#[test]
fn all_among_the_names_means_everything() {
    let results = Value::Array(vec![result("a", FaultCode::NotRunning)]);
    let played = play("signal HUP x all", vec![version(), Ok(results)]);
    assert_eq!(played.asked[1], "signalAllProcesses HUP");
    assert_eq!((played.printed.as_str(), played.exit), ("grp:a: ERROR (not running)\n", 7));
}

#[test]
fn a_server_that_is_not_there_is_told_with_its_own_exit_code() {
    use nix::errno::Errno::{ECONNREFUSED, ENOENT};
    for (line, error, printed, exit) in [
        ("stop all", ECONNREFUSED, "unix:///s refused connection\n", 4),
        ("stop all", ENOENT, "unix:///s no such file\n", 7),
        ("status", ECONNREFUSED, "unix:///s refused connection\n", 4),
        ("status", ENOENT, "unix:///s no such file\n", 4),
        ("shutdown", ENOENT, "ERROR: unix:///s no such file (already shut down?)\n", 1),
    ] {
        let played = play(line, vec![system(error)]);
        assert_eq!((played.printed.as_str(), played.exit), (printed, exit), "{line} {error}");
    }
    let played = play("avail", vec![system(ENOENT)]);
    let start = "error: <class 'FileNotFoundError'>, [Errno 2] No such file or directory: file: ";
    assert!(played.printed.starts_with(start), "{}", played.printed);
    assert_eq!(played.exit, 1);
}

#[test]
fn a_server_without_our_interface_is_told_once() {
    let played = play("pid", vec![fault(FaultCode::UnknownMethod, "")]);
    assert!(played.printed.starts_with("Sorry, supervisord responded but did not recognize"));
    assert_eq!(played.exit, 3);
    let played = play("pid", vec![Ok("2.0".into())]);
    assert!(played.printed.ends_with("API version 3.0, but the remote version is 2.0.\n"));
    assert_eq!(played.exit, 5);
}

#[test]
fn a_refused_password_is_told_without_a_second_try() {
    let refused = Kind::Status { code: 401, reason: "Unauthorized".to_owned() };
    let played = play("status", vec![Err(refused)]);
    let printed = "Server requires authentication\n";
    assert_eq!((played.printed.as_str(), played.exit), (printed, 1));
}

#[test]
fn who_can_be_asked_is_asked_for_the_password_and_before_a_shutdown() {
    let ask = |line: &str, answers: Vec<Result<Value, Kind>>, lines: &[&str]| {
        let heard = lines.iter().map(|line| Heard::Line((*line).to_owned()));
        let mut script = Script { answers: answers.into(), ..Script::default() };
        script.heard = heard.collect();
        let mut out = Vec::new();
        let mut session = Session {
            reach: &mut script,
            out: &mut out,
            exit: 0,
            interactive: true,
            own_name: true,
            over: false,
        };
        action::run(&mut session, line);
        let exit = session.exit;
        (String::from_utf8(out).expect("we print UTF-8"), exit, script.asked)
    };
    let refused = || Err(Kind::Status { code: 401, reason: "Unauthorized".to_owned() });
    let answers = vec![refused(), version(), Ok(7.into())];
    let (printed, exit, asked) = ask("pid", answers, &["u", "p"]);
    assert!(printed.starts_with("Server requires authentication\nUsername:Password:"));
    assert!(printed.ends_with("\n7\n"), "{printed}");
    assert_eq!((exit, asked[1].as_str()), (0, "as u"));

    let question = "Really shut the remote supervisord process down y/N? ";
    let (printed, exit, asked) = ask("shutdown", vec![], &["n"]);
    assert_eq!((printed.as_str(), exit, asked.len()), (question, 0, 0));
    let (printed, ..) = ask("shutdown", vec![Ok(true.into())], &["Yes"]);
    assert_eq!(printed, format!("{question}Shut down\n"));
    let (printed, exit, _) = ask("shutdown", vec![], &[]);
    assert!(printed.contains("error: <class 'EOFError'>, EOF when reading a line: file: "));
    assert_eq!(exit, 1);
}

#[test]
fn update_goes_by_removed_changed_added_and_keeps_a_group_that_will_not_stop() {
    let names = |names: &[&str]| Value::Array(names.iter().map(|n| Value::from(*n)).collect());
    let changes = Value::Array(vec![names(&["new"]), names(&["old"]), names(&["gone", "stuck"])]);
    let stuck = Value::Array(vec![result("x", FaultCode::Failed)]);
    let done = || Ok(Value::Boolean(true));
    let played = play(
        "update",
        vec![
            Ok(Value::Array(vec![changes])),
            Ok(names(&[])),
            done(),
            Ok(stuck),
            Ok(names(&[])),
            done(),
            done(),
            done(),
        ],
    );
    assert_eq!(
        played.printed,
        "gone: stopped\ngone: removed process group\nstuck: stopped\n\
         stuck: has problems; not removing\nold: stopped\nold: updated process group\n\
         new: added process group\n"
    );
    assert_eq!(played.exit, 1);
}

#[test]
fn the_last_failure_decides_the_exit_code_of_status() {
    let info = |name: &str, state: i32| {
        Value::record([
            ("group", name.into()),
            ("name", name.into()),
            ("state", state.into()),
            ("statename", "S".into()),
            ("description", "".into()),
        ])
    };
    for (line, exit) in [
        ("status up", 0),
        ("status zz up", 4),
        ("status zz down", 3),
        ("status", 3),
        ("status g:*", 4),
    ] {
        let infos = Value::Array(vec![info("up", 20), info("down", 0)]);
        assert_eq!(play(line, vec![version(), Ok(infos)]).exit, exit, "{line}");
    }
}

#[test]
fn a_log_is_followed_until_it_ends_or_ctrl_c() {
    let played = play("tail -f cat STDERR", vec![version()]);
    assert_eq!(played.asked[1], "follow /logtail/cat/stderr");
    assert_eq!(played.printed, "==> Press Ctrl-C to exit <==\n(log)\n");
    let played = play_hearing("maintail -f", vec![version()], vec![Heard::Interrupted]);
    assert_eq!(played.printed, "==> Press Ctrl-C to exit <==\n(log)\n\n");
    assert_eq!(played.exit, 0);
}

#[test]
fn fg_sends_lines_until_the_process_is_gone() {
    let state = |state: i32| Ok(Value::record([("state", state.into())]));
    let lines = || vec![Heard::Line("a".into()), Heard::Line("b".into())];
    let played = play_hearing(
        "fg cat",
        vec![version(), state(20), Ok(true.into()), state(20), fault(FaultCode::NotRunning, "cat")],
        lines(),
    );
    assert_eq!(played.asked[3], "sendProcessStdin cat a\n");
    assert_eq!(
        played.printed,
        "==> Press Ctrl-C to exit <==\n(log)\n(log)\nProcess got killed\nExiting foreground\n"
    );
}

#[test]
fn tail_counts_from_the_end() {
    for (line, params) in [
        ("tail cat", "readProcessStdoutLog cat Int(-1600) Int(0)"),
        ("tail -5 cat stderr", "readProcessStderrLog cat Int(-5) Int(0)"),
        ("tail --5 cat", "readProcessStdoutLog cat Int(5) Int(0)"),
        ("maintail -7", "readLog Int(-7) Int(0)"),
    ] {
        let played = play(line, vec![version(), Ok("x\n".into())]);
        assert_eq!(
            (played.asked[1].as_str(), played.printed.as_str()),
            (params, "x\n\n"),
            "{line}"
        );
    }
}

#[test]
fn a_host_part_is_refused_on_one_host() {
    for line in ["start web01/cat", "restart web01/grp:*", "pid a web01/cat", "tail -f w/cat"] {
        let played = play(line, vec![version()]);
        assert_eq!((played.asked.len(), played.exit), (1, 2), "{line}");
    }
    let played = play("start grp:a/b", vec![version(), Ok(true.into())]);
    assert_eq!(played.printed, "grp:a/b: started\n");
}

#[test]
fn open_keeps_the_exit_code() {
    let played = play("open http://h:1", vec![system(nix::errno::Errno::ECONNREFUSED)]);
    assert_eq!(played.asked, ["turn to http://h:1", "getVersion"]);
    assert_eq!(played.exit, 0);
    assert_eq!(play("open ftp://x", vec![]).exit, 1);
}
