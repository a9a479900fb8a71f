//! What is answered.

use std::sync::Arc;

use agent_core::command::{Command, Diff, LogFiles, ProcessInfo, Refusal, Reply, TargetResult};
use proto_words::ProcessState;
use proto_xmlrpc::{Value, write_call};

use super::{call, door, fault, web};
use crate::played::{core, facts, log};
use crate::xmlrpc::{Unanswerable, Xmlrpc};

#[tokio::test]
async fn answers_are_the_originals_bytes() {
    let (mailbox, _) = core(facts(None), |_| Reply::Refused(Refusal::BadName(String::new())));
    let answer = door(mailbox).handler();
    let pid = answer(write_call("supervisor.getPID", &[]).into()).await.unwrap();
    assert_eq!(
        String::from_utf8(pid).unwrap(),
        "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n\
         <value><int>4242</int></value>\n</param>\n</params>\n</methodResponse>\n"
    );
    let fault = answer(write_call("supervisor.clearProcessLogs", &["zz".into()]).into()).await;
    assert_eq!(fault.map(|body| body.len()), Ok(268));
    assert_eq!(answer("garbage".into()).await, Err(400));
}

#[tokio::test]
async fn results_are_structs_in_the_order_of_the_core() {
    let (mailbox, _) = core(facts(None), |_| {
        let result =
            |name: &str, result| TargetResult { group: "web".into(), name: name.into(), result };
        let refused = Err(Refusal::NoFile("can't find command '/x'".into()));
        let spawn = Err(Refusal::SpawnError { name: "web".into(), why: "why".into() });
        Reply::Results(vec![result("b", refused), result("web", spawn), result("a", Ok(()))])
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
    let files = LogFiles { stdout: Some(out), stderr: Some(gone.clone()) };
    let (mailbox, _) = core(facts(Some(path)), move |command| match command {
        Command::Files(name) if *name == web() => Reply::Files(files.clone()),
        _ => Reply::Files(LogFiles { stdout: None, stderr: None }),
    });
    let door = door(mailbox);
    let args = |name: &str, offset: Value| [Value::from(name), offset, 3.into()];
    let read = "supervisor.readProcessStdoutLog";
    let value = call(&door, read, &args("web:api", "4".into())).await;
    assert_eq!(value, Ok("\u{fffd}\u{fffd}\n".into()));
    let main = [Value::Double(1.9), 2.into()];
    assert_eq!(call(&door, "supervisor.readMainLog", &main).await, Ok("12".into()));
    let tail = call(&door, "supervisor.tailProcessLog", &args("web:api", 0.into())).await;
    let expected = vec!["\u{fffd}\u{fffd}\n".into(), 7.into(), true.into()];
    assert_eq!(tail, Ok(expected.into()));
    for (method, name, offset, text) in [
        (read, "web:api", (-1).into(), "3 BAD_ARGUMENTS".to_owned()),
        (read, "web:api", "x".into(), "Internal".to_owned()),
        (read, "web:api", Value::Nil, "2 INCORRECT_PARAMETERS".to_owned()),
        (read, "none", 0.into(), "20 NO_FILE".to_owned()),
        ("supervisor.readProcessStderrLog", "web:api", 0.into(), format!("20 NO_FILE: {gone}")),
    ] {
        assert_eq!(fault(&door, method, &args(name, offset)).await, text);
    }
    for (method, name) in [("tailProcessStderrLog", "web:api"), ("tailProcessLog", "none")] {
        let method = format!("supervisor.{method}");
        let value = call(&door, &method, &args(name, 9.into())).await;
        let nothing = vec!["".into(), 0.into(), false.into()];
        assert_eq!(value, Ok(nothing.into()));
    }
}

#[tokio::test]
async fn many_calls_give_bare_values_and_fault_structs() {
    let (mailbox, _) = core(facts(None), |_| Reply::Refused(Refusal::BadName(String::new())));
    let door = door(mailbox);
    let item = |name: Value, params: Option<Value>| {
        let params = params.map(|params| ("params".to_owned(), params));
        Value::Struct([("methodName".to_owned(), name)].into_iter().chain(params).collect())
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
        item("system.methodSignature".into(), list(&["supervisor.getPID".into()])),
    ];
    let shown = |value: &Value| match (value.get("faultCode"), value.get("faultString")) {
        (Some(Value::Int(code)), Some(Value::String(text))) => format!("{code} {text}"),
        _ => format!("{value:?}"),
    };
    let value = call(&door, "system.multicall", &[calls.into()]).await.unwrap();
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
    let one = call(&door, "supervisor.getProcessInfo", &["web:api".into()]).await.unwrap();
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
        assert!(line.starts_with("XML-RPC request data '") && line.contains(words), "{line}");
        assert!(line.len() < 1000);
    }
    assert!(asked.lock().unwrap().is_empty());
}
