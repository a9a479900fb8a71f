//! Sessions, questions and records as the shell sees them.

use proto_words::Now;

use super::testing::{Stage, check, inventory, request, row};
use super::{Fleet, Settings, TARGETS_KEPT_MAX};
use crate::effect::{Answer, Effect};
use crate::input::{Ask, Asked, Input, Said, Ticket};
use crate::inventory::Position;
use crate::request::Selection;

const ONE: &str = "web-1 | shop:api 5/5 STOPPED";

#[test]
fn a_second_instance_is_refused_while_the_first_one_answers() {
    check(
        ONE,
        request("start all"),
        "
        0.0 up web-1          -> web-1 Up
        1.0 up web-1 other    -> web-1 alive?
        1.1 up web-1 third    -> session 3 refused Busy; close session 3
        1.2 alive web-1       -> session 2 refused Duplicate; close session 2; web-1 alive?
    ",
    );
}

#[test]
fn a_second_instance_takes_over_when_the_first_one_is_silent_or_gone() {
    check(
        ONE,
        request("start all"),
        "
        0.0 up web-1          -> web-1 Up
        1.0 up web-1 other    -> web-1 alive?
        5.9 tick              ->
        6.0 tick              -> close web-1; web-1 Down; web-1 Up
    ",
    );
    check(
        ONE,
        request("start all"),
        "
        0.0 up web-1          -> web-1 Up
        1.0 up web-1 other    -> web-1 alive?
        2.0 down web-1        -> web-1 Down; web-1 Up
    ",
    );
}

#[test]
fn the_same_instance_replaces_its_old_session() {
    check(
        ONE,
        request("start all"),
        "
        0.0 up web-1          -> web-1 Up
        1.0 up web-1          -> close session 1
    ",
    );
}

#[test]
fn silence_is_seen_sooner_while_orders_are_in_flight() {
    check(
        ONE,
        request("start all"),
        "
        0.0 up web-1          -> web-1 Up
        50.0 tick             ->
        50.0 alive web-1      -> web-1 alive?
        50.1 alive web-1      ->
        139.0 tick            ->
        140.1 tick            -> web-1 Silent
        140.2 alive web-1     -> web-1 Up; web-1 alive?
        141.0 go              -> wave 0; web-1 <- 0 start shop:api
        150.9 tick            ->
        151.0 tick            -> web-1 Silent
        156.0 tick            -> close web-1; web-1 Down
    ",
    );
}

fn asked(ask: Ask) -> Input {
    Input::Asked(Asked {
        ticket: Ticket(5),
        operator: "alice".into(),
        address: "127.0.0.1:1".into(),
        ask,
    })
}

#[test]
fn a_follower_is_answered_when_there_is_something_to_tell() {
    let mut stage = Stage::new(ONE, request("start all"));
    stage.play(0, "up web-1");
    stage.play(0, "go");
    let follow = |from| asked(Ask::Follow("1".into(), from));
    let now = Now::default();
    let first = stage.fleet.on_input(now, follow(0));
    assert!(
        matches!(&first[..], [Effect::Answer(_, Answer::News { news, next: 1, finished: None })] if news.len() == 1)
    );
    assert_eq!(stage.fleet.on_input(now, follow(1)), []);
    let played = stage.fleet.on_input(now, asked(Ask::Cancel("1".into())));
    assert!(!played.iter().any(|effect| matches!(effect, Effect::Answer(_, Answer::News { .. }))));
    let result = stage.play(1, "web-1 0 OK");
    assert!(result.contains("exit 0"));
    let last = stage.fleet.on_input(now, follow(1));
    assert!(matches!(&last[..], [Effect::Answer(_, Answer::News { finished: Some(_), .. })]));
    let none = stage.fleet.on_input(now, asked(Ask::Follow("9".into(), 0)));
    assert!(matches!(&none[..], [Effect::Answer(_, Answer::NoSuchOperation(_))]));
}

#[test]
fn every_mutation_and_every_refusal_leaves_an_audit_line() {
    let audit = |words: &str| {
        let mut stage = Stage::new(ONE, request("start all"));
        stage.play(0, "up web-1");
        let ask = Ask::Operate("1".into(), Box::new(request(words)));
        let effects = stage.fleet.on_input(Now::default(), asked(ask));
        let lines = effects.into_iter().filter_map(|effect| match effect {
            Effect::Audit(line) => Some(line),
            _ => None,
        });
        let lines: Vec<_> = lines
            .map(|l| format!("{} {} {:?} {:?} {}", l.who, l.from, l.what, l.targets, l.result))
            .collect();
        lines.join("\n")
    };
    assert_eq!(
        audit("start web-1/all"),
        r#"alice 127.0.0.1:1 "start web-1/all" ["web-1/shop:api"] accepted"#
    );
    assert_eq!(
        audit("start web-9/all"),
        r#"alice 127.0.0.1:1 "start web-9/all" [] refused: no host is called web-9; `hosts` lists them"#
    );
}

#[test]
fn status_names_what_is_missing_and_what_is_stale() {
    let mut stage = Stage::new(ONE, request("start all"));
    stage.play(0, "up web-1");
    stage.play(1, "down web-1");
    let selection = Selection {
        targets: vec!["web-1/shop:api".into(), "web-9/all".into(), "shop:db".into()],
        ..Selection::default()
    };
    let effects = stage.fleet.on_input(Now::default(), asked(Ask::Status(selection)));
    let [Effect::Answer(_, Answer::Status { hosts, missing, warnings })] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(hosts[0].table.len(), 1);
    assert_eq!(missing, &["web-9", "shop:db"]);
    assert_eq!(warnings, &["web-1 is not connected: this is how it was last seen"]);
}

#[test]
fn hosts_that_were_known_before_are_down_and_not_unheard_of() {
    let known = inventory("web-1 role=web | shop:api 5/5 STOPPED");
    let hosts = known.hosts().cloned().collect();
    let mut fleet = Fleet::new(Settings::default(), 8, hosts, vec![], Now::default());
    let effects = fleet.on_input(
        Now::default(),
        asked(Ask::Operate("1".into(), Box::new(request("start web-1/all")))),
    );
    let Some(Effect::Record(operation, _)) =
        effects.iter().find(|e| matches!(e, Effect::Record(..)))
    else {
        panic!("{effects:?}");
    };
    assert!(operation.is_done());
    assert_eq!(operation.exit_code(), 12);
}

#[test]
fn an_operation_that_cannot_be_recorded_ends_what_was_not_handed_over() {
    let two = "
        db-1 | shop:db 1/1 STOPPED
        web-1 | shop:api 5/5 STOPPED
    ";
    let mut stage = Stage::new(two, request("start all"));
    for line in ["up db-1", "up web-1", "go"] {
        stage.play(0, line);
    }
    let not_recorded =
        |unsent: &[u32]| Input::NotRecorded { operation: "1".into(), unsent: unsent.to_vec() };
    let effects = stage.fleet.on_input(Now::default(), not_recorded(&[]));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Log(text) if text.contains("store's disk")))
    );
    let kinds = |stage: &Stage| -> Vec<_> {
        let operation = stage.fleet.operation("1").unwrap();
        operation
            .results()
            .map(|(name, result)| format!("{name} {}", result.outcome.kind))
            .collect()
    };
    assert_eq!(kinds(&stage), ["web-1/shop:api CANCELLED"]);
    // Its own order was kept back with the record: it is certain that nobody has it.
    let _ = stage.fleet.on_input(Now::default(), not_recorded(&[0]));
    let both = ["db-1/shop:db CANCELLED", "web-1/shop:api CANCELLED"];
    assert_eq!(kinds(&stage), both);
    assert!(stage.fleet.operation("1").unwrap().is_done());
    // The end could not be written either; it is, with whatever is written next.
    let silent = stage.fleet.on_input(Now::default(), not_recorded(&[]));
    assert!(!silent.iter().any(|e| matches!(e, Effect::Record(..))));
    let ask = Ask::Operate("2".into(), Box::new(request("start all")));
    let effects = stage.fleet.on_input(Now::default(), asked(ask));
    let recorded = |id: &str| {
        let is_its = |e: &Effect| matches!(e, Effect::Record(record, _) if record.id == id);
        effects.iter().any(is_its)
    };
    assert!(recorded("1") && recorded("2"));
}

#[test]
fn an_agent_that_reports_processes_without_end_is_cut_off() {
    let mut stage = Stage::new(ONE, request("start all"));
    stage.play(0, "up web-1");
    let rows = (0..50_001).map(|at| row("shop", &at.to_string(), 1, "STOPPED"));
    let said = Said::Snapshot(Position { epoch: 1, seq: 1 }, rows.collect());
    let input = stage.said("web-1", said);
    let effects = stage.fleet.on_input(Now::default(), input);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Close(_, why) if why.contains("50000")))
    );
    assert_eq!(stage.fleet.inventory().get("web-1").unwrap().table.len(), 0);
}

#[test]
fn old_records_are_forgotten_by_their_size_too() {
    let mut stage = Stage::new(ONE, request("start all"));
    for line in ["up web-1", "go", "web-1 0 OK"] {
        stage.play(0, line);
    }
    let done = stage.fleet.operation("1").unwrap();
    assert!(done.is_done());
    let large = |id: &str| {
        let mut operation = done.clone();
        operation.id = id.to_owned();
        operation.targets = vec![operation.targets[0].clone(); TARGETS_KEPT_MAX / 2];
        operation
    };
    let operations = ["1", "2", "3"].map(large).to_vec();
    let now = Now::default();
    let mut fleet = Fleet::new(Settings::default(), 1, vec![], operations, now);
    let forgotten = fleet.on_input(now, Input::Woke);
    assert_eq!(forgotten, [Effect::Forget("1".into())]);
}
