//! Orders, from the batch to the acknowledged result.

use std::time::Duration;

use agent_core::Command;
use proto::v1::agent_message::Body;
use proto::v1::controller_message::Body as Said;
use proto::v1::order::Verb;
use proto::v1::{
    OrderResult, OutcomeKind, RestartOrder, ResultsAcknowledged, SignalOrder, StopOrder,
};
use proto_words::{Origin, ProcessState};

use crate::fleet::testing::{Bench, PlayedSession, Poke};
use crate::ledger::Ledger;

use super::{LONG, batch, order, result, short, start};

/// So many results; the acceptance comes before them, and a state before the result that it proves.
async fn results_in_order(session: &mut PlayedSession, count: usize) -> Vec<OrderResult> {
    let (mut results, mut accepted, mut running_told) = (Vec::<OrderResult>::new(), false, false);
    while results.len() < count {
        match session.next().await.unwrap() {
            Body::Accepted(batch) => {
                assert!(!batch.unrecorded && results.is_empty());
                accepted = true;
            }
            Body::Deltas(deltas) => {
                let is_good = |row: &proto::v1::Row| {
                    row.name == "good" && row.state() == proto::v1::ProcessState::Running
                };
                running_told |= deltas.rows.iter().any(is_good);
            }
            Body::Result(result) => {
                assert!(accepted && (result.order != 1 || running_told));
                results.push(result);
            }
            _ => {}
        }
    }
    results
}

#[tokio::test]
async fn a_batch_is_accepted_then_done_and_every_order_ends_in_one_word() {
    let mut bench = Bench::new(&["good", "bad", "slow", "running"]).await;
    bench.poke.send(Poke::Change("running", ProcessState::Running)).unwrap();
    bench.open();
    let mut session = bench.welcomed().await;
    let orders = vec![
        start(1, "good"),
        start(2, "bad"),
        start(3, "slow"),
        start(4, "running"),
        start(5, "nobody"),
        order(6, "good", Verb::Signal(SignalOrder { signal: 99 })),
    ];
    let deadline = Duration::from_millis(300);
    session.say(Said::Orders(batch("op", deadline, orders))).await;
    let mut results = results_in_order(&mut session, 6).await;
    results.sort_by_key(|result| result.order);
    let words: Vec<_> = results.iter().map(short).collect();
    let word = |id, kind, code, text: &str| (id, kind, code, text.to_owned());
    assert_eq!(
        words,
        [
            word(1, OutcomeKind::Ok, 0, ""),
            word(2, OutcomeKind::Failed, 50, "bad: Exited too quickly; retries go on"),
            word(
                3,
                OutcomeKind::NotReady,
                0,
                "STARTING, but not past its gate by the deadline; it goes on"
            ),
            word(4, OutcomeKind::Already, 0, ""),
            word(5, OutcomeKind::Failed, 10, "no such process or group: nobody"),
            word(6, OutcomeKind::Failed, 11, "99 is not a signal"),
        ]
    );
    assert_eq!(results[1].outcome.as_ref().unwrap().last_lines, ["no such table"]);
    assert_eq!(results[0].incarnation.unwrap().spawn, 2);
    assert_eq!(results[0].wave, 2);
    let (origin, _) = bench.next_asked().await;
    assert_eq!(origin, Origin::Fleet("op".into()));
}

#[tokio::test]
async fn a_stop_that_is_under_way_at_the_deadline_has_not_failed() {
    let mut bench = Bench::new(&["slow"]).await;
    bench.open();
    let mut session = bench.welcomed().await;
    let orders = vec![order(1, "slow", Verb::Stop(StopOrder {}))];
    let deadline = Duration::from_millis(100);
    session.say(Said::Orders(batch("op", deadline, orders))).await;
    let text = "still STOPPING at the deadline; what was asked goes on";
    assert_eq!(short(&result(&mut session).await), (1, OutcomeKind::Unknown, 0, text.to_owned()));
}

#[tokio::test]
async fn a_restart_of_a_life_that_is_over_has_its_goal_when_the_new_one_runs() {
    let mut bench = Bench::new(&["slow"]).await;
    bench.poke.send(Poke::Change("slow", ProcessState::Starting)).unwrap();
    bench.open();
    let mut session = bench.welcomed().await;
    let orders = vec![order(1, "slow", Verb::Restart(RestartOrder::default()))];
    session.say(Said::Orders(batch("op", LONG, orders))).await;
    bench.next_asked().await;
    bench.poke.send(Poke::Change("slow", ProcessState::Running)).unwrap();
    assert_eq!(short(&result(&mut session).await), (1, OutcomeKind::Already, 0, String::new()));
}

#[tokio::test]
async fn what_somebody_else_starts_and_stops_again_has_not_failed() {
    let mut bench = Bench::new(&["slow"]).await;
    let change = |state| Poke::Change("slow", state);
    bench.poke.send(change(ProcessState::Starting)).unwrap();
    bench.open();
    let mut session = bench.welcomed().await;
    session.say(Said::Orders(batch("op", LONG, vec![start(1, "slow")]))).await;
    bench.next_asked().await;
    bench.poke.send(change(ProcessState::Stopping)).unwrap();
    let text = "a newer command has overtaken this one: STOPPING";
    assert_eq!(
        short(&result(&mut session).await),
        (1, OutcomeKind::Superseded, 0, text.to_owned())
    );
}

#[tokio::test]
async fn what_somebody_else_is_starting_counts_when_it_runs() {
    let mut bench = Bench::new(&["slow", "other"]).await;
    bench.poke.send(Poke::Change("slow", ProcessState::Starting)).unwrap();
    bench.poke.send(Poke::Change("other", ProcessState::Starting)).unwrap();
    bench.open();
    let mut session = bench.welcomed().await;
    let orders = vec![start(1, "slow"), start(2, "other")];
    session.say(Said::Orders(batch("op", LONG, orders))).await;
    bench.next_asked().await;
    bench.next_asked().await;
    bench.poke.send(Poke::Change("other", ProcessState::Backoff)).unwrap();
    let failed = short(&result(&mut session).await);
    assert_eq!((failed.0, failed.1), (2, OutcomeKind::Failed));
    bench.poke.send(Poke::Change("slow", ProcessState::Running)).unwrap();
    let already = short(&result(&mut session).await);
    assert_eq!((already.0, already.1), (1, OutcomeKind::Already));
}

#[tokio::test]
async fn a_result_outlives_the_session_until_it_is_acknowledged_and_nothing_is_done_twice() {
    let mut bench = Bench::new(&["slow"]).await;
    bench.open();
    let session = bench.welcomed().await;
    let orders = || Said::Orders(batch("op", LONG, vec![start(1, "slow")]));
    session.say(orders()).await;
    bench.next_asked().await;
    drop(session); // the link is cut while the start is under way

    let mut session = bench.welcomed().await;
    session.say(orders()).await; // the controller cannot know whether the order had arrived
    session.wait_for(|body| matches!(body, Body::Accepted(_)).then_some(())).await;
    bench.poke.send(Poke::Release).unwrap();
    assert_eq!(short(&result(&mut session).await).1, OutcomeKind::Ok);
    drop(session); // before it could acknowledge

    let mut session = bench.welcomed().await;
    assert_eq!(short(&result(&mut session).await).1, OutcomeKind::Ok);
    session.say(orders()).await;
    assert_eq!(short(&result(&mut session).await).1, OutcomeKind::Ok);
    let acknowledged = ResultsAcknowledged { operation: "op".into(), orders: vec![1] };
    session.say(Said::Acknowledged(acknowledged)).await;
    session.say(Said::Orders(batch("end", LONG, vec![start(1, "slow")]))).await;
    assert_eq!(result(&mut session).await.operation, "end");
    drop(session);

    let mut session = bench.welcomed().await;
    assert_eq!(result(&mut session).await.operation, "end");
    assert!(matches!(bench.next_asked().await.0, Origin::Fleet(operation) if operation == "end"));
    assert!(bench.asked.try_recv().is_err(), "one start for each operation");
}

#[tokio::test]
async fn what_a_crash_interrupted_is_decided_at_the_next_start() {
    let mut bench = Bench::new(&["good", "idle"]).await;
    let opened = Ledger::open(&bench.settings.state_dir).unwrap();
    let orders = vec![
        start(1, "good"),
        order(2, "idle", Verb::Stop(StopOrder {})),
        order(3, "good", Verb::Signal(SignalOrder { signal: 1 })),
    ];
    let now = crate::fleet::orders::wall_ms();
    opened.ledger.accept(now, batch("op", LONG, orders)).await;
    drop(opened);
    bench.open();
    let mut session = bench.welcomed().await;
    let mut words = Vec::new();
    while words.len() < 3 {
        let (id, kind, ..) = short(&result(&mut session).await);
        words.push((id, kind));
    }
    words.sort_by_key(|(id, _)| *id);
    assert_eq!(words, [(1, OutcomeKind::Ok), (2, OutcomeKind::Ok), (3, OutcomeKind::Unknown)]);
    assert!(matches!(bench.next_asked().await.1, Command::Start { .. }));
    assert!(bench.asked.try_recv().is_err(), "the signal is not sent again");
    assert_eq!(session.hello.controller_epoch_seen, 7);
    bench.logged("not finished when the agent ended, orders: 3").await;
}

#[tokio::test]
async fn without_a_ledger_only_what_has_a_goal_is_done() {
    let mut bench = Bench::new(&["good"]).await;
    std::fs::write(bench.dir.path().join("file"), "").unwrap();
    bench.settings.state_dir = bench.dir.path().join("file");
    bench.open();
    let mut session = bench.welcomed().await;
    let orders = vec![start(1, "good"), order(2, "good", Verb::Signal(SignalOrder { signal: 1 }))];
    session.say(Said::Orders(batch("op", LONG, orders))).await;
    let unrecorded = session
        .wait_for(|body| match body {
            Body::Accepted(batch) => Some(batch.unrecorded),
            _ => None,
        })
        .await;
    assert!(unrecorded);
    let mut words = [result(&mut session).await, result(&mut session).await].map(|r| short(&r));
    words.sort_by_key(|word| word.0);
    assert_eq!(words[0].1, OutcomeKind::Ok);
    assert_eq!(words[1].1, OutcomeKind::Refused);
    assert!(words[1].3.contains("might be done twice"), "{}", words[1].3);
    bench.logged("no ledger").await;
}
