//! The texts that event listeners read, to the byte as supervisord sends them.

use agent_core::effect::Event;
use agent_core::input::Stream;
use agent_core::payload::{self, EventType, Period, Writer};
use proto_words::{Incarnation, Origin, ProcessState, Row};

fn changed(to: ProcessState, from: ProcessState) -> Event {
    let row = Row {
        seq: 1,
        origin: Origin::Autostart,
        group: "g".into(),
        name: "p".into(),
        state: Some(to),
        incarnation: Incarnation { epoch: 1, spawn: 1 },
        pid: 0,
        group_priority: 1,
        priority: 1,
        startsecs: 1,
        spawnerr: String::new(),
        exitstatus: 0,
        started_ms: 0,
        stopped_ms: 0,
        since_ms: 0,
    };
    Event::Process { row: Box::new(row), from, tries: 2, expected: false, pid: 77 }
}

#[test]
fn every_event_has_its_name_and_its_text() {
    use ProcessState::{Backoff, Exited, Fatal, Running, Starting, Stopped, Stopping, Unknown};
    let remote = |kind: &str, data: &str| Event::Remote { kind: kind.into(), data: data.into() };
    let head = "processname:p groupname:g from_state";
    for (event, name, text) in [
        (changed(Starting, Backoff), "PROCESS_STATE_STARTING", format!("{head}:BACKOFF tries:2")),
        (changed(Running, Starting), "PROCESS_STATE_RUNNING", format!("{head}:STARTING pid:77")),
        (changed(Backoff, Starting), "PROCESS_STATE_BACKOFF", format!("{head}:STARTING tries:2")),
        (changed(Stopping, Running), "PROCESS_STATE_STOPPING", format!("{head}:RUNNING pid:77")),
        (
            changed(Exited, Running),
            "PROCESS_STATE_EXITED",
            format!("{head}:RUNNING expected:0 pid:77"),
        ),
        (changed(Stopped, Stopping), "PROCESS_STATE_STOPPED", format!("{head}:STOPPING pid:77")),
        (changed(Fatal, Backoff), "PROCESS_STATE_FATAL", format!("{head}:BACKOFF")),
        (changed(Unknown, Stopping), "PROCESS_STATE_UNKNOWN", format!("{head}:STOPPING")),
        (Event::GroupAdded("g".into(), vec![]), "PROCESS_GROUP_ADDED", "groupname:g\n".into()),
        (Event::GroupRemoved("g".into(), vec![]), "PROCESS_GROUP_REMOVED", "groupname:g\n".into()),
        (Event::SupervisorRunning, "SUPERVISOR_STATE_CHANGE_RUNNING", String::new()),
        (Event::SupervisorStopping, "SUPERVISOR_STATE_CHANGE_STOPPING", String::new()),
        (remote("ty", "da\nta\u{20ac}"), "REMOTE_COMMUNICATION", "type:ty\nda\nta\u{20ac}".into()),
        (remote("", ""), "REMOTE_COMMUNICATION", "type:\n".into()),
    ] {
        assert_eq!(EventType::of(&event).name(), name);
        assert_eq!(payload::of(&event), text, "{name}");
    }
}

#[test]
fn output_is_told_with_its_writer() {
    let writer = Writer { process: "p", group: "g", pid: 77 };
    for (bytes, shown) in [
        (&b"a\nb"[..], "a\nb"),
        (b"", ""),
        ("\u{e9}\n".as_bytes(), "\u{e9}\n"),
        (b"good \xff\xfebad", "Undecodable: b'good \\xff\\xfebad'"),
    ] {
        let log = payload::log(writer, Stream::Stderr, bytes);
        assert_eq!(log, format!("processname:p groupname:g pid:77 channel:stderr\n{shown}"));
        let said = payload::communication(writer, bytes);
        assert_eq!(said, format!("processname:p groupname:g pid:77\n{shown}"));
    }
    let log = payload::log(writer, Stream::Stdout, b"x");
    assert_eq!(log, "processname:p groupname:g pid:77 channel:stdout\nx");
    assert_eq!(payload::tick(3600), "when:3600");
}

#[test]
fn whoever_listens_for_a_parent_hears_all_its_children_and_no_others() {
    let mut all = vec![
        EventType::RemoteCommunication,
        EventType::SupervisorRunning,
        EventType::SupervisorStopping,
        EventType::ProcessGroupAdded,
        EventType::ProcessGroupRemoved,
    ];
    all.extend(ProcessState::ALL.map(EventType::ProcessState));
    all.extend(Period::ALL.map(EventType::Tick));
    for stream in [Stream::Stdout, Stream::Stderr] {
        all.extend([EventType::ProcessLog(stream), EventType::ProcessCommunication(stream)]);
    }
    let heard = |name: &str| -> Vec<_> {
        all.iter().filter(|kind| kind.is_a(name)).map(|kind| kind.name()).collect()
    };
    for (name, children) in [
        ("PROCESS_STATE", 8),
        ("PROCESS_COMMUNICATION", 2),
        ("PROCESS_LOG", 2),
        ("SUPERVISOR_STATE_CHANGE", 2),
        ("TICK", 3),
        ("PROCESS_GROUP", 2),
        ("REMOTE_COMMUNICATION", 1),
    ] {
        let heard = heard(name);
        assert_eq!(heard.len(), children, "{name} hears {heard:?}");
        assert!(heard.iter().all(|child| child.starts_with(name)), "{name} hears {heard:?}");
    }
    assert_eq!(heard("EVENT").len(), all.len());
    for kind in &all {
        assert_eq!(heard(kind.name()), [kind.name()]);
    }
    for nobody in ["TICK_", "TICK_6", "", "tick"] {
        assert_eq!(heard(nobody), [""; 0], "{nobody:?}");
    }
}
