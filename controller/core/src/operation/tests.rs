//! Operations as an operator would see them, and what holds whatever happens.

use proptest::prelude::{ProptestConfig, Strategy, any, proptest};
use proto_words::{Now, OutcomeKind};

use crate::fleet::testing::{Stage, check, request};
use crate::request::{OnFailure, OnUnreachable, Request};

const SHOP: &str = "
    db-1 | shop:db 1/1 STOPPED
    web-1 | shop:api 5/5 STOPPED
    web-2 | shop:api 5/5 STOPPED
";

fn with(words: &str, change: impl FnOnce(&mut Request)) -> Request {
    let mut request = request(words);
    change(&mut request);
    request
}

#[test]
fn a_wave_opens_when_the_one_before_has_its_results_on_all_hosts() {
    check(SHOP, request("start all"), "
        0.0 up db-1     -> db-1 Up
        0.0 up web-1    -> web-1 Up
        0.0 up web-2    -> web-2 Up
        1.0 go          -> wave 0; db-1 <- 0 start shop:db
        2.0 db-1 0 OK   -> db-1/shop:db OK; wave 1; web-1 <- 1 start shop:api; web-2 <- 2 start shop:api; db-1 ack [0]
        3.0 web-2 2 ALREADY -> web-2/shop:api ALREADY; web-2 ack [2]
        4.0 web-1 1 OK  -> web-1/shop:api OK; exit 0; web-1 ack [1]
        5.0 web-1 1 OK  -> web-1 ack [1]
    ");
}

#[test]
fn a_stop_goes_down_and_goes_on_after_a_failure() {
    check(
        SHOP,
        request("stop all"),
        "
        0.0 up db-1      -> db-1 Up
        0.0 up web-1     -> web-1 Up
        0.0 up web-2     -> web-2 Up
        1.0 go           -> wave 0; web-1 <- 0 stop shop:api; web-2 <- 1 stop shop:api
        2.0 web-1 0 FAILED -> web-1/shop:api FAILED; web-1 ack [0]
        3.0 web-2 1 OK   -> web-2/shop:api OK; wave 1; db-1 <- 2 stop shop:db; web-2 ack [1]
        4.0 db-1 2 OK    -> db-1/shop:db OK; exit 10; db-1 ack [2]
    ",
    );
}

#[test]
fn a_start_finishes_its_wave_and_skips_the_rest_when_something_failed() {
    let script = "
        0.0 up db-1       -> db-1 Up
        0.0 up web-1      -> web-1 Up
        0.0 up web-2      -> web-2 Up
        1.0 go            -> wave 0; db-1 <- 0 start shop:db
        2.0 db-1 0 FAILED -> db-1/shop:db FAILED; web-1/shop:api SKIPPED; web-2/shop:api SKIPPED; exit 13; db-1 ack [0]
    ";
    check(SHOP, request("start all"), script);
    let go_on = with("start all", |request| {
        request.on_failure = Some(OnFailure::Continue);
    });
    check(
        SHOP,
        go_on,
        &script.replace(
            "web-1/shop:api SKIPPED; web-2/shop:api SKIPPED; exit 13",
            "wave 1; web-1 <- 1 start shop:api; web-2 <- 2 start shop:api",
        ),
    );
}

#[test]
fn an_abort_skips_what_has_not_been_handed_over_and_still_waits_for_the_rest() {
    let request = with("start shop:api", |request| {
        request.on_failure = Some(OnFailure::Abort);
        request.parallel = 2;
    });
    let hosts = "
        web-1 | shop:api 5/5 STOPPED
        web-2 | shop:api 5/5 STOPPED
        web-3 | shop:api 5/5 STOPPED
    ";
    check(
        hosts,
        request,
        "
        0.0 up web-1       -> web-1 Up
        0.0 up web-2       -> web-2 Up
        0.0 up web-3       -> web-3 Up
        1.0 go             -> wave 0; web-1 <- 0 start shop:api; web-2 <- 1 start shop:api
        2.0 web-1 0 FAILED -> web-1/shop:api FAILED; web-3/shop:api SKIPPED; web-1 ack [0]
        3.0 web-2 1 OK     -> web-2/shop:api OK; exit 13; web-2 ack [1]
    ",
    );
}

#[test]
fn no_more_than_parallel_are_in_flight() {
    let request = with("start shop:api", |request| request.parallel = 1);
    check(
        SHOP,
        request,
        "
        0.0 up web-1    -> web-1 Up
        0.0 up web-2    -> web-2 Up
        1.0 go          -> wave 0; web-1 <- 0 start shop:api
        2.0 web-1 0 OK  -> web-1/shop:api OK; web-2 <- 1 start shop:api; web-1 ack [0]
        3.0 web-2 1 OK  -> web-2/shop:api OK; exit 0; web-2 ack [1]
    ",
    );
}

#[test]
fn a_host_that_is_gone_is_unreachable_at_once_or_waited_for() {
    let begin = "
        0.0 up db-1     -> db-1 Up
        0.0 up web-1    -> web-1 Up
        0.0 up web-2    -> web-2 Up
        0.5 down web-1  -> web-1 Down
    ";
    check(
        SHOP,
        request("start shop:api"),
        &format!(
            "{begin}
        1.0 go          -> wave 0; web-1/shop:api UNREACHABLE; web-2 <- 1 start shop:api
        2.0 web-2 1 OK  -> web-2/shop:api OK; exit 12; web-2 ack [1]
    "
        ),
    );
    let wait = with("start shop:api", |request| {
        request.on_unreachable = OnUnreachable::Wait;
        request.host_deadline_ms = Some(10_000);
    });
    check(
        SHOP,
        wait.clone(),
        &format!(
            "{begin}
        1.0 go          -> wave 0; web-2 <- 1 start shop:api
        2.0 web-2 1 OK  -> web-2/shop:api OK; web-2 ack [1]
        10.9 tick       ->
        11.0 tick       -> web-1/shop:api UNREACHABLE; exit 12
    "
        ),
    );
    check(
        SHOP,
        wait,
        &format!(
            "{begin}
        1.0 go          -> wave 0; web-2 <- 1 start shop:api
        5.0 up web-1    -> web-1 Up; web-1 <- 0 start shop:api
        6.0 web-2 1 OK  -> web-2/shop:api OK; web-2 ack [1]
        7.0 web-1 0 OK  -> web-1/shop:api OK; exit 0; web-1 ack [0]
    "
        ),
    );
}

#[test]
fn a_link_cut_in_the_middle_gets_the_same_orders_again_and_its_result_counts() {
    check(
        SHOP,
        request("start web-1/all"),
        "
        0.0 up web-1    -> web-1 Up
        1.0 go          -> wave 0; web-1 <- 0 start shop:api
        2.0 down web-1  -> web-1 Down
        9.0 up web-1    -> web-1 Up; web-1 <- 0 start shop:api
        9.5 web-1 0 OK  -> web-1/shop:api OK; exit 0; web-1 ack [0]
    ",
    );
}

#[test]
fn silence_after_the_hand_over_is_unknown_and_amended_when_the_truth_comes() {
    let request = with("start shop:api", |request| {
        request.host_deadline_ms = Some(10_000);
    });
    check(
        SHOP,
        request,
        "
        0.0 up web-1    -> web-1 Up
        0.0 up web-2    -> web-2 Up
        1.0 go          -> wave 0; web-1 <- 0 start shop:api; web-2 <- 1 start shop:api
        2.0 web-2 1 OK  -> web-2/shop:api OK; web-2 ack [1]
        3.0 down web-1  -> web-1 Down
        11.0 tick       -> web-1/shop:api UNKNOWN; exit 15
        20.0 up web-1   -> web-1 Up
        21.0 web-1 0 OK -> web-1/shop:api OK, was UNKNOWN; exit 0; web-1 ack [0]
        22.0 web-1 0 FAILED -> web-1 ack [0]
    ",
    );
}

#[test]
fn an_agent_that_does_not_know_amends_nothing_however_often_it_says_so() {
    check(
        SHOP,
        request("start web-1/shop:api"),
        "
        0.0 up web-1         -> web-1 Up
        1.0 go               -> wave 0; web-1 <- 0 start shop:api
        2.0 web-1 0 UNKNOWN  -> web-1/shop:api UNKNOWN; exit 15; web-1 ack [0]
        3.0 web-1 0 UNKNOWN  -> web-1 ack [0]
        4.0 web-1 0 OK       -> web-1/shop:api OK, was UNKNOWN; exit 0; web-1 ack [0]
    ",
    );
}

#[test]
fn a_restart_in_two_halves_stops_all_before_it_starts_any() {
    let hosts = "
        db-1 | shop:db 1/1 RUNNING
        web-1 | shop:api 5/5 RUNNING
    ";
    let begin = "
        0.0 up db-1     -> db-1 Up
        0.0 up web-1    -> web-1 Up
        1.0 go          -> wave 0; web-1 <- 0 stop shop:api
        2.0 web-1 0 OK  -> wave 1; db-1 <- 1 stop shop:db; web-1 ack [0]
        3.0 db-1 1 OK   -> wave 2; db-1 <- 3 start shop:db; db-1 ack [1]
    ";
    check(
        hosts,
        request("stop-then-start all"),
        &format!(
            "{begin}
        4.0 db-1 3 OK   -> db-1/shop:db OK; wave 3; web-1 <- 2 start shop:api; db-1 ack [3]
        5.0 web-1 2 OK  -> web-1/shop:api OK; exit 0; web-1 ack [2]
    "
        ),
    );
    // What was stopped and is not started again is not called SKIPPED: something was done to it.
    check(
        hosts,
        request("stop-then-start all"),
        &format!(
            "{begin}
        4.0 db-1 3 FAILED -> db-1/shop:db FAILED; web-1/shop:api FAILED; exit 13; db-1 ack [3]
    "
        ),
    );
}

#[test]
fn an_operator_and_a_newer_intent_end_what_is_still_to_come() {
    let begin = "
        0.0 up db-1     -> db-1 Up
        0.0 up web-1    -> web-1 Up
        1.0 go          -> wave 0; db-1 <- 0 start shop:db
    ";
    let hosts = "
        db-1 | shop:db 1/1 STOPPED
        web-1 | shop:api 5/5 STOPPED
    ";
    check(
        hosts,
        request("start all"),
        &format!(
            "{begin}
        2.0 cancel      -> web-1/shop:api CANCELLED
        3.0 db-1 0 OK   -> db-1/shop:db OK; exit 10; db-1 ack [0]
    "
        ),
    );
    check(
        hosts,
        request("start all"),
        &format!(
            "{begin}
        2.0 go          -> web-1/shop:api SUPERSEDED; wave 0; db-1 <- 0 start shop:db
        3.0 db-1 0 OK   -> db-1/shop:db OK; exit 10; db-1 ack [0]
    "
        ),
    );
}

#[test]
fn a_record_is_resumed_by_a_new_process() {
    let mut stage = Stage::new(SHOP, request("start all"));
    for line in ["up db-1", "up web-1", "up web-2", "go"] {
        stage.play(1000, line);
    }
    let record = stage.fleet.operation("1").unwrap();
    let text = serde_json::to_string(record).unwrap();
    let mut back: super::Operation = serde_json::from_str(&text).unwrap();
    assert_eq!(&back, record);
    // Another process: its monotonic clock begins anew, and an hour has passed meanwhile.
    let now = Now { mono_ns: 5, wall_ms: 3_600_000 };
    back.resume(now);
    assert_eq!(back.next_deadline(), Some(5), "what is past is due at once");
    let sent = back.advance(now, stage.fleet.inventory(), 8);
    assert!(sent.is_empty() && back.is_done());
    let kinds: Vec<_> = back.results().map(|(_, result)| result.outcome.kind).collect();
    assert_eq!(kinds, [OutcomeKind::Unknown, OutcomeKind::Skipped, OutcomeKind::Skipped]);
}

#[test]
fn after_a_restart_of_the_controller_hosts_get_time_to_dial_again() {
    let mut stage = Stage::new(SHOP, request("start all"));
    for line in ["up db-1", "up web-1", "up web-2", "go"] {
        stage.play(1000, line);
    }
    let record = stage.fleet.operation("1").unwrap().clone();
    let mut stage = Stage::resumed(SHOP, vec![record], 2000);
    // Nobody is there yet, and nobody is given up.
    assert_eq!(stage.play(2000, "tick"), "");
    assert_eq!(stage.play(3000, "up db-1"), "db-1 Up; db-1 <- 0 start shop:db");
    let second = stage.play(4000, "db-1 0 OK");
    assert!(second.ends_with("db-1/shop:db OK; wave 1; db-1 ack [0]"), "{second}");
    assert_eq!(stage.play(5000, "up web-1"), "web-1 Up; web-1 <- 1 start shop:api");
    assert_eq!(stage.play(6000, "web-1 1 OK"), "web-1/shop:api OK; web-1 ack [1]");
    assert_eq!(stage.play(63_900, "alive web-1"), "web-1 alive?");
    // The grace would last to 67 s; the host's own deadline comes first.
    let end = stage.play(64_000, "tick");
    assert!(end.starts_with("web-2/shop:api UNREACHABLE; exit 12"), "{end}");
}

fn event() -> impl Strategy<Value = String> {
    let host = || proptest::sample::select(vec!["db-1", "web-1", "web-2"]);
    let kind = proptest::sample::select(vec!["OK", "FAILED", "ALREADY", "NOT_READY", "REFUSED"]);
    proptest::prop_oneof![
        2 => host().prop_map(|host| format!("up {host}")),
        1 => host().prop_map(|host| format!("down {host}")),
        1 => proptest::strategy::Just("tick".to_owned()),
        1 => proptest::strategy::Just("cancel".to_owned()),
        6 => (host(), 0_u32..8, kind).prop_map(|(host, order, kind)| format!("{host} {order} {kind}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: each target ends in exactly one result, no wave opens
    /// twice, and only UNKNOWN is ever amended.
    #[test]
    fn every_target_ends_in_exactly_one_result(
        events in proptest::collection::vec((event(), 0_u64..20_000), 0..40),
        verb in proptest::sample::select(vec!["start all", "stop all", "restart all", "stop-then-start all"]),
        wait in any::<bool>(),
        parallel in 0_u32..3,
    ) {
        let asked = with(verb, |request| {
            request.parallel = parallel;
            request.on_unreachable = if wait { OnUnreachable::Wait } else { OnUnreachable::Skip };
        });
        let mut stage = Stage::new(SHOP, asked);
        let mut up = std::collections::BTreeSet::new();
        for host in ["db-1", "web-1", "web-2"] {
            stage.play(0, &format!("up {host}"));
            up.insert(host.to_owned());
        }
        let mut said = stage.play(0, "go");
        let mut at = 0;
        for (event, after) in events {
            at += after;
            let words: Vec<_> = event.split(' ').collect();
            let is_possible = match words[..] {
                ["up", host] => up.insert(host.to_owned()),
                ["down", host] => stage.is_live(host) && up.remove(host),
                [host, _, _] => stage.is_live(host),
                _ => true,
            };
            if is_possible {
                said.push_str("; ");
                said.push_str(&stage.play(at, &event));
            }
        }
        said.push_str("; ");
        said.push_str(&stage.play(at + 100_000_000, "tick"));
        let operation = stage.fleet.operation("1").unwrap();
        assert!(operation.is_done());
        assert_eq!(operation.results().count(), operation.targets.len());
        for target in &operation.targets {
            let lines: Vec<_> = said.split("; ").filter(|l| l.starts_with(&format!("{} ", target.name))).collect();
            let finals = lines.iter().filter(|line| !line.contains(", was UNKNOWN")).count();
            assert_eq!(finals, 1, "{lines:?}");
            assert!(lines.len() == 1 || (lines.len() == 2 && lines[0].ends_with("UNKNOWN")), "{lines:?}");
        }
        for wave in 0..operation.waves.len() {
            assert!(said.split("; ").filter(|line| **line == format!("wave {wave}")).count() <= 1);
        }
    }
}
