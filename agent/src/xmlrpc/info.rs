//! Methods that describe processes.

use agent_core::command::{Command, ProcessInfo, Reply};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto_words::{Namespec, ProcessState};
use proto_xmlrpc::Value;

use super::args::{Args, int};
use super::faults::fault;
use super::{Failure, Outcome, Xmlrpc, unexpected};

impl Xmlrpc {
    pub(super) async fn info(&self, args: &Args) -> Outcome {
        let subject = args.process(0)?;
        let command = Command::Info(Namespec::parse(subject));
        let infos = self.infos(command, subject).await?;
        let info = infos.into_iter().next();
        info.ok_or_else(|| Failure::Internal("the core described nothing".to_owned()))
    }

    pub(super) async fn all_info(&self) -> Outcome {
        Ok(self.infos(Command::Infos, "").await?.into())
    }

    async fn infos(&self, command: Command, subject: &str) -> Result<Vec<Value>, Failure> {
        let zone = TimeZone::system();
        match self.ask(command).await {
            Reply::Infos(infos) => Ok(infos.iter().map(|info| described(info, &zone)).collect()),
            Reply::Refused(refusal) => Err(fault(refusal, subject).into()),
            other => Err(unexpected(&other)),
        }
    }
}

/// The struct of `getProcessInfo`, with times in `zone`.
fn described(info: &ProcessInfo, zone: &TimeZone) -> Value {
    Value::record([
        ("name", info.name.as_str().into()),
        ("group", info.group.as_str().into()),
        ("start", int(info.start)),
        ("stop", int(info.stop)),
        ("now", int(info.now)),
        ("state", info.state.code().into()),
        ("statename", info.state.name().into()),
        ("spawnerr", info.spawnerr.as_str().into()),
        ("exitstatus", info.exitstatus.into()),
        ("logfile", info.stdout_logfile.as_str().into()),
        ("stdout_logfile", info.stdout_logfile.as_str().into()),
        ("stderr_logfile", info.stderr_logfile.as_str().into()),
        ("pid", info.pid.into()),
        ("description", description(info, zone).into()),
    ])
}

/// What `status` shows at the end of a line.
fn description(info: &ProcessInfo, zone: &TimeZone) -> String {
    match info.state {
        ProcessState::Running => format!("pid {}, uptime {}", info.pid, uptime(info)),
        ProcessState::Fatal | ProcessState::Backoff if info.spawnerr.is_empty() => {
            format!("unknown error (try \"tail {}\")", info.name)
        }
        ProcessState::Fatal | ProcessState::Backoff => info.spawnerr.clone(),
        ProcessState::Stopped | ProcessState::Exited if info.start == 0 => "Not started".to_owned(),
        ProcessState::Stopped | ProcessState::Exited => local_time(info.stop, zone),
        ProcessState::Starting | ProcessState::Stopping | ProcessState::Unknown => String::new(),
    }
}

/// `0:03:12`, from a day on `1 day, 1:01:01`; never negative.
fn uptime(info: &ProcessInfo) -> String {
    let seconds = (info.now - info.start).max(0);
    let clock = format!("{}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match seconds / 86400 {
        0 => clock,
        1 => format!("1 day, {clock}"),
        days => format!("{days} days, {clock}"),
    }
}

/// Such as `Nov 20 10:02 AM`.
fn local_time(seconds: i64, zone: &TimeZone) -> String {
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let local = moment.to_zoned(zone.clone());
    local.strftime("%b %d %I:%M %p").to_string()
}

#[cfg(test)]
mod tests {
    use agent_core::command::ProcessInfo;
    use jiff::tz::TimeZone;
    use proto_words::ProcessState;

    use super::{described, description};

    fn info(state: ProcessState, start: i64, stop: i64, now: i64, spawnerr: &str) -> ProcessInfo {
        ProcessInfo {
            name: "api_00".into(),
            group: "api".into(),
            start,
            stop,
            now,
            state,
            spawnerr: spawnerr.into(),
            exitstatus: 0,
            stdout_logfile: "/o".into(),
            stderr_logfile: String::new(),
            pid: 123,
        }
    }

    #[test]
    fn descriptions_are_supervisords() {
        use ProcessState as S;
        let moment = 1_795_176_297; // 2026-11-20 12:04:57 UTC
        for (state, start, stop, now, spawnerr, text) in [
            (S::Running, 100, 0, 292, "", "pid 123, uptime 0:03:12"),
            (S::Running, 100, 0, 36_100, "", "pid 123, uptime 10:00:00"),
            (S::Running, 0, 0, 90_061, "", "pid 123, uptime 1 day, 1:01:01"),
            (S::Running, 0, 0, 172_805, "", "pid 123, uptime 2 days, 0:00:05"),
            (S::Running, 100, 0, 50, "", "pid 123, uptime 0:00:00"),
            (S::Fatal, 1, 1, 1, "why", "why"),
            (S::Backoff, 1, 1, 1, "", "unknown error (try \"tail api_00\")"),
            (S::Stopped, 0, 0, 1, "", "Not started"),
            (S::Stopped, 1, moment, 1, "", "Nov 20 12:04 PM"),
            (S::Exited, 1, 0, 1, "", "Jan 01 12:00 AM"),
            (S::Starting, 1, 0, 1, "", ""),
            (S::Stopping, 1, 0, 1, "", ""),
            (S::Unknown, 1, 0, 1, "", ""),
        ] {
            let found = info(state, start, stop, now, spawnerr);
            assert_eq!(description(&found, &TimeZone::UTC), text);
        }
    }

    #[test]
    fn the_struct_has_supervisords_members_in_order() {
        let value = described(&info(ProcessState::Running, 1, 0, 2, ""), &TimeZone::UTC);
        let proto_xmlrpc::Value::Struct(members) = value else {
            panic!("a description is a struct");
        };
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names.join(" "),
            "name group start stop now state statename spawnerr exitstatus logfile \
             stdout_logfile stderr_logfile pid description"
        );
    }
}
