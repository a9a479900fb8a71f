//! Processes of the fleet.

use proto::v1;
use proto_words::{ProcessState, Target};
use serde_json::{Value, json};

use super::super::exit;
use super::{length, moment, rfc3339, state, table as lines};

/// One line per process.
pub fn table(reply: &v1::StatusReply, now_ms: i64) -> String {
    let header = ["PROCESS", "STATE", "DESCRIPTION"];
    lines(&header, reply.processes.iter().filter_map(|process| row(process, now_ms)))
}

fn row(process: &v1::ProcessStatus, now_ms: i64) -> Option<Vec<String>> {
    let row = process.row.as_ref()?;
    let mut description = description(row, now_ms);
    if process.stale {
        let seen = moment(process.stale_since_ms);
        description = format!("{description} (last seen {seen})");
    }
    Some(vec![name(process, row), state(row.state).to_owned(), description])
}

fn name(process: &v1::ProcessStatus, row: &v1::Row) -> String {
    Target { host: process.host.clone(), group: row.group.clone(), process: row.name.clone() }
        .to_string()
}

/// What supervisord says in `description`, from what the fleet knows.
fn description(row: &v1::Row, now_ms: i64) -> String {
    match proto::state_from_wire(row.state) {
        Ok(ProcessState::Running | ProcessState::Stopping) if row.pid != 0 => {
            format!("pid {}, uptime {}", row.pid, length(now_ms - row.started_ms))
        }
        Ok(ProcessState::Backoff | ProcessState::Fatal) => row.spawnerr.clone(),
        Ok(ProcessState::Stopped | ProcessState::Exited) if row.stopped_ms > 0 => {
            moment(row.stopped_ms)
        }
        Ok(ProcessState::Stopped) => "Not started".to_owned(),
        Ok(_) | Err(_) => String::new(),
    }
}

/// 4 when a name is not there or a host is not there to tell, else 3 when something is stopped.
pub fn exit_code(reply: &v1::StatusReply) -> u8 {
    let is_dead = |process: &v1::ProcessStatus| {
        let state = process.row.as_ref().and_then(|row| proto::state_from_wire(row.state).ok());
        state.is_none_or(ProcessState::is_stopped)
    };
    let is_away = |host: &v1::Host| host.liveness() != v1::HostLiveness::Up;
    if !reply.missing.is_empty() || reply.hosts.iter().any(is_away) {
        exit::STATUS_UNKNOWN
    } else if reply.processes.iter().any(is_dead) {
        exit::STATUS_NOT_RUNNING
    } else {
        exit::SUCCESS
    }
}

/// One process for programs.
pub fn json(process: &v1::ProcessStatus) -> Value {
    let row = process.row.clone().unwrap_or_default();
    json!({
        "host": process.host,
        "group": row.group,
        "name": row.name,
        "state": state(row.state),
        "pid": row.pid,
        "started": rfc3339(row.started_ms),
        "stopped": rfc3339(row.stopped_ms),
        "since": rfc3339(row.since_ms),
        "spawnerr": row.spawnerr,
        "exitstatus": row.exitstatus,
        "origin": row.origin,
        "group_priority": row.group_priority,
        "priority": row.priority,
        "stale": process.stale,
        "stale_since": rfc3339(process.stale_since_ms),
    })
}

#[cfg(test)]
mod tests {
    use proto::v1::HostLiveness::{Down, Up};
    use proto::v1::{self, ProcessState as State};

    fn process(host: &str, name: &str, state: State) -> v1::ProcessStatus {
        v1::ProcessStatus {
            host: host.into(),
            row: Some(v1::Row {
                group: "shop".into(),
                name: name.into(),
                state: state.into(),
                pid: i32::from(state == State::Running) * 42,
                started_ms: 1000,
                spawnerr: "Exited too quickly (process log may have details)".into(),
                ..v1::Row::default()
            }),
            ..v1::ProcessStatus::default()
        }
    }

    fn host(liveness: v1::HostLiveness) -> v1::Host {
        v1::Host { liveness: liveness.into(), ..v1::Host::default() }
    }

    #[test]
    fn a_process_is_described_as_supervisord_describes_it() {
        let reply = v1::StatusReply {
            processes: vec![
                process("web-1", "api", State::Running),
                process("web-1", "shop", State::Fatal),
                process("web-2", "a/b", State::Stopped),
            ],
            ..v1::StatusReply::default()
        };
        insta::assert_snapshot!(super::table(&reply, 66_000), @r"
        PROCESS           STATE    DESCRIPTION
        web-1/shop:api    RUNNING  pid 42, uptime 1m05s
        web-1/shop        FATAL    Exited too quickly (process log may have details)
        web-2/shop:a%2Fb  STOPPED  Not started
        ");
    }

    #[test]
    fn the_exit_code_is_of_the_worst() {
        let code = |states: &[State], liveness, missing: &[&str]| {
            super::exit_code(&v1::StatusReply {
                processes: states.iter().map(|state| process("h", "p", *state)).collect(),
                hosts: vec![host(liveness)],
                missing: missing.iter().map(ToString::to_string).collect(),
                warnings: vec![],
            })
        };
        assert_eq!(code(&[State::Running, State::Starting, State::Backoff], Up, &[]), 0);
        assert_eq!(code(&[State::Running, State::Exited], Up, &[]), 3);
        assert_eq!(code(&[State::Running], Down, &[]), 4);
        assert_eq!(code(&[State::Stopped], Up, &["x"]), 4);
        assert_eq!(code(&[], Up, &[]), 0);
    }
}
