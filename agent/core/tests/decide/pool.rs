//! One pool, told as transcripts: what it hears, and what it wants done.
//!
//! Each line is `seconds words -> steps`. `happen N` is the event with that serial, `up`, `down` and
//! `born` are a listener's process, `written` and the like an answer to `send`. `log …` stands for
//! the activity log, only where a test asks for it.

use std::sync::Arc;

use agent_core::effect::ProcessId;
use agent_core::input::Unwritten;
use agent_core::listener::Said;
use agent_core::payload::EventType;
use agent_core::pool::{Heard, Notice, Pool, Step, Ticketed};
use agent_core::spec::PoolSpec;
use proto_words::{Now, ProcessState};

/// A pool of listeners `l1`, `l2` …, with room for so many events.
pub fn pool(listeners: u64, buffer_size: i64) -> Pool {
    let spec =
        PoolSpec { buffer_size, events: vec!["EVENT".into()], result_handler: String::new() };
    Pool::new("ears".into(), &spec, (1..=listeners).map(|n| (ProcessId(n), format!("l{n}"))))
}

pub fn event(serial: i64) -> Arc<Notice> {
    let kind = EventType::SupervisorRunning;
    Arc::new(Notice { serial, kind, payload: String::new() })
}

fn heard(words: &str) -> Heard {
    let mut words = words.split_whitespace();
    let word = words.next().expect("a word");
    let mut number = || -> i64 {
        let text = words.next().expect("a number");
        text.trim_start_matches('l').parse().expect("a number")
    };
    if word == "happen" {
        return Heard::Happened(event(number()));
    }
    let listener = ProcessId(number().cast_unsigned());
    let said = |said| Heard::Said(listener, said);
    match word {
        "born" => Heard::Entered(listener, ProcessState::Starting),
        "up" => Heard::Entered(listener, ProcessState::Running),
        "stopping" => Heard::Entered(listener, ProcessState::Stopping),
        "down" => Heard::Entered(listener, ProcessState::Exited),
        "ready" => said(Said::Ready),
        "ok" => said(Said::Processed),
        "fail" => said(Said::Rejected),
        "bad" => said(Said::BadResultLine("RESULT x".into())),
        "noise" => said(Said::Nonsense),
        "written" => Heard::Written(listener, number(), Ok(())),
        "closed" => Heard::Written(listener, number(), Err(Unwritten::Closed)),
        "full" => Heard::Written(listener, number(), Err(Unwritten::Full)),
        "time" => Heard::Sending,
        other => panic!("no such word in these tests: {other}"),
    }
}

fn show(step: &Step, with_log: bool) -> Option<String> {
    match step {
        Step::Log(level, text) => with_log.then(|| format!("log {} {text}", level.code())),
        Step::Send(listener, Ticketed { notice, pool_serial, .. }) => {
            Some(format!("send l{} {}/{pool_serial}", listener.0, notice.serial))
        }
    }
}

fn replay(listeners: u64, buffer_size: i64, transcript: &str, with_log: bool) -> Pool {
    let mut pool = pool(listeners, buffer_size);
    let (mut wanted, mut got) = (String::new(), String::new());
    for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let (left, _) = line.split_once("->").expect("words -> steps");
        let (at, words) = left.trim().split_once(' ').expect("time words");
        let tenths: u64 = at.replace('.', "").parse().expect("seconds with one decimal");
        let now = Now { mono_ns: tenths * 100_000_000, wall_ms: 0 };
        let mut steps = pool.on_heard(now, heard(words));
        steps.extend(pool.on_heard(now, Heard::Sending));
        let shown: Vec<_> = steps.iter().filter_map(|step| show(step, with_log)).collect();
        got.push_str(format!("{} -> {}", left.trim(), shown.join(", ")).trim());
        got.push('\n');
        wanted.push_str(&line);
        wanted.push('\n');
    }
    assert_eq!(got, wanted, "\n--- got ---\n{got}");
    pool
}

fn check(listeners: u64, buffer_size: i64, transcript: &str) -> Pool {
    replay(listeners, buffer_size, transcript, false)
}

#[test]
fn events_wait_until_a_listener_is_up_and_ready() {
    check(
        1,
        10,
        "
        0.0 happen 5     ->
        0.0 born l1      ->
        0.1 ready l1     ->
        1.0 up l1        -> send l1 5/0
        1.0 written l1 5 ->
        1.1 happen 6     ->
        1.2 ok l1        ->
        1.2 ready l1     -> send l1 6/1
        ",
    );
}

#[test]
fn each_event_goes_to_the_first_listener_that_is_free() {
    check(
        3,
        10,
        "
        0.0 born l1  ->
        0.0 born l2  ->
        0.0 born l3  ->
        0.1 up l3    ->
        0.1 up l2    ->
        0.1 up l1    ->
        0.2 ready l3 ->
        0.2 ready l2 ->
        0.3 happen 1 -> send l2 1/0
        0.3 happen 2 -> send l3 2/1
        0.3 happen 3 ->
        0.4 ready l1 -> send l1 3/2
        0.5 ok l3    ->
        0.5 ready l3 ->
        0.6 happen 4 -> send l3 4/3
        ",
    );
}

#[test]
fn a_rejected_event_is_the_next_again_with_its_numbers() {
    check(
        2,
        10,
        "
        0.0 born l1  ->
        0.0 up l1    ->
        0.0 ready l1 ->
        0.1 happen 1 -> send l1 1/0
        0.1 happen 2 ->
        0.2 fail l1  ->
        0.2 ready l1 -> send l1 1/0
        0.3 born l2  ->
        0.3 up l2    ->
        0.3 ready l2 -> send l2 2/1
        0.4 fail l1  ->
        0.4 fail l2  ->
        0.5 ready l1 -> send l1 2/1
        ",
    );
}

#[test]
fn what_a_dying_listener_had_goes_to_another() {
    check(
        2,
        10,
        "
        0.0 born l1  ->
        0.0 born l2  ->
        0.0 up l1    ->
        0.0 ready l1 ->
        0.1 happen 1 -> send l1 1/0
        0.2 down l1  ->
        0.2 up l2    ->
        0.2 ready l2 -> send l2 1/0
        0.2 ok l1    ->
        0.3 born l1  ->
        0.3 up l1    ->
        0.3 happen 2 ->
        0.3 ready l1 -> send l1 2/1
        ",
    );
}

#[test]
fn a_listener_that_stops_gets_nothing_more_but_may_answer() {
    check(
        1,
        10,
        "
        0.0 born l1     ->
        0.0 up l1       ->
        0.0 ready l1    ->
        0.1 happen 1    -> send l1 1/0
        0.2 stopping l1 ->
        0.2 ok l1       ->
        0.2 ready l1    ->
        0.3 happen 2    ->
        0.4 down l1     ->
        0.5 born l1     ->
        0.5 up l1       ->
        0.6 ready l1    -> send l1 2/1
        ",
    );
}

#[test]
fn a_full_buffer_loses_its_oldest_event() {
    replay(
        1,
        2,
        "
        0.0 happen 4 ->
        0.0 happen 5 ->
        0.0 happen 6 -> log ERRO pool ears event buffer overflowed, discarding event 4
        0.0 born l1  ->
        0.0 up l1    ->
        0.0 ready l1 -> log DEBG l1: ACKNOWLEDGED -> READY, send l1 5/1, log DEBG rebuffering event 6 for pool ears (buf size=0, max=2)
        0.0 happen 7 ->
        0.1 fail l1  -> log WARN l1: event was rejected, log DEBG l1: BUSY -> ACKNOWLEDGED, log DEBG rebuffering event 5 for pool ears (buf size=2, max=2), log ERRO pool ears event buffer overflowed, discarding event 6
        0.1 ready l1 -> log DEBG l1: ACKNOWLEDGED -> READY, send l1 5/1, log DEBG rebuffering event 7 for pool ears (buf size=0, max=2)
        ",
        true,
    );
}

#[test]
fn a_listener_that_breaks_the_rules_is_heard_no_more_until_its_next_child() {
    replay(
        1,
        10,
        "
        0.0 born l1      ->
        0.0 up l1        ->
        0.1 noise l1     -> log DEBG l1: ACKNOWLEDGED -> UNKNOWN, log WARN l1: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol
        0.1 ready l1     ->
        0.2 happen 1     ->
        0.3 down l1      ->
        0.4 born l1      ->
        0.4 up l1        ->
        0.4 ready l1     -> log DEBG l1: ACKNOWLEDGED -> READY, send l1 1/0
        0.4 written l1 1 -> log DEBG event 1 sent to listener l1
        0.5 bad l1       -> log WARN l1: bad result line: 'RESULT x', log DEBG l1: BUSY -> UNKNOWN, log WARN l1: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol, log DEBG rebuffering event 1 for pool ears (buf size=0, max=10)
        0.5 ok l1        ->
        0.6 down l1      ->
        0.6 born l1      ->
        0.6 up l1        ->
        0.6 ready l1     -> log DEBG l1: ACKNOWLEDGED -> READY, send l1 1/0
        0.6 written l1 1 -> log DEBG event 1 sent to listener l1
        0.7 ok l1        -> log DEBG l1: event was processed, log DEBG l1: BUSY -> ACKNOWLEDGED
        0.8 ready l1     -> log DEBG l1: ACKNOWLEDGED -> READY
        0.9 noise l1     -> log DEBG l1: READY -> UNKNOWN, log WARN l1: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol
        ",
        true,
    );
}

#[test]
fn noise_that_crosses_an_event_costs_the_listener_and_not_the_event() {
    check(
        2,
        1,
        "
        0.0 born l1      ->
        0.0 up l1        ->
        0.0 ready l1     ->
        0.1 happen 1     -> send l1 1/0
        0.1 noise l1     ->
        0.1 closed l1 1  ->
        0.2 born l2      ->
        0.2 up l2        ->
        0.2 ready l2     -> send l2 1/0
        ",
    );
}

#[test]
fn what_a_closed_stdin_refuses_goes_to_the_next_and_never_there_again() {
    replay(
        2,
        1,
        "
        0.0 born l1     ->
        0.0 born l2     ->
        0.0 up l1       ->
        0.0 up l2       ->
        0.0 ready l1    -> log DEBG l1: ACKNOWLEDGED -> READY
        0.1 happen 1    -> send l1 1/0
        0.1 closed l1 1 -> log DEBG epipe occurred while sending event 1 to listener l1, listener state unchanged
        0.2 ready l2    -> log DEBG l2: ACKNOWLEDGED -> READY, send l2 1/0
        0.3 happen 2    ->
        0.4 down l1     ->
        0.4 born l1     ->
        0.4 up l1       ->
        0.4 ready l1    -> log DEBG l1: ACKNOWLEDGED -> READY, send l1 2/1
        0.5 happen 3    ->
        0.5 closed l1 2 -> log DEBG epipe occurred while sending event 2 to listener l1, listener state unchanged, log ERRO pool ears event buffer overflowed, discarding event 2
        ",
        true,
    );
}

#[test]
fn a_full_stdin_is_tried_again_after_a_second_and_nothing_is_overtaken() {
    let pool = check(
        1,
        10,
        "
        0.0 born l1   ->
        0.0 up l1     ->
        0.0 ready l1  ->
        0.1 happen 1  -> send l1 1/0
        0.1 happen 2  ->
        0.2 full l1 1 ->
        0.3 happen 3  ->
        1.1 time l1   ->
        1.2 time l1   -> send l1 1/0
        1.3 full l1 1 ->
        ",
    );
    assert_eq!(pool.deadline(), Some(2_300_000_000));
}

#[test]
fn what_a_full_stdin_refuses_goes_to_another() {
    let pool = check(
        2,
        10,
        "
        0.0 born l1      ->
        0.0 up l1        ->
        0.0 ready l1     ->
        0.1 happen 1     -> send l1 1/0
        0.2 full l1 1    ->
        0.3 born l2      ->
        0.3 up l2        ->
        0.4 ready l2     -> send l2 1/0
        0.5 happen 2     ->
        1.2 time l1      -> send l1 2/1
        1.2 written l1 2 ->
        ",
    );
    assert_eq!(pool.deadline(), None);
}

#[test]
fn answers_of_a_child_that_is_gone_are_nothing() {
    check(
        1,
        10,
        "
        0.0 born l1      ->
        0.0 up l1        ->
        0.0 ready l1     ->
        0.1 happen 1     -> send l1 1/0
        0.2 down l1      ->
        0.2 born l1      ->
        0.2 written l1 1 ->
        0.2 closed l1 1  ->
        0.2 up l1        ->
        0.3 ready l1     -> send l1 1/0
        0.3 closed l1 7  ->
        0.4 ok l1        ->
        0.4 ok l1        ->
        0.4 fail l1      ->
        ",
    );
}

#[test]
fn a_pool_can_be_written_out_and_read_back() {
    let mut pool = check(
        1,
        2,
        "
        0.0 born l1   ->
        0.0 up l1     ->
        0.0 ready l1  ->
        0.1 happen 1  -> send l1 1/0
        0.1 happen 2  ->
        0.2 full l1 1 ->
        ",
    );
    let saved = serde_json::to_string(&pool).expect("written");
    let mut back: Pool = serde_json::from_str(&saved).expect("read back");
    assert_eq!(back, pool);
    let now = Now { mono_ns: 9_000_000_000, wall_ms: 0 };
    assert_eq!(back.on_heard(now, Heard::Sending), pool.on_heard(now, Heard::Sending));
}

#[test]
fn after_the_greatest_number_comes_the_first() {
    assert_eq!(agent_core::pool::after(-1), 0);
    assert_eq!(agent_core::pool::after(41), 42);
    assert_eq!(agent_core::pool::after(i64::MAX), 0);
}
