//! Operations over the wire.

use proto::v1::{self, OutcomeKind, operate_message};

use crate::played::{Stage, logs, row, shown, start_all};

#[tokio::test]
async fn a_start_goes_in_waves_and_its_record_stays() {
    let stage = Stage::new().await;
    let mut db = stage.agent("db-1", &[row("shop", "db", 1)]).await;
    let mut web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let mut alice = stage.operator().await;
    alice.knows(2).await;
    let mut following = alice.operate(start_all()).await;
    let plan = following.plan().await;
    assert_eq!((plan.waves.len(), plan.least.unwrap().seconds), (2, 2));
    let batch = db.orders().await;
    assert_eq!(batch.operator, "spiffe://shop/operator/alice");
    assert_eq!(batch.controller_epoch, 1);
    db.result(&batch, OutcomeKind::Ok).await;
    assert_eq!(db.acknowledged().await.orders, [0]);
    let batch = web.orders().await;
    web.result(&batch, OutcomeKind::Already).await;
    assert_eq!(
        following.rest().await,
        ["wave 0", "db-1/shop:db OK", "wave 1", "web-1/shop:api ALREADY", "exit 0"]
    );
    let record = alice.record(&plan.operation).await;
    assert_eq!(record.state(), v1::OperationState::Done);
    let newest = alice.0.operations(v1::OperationsRequest { most: 5 }).await.unwrap().into_inner();
    assert_eq!(newest.operations, [record]);
    let who = "who=\"spiffe://shop/operator/alice\"";
    logs(&[
        "audit",
        who,
        "what=\"start\"",
        "db-1/shop:db web-1/shop:api",
        "accepted",
        &plan.operation,
    ])
    .await;
    logs(&["audit", "start has ended", "ALREADY 1, OK 1", &plan.operation]).await;
}

#[tokio::test]
async fn a_dry_run_sends_nothing_and_a_refusal_says_why() {
    let stage = Stage::with(|config| config.guard_hosts = 1).await;
    let _db = stage.agent("db-1", &[row("shop", "db", 1)]).await;
    let _web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let mut alice = stage.operator().await;
    alice.knows(2).await;
    let mut dry = alice.operate(v1::OperateRequest { dry_run: true, ..start_all() }).await;
    assert_eq!(dry.plan().await.operation, "");
    let operate_message::Body::Refused(refused) = alice.operate(start_all()).await.next().await
    else {
        panic!("not refused");
    };
    assert_eq!((refused.reason(), refused.hosts), (v1::OperateRefusal::Guard, 2));
    logs(&["audit", "refused: this is for 2 hosts"]).await;
    let selection = v1::Selection { hosts: "web-9".into(), ..v1::Selection::default() };
    let nobody = v1::OperateRequest { selection: Some(selection), ..start_all() };
    let operate_message::Body::Refused(refused) = alice.operate(nobody).await.next().await else {
        panic!("not refused");
    };
    assert_eq!(refused.reason(), v1::OperateRefusal::Selection);
    let all = alice.0.operations(v1::OperationsRequest { most: 5 }).await.unwrap().into_inner();
    assert_eq!(all.operations, []);
}

#[tokio::test]
async fn silence_is_unknown_and_amended_after_the_next_dial() {
    let stage = Stage::new().await;
    let mut web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let mut alice = stage.operator().await;
    alice.knows(1).await;
    let short = v1::OperateRequest {
        host_deadline: Some(prost_types::Duration { seconds: 0, nanos: 300_000_000 }),
        ..start_all()
    };
    let mut following = alice.operate(short).await;
    let id = following.plan().await.operation;
    let batch = web.orders().await;
    drop(web);
    assert_eq!(following.rest().await, ["wave 0", "web-1/shop:api UNKNOWN", "exit 15"]);
    let mut web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    web.result(&batch, OutcomeKind::Ok).await;
    web.acknowledged().await;
    logs(&[&id, "order 0 at web-1 was UNKNOWN, is OK"]).await;
    let record = alice.record(&id).await;
    let lines: Vec<_> = record.results.iter().map(shown).collect();
    assert_eq!((lines, record.exit_code), (vec!["web-1/shop:api OK was UNKNOWN".to_owned()], 0));
}

#[tokio::test]
async fn an_operation_survives_its_caller_and_its_controller() {
    let mut stage = Stage::new().await;
    let mut web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let mut alice = stage.operator().await;
    alice.knows(1).await;
    let mut following = alice.operate(start_all()).await;
    let id = following.plan().await.operation;
    let first = web.orders().await;
    drop(following);
    stage.stop().await;
    stage.start().await;
    let mut web = stage.dial("web-1", "web-1").await;
    let welcome = web.welcome().await;
    assert_eq!((welcome.controller_epoch, welcome.have.unwrap().epoch), (2, 0));
    let again = web.orders().await;
    assert_eq!((&again.orders, again.controller_epoch), (&first.orders, 2));
    web.result(&again, OutcomeKind::Ok).await;
    web.acknowledged().await;
    let mut alice = stage.operator().await;
    let record = alice.record(&id).await;
    assert_eq!((record.state(), record.exit_code), (v1::OperationState::Done, 0));
}

#[tokio::test]
async fn a_cancelled_operation_ends_what_was_not_handed_over() {
    let stage = Stage::new().await;
    let mut db = stage.agent("db-1", &[row("shop", "db", 1)]).await;
    let _web = stage.agent("web-1", &[row("shop", "api", 5)]).await;
    let mut alice = stage.operator().await;
    alice.knows(2).await;
    let mut following = alice.operate(start_all()).await;
    let id = following.plan().await.operation;
    let batch = db.orders().await;
    alice.0.cancel(v1::OperationRequest { operation: id.clone() }).await.unwrap();
    db.result(&batch, OutcomeKind::Ok).await;
    assert_eq!(
        following.rest().await,
        ["wave 0", "web-1/shop:api CANCELLED", "db-1/shop:db OK", "exit 10"]
    );
    logs(&["audit", "what=\"cancel\"", &id]).await;
}
