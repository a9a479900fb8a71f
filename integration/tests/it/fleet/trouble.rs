//! What fails, who is gone, who falls silent: each target ends in its one result.

use integration::fleet::Fleet;
use integration::operator::Answer;
use integration::ran::Ran;
use integration::subject::Client;

use super::{member, programs};

/// A program that dies at once, saying why, and is not tried again.
const BAD: (&str, &str, &str) =
    ("bad", "complain:no_such_table exit:3", "priority=10\nstartretries=0\nredirect_stderr=true");

/// An agent's own deadline is a tenth before the controller's: that must suffice for its word to
/// travel, also on a busy machine.
const NOT_READY_IN_TIME: &str = "--host-deadline=10s";

#[test]
fn a_failure_has_its_reason_and_ends_the_operation_unless_it_may_go_on() {
    let db = programs(&[("db", "forever", "priority=10"), BAD])
        + "[program:absent]\ncommand=/no/such/program\nautostart=false\npriority=10\nstartretries=0\n";
    let web = programs(&[("api", "forever", "priority=20")]);
    let fleet = Fleet::start(&[member("db-1", "", &db), member("web-1", "", &web)]);

    let ended = fleet.ask(&["start", "all"]);
    assert_eq!(
        ended.summary(),
        "db-1/absent:absent FAILED, db-1/bad:bad FAILED, db-1/db:db OK, web-1/api:api SKIPPED",
        "{ended}"
    );
    assert_eq!((ended.code, &ended.value["ended_early"]), (13, &true.into()));
    let absent = ended.text("db-1/absent:absent", "text");
    assert!(absent.contains("/no/such/program"), "{ended}");
    let bad = ended.of("db-1/bad:bad");
    assert_eq!(bad["last_lines"][0], "no_such_table", "{ended}");
    assert!(bad["code"].as_i64().unwrap() > 0, "{ended}");
    assert!(!bad["text"].as_str().unwrap().is_empty(), "{ended}");
    assert_eq!(fleet.host("web-1").stamps(), []);

    let went_on = fleet.ask(&["start", "all", "--on-failure", "continue"]);
    assert_eq!(
        went_on.summary(),
        "db-1/absent:absent FAILED, db-1/bad:bad FAILED, db-1/db:db ALREADY, web-1/api:api OK",
        "{went_on}"
    );
    assert_eq!(went_on.code, 10);
    assert_eq!(fleet.host("web-1").stamps().len(), 1);

    let all_failed = fleet.ask(&["start", "db-1/bad", "--on-failure", "continue"]);
    assert_eq!((all_failed.code, all_failed.summary().as_str()), (11, "db-1/bad:bad FAILED"));
    let not_running = fleet.ask(&["signal", "HUP", "db-1/bad"]);
    assert_eq!((not_running.code, not_running.summary().as_str()), (11, "db-1/bad:bad FAILED"));
    let told = fleet.operator(&["start", "db-1/bad"]);
    assert!(told.stdout.contains("| no_such_table"), "{told}");
}

#[test]
fn a_host_that_is_gone_is_unreachable_and_the_others_go_on() {
    let one = programs(&[("api", "forever", "priority=20")]);
    let later = programs(&[("front", "forever", "priority=30")]);
    let members = [member("web-1", "", &later), member("web-2", "", &one)];
    let mut fleet = Fleet::start(&members);
    fleet.agent("web-2").daemon.kill();
    fleet.wait_host("web-2", "down");

    let status = fleet.ask(&["status"]);
    assert_eq!(status.of("web-2/api:api")["stale"], true, "{status}");
    assert_eq!(status.code, 4);
    let hosts = fleet.operator(&["hosts"]);
    assert!(hosts.stdout.contains("down") && hosts.code == 0, "{hosts}");

    let failing = fleet.ask(&["start", "all", "--on-unreachable", "fail"]);
    assert_eq!(
        (failing.code, failing.summary().as_str()),
        (13, "web-1/front:front SKIPPED, web-2/api:api UNREACHABLE"),
        "{failing}"
    );
    let waiting =
        ["start", "all", "--on-unreachable=wait", "--host-deadline=5s", "--on-failure=continue"];
    let overdue = fleet.ask(&waiting);
    assert_eq!(overdue.summary(), "web-1/front:front OK, web-2/api:api UNREACHABLE", "{overdue}");
    assert!(overdue.text("web-2/api:api", "text").contains("deadline"), "{overdue}");
    assert_eq!(overdue.code, 12);
    let skipping = fleet.ask(&["start", "all"]);
    assert_eq!(
        (skipping.code, skipping.summary().as_str()),
        (12, "web-1/front:front ALREADY, web-2/api:api UNREACHABLE"),
        "{skipping}"
    );
    assert!(skipping.text("web-2/api:api", "text").contains("not connected"));

    let later = fleet.meanwhile(&["start", "web-2/all", "--on-unreachable", "wait"]);
    wait_for_operations(&fleet, 4);
    fleet.agent("web-2").daemon.start_again();
    let ran = later.end();
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(fleet.host("web-2").stamps().len(), 1);
    assert_eq!(fleet.ask(&["status"]).code, 0);
}

fn wait_for_operations(fleet: &Fleet, count: usize) {
    fleet.ask_until(&["operations"], |all| {
        all.value.as_array().is_some_and(|all| all.len() == count)
    });
}

#[test]
fn a_host_that_falls_silent_with_an_order_is_unknown_until_it_is_back() {
    let api = programs(&[("api", "forever", "")]);
    let mut fleet = Fleet::start(&[member("web-1", "", &api), member("web-2", "", &api)]);
    fleet.agent("web-2").link.stall();
    let unknown = fleet.ask(&["start", "all", "--host-deadline", "5s"]);
    assert_eq!(
        (unknown.code, unknown.summary().as_str()),
        (15, "web-1/api:api OK, web-2/api:api UNKNOWN"),
        "{unknown}"
    );
    let id = unknown.operation();
    let told: Ran = fleet.operator(&["operation", &id]);
    assert!(told.stdout.contains("UNKNOWN") && told.code == 15, "{told}");

    fleet.agent("web-2").link.restore();
    let amended = fleet.ask_until(&["operation", &id], |record| record.code == 0);
    assert_eq!(amended.summary(), "web-1/api:api OK, web-2/api:api UNKNOWN>OK");
    assert_eq!(fleet.host("web-2").stamps().len(), 1);
}

#[test]
fn who_waits_for_a_start_and_until_when() {
    let web = programs(&[
        ("slow", "forever", "startsecs=600\npriority=1"),
        ("later", "forever", "priority=2"),
    ]);
    let fleet = Fleet::start(&[member("web-1", "", &web)]);
    let overdue = fleet.ask(&["start", "all", NOT_READY_IN_TIME]);
    assert_eq!(
        (overdue.code, overdue.summary().as_str()),
        (13, "web-1/later:later SKIPPED, web-1/slow:slow NOT_READY"),
        "{overdue}"
    );
    assert_eq!(fleet.ask(&["stop", "all"]).code, 0);
    let spawned = fleet.ask(&["start", "all", "--barrier", "spawned"]);
    assert_eq!(
        (spawned.code, spawned.summary().as_str()),
        (0, "web-1/later:later OK, web-1/slow:slow OK"),
        "{spawned}"
    );
    let status = fleet.ask(&["status", "slow"]);
    assert_eq!(status.states(), "web-1/slow:slow STARTING");
    assert_eq!(fleet.ask(&["stop", "all"]).code, 0);

    a_local_operator_is_an_equal(&fleet);
    what_has_not_been_handed_over_can_be_cancelled(&fleet);
}

fn a_local_operator_is_an_equal(fleet: &Fleet) {
    let start = fleet.meanwhile(&["start", "slow"]);
    let host = &fleet.host("web-1").daemon;
    host.wait_state("slow", "STARTING");
    let stopped = host.host().client(Client::Ours, &["stop", "slow"]);
    assert_eq!(stopped.stdout, "slow: stopped\n", "{stopped}");
    let answer = Answer::from(start.end());
    assert_eq!(
        (answer.code, answer.summary().as_str()),
        (11, "web-1/slow:slow SUPERSEDED"),
        "{answer}"
    );
}

fn what_has_not_been_handed_over_can_be_cancelled(fleet: &Fleet) {
    let start = fleet.meanwhile(&["start", "all"]);
    fleet.host("web-1").daemon.wait_state("slow", "STARTING");
    let newest = fleet.ask(&["operations", "-n", "1"]);
    let id = newest.value[0]["operation"].as_str().unwrap().to_owned();
    assert_eq!(fleet.ask(&["cancel", &id]).code, 0);
    fleet.host("web-1").daemon.wait_state("slow", "STARTING");
    assert_eq!(fleet.ask(&["stop", "slow"]).code, 0);
    let answer = Answer::from(start.end());
    assert_eq!(
        answer.summary(),
        "web-1/later:later CANCELLED, web-1/slow:slow SUPERSEDED",
        "{answer}"
    );
    assert_eq!(answer.code, 11);
}
