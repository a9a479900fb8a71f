//! Changes of state, one line or one object each.

use proto::v1::{self, watch_message};
use proto_words::Target;
use serde_json::{Value, json};

use super::{liveness, moment, rfc3339, state};

/// A line for people.
pub fn line(body: &watch_message::Body) -> String {
    match body {
        watch_message::Body::Begun(_) => "watching".to_owned(),
        watch_message::Body::Dropped(number) => format!("{number} changes were missed: too slow"),
        watch_message::Body::HostEvent(event) => format!(
            "{}  {}  {}  {}",
            moment(event.at_ms),
            event.host,
            liveness(event.liveness),
            event.text
        ),
        watch_message::Body::ProcessEvent(event) => {
            format!("{}  {}", moment(event.at_ms), change(event))
        }
    }
}

fn change(event: &v1::ProcessEvent) -> String {
    let (row, from, _) = parts(event);
    let name =
        Target { host: event.host.clone(), group: row.group.clone(), process: row.name.clone() };
    let mut line = format!("{name}  {} -> {}", state(from), state(row.state));
    if row.pid != 0 {
        line = format!("{line}  pid {}", row.pid);
    }
    if !row.spawnerr.is_empty() {
        line = format!("{line}  {}", row.spawnerr);
    }
    format!("{line}  by {}", row.origin)
}

fn parts(event: &v1::ProcessEvent) -> (v1::Row, i32, bool) {
    let change = event.event.clone().unwrap_or_default();
    (change.row.unwrap_or_default(), change.from, change.expected)
}

/// An object for programs.
pub fn json(body: &watch_message::Body) -> Value {
    match body {
        watch_message::Body::Begun(_) => json!({"kind": "begun"}),
        watch_message::Body::Dropped(number) => json!({"kind": "dropped", "count": number}),
        watch_message::Body::HostEvent(event) => json!({
            "kind": "host",
            "at": rfc3339(event.at_ms),
            "host": event.host,
            "state": liveness(event.liveness),
            "text": event.text,
        }),
        watch_message::Body::ProcessEvent(event) => {
            let (row, from, expected) = parts(event);
            json!({
                "kind": "process",
                "at": rfc3339(event.at_ms),
                "host": event.host,
                "group": row.group,
                "name": row.name,
                "from": state(from),
                "state": state(row.state),
                "expected": expected,
                "pid": row.pid,
                "spawnerr": row.spawnerr,
                "exitstatus": row.exitstatus,
                "origin": row.origin,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::v1::{self, watch_message::Body};

    #[test]
    fn a_change_says_who_from_where_to_where_and_why() {
        let event = v1::ProcessEvent {
            host: "web-1".into(),
            event: Some(v1::StateEvent {
                row: Some(v1::Row {
                    group: "shop".into(),
                    name: "api".into(),
                    state: v1::ProcessState::Fatal.into(),
                    spawnerr: "Exited too quickly".into(),
                    origin: "autorestart".into(),
                    ..v1::Row::default()
                }),
                from: v1::ProcessState::Backoff.into(),
                expected: false,
            }),
            at_ms: 1_700_000_000_000,
        };
        assert_eq!(
            super::change(&event),
            "web-1/shop:api  BACKOFF -> FATAL  Exited too quickly  by autorestart"
        );
        let value = super::json(&Body::ProcessEvent(event));
        assert_eq!((&value["kind"], &value["state"]), (&"process".into(), &"FATAL".into()));
        assert_eq!(value["at"], "2023-11-14T22:13:20.000Z");
        assert_eq!(super::line(&Body::Dropped(7)), "7 changes were missed: too slow");
    }
}
