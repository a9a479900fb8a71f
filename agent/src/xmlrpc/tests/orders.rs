//! What the core is asked, and what is refused.

use agent_core::command::{Command, Refusal, Reply, Scope, Table};
use proto_words::{Incarnation, Origin, ProcessState, Row, Signal, SupervisorState};
use proto_xmlrpc::Value;

use super::{call, door, fault, web};
use crate::played::{core, core_in_state, facts};

fn named() -> Scope {
    Scope::Named(web())
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
            Command::Start { .. } => {
                Refusal::SpawnError { name: "web".into(), why: "Exited too quickly".into() }
            }
            Command::ClearMainLog => Refusal::NoFile("/x".into()),
            Command::ClearLogs(_) => Refusal::Failed("[Errno 13]".into()),
            Command::Reread => Refusal::CantReread(agent_core::command::BadConfiguration {
                text: "no command".into(),
                diagnosis: "conf:3: no command".into(),
            }),
            _ => Refusal::BadName("core's".into()),
        })
    });
    let door = door(mailbox);
    let web = || vec![Value::from("web:web")];
    for (method, params, text) in [
        ("supervisor.startProcess", web(), "50 SPAWN_ERROR: web:web"),
        ("supervisor.stopProcess", vec![" cat".into()], "10 BAD_NAME:  cat"),
        ("supervisor.getProcessInfo", vec!["grp:".into()], "10 BAD_NAME: grp:"),
        ("supervisor.signalProcess", vec!["".into(), "HUP".into()], "10 BAD_NAME: "),
        ("supervisor.tailProcessLog", vec!["*".into(), 0.into(), 0.into()], "10 BAD_NAME: *"),
        ("supervisor.clearLog", vec![], "20 NO_FILE"),
        ("supervisor.clearProcessLogs", web(), "30 FAILED: web:web"),
        ("supervisor.reloadConfig", vec![], "92 CANT_REREAD: no command"),
        ("supervisor.stopProcessGroup", vec![5.into()], "10 BAD_NAME: 5"),
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
        ("supervisor.getPID", vec![1.into()], "2 INCORRECT_PARAMETERS"),
        ("supervisor.startProcess", vec![], "2 INCORRECT_PARAMETERS"),
        ("supervisor.startProcess", vec![5.into()], "Internal"),
        ("supervisor.startProcess", vec![Value::Nil], "Internal"),
        ("supervisor.startProcessGroup", vec![list()], "2 INCORRECT_PARAMETERS"),
        ("supervisor.startProcessGroup", vec![Value::Nil], "10 BAD_NAME"),
        ("supervisor.addProcessGroup", vec![list()], "10 BAD_NAME: []"),
        ("supervisor.sendProcessStdin", vec![5.into(), 5.into()], "2 INCORRECT_PARAMETERS: 5"),
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
    assert!(asked.lock().unwrap().iter().all(|command| *command == Command::Rows));
}

#[tokio::test]
async fn while_everything_stops_only_system_methods_and_events_are_answered() {
    for state in [SupervisorState::Shutdown, SupervisorState::Restarting] {
        let door = door(core_in_state(facts(None), state, |command| match command {
            Command::RemoteEvent { .. } => Reply::Done,
            _ => Reply::Refused(Refusal::ShuttingDown),
        }));
        for method in ["getState", "getPID", "getAPIVersion", "shutdown", "clearLog"] {
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
    assert_eq!(fault(&door, "supervisor.getPID", &[]).await, "1 UNKNOWN_METHOD");
    let listed = call(&door, "system.listMethods", &[]).await.unwrap();
    assert_eq!(listed.as_array().map(<[Value]>::len), Some(4));
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
    assert_eq!(fault(&door, one, &bad("web:api")).await, "11 BAD_SIGNAL: NOPE");
    assert_eq!(fault(&door, one, &bad("x")).await, "10 BAD_NAME: x");
    assert_eq!(fault(&door, one, &bad("x:*")).await, "10 BAD_NAME: x:*");
    let group = "supervisor.signalProcessGroup";
    assert_eq!(fault(&door, group, &bad("x")).await, "10 BAD_NAME: x");
    let names = |value: Value| {
        let results = value.as_array().unwrap().to_vec();
        let name = |result: &Value| {
            assert_eq!(result.get("status"), Some(&11.into()));
            assert_eq!(result.get("description"), Some(&"BAD_SIGNAL: NOPE".into()));
            result.get("name").and_then(Value::as_str).unwrap().to_owned()
        };
        results.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    for (method, params, expected) in [
        (group, bad("web").to_vec(), "b a"),
        (one, bad("web:*").to_vec(), "b a"),
        ("supervisor.signalAllProcesses", vec!["NOPE".into()], "b a d"),
    ] {
        let value = call(&door, method, &params).await.unwrap();
        assert_eq!(names(value), expected);
    }
    let asked = asked.lock().unwrap();
    assert!(!asked.iter().any(|c| matches!(c, Command::Signal { .. })));
}
