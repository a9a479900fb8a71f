//! Calls against a played core: what is asked, and what is answered.

use std::sync::Arc;

use agent_core::command::{
    Command, Diff, LogFiles, ProcessInfo, Refusal, Reply, Scope, Table, TargetResult,
};
use proto_words::{Incarnation, Namespec, Origin, ProcessState, Row, Signal, SupervisorState};
use proto_xmlrpc::{Value, parse_response, write_call};

use super::{Unanswerable, Xmlrpc};
use crate::mailbox::Mailbox;
use crate::played::{core, core_in_state, facts, log};

fn door(mailbox: Mailbox) -> Xmlrpc {
    Xmlrpc::new(mailbox, log().0)
}

/// A value, `code text` of a fault, or the status in its place.
async fn call(door: &Xmlrpc, method: &str, params: &[Value]) -> Result<Value, String> {
    match door.answer(write_call(method, params).into()).await {
        Ok(body) => parse_response(&body)
            .expect("the door writes XML-RPC")
            .map_err(|fault| format!("{} {}", fault.code, fault.text)),
        Err(status) => Err(format!("{status:?}")),
    }
}

async fn fault(door: &Xmlrpc, method: &str, params: &[Value]) -> String {
    match call(door, method, params).await {
        Err(text) => text,
        Ok(value) => panic!("{method} has a value: {value:?}"),
    }
}

fn web() -> Namespec {
    Namespec::one("web", "api")
}

fn named() -> Scope {
    Scope::Named(web())
}

#[tokio::test]
async fn answers_are_the_originals_bytes() {
    let (mailbox, _) = core(facts(None), |_| {
        Reply::Refused(Refusal::BadName(String::new()))
    });
    let answer = door(mailbox).handler();
    let pid = answer(write_call("supervisor.getPID", &[]).into())
        .await
        .unwrap();
    assert_eq!(
        String::from_utf8(pid).unwrap(),
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n\
         <value><int>4242</int></value>\n</param>\n</params>\n</methodResponse>\n"
    );
    let fault = answer(write_call("supervisor.clearProcessLogs", &["zz".into()]).into()).await;
    assert_eq!(fault.map(|body| body.len()), Ok(268));
    assert_eq!(answer("garbage".into()).await, Err(400));
}

/// Each call is answered with `true`, and has asked the core for just this.
async fn check_orders(orders: Vec<(&str, Vec<Value>, Command)>) {
    let (mailbox, asked) = core(facts(None), |_| Reply::Done);
    let door = door(mailbox);
    for (method, params, command) in orders {
        let value = call(&door, &format!("supervisor.{method}"), &params).await;
        assert_eq!(value, Ok(true.into()), "{method}");
        assert_eq!(asked.lock().unwrap().pop(), Some(command), "{method}");
    }
}

#[tokio::test]
#[rustfmt::skip]
async fn starts_and_stops_wait_unless_told_otherwise() {
    let no = || Value::Boolean(false);
    let start = |scope, wait| Command::Start { scope, wait };
    let stop = |scope, wait| Command::Stop { scope, wait };
    let group = || Scope::Group("web".into());
    check_orders(vec![
        ("startProcess", vec!["web:api".into()], start(named(), true)),
        ("startProcess", vec!["web:api".into(), no()], start(named(), false)),
        ("startProcess", vec!["web:api".into(), Value::Nil], start(named(), false)),
        ("startProcess", vec!["web:api".into(), "x".into()], start(named(), true)),
        ("startProcessGroup", vec!["web".into()], start(group(), true)),
        ("startAllProcesses", vec![no()], start(Scope::All, false)),
        ("stopProcess", vec!["web:api".into()], stop(named(), true)),
        ("stopProcessGroup", vec!["web".into(), no()], stop(group(), false)),
        ("stopAllProcesses", vec![], stop(Scope::All, true)),
    ])
    .await;
}

#[tokio::test]
#[rustfmt::skip]
async fn each_order_asks_the_core_for_what_it_is_for() {
    let signal = |scope, number| {
        let signal = Signal::from_number(number).unwrap();
        Command::Signal { scope, signal }
    };
    let event = |kind: &str, data: &str| Command::RemoteEvent { kind: kind.into(), data: data.into() };
    let group = || Scope::Group("web".into());
    let stdin = Command::WriteStdin { name: web(), bytes: "h\u{e9}\n".into() };
    check_orders(vec![
        ("signalProcess", vec!["web:api".into(), "HUP".into()], signal(named(), 1)),
        ("signalProcess", vec!["web:api".into(), 15.into()], signal(named(), 15)),
        ("signalProcessGroup", vec!["web".into(), "2".into()], signal(group(), 2)),
        ("signalAllProcesses", vec![true.into()], signal(Scope::All, 1)),
        ("sendProcessStdin", vec!["web:api".into(), "h\u{e9}\n".into()], stdin),
        ("sendRemoteCommEvent", vec!["t".into(), "d".into()], event("t", "d")),
        ("sendRemoteCommEvent", vec![5.into(), Value::Array(vec![])], event("5", "[]")),
        ("clearLog", vec![], Command::ClearMainLog),
        ("clearProcessLog", vec!["web:api".into()], Command::ClearLogs(web())),
        ("addProcessGroup", vec!["web".into()], Command::AddGroup("web".into())),
        ("removeProcessGroup", vec!["web".into()], Command::RemoveGroup("web".into())),
        ("shutdown", vec![], Command::Shutdown),
        ("restart", vec![], Command::Reload),
    ])
    .await;
}

#[tokio::test]
async fn a_refusal_repeats_the_name_as_the_client_gave_it() {
    let (mailbox, _) = core(facts(None), |command| {
        Reply::Refused(match command {
            Command::Start { .. } => Refusal::SpawnError {
                name: "web".into(),
                why: "Exited too quickly".into(),
            },
            Command::ClearMainLog => Refusal::NoFile("/x".into()),
            Command::ClearLogs(_) => Refusal::Failed("[Errno 13]".into()),
            Command::Reread => Refusal::CantReread("no command".into()),
            _ => Refusal::BadName("core's".into()),
        })
    });
    let door = door(mailbox);
    let web = || vec![Value::from("web:web")];
    for (method, params, text) in [
        ("supervisor.startProcess", web(), "50 SPAWN_ERROR: web:web"),
        (
            "supervisor.stopProcess",
            vec![" cat".into()],
            "10 BAD_NAME:  cat",
        ),
        (
            "supervisor.getProcessInfo",
            vec!["grp:".into()],
            "10 BAD_NAME: grp:",
        ),
        (
            "supervisor.signalProcess",
            vec!["".into(), "HUP".into()],
            "10 BAD_NAME: ",
        ),
        (
            "supervisor.tailProcessLog",
            vec!["*".into(), 0.into(), 0.into()],
            "10 BAD_NAME: *",
        ),
        ("supervisor.clearLog", vec![], "20 NO_FILE"),
        ("supervisor.clearProcessLogs", web(), "30 FAILED: web:web"),
        (
            "supervisor.reloadConfig",
            vec![],
            "92 CANT_REREAD: no command",
        ),
        (
            "supervisor.stopProcessGroup",
            vec![5.into()],
            "10 BAD_NAME: 5",
        ),
    ] {
        assert_eq!(fault(&door, method, &params).await, text, "{method}");
    }
}

#[tokio::test]
async fn wrong_arguments_end_as_they_do_in_the_original() {
    let (mailbox, asked) = core(facts(None), |_| Reply::Done);
    let door = door(mailbox);
    let list = || Value::Array(vec![]);
    for (method, params, text) in [
        ("nosuch", vec![], "1 UNKNOWN_METHOD"),
        ("supervisor.nosuch", vec![], "1 UNKNOWN_METHOD"),
        ("supervisor._update", vec![], "1 UNKNOWN_METHOD"),
        ("supervisor.supervisord.options", vec![], "1 UNKNOWN_METHOD"),
        (" supervisor.getPID", vec![], "1 UNKNOWN_METHOD"),
        (
            "supervisor.getPID",
            vec![1.into()],
            "2 INCORRECT_PARAMETERS",
        ),
        ("supervisor.startProcess", vec![], "2 INCORRECT_PARAMETERS"),
        ("supervisor.startProcess", vec![5.into()], "Internal"),
        ("supervisor.startProcess", vec![Value::Nil], "Internal"),
        (
            "supervisor.startProcessGroup",
            vec![list()],
            "2 INCORRECT_PARAMETERS",
        ),
        (
            "supervisor.startProcessGroup",
            vec![Value::Nil],
            "10 BAD_NAME",
        ),
        (
            "supervisor.addProcessGroup",
            vec![list()],
            "10 BAD_NAME: []",
        ),
        (
            "supervisor.sendProcessStdin",
            vec![5.into(), 5.into()],
            "2 INCORRECT_PARAMETERS: 5",
        ),
        (
            "supervisor.sendProcessStdin",
            vec!["a".into(), true.into()],
            "2 INCORRECT_PARAMETERS: True",
        ),
        ("supervisor.signalAllProcesses", vec![list()], "Internal"),
        ("supervisor.readLog", vec![0.into(), 0.into()], "20 NO_FILE"),
        ("system.methodHelp", vec!["nosuch".into()], "3 BAD"),
    ] {
        let found = fault(&door, method, &params).await;
        let text = text.replace("3 BAD", "4 SIGNATURE_UNSUPPORTED");
        assert_eq!(found, text, "{method} {params:?}");
    }
    assert!(
        asked
            .lock()
            .unwrap()
            .iter()
            .all(|command| *command == Command::Rows)
    );
}

#[tokio::test]
async fn while_everything_stops_only_system_methods_and_events_are_answered() {
    for state in [SupervisorState::Shutdown, SupervisorState::Restarting] {
        let door = door(core_in_state(facts(None), state, |command| match command {
            Command::RemoteEvent { .. } => Reply::Done,
            _ => Reply::Refused(Refusal::ShuttingDown),
        }));
        for method in [
            "getState",
            "getPID",
            "getAPIVersion",
            "shutdown",
            "clearLog",
        ] {
            let method = format!("supervisor.{method}");
            assert_eq!(fault(&door, &method, &[]).await, "6 SHUTDOWN_STATE");
        }
        let five = [Value::Int(5)];
        let method = "supervisor.startProcess";
        assert_eq!(fault(&door, method, &five).await, "6 SHUTDOWN_STATE");
        assert_eq!(fault(&door, method, &[]).await, "2 INCORRECT_PARAMETERS");
        assert!(call(&door, "system.listMethods", &[]).await.is_ok());
        let event = ["t".into(), "d".into()];
        let sent = call(&door, "supervisor.sendRemoteCommEvent", &event).await;
        assert_eq!(sent, Ok(true.into()));
    }
}

#[tokio::test]
async fn without_its_section_the_supervisor_namespace_is_absent() {
    let mut facts = facts(None);
    facts.has_supervisor_interface = false;
    let door = door(core(facts, |_| Reply::Done).0);
    assert_eq!(
        fault(&door, "supervisor.getPID", &[]).await,
        "1 UNKNOWN_METHOD"
    );
    let listed = call(&door, "system.listMethods", &[]).await.unwrap();
    assert_eq!(listed.as_array().map(<[Value]>::len), Some(4));
}

#[tokio::test]
async fn results_are_structs_in_the_order_of_the_core() {
    let (mailbox, _) = core(facts(None), |_| {
        let result = |name: &str, result| TargetResult {
            group: "web".into(),
            name: name.into(),
            result,
        };
        let refused = Err(Refusal::NoFile("can't find command '/x'".into()));
        let spawn = Err(Refusal::SpawnError {
            name: "web".into(),
            why: "why".into(),
        });
        Reply::Results(vec![
            result("b", refused),
            result("web", spawn),
            result("a", Ok(())),
        ])
    });
    let value = call(&door(mailbox), "supervisor.startAllProcesses", &[]).await;
    let result = |name: &str, status: i32, text: &str| {
        Value::record([
            ("name", name.into()),
            ("group", "web".into()),
            ("status", status.into()),
            ("description", text.into()),
        ])
    };
    let expected = vec![
        result("b", 20, "NO_FILE: can't find command '/x'"),
        result("web", 50, "SPAWN_ERROR: web"),
        result("a", 80, "OK"),
    ];
    assert_eq!(value, Ok(expected.into()));
}

fn row(group: &str, name: &str, priority: i64, state: ProcessState) -> Row {
    Row {
        seq: 1,
        origin: Origin::Autostart,
        group: group.into(),
        name: name.into(),
        state: Some(state),
        incarnation: Incarnation { epoch: 1, spawn: 1 },
        pid: 7,
        group_priority: 999,
        priority,
        startsecs: 1,
        spawnerr: String::new(),
        exitstatus: 0,
        started_ms: 0,
        stopped_ms: 0,
        since_ms: 0,
    }
}

#[tokio::test]
async fn a_bad_signal_is_a_fault_for_one_and_a_result_for_each_of_many() {
    let (mailbox, asked) = core(facts(None), |command| match command {
        Command::Info(name) if *name == web() => Reply::Infos(vec![]),
        Command::Info(_) => Reply::Refused(Refusal::BadName(String::new())),
        _ => Reply::Rows(Table {
            epoch: 1,
            seq: 1,
            rows: vec![
                row("web", "a", 9, ProcessState::Running),
                row("web", "b", 1, ProcessState::Stopping),
                row("web", "c", 1, ProcessState::Stopped),
                row("zoo", "d", 1, ProcessState::Running),
            ],
        }),
    });
    let door = door(mailbox);
    let bad = |name: &str| [Value::from(name), "NOPE".into()];
    let one = "supervisor.signalProcess";
    assert_eq!(
        fault(&door, one, &bad("web:api")).await,
        "11 BAD_SIGNAL: NOPE"
    );
    assert_eq!(fault(&door, one, &bad("x")).await, "10 BAD_NAME: x");
    assert_eq!(fault(&door, one, &bad("x:*")).await, "10 BAD_NAME: x:*");
    let group = "supervisor.signalProcessGroup";
    assert_eq!(fault(&door, group, &bad("x")).await, "10 BAD_NAME: x");
    let names = |value: Value| {
        let results = value.as_array().unwrap().to_vec();
        let name = |result: &Value| {
            assert_eq!(result.get("status"), Some(&11.into()));
            assert_eq!(result.get("description"), Some(&"BAD_SIGNAL: NOPE".into()));
            result
                .get("name")
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        };
        results.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    for (method, params, expected) in [
        (group, bad("web").to_vec(), "b a"),
        (one, bad("web:*").to_vec(), "b a"),
        (
            "supervisor.signalAllProcesses",
            vec!["NOPE".into()],
            "b a d",
        ),
    ] {
        let value = call(&door, method, &params).await.unwrap();
        assert_eq!(names(value), expected);
    }
    let asked = asked.lock().unwrap();
    assert!(!asked.iter().any(|c| matches!(c, Command::Signal { .. })));
}

#[tokio::test]
async fn a_reread_gives_three_lists_in_a_list_of_one() {
    let (mailbox, _) = core(facts(None), |_| {
        Reply::Diff(Diff {
            added: vec!["new".into()],
            changed: vec![],
            removed: vec!["old".into()],
        })
    });
    let value = call(&door(mailbox), "supervisor.reloadConfig", &[]).await;
    let list = |names: &[&str]| Value::Array(names.iter().map(|n| (*n).into()).collect());
    let lists = list(&[]);
    let inner = Value::Array(vec![list(&["new"]), lists, list(&["old"])]);
    assert_eq!(value, Ok(vec![inner].into()));
}

#[tokio::test]
async fn logs_are_read_where_the_core_says_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.log");
    std::fs::write(&path, b"0123\x1b\xff\n").unwrap();
    let (out, gone) = (path.display().to_string(), dir.path().join("gone"));
    let gone = gone.display().to_string();
    let files = LogFiles {
        stdout: Some(out),
        stderr: Some(gone.clone()),
    };
    let (mailbox, _) = core(facts(Some(path)), move |command| match command {
        Command::Files(name) if *name == web() => Reply::Files(files.clone()),
        _ => Reply::Files(LogFiles {
            stdout: None,
            stderr: None,
        }),
    });
    let door = door(mailbox);
    let args = |name: &str, offset: Value| [Value::from(name), offset, 3.into()];
    let read = "supervisor.readProcessStdoutLog";
    let value = call(&door, read, &args("web:api", "4".into())).await;
    assert_eq!(value, Ok("\u{fffd}\u{fffd}\n".into()));
    let main = [Value::Double(1.9), 2.into()];
    assert_eq!(
        call(&door, "supervisor.readMainLog", &main).await,
        Ok("12".into())
    );
    let tail = call(
        &door,
        "supervisor.tailProcessLog",
        &args("web:api", 0.into()),
    )
    .await;
    let expected = vec!["\u{fffd}\u{fffd}\n".into(), 7.into(), true.into()];
    assert_eq!(tail, Ok(expected.into()));
    for (method, name, offset, text) in [
        (read, "web:api", (-1).into(), "3 BAD_ARGUMENTS".to_owned()),
        (read, "web:api", "x".into(), "Internal".to_owned()),
        (
            read,
            "web:api",
            Value::Nil,
            "2 INCORRECT_PARAMETERS".to_owned(),
        ),
        (read, "none", 0.into(), "20 NO_FILE".to_owned()),
        (
            "supervisor.readProcessStderrLog",
            "web:api",
            0.into(),
            format!("20 NO_FILE: {gone}"),
        ),
    ] {
        assert_eq!(fault(&door, method, &args(name, offset)).await, text);
    }
    for (method, name) in [
        ("tailProcessStderrLog", "web:api"),
        ("tailProcessLog", "none"),
    ] {
        let method = format!("supervisor.{method}");
        let value = call(&door, &method, &args(name, 9.into())).await;
        let nothing = vec!["".into(), 0.into(), false.into()];
        assert_eq!(value, Ok(nothing.into()));
    }
}

#[tokio::test]
async fn many_calls_give_bare_values_and_fault_structs() {
    let (mailbox, _) = core(facts(None), |_| {
        Reply::Refused(Refusal::BadName(String::new()))
    });
    let door = door(mailbox);
    let item = |name: Value, params: Option<Value>| {
        let params = params.map(|params| ("params".to_owned(), params));
        Value::Struct(
            [("methodName".to_owned(), name)]
                .into_iter()
                .chain(params)
                .collect(),
        )
    };
    let list = |items: &[Value]| Some(Value::Array(items.to_vec()));
    let calls = vec![
        item("supervisor.getPID".into(), None),
        item("supervisor.stopProcess".into(), list(&["x".into()])),
        item("supervisor.getPID".into(), list(&[1.into()])),
        item("supervisor.getPID".into(), Some(Value::Struct(vec![]))),
        item("supervisor.getPID".into(), Some(5.into())),
        item("system.multicall".into(), list(&[])),
        item("".into(), None),
        item("supervisor.startProcess".into(), list(&[5.into()])),
        Value::Struct(vec![]),
        item(
            "system.methodSignature".into(),
            list(&["supervisor.getPID".into()]),
        ),
    ];
    let shown = |value: &Value| match (value.get("faultCode"), value.get("faultString")) {
        (Some(Value::Int(code)), Some(Value::String(text))) => format!("{code} {text}"),
        _ => format!("{value:?}"),
    };
    let value = call(&door, "system.multicall", &[calls.into()])
        .await
        .unwrap();
    let results: Vec<String> = value.as_array().unwrap().iter().map(shown).collect();
    assert_eq!(
        results,
        [
            "Int(4242)",
            "10 BAD_NAME: x",
            "2 INCORRECT_PARAMETERS",
            "Int(4242)",
            "2 INCORRECT_PARAMETERS",
            "2 INCORRECT_PARAMETERS: Recursive system.multicall forbidden",
            "1 UNKNOWN_METHOD",
            "30 FAILED: 5 is no name",
            "2 INCORRECT_PARAMETERS: No methodName",
            "Array([String(\"int\")])",
        ]
    );
    let nothing = Value::Array(vec![]);
    let value = call(&door, "system.multicall", std::slice::from_ref(&nothing)).await;
    assert_eq!(value, Ok(nothing));
    for (argument, text) in [
        (Value::Int(1), "2 INCORRECT_PARAMETERS"),
        (Value::Struct(vec![]), "2 INCORRECT_PARAMETERS"),
        ("x".into(), "Internal"),
    ] {
        assert_eq!(fault(&door, "system.multicall", &[argument]).await, text);
    }
}

#[tokio::test]
async fn infos_are_described() {
    let (mailbox, _) = core(facts(None), |_| {
        Reply::Infos(vec![ProcessInfo {
            name: "api".into(),
            group: "web".into(),
            start: 100,
            stop: 0,
            now: 1 << 40,
            state: ProcessState::Starting,
            spawnerr: String::new(),
            exitstatus: 0,
            stdout_logfile: String::new(),
            stderr_logfile: String::new(),
            pid: 5,
        }])
    });
    let door = door(mailbox);
    let one = call(&door, "supervisor.getProcessInfo", &["web:api".into()])
        .await
        .unwrap();
    assert_eq!(one.get("statename"), Some(&"STARTING".into()));
    assert_eq!(one.get("now"), Some(&i32::MAX.into()));
    let all = call(&door, "supervisor.getAllProcessInfo", &[]).await;
    assert_eq!(all, Ok(vec![one].into()));
}

#[tokio::test]
async fn what_is_no_call_has_a_status_and_a_line_in_the_log() {
    let (mailbox, asked) = core(facts(None), |_| Reply::Done);
    let (log, lines) = log();
    let door = Xmlrpc::new(mailbox, Arc::clone(&log));
    let deep = "<a>".repeat(100_000);
    let large = " ".repeat(proto_xmlrpc::MAX_CALL_BYTES + 1);
    for (body, status, words) in [
        ("<methodCall/>", Unanswerable::Malformed, "no method name"),
        ("garbage", Unanswerable::Malformed, "unmarshallable"),
        (deep.as_str(), Unanswerable::Malformed, "deep"),
        (large.as_str(), Unanswerable::TooLarge, "at most"),
        ("<!DOCTYPE a><a/>", Unanswerable::Malformed, "DOCTYPE"),
    ] {
        let answer = door.answer(body.to_owned().into()).await;
        assert_eq!(answer, Err(status));
        let (_, line) = lines.lock().unwrap().pop().expect("a line is logged");
        assert!(
            line.starts_with("XML-RPC request data '") && line.contains(words),
            "{line}"
        );
        assert!(line.len() < 1000);
    }
    assert!(asked.lock().unwrap().is_empty());
}
