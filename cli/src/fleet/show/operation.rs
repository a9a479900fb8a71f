//! Plans, results and records of operations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proto::v1::{self, operate_message};
use serde_json::{Value, json};

use super::{length, moment, rfc3339, table as lines, target};

/// Targets of a wave that a dry run names on one line; more are counted.
const NAMED_MAX: usize = 12;

/// One piece of news for people; `None` for what is not worth a line.
pub fn news(body: &operate_message::Body, is_dry_run: bool, waves: usize) -> Option<String> {
    match body {
        operate_message::Body::Plan(shown) => Some(plan(shown, is_dry_run)),
        operate_message::Body::WaveOpened(_) if waves < 2 => None,
        operate_message::Body::WaveOpened(wave) => {
            Some(format!("wave {} of {waves}\n", wave.wave + 1))
        }
        operate_message::Body::Result(one) => Some(result(one)),
        operate_message::Body::Finished(record) => Some(summary(record)),
        operate_message::Body::Refused(refused) => Some(format!("{}\n", refused.text)),
    }
}

/// A plan: in full for a dry run, else what a person must know before.
fn plan(plan: &v1::Plan, is_dry_run: bool) -> String {
    let mut text = String::new();
    for warning in &plan.warnings {
        let _ = writeln!(text, "warning: {warning}"); // a String takes every write
    }
    if !is_dry_run {
        return text;
    }
    for wave in &plan.waves {
        let _ = writeln!(text, "{}", wave_line(wave));
    }
    let least = plan.least.as_ref().map_or(0, |least| least.seconds);
    let once = plan.waves.iter().filter(|wave| wave.half != "start");
    let targets: usize = once.map(|wave| wave.targets.len()).sum();
    let _ = writeln!(
        text,
        "{} in {}; it takes {} at least; nothing was done",
        counted(targets, "target"),
        counted(plan.waves.len(), "wave"),
        length(least * 1000),
    );
    text
}

fn wave_line(wave: &v1::PlannedWave) -> String {
    let mut names: Vec<_> =
        wave.targets.iter().take(NAMED_MAX).map(|name| target(Some(name))).collect();
    let more = wave.targets.len() - names.len();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    let half = if wave.half.is_empty() { String::new() } else { format!(" {}", wave.half) };
    format!(
        "wave {}{half} (group priority {}, priority {}): {}",
        wave.wave + 1,
        wave.group_priority,
        wave.priority,
        names.join(" ")
    )
}

fn counted(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

fn kind(outcome: Option<&v1::Outcome>) -> &'static str {
    outcome
        .and_then(|outcome| proto::kind_from_wire(outcome.kind).ok())
        .map_or("?", proto_words::OutcomeKind::name)
}

fn result(result: &v1::TargetResult) -> String {
    let outcome = result.outcome.as_ref();
    let mut text = format!("{:<11} {}", kind(outcome), target(result.target.as_ref()));
    if let Ok(was) = proto::kind_from_wire(result.amended_from) {
        let _ = write!(text, "  (was {was})");
    }
    for (word, groups) in
        [("added", &result.added), ("changed", &result.changed), ("removed", &result.removed)]
    {
        if !groups.is_empty() {
            let _ = write!(text, "  {word}: {}", groups.join(", "));
        }
    }
    if let Some(outcome) = outcome {
        if !outcome.text.is_empty() {
            let _ = write!(text, "  {}", outcome.text);
        }
        for line in &outcome.last_lines {
            let _ = write!(text, "\n            | {line}");
        }
    }
    text.push('\n');
    text
}

/// How many ended how, most telling last.
fn counts(record: &v1::OperationRecord) -> String {
    let mut by_kind: BTreeMap<i32, (&str, usize)> = BTreeMap::new();
    for result in &record.results {
        let number = result.outcome.as_ref().map_or(0, |outcome| outcome.kind);
        by_kind.entry(number).or_insert((kind(result.outcome.as_ref()), 0)).1 += 1;
    }
    let each: Vec<_> = by_kind.values().map(|(word, count)| format!("{count} {word}")).collect();
    if each.is_empty() { "nothing to do".to_owned() } else { each.join(", ") }
}

fn summary(record: &v1::OperationRecord) -> String {
    let early = if record.stopped_by_threshold { ", ended early" } else { "" };
    format!(
        "{}: {}{early} in {}; operation {}\n",
        record.verb,
        counts(record),
        length(record.ended_ms - record.began_ms),
        record.operation
    )
}

/// A record for people.
pub fn record(record: &v1::OperationRecord) -> String {
    let mut text = format!(
        "operation {}\n{} by {}, begun {}\n",
        record.operation,
        record.verb,
        record.operator,
        moment(record.began_ms)
    );
    for one in &record.results {
        text.push_str(&result(one));
    }
    if record.state() == v1::OperationState::Done {
        text.push_str(&summary(record));
    } else {
        let _ = writeln!(text, "still running: {} so far", counts(record));
    }
    text
}

/// A line per operation.
pub fn list(records: &[v1::OperationRecord]) -> String {
    let row = |record: &v1::OperationRecord| {
        vec![
            record.operation.clone(),
            moment(record.began_ms),
            record.verb.clone(),
            record.operator.clone(),
            match record.state() {
                v1::OperationState::Done => format!("exit {}", record.exit_code),
                _ => "running".to_owned(),
            },
            counts(record),
        ]
    };
    lines(&["OPERATION", "BEGUN", "VERB", "OPERATOR", "STATE", "RESULTS"], records.iter().map(row))
}

/// One piece of news for programs.
pub fn json(body: &operate_message::Body) -> Value {
    match body {
        operate_message::Body::Plan(plan) => json!({
            "kind": "plan",
            "operation": plan.operation,
            "waves": plan.waves.iter().map(wave_json).collect::<Vec<_>>(),
            "least_seconds": plan.least.as_ref().map_or(0, |least| least.seconds),
            "warnings": plan.warnings,
        }),
        operate_message::Body::WaveOpened(wave) => json!({
            "kind": "wave",
            "operation": wave.operation,
            "wave": wave.wave + 1,
            "at": rfc3339(wave.at_ms),
        }),
        operate_message::Body::Result(one) => {
            let mut value = result_json(one);
            value["kind"] = "result".into();
            value
        }
        operate_message::Body::Finished(record) => {
            let mut value = record_json(record);
            value["kind"] = "finished".into();
            value
        }
        operate_message::Body::Refused(refused) => json!({"kind": "refused", "text": refused.text}),
    }
}

fn wave_json(wave: &v1::PlannedWave) -> Value {
    json!({
        "wave": wave.wave + 1,
        "half": wave.half,
        "group_priority": wave.group_priority,
        "priority": wave.priority,
        "targets": wave.targets.iter().map(|name| target(Some(name))).collect::<Vec<_>>(),
    })
}

fn result_json(result: &v1::TargetResult) -> Value {
    let name = result.target.clone().unwrap_or_default();
    let outcome = result.outcome.clone().unwrap_or_default();
    json!({
        "host": name.host,
        "group": name.group,
        "name": name.process,
        "wave": result.wave + 1,
        "result": kind(result.outcome.as_ref()),
        "code": outcome.code,
        "text": outcome.text,
        "last_lines": outcome.last_lines,
        "at": rfc3339(result.at_ms),
        "amended_from": proto::kind_from_wire(result.amended_from).map(proto_words::OutcomeKind::name).ok(),
        "added": result.added,
        "changed": result.changed,
        "removed": result.removed,
    })
}

/// A record for programs.
pub fn record_json(record: &v1::OperationRecord) -> Value {
    json!({
        "operation": record.operation,
        "verb": record.verb,
        "operator": record.operator,
        "began": rfc3339(record.began_ms),
        "ended": rfc3339(record.ended_ms),
        "state": if record.state() == v1::OperationState::Done { "done" } else { "running" },
        "exit": record.exit_code,
        "ended_early": record.stopped_by_threshold,
        "results": record.results.iter().map(result_json).collect::<Vec<_>>(),
        "waves": record.waves.iter().map(wave_json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use proto::v1::{self, OutcomeKind, operate_message::Body};

    fn name(host: &str, process: &str) -> v1::TargetName {
        v1::TargetName { host: host.into(), group: "shop".into(), process: process.into() }
    }

    fn result(host: &str, process: &str, kind: OutcomeKind, text: &str) -> v1::TargetResult {
        v1::TargetResult {
            target: Some(name(host, process)),
            outcome: Some(v1::Outcome {
                kind: kind.into(),
                text: text.into(),
                ..v1::Outcome::default()
            }),
            ..v1::TargetResult::default()
        }
    }

    fn record() -> v1::OperationRecord {
        let mut failed =
            result("web-1", "api", OutcomeKind::Failed, "Exited too quickly; retries go on");
        failed.outcome.as_mut().unwrap().last_lines = vec!["no such table".into()];
        let mut late = result("web-2", "api", OutcomeKind::Ok, "");
        late.amended_from = OutcomeKind::Unknown.into();
        v1::OperationRecord {
            operation: "0192".into(),
            verb: "start".into(),
            state: v1::OperationState::Done.into(),
            began_ms: 1000,
            ended_ms: 4000,
            results: vec![result("db-1", "db", OutcomeKind::Ok, ""), failed, late],
            stopped_by_threshold: true,
            exit_code: 13,
            ..v1::OperationRecord::default()
        }
    }

    #[test]
    fn a_dry_run_shows_the_waves() {
        let wave = |wave: u32, priority, targets: &[(&str, &str)]| v1::PlannedWave {
            wave,
            group_priority: 10,
            priority,
            targets: targets.iter().map(|(host, process)| name(host, process)).collect(),
            half: String::new(),
        };
        let plan = v1::Plan {
            operation: String::new(),
            waves: vec![
                wave(0, 1, &[("db-1", "db")]),
                wave(1, 5, &[("web-1", "api"), ("web-2", "api")]),
            ],
            least: None,
            warnings: vec!["group shop has different priorities".into()],
        };
        insta::assert_snapshot!(super::news(&Body::Plan(plan), true, 2).unwrap(), @r"
        warning: group shop has different priorities
        wave 1 (group priority 10, priority 1): db-1/shop:db
        wave 2 (group priority 10, priority 5): web-1/shop:api web-2/shop:api
        3 targets in 2 waves; it takes 0s at least; nothing was done
        ");
    }

    #[test]
    fn results_and_their_sum_read_as_sentences() {
        let record = record();
        let mut text: String = record.results.iter().map(super::result).collect();
        text.push_str(&super::summary(&record));
        insta::assert_snapshot!(text, @r"
        OK          db-1/shop:db
        FAILED      web-1/shop:api  Exited too quickly; retries go on
                    | no such table
        OK          web-2/shop:api  (was UNKNOWN)
        start: 2 OK, 1 FAILED, ended early in 3s; operation 0192
        ");
    }

    #[test]
    fn programs_get_the_same_with_names() {
        let value = super::json(&Body::Finished(record()));
        assert_eq!(
            (&value["kind"], &value["exit"], &value["ended_early"]),
            (&"finished".into(), &13.into(), &true.into())
        );
        assert_eq!(value["results"][2]["amended_from"], "UNKNOWN");
        assert_eq!(value["results"][1]["last_lines"][0], "no such table");
    }
}
