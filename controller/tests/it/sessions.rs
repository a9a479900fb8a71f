//! Agents that come, speak and go.

use proto::v1::{self, agent_message, controller_message, watch_message};
use tonic::Streaming;

use crate::played::{Agent, Stage, hello, logs, row, soon};

#[tokio::test]
async fn a_host_shows_who_it_is_and_until_when() {
    let stage = Stage::new().await;
    let web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let mut alice = stage.operator().await;
    alice.knows(1).await;
    let hosts = alice.0.hosts(v1::HostsRequest::default()).await.unwrap().into_inner().hosts;
    let [host] = &hosts[..] else { panic!("{hosts:?}") };
    assert_eq!((host.name.as_str(), host.liveness()), ("web-1", v1::HostLiveness::Up));
    assert_eq!(host.labels["role"], "web");
    assert!(host.certificate_ends_ms > host.last_contact_ms && host.last_contact_ms > 0);
    drop(web);
    alice.sees("web-1", v1::HostLiveness::Down).await;
    let selection = v1::Selection {
        targets: vec!["web-1/shop:api".into(), "web-9/all".into()],
        ..v1::Selection::default()
    };
    let status = alice
        .0
        .status(v1::StatusRequest { selection: Some(selection) })
        .await
        .unwrap()
        .into_inner();
    assert!(status.processes[0].stale && status.processes[0].stale_since_ms > 0);
    assert_eq!(status.missing, ["web-9"]);
    assert_eq!(status.warnings, ["web-1 is not connected: this is how it was last seen"]);
}

#[tokio::test]
async fn a_second_machine_with_the_same_name_is_refused_while_the_first_one_answers() {
    let stage = Stage::new().await;
    let mut first = stage.agent("web-1", &[]).await;
    let mut second = stage.dial("web-1", "another machine").await;
    // The controller asks the first one whether it lives.
    let probe = soon("a probe", first.probe()).await;
    assert!(matches!(probe, controller_message::Body::Alive(_)));
    first.say(agent_message::Body::Alive(v1::Alive::default())).await;
    let refused = second.refusal().await;
    assert_eq!(refused.reason(), v1::LinkRefusal::Duplicate);
    assert!(refused.text.contains("give this one its own name"), "{}", refused.text);
    assert!(refused.retry_after.is_some());
    assert_eq!(second.hear().await, None, "it is hung up on");
    logs(&["refused a second agent as web-1"]).await;
}

#[tokio::test]
async fn a_second_machine_takes_over_when_the_first_one_does_not_answer() {
    let stage = Stage::with(|config| config.probe.0 = std::time::Duration::from_millis(100)).await;
    let mut first = stage.agent("web-1", &[]).await;
    let mut second = stage.dial("web-1", "another machine").await;
    second.welcome().await;
    assert_eq!(first.hear().await, None);
}

#[tokio::test]
async fn a_hello_must_be_of_its_certificate_and_of_a_known_protocol() {
    let stage = Stage::new().await;
    let leaf = certs_dev::Leaf::host("shop", "web-1");
    let mut other = Agent::dial(stage.channel(&leaf).await, hello("web-2", "x")).await.unwrap();
    let refused = other.refusal().await;
    assert_eq!(refused.reason(), v1::LinkRefusal::Identity);
    assert!(refused.text.contains("set host in its [fleet] section to web-1"), "{}", refused.text);
    let future = v1::Hello { protocol_lowest: 7, protocol_highest: 9, ..hello("web-1", "x") };
    let mut future = Agent::dial(stage.channel(&leaf).await, future).await.unwrap();
    let refused = future.refusal().await;
    assert_eq!(refused.reason(), v1::LinkRefusal::Protocol);
    assert!(refused.text.contains("speaks protocols 7 to 9"), "{}", refused.text);
    logs(&["host=\"web-1\"", "refused", "protocols 7 to 9"]).await;
}

#[tokio::test]
async fn a_table_that_differs_is_asked_for_again() {
    let stage = Stage::new().await;
    let mut web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let position = Some(v1::Position { epoch: 1, seq: 1 });
    web.say(agent_message::Body::TableHash(v1::TableHash { position, hash: vec![7; 32] })).await;
    assert!(matches!(web.hear().await, Some(controller_message::Body::SnapshotWanted(_))));
    let deltas = v1::Deltas { position: Some(v1::Position { epoch: 9, seq: 1 }), rows: vec![] };
    web.say(agent_message::Body::Deltas(deltas)).await;
    assert!(matches!(web.hear().await, Some(controller_message::Body::SnapshotWanted(_))));
    logs(&["the table of web-1 differs"]).await;
}

/// The next thing that a watcher is told.
async fn told(what: &str, stream: &mut Streaming<v1::WatchMessage>) -> watch_message::Body {
    let message = soon(what, stream.message()).await.unwrap().unwrap();
    message.body.unwrap()
}

#[tokio::test]
async fn a_watcher_hears_what_it_asked_for_and_nothing_else() {
    let stage = Stage::new().await;
    let mut alice = stage.operator().await;
    let fatal = v1::WatchRequest {
        states: vec![v1::ProcessState::Fatal.into()],
        ..v1::WatchRequest::default()
    };
    let mut watch = alice.0.watch(fatal).await.unwrap().into_inner();
    let mut hosts = alice.0.watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    for stream in [&mut watch, &mut hosts] {
        let first = told("the beginning", stream).await;
        assert!(matches!(first, watch_message::Body::Begun(_)));
    }
    let web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let event = |state: v1::ProcessState| v1::StateEvent {
        row: Some(v1::Row { state: state.into(), ..row("shop", "api", 5) }),
        from: v1::ProcessState::Starting.into(),
        expected: false,
    };
    let events = vec![event(v1::ProcessState::Backoff), event(v1::ProcessState::Fatal)];
    web.say(agent_message::Body::Events(v1::Events { events, dropped: 3 })).await;
    let heard = told("an event", &mut watch).await;
    let watch_message::Body::ProcessEvent(heard) = heard else { panic!("{heard:?}") };
    let row = heard.event.unwrap().row.unwrap();
    assert_eq!((heard.host.as_str(), row.state()), ("web-1", v1::ProcessState::Fatal));
    let dropped = told("the count", &mut watch).await;
    assert_eq!(dropped, watch_message::Body::Dropped(3));
    let up = told("the host", &mut hosts).await;
    let watch_message::Body::HostEvent(up) = up else { panic!("{up:?}") };
    assert_eq!((up.host.as_str(), up.liveness()), ("web-1", v1::HostLiveness::Up));
}

#[tokio::test]
async fn a_watcher_that_is_too_slow_is_told_how_much_it_has_missed() {
    const CHANGES: usize = 40_000;
    let stage = Stage::new().await;
    let mut alice = stage.operator().await;
    let mut watch = alice.0.watch(v1::WatchRequest::default()).await.unwrap().into_inner();
    soon("the beginning", watch.message()).await.unwrap();
    let web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let event = v1::StateEvent {
        row: Some(v1::Row { spawnerr: "x".repeat(100), ..row("shop", "api", 5) }),
        from: v1::ProcessState::Starting.into(),
        expected: false,
    };
    for _ in 0..CHANGES / 1000 {
        let events = vec![event.clone(); 1000];
        web.say(agent_message::Body::Events(v1::Events { events, dropped: 0 })).await;
    }
    // Whoever asks gets its answer: a slow watcher holds nobody up.
    alice.knows(1).await;
    let mut heard = 0;
    let mut missed = 0;
    while heard + missed < CHANGES as u64 {
        match soon("a change", watch.message()).await.unwrap().unwrap().body.unwrap() {
            watch_message::Body::ProcessEvent(_) => heard += 1,
            watch_message::Body::Dropped(number) => missed += number,
            watch_message::Body::HostEvent(_) | watch_message::Body::Begun(_) => {}
        }
    }
    assert!(heard > 0 && missed > 0, "{heard} heard, {missed} missed");
}
