//! The door between a played core and a played controller, over real TLS.

mod orders;

use std::time::Duration;

use proto::v1::agent_message::Body;
use proto::v1::controller_message::Body as Said;
use proto::v1::order::Verb;
use proto::v1::{
    Alive, LinkRefused, Order, OrderBatch, OrderResult, OutcomeKind, Position, SnapshotWanted,
    StartOrder,
};
use proto_words::ProcessState;

use crate::fleet::testing::{Bench, EPOCH, PlayedSession, Poke};

fn start(id: u32, process: &str) -> Order {
    order(id, process, Verb::Start(StartOrder::default()))
}

fn order(id: u32, process: &str, verb: Verb) -> Order {
    Order { id, group: "web".into(), process: process.into(), verb: Some(verb) }
}

fn batch(operation: &str, deadline: Duration, orders: Vec<Order>) -> OrderBatch {
    OrderBatch {
        operation: operation.into(),
        wave: 2,
        controller_epoch: 7,
        deadline: prost_types::Duration::try_from(deadline).ok(),
        orders,
        operator: "admin".into(),
    }
}

/// A deadline that no test comes to.
const LONG: Duration = Duration::from_mins(1);

async fn result(session: &mut PlayedSession) -> OrderResult {
    session
        .wait_for(|body| match body {
            Body::Result(result) => Some(result),
            _ => None,
        })
        .await
}

/// Order, kind, code and text of a result.
fn short(result: &OrderResult) -> (u32, OutcomeKind, i32, String) {
    let outcome = result.outcome.clone().unwrap();
    (result.order, outcome.kind(), outcome.code, outcome.text)
}

#[tokio::test]
async fn the_controller_hears_who_it_is_and_how_it_is_and_then_every_change() {
    let mut bench = Bench::new(&["good", "bad"]).await;
    bench.open();
    let mut session = bench.welcomed().await;
    let hello = &session.hello;
    assert_eq!((hello.host.as_str(), hello.labels["role"].as_str()), ("web-1", "web"));
    assert_eq!(hello.position, Some(Position { epoch: EPOCH, seq: 1 }));
    assert!(!hello.instance_id.is_empty());
    let Some(Body::Snapshot(snapshot)) = session.next().await else {
        panic!("a snapshot comes first");
    };
    assert_eq!(snapshot.rows.len(), 2);

    bench.poke.send(Poke::Change("good", ProcessState::Running)).unwrap();
    let Some(Body::Deltas(deltas)) = session.next().await else {
        panic!("then deltas");
    };
    assert_eq!(deltas.position, Some(Position { epoch: EPOCH, seq: 2 }));
    assert_eq!((deltas.rows.len(), deltas.rows[0].name.as_str()), (1, "good"));
    let Some(Body::Events(events)) = session.next().await else {
        panic!("then the events");
    };
    assert_eq!((events.events.len(), events.dropped), (1, 0));

    session.say(Said::SnapshotWanted(SnapshotWanted {})).await;
    assert!(matches!(session.next().await, Some(Body::Snapshot(_))));
    bench.logged("joined demo at").await;
}

#[tokio::test]
async fn who_has_missed_little_gets_deltas_and_who_has_all_gets_nothing() {
    let mut bench = Bench::new(&["good"]).await;
    bench.open();
    let session = bench.welcomed().await;
    drop(session);
    bench.poke.send(Poke::Change("good", ProcessState::Running)).unwrap();
    let have = loop {
        let session = bench.session().await;
        let position = session.hello.position.unwrap();
        if position.seq == 2 {
            let mut session = session;
            session.welcome(7, Position { epoch: EPOCH, seq: 1 }).await;
            let Some(Body::Deltas(deltas)) = session.next().await else {
                panic!("deltas are enough");
            };
            assert_eq!(deltas.rows.len(), 1);
            break position;
        }
    };
    let mut session = bench.session().await;
    session.welcome(7, have).await;
    session.say(Said::Alive(Alive::default())).await;
    session
        .wait_for(|body| match body {
            Body::Alive(_) => Some(()),
            Body::Snapshot(_) | Body::Deltas(_) => panic!("nothing is missing"),
            _ => None, // an event that nobody had heard
        })
        .await;
}

#[tokio::test]
async fn an_older_controller_is_neither_joined_nor_obeyed() {
    let mut bench = Bench::new(&["good"]).await;
    bench.open();
    let mut session = bench.session().await;
    session.welcome(9, Position::default()).await;
    let old = batch("op", LONG, vec![start(1, "good")]); // of epoch 7
    session.say(Said::Orders(old)).await;
    let (_, kind, _, text) = short(&result(&mut session).await);
    assert_eq!(kind, OutcomeKind::Refused);
    assert!(text.contains("epoch 7") && text.contains("epoch 9"), "{text}");
    drop(session);

    let mut session = bench.session().await;
    assert_eq!(session.hello.controller_epoch_seen, 9);
    session.welcome(8, Position::default()).await;
    assert_eq!(session.next().await, None);
    bench.logged("older controller (epoch 8; this host has obeyed epoch 9)").await;
    assert!(bench.asked.try_recv().is_err());
}

#[tokio::test]
async fn a_refusal_is_logged_and_a_later_welcome_taken() {
    let mut bench = Bench::new(&[]).await;
    bench.open();
    let session = bench.session().await;
    let refused = LinkRefused {
        text: "another agent is connected as web-1".into(),
        ..LinkRefused::default()
    };
    session.say(Said::Refused(refused)).await;
    let line = bench.logged("another agent is connected as web-1").await;
    assert!(line.contains("refuses this agent"), "{line}");
    let mut session = bench.welcomed().await;
    assert!(matches!(session.next().await, Some(Body::Snapshot(_))));
}

#[tokio::test]
async fn both_sides_show_life_and_a_silent_controller_is_left() {
    let mut bench = Bench::new(&[]).await;
    bench.open();
    let mut session = bench.session().await;
    let keepalive = Duration::from_millis(150);
    session.welcome_with(7, Position::default(), keepalive).await;
    let alive = |body| match body {
        Body::Alive(alive) => Some(alive),
        _ => None,
    };
    let said = session.wait_for(alive).await;
    assert_eq!(said.position, Some(Position { epoch: EPOCH, seq: 1 }));
    while session.next().await.is_some() {} // it hangs up by itself
    bench.logged("fallen silent").await;

    let mut session = bench.welcomed().await; // with a long keepalive
    session.say(Said::Alive(Alive::default())).await;
    session.wait_for(alive).await;
}

#[tokio::test]
async fn a_certificate_of_another_host_is_named_and_nothing_is_dialled() {
    let mut bench = Bench::new(&[]).await;
    bench.settings.host = Some("web-2".into());
    bench.open();
    let line = bench.logged("web-2").await;
    assert!(line.contains("certificate of \"web-1\"") && line.contains("programs go on"), "{line}");
}
