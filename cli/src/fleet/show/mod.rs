//! Answers → text. Pure: time comes in as a number.

pub mod events;
pub mod hosts;
pub mod operation;
pub mod status;

use comfy_table::{ContentArrangement, Table, presets};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proto::v1;
use proto_words::{ProcessState, Target};

/// A table without lines; columns are as wide as they need.
fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table.add_rows(rows);
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
        text.push('\n');
    }
    text
}

/// A length of time, in its two largest units at most.
fn length(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A moment for people: in the local time zone, to the second.
fn moment(ms: i64) -> String {
    moment_in(ms, TimeZone::system())
}

fn moment_in(ms: i64, zone: TimeZone) -> String {
    Timestamp::from_duration(SignedDuration::from_millis(ms)).map_or_else(
        |_| "?".to_owned(),
        |at| at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// A moment for programs: RFC 3339 in UTC, or null for never.
fn rfc3339(ms: i64) -> serde_json::Value {
    if ms == 0 {
        return serde_json::Value::Null;
    }
    Timestamp::from_duration(SignedDuration::from_millis(ms))
        .map_or(serde_json::Value::Null, |at| format!("{at:.3}").into())
}

/// `host/group:process`.
fn target(name: Option<&v1::TargetName>) -> String {
    let Some(name) = name else {
        return "?".to_owned();
    };
    if name.group.is_empty() && name.process.is_empty() {
        return name.host.clone();
    }
    Target { host: name.host.clone(), group: name.group.clone(), process: name.process.clone() }
        .to_string()
}

/// The state's name; `?` for one of a later version.
fn state(number: i32) -> &'static str {
    proto::state_from_wire(number).map_or("?", ProcessState::name)
}

fn liveness(number: i32) -> &'static str {
    match v1::HostLiveness::try_from(number) {
        Ok(v1::HostLiveness::Up) => "up",
        Ok(v1::HostLiveness::Silent) => "silent",
        Ok(v1::HostLiveness::Down) => "down",
        Ok(v1::HostLiveness::Unspecified) | Err(_) => "?",
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::{length, moment_in, rfc3339};

    #[test]
    fn times_are_short_for_people_and_exact_for_programs() {
        let shown = [900, 61_000, 3_700_000, 90_000_000].map(length);
        assert_eq!(shown, ["0s", "1m01s", "1h01m", "1d01h"]);
        assert_eq!(moment_in(1_700_000_000_000, TimeZone::UTC), "2023-11-14 22:13:20");
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert!(rfc3339(0).is_null());
    }
}
