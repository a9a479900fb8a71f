//! Round trips over a real file, failures of the disk, and what recovery decides.

use std::fs::{self, File};
use std::path::Path;

use proto::v1::order::Verb;
use proto::v1::{
    AddOrder, ClearOrder, Incarnation as WireIncarnation, Order, OrderBatch, OrderResult,
    RemoveOrder, ReopenLogsOrder, RestartOrder, ResultsAcknowledged, ShutdownOrder, SignalOrder,
    StartOrder, StopOrder, UpdateOrder,
};
use proto_words::{Incarnation, Origin, OutcomeKind, ProcessState, Row};

use crate::ledger::book::{
    ACKNOWLEDGED_KEPT_MAX, Book, RESULTS_KEPT_MAX, RESULTS_KEPT_MS, Verdict,
};
use crate::ledger::record::Record;
use crate::ledger::{Fault, Ledger, LedgerError, Opened, Recovered, recover};

fn batch(operation: &str, ids: &[u32]) -> OrderBatch {
    let order = |id: &u32| Order {
        id: *id,
        group: "web".into(),
        process: format!("p{id}"),
        verb: Some(Verb::Stop(StopOrder {})),
    };
    OrderBatch {
        operation: operation.into(),
        wave: 1,
        controller_epoch: 4,
        orders: ids.iter().map(order).collect(),
        ..OrderBatch::default()
    }
}

fn result(operation: &str, order: u32) -> OrderResult {
    OrderResult { operation: operation.into(), wave: 1, order, at_ms: 77, ..OrderResult::default() }
}

fn acknowledged(operation: &str, orders: &[u32]) -> ResultsAcknowledged {
    ResultsAcknowledged { operation: operation.into(), orders: orders.to_vec() }
}

fn ids(batch: &OrderBatch) -> Vec<u32> {
    batch.orders.iter().map(|order| order.id).collect()
}

/// Opens when the thread of the handle before has let go of the lock.
fn reopen(dir: &Path) -> Opened {
    loop {
        match Ledger::open(dir) {
            Ok(opened) => return opened,
            Err(LedgerError::InUse(_)) => std::thread::yield_now(),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn what_was_accepted_and_done_is_known_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Ledger::open(dir.path()).unwrap();
    assert!(opened.unfinished.is_empty() && opened.epoch == 0);
    let accepted = opened.ledger.accept(10, batch("op", &[1, 2, 3])).await;
    assert_eq!((ids(&accepted.new), accepted.unrecorded), (vec![1, 2, 3], None));
    opened.ledger.finish(20, result("op", 2)).await;
    drop(opened);

    let opened = reopen(dir.path());
    assert_eq!(opened.epoch, 4);
    let [unfinished] = opened.unfinished.as_slice() else { panic!("{:?}", opened.unfinished) };
    assert_eq!((ids(&unfinished.batch), unfinished.at_ms), (vec![1, 3], 10));
    assert_eq!(opened.ledger.unacknowledged().await, [result("op", 2)]);
    let again = opened.ledger.accept(30, batch("op", &[1, 2, 3, 4])).await;
    assert_eq!(ids(&again.new), [4]);
    let known: Vec<_> =
        again.known.into_iter().map(|(order, verdict)| (order.id, verdict)).collect();
    let stored = Verdict::Stored(Box::new(result("op", 2)));
    assert_eq!(known, [(1, Verdict::UnderWay), (2, stored), (3, Verdict::UnderWay)]);
}

#[tokio::test]
async fn an_acknowledged_result_is_not_sent_again_and_not_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Ledger::open(dir.path()).unwrap();
    opened.ledger.accept(10, batch("op", &[1])).await;
    opened.ledger.finish(20, result("op", 1)).await;
    opened.ledger.acknowledge(acknowledged("op", &[1])).await;
    assert!(opened.ledger.unacknowledged().await.is_empty());
    let again = opened.ledger.accept(30, batch("op", &[1])).await;
    assert!(again.new.orders.is_empty());
    drop(opened);
    let opened = reopen(dir.path());
    assert!(opened.ledger.unacknowledged().await.is_empty());
    assert!(opened.unfinished.is_empty());
}

#[tokio::test]
async fn a_torn_tail_is_cut_off_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Ledger::open(dir.path()).unwrap();
    opened.ledger.accept(10, batch("op", &[1])).await;
    opened.ledger.accept(11, batch("op2", &[1])).await;
    drop(opened);
    drop(reopen(dir.path()));
    let path = dir.path().join("ledger");
    let length = fs::metadata(&path).unwrap().len();
    File::options().write(true).open(&path).unwrap().set_len(length - 3).unwrap();

    let opened = reopen(dir.path());
    assert!(matches!(opened.fault, Fault::Torn(1..)));
    assert_eq!(opened.unfinished.len(), 1);
    opened.ledger.accept(12, batch("op3", &[1])).await;
    drop(opened);
    let names: Vec<_> = reopen(dir.path())
        .unfinished
        .into_iter()
        .map(|unfinished| unfinished.batch.operation)
        .collect();
    assert_eq!(names, ["op", "op3"]);
}

#[tokio::test]
async fn damage_in_the_middle_loses_no_more_than_the_damage() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Ledger::open(dir.path()).unwrap();
    for operation in ["op1", "op2", "op3"] {
        opened.ledger.accept(10, batch(operation, &[1])).await;
    }
    drop(opened);
    drop(reopen(dir.path()));
    let path = dir.path().join("ledger");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(3).position(|three| three == b"op2").unwrap();
    bytes[at] ^= 0xff;
    fs::write(&path, &bytes).unwrap();

    let opened = reopen(dir.path());
    assert_eq!(opened.fault, Fault::Damaged);
    drop(opened);
    assert_eq!(fs::read(dir.path().join("ledger.damaged")).unwrap(), bytes);
    let opened = reopen(dir.path());
    assert_eq!(opened.fault, Fault::None, "it was written anew");
    let names: Vec<_> =
        opened.unfinished.iter().map(|unfinished| unfinished.batch.operation.as_str()).collect();
    assert_eq!(names, ["op1", "op3"]);
}

#[test]
fn what_is_no_ledger_is_left_alone_and_two_agents_do_not_share_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ledger"), "FVLEDG9\nsomething newer").unwrap();
    let error = Ledger::open(dir.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Foreign(_)), "{error}");
    assert!(fs::read_to_string(dir.path().join("ledger")).unwrap().ends_with("newer"));

    let dir = tempfile::tempdir().unwrap();
    let _first = Ledger::open(dir.path()).unwrap();
    let error = Ledger::open(dir.path()).unwrap_err();
    assert!(matches!(error, LedgerError::InUse(_)), "{error}");
}

#[tokio::test]
async fn without_a_disk_every_batch_is_said_to_be_unrecorded_and_still_known() {
    let ledger = Ledger::unrecorded("no space");
    let accepted = ledger.accept(10, batch("op", &[1])).await;
    assert_eq!(accepted.unrecorded.as_deref(), Some("no space"));
    ledger.finish(11, result("op", 1)).await;
    assert!(ledger.accept(12, batch("op", &[1])).await.new.orders.is_empty());
    assert_eq!(ledger.unacknowledged().await, [result("op", 1)]);
}

#[tokio::test]
async fn a_ledger_that_has_grown_is_rewritten_and_keeps_what_counts() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Ledger::open(dir.path()).unwrap();
    opened.ledger.accept(1, batch("first", &[1])).await;
    for turn in 0..12 {
        let operation = format!("op{turn}");
        let mut wide = batch(&operation, &[1, 2]);
        wide.orders[0].group = "x".repeat(50_000);
        opened.ledger.accept(2, wide).await;
        for id in [1, 2] {
            opened.ledger.finish(3, result(&operation, id)).await;
        }
        opened.ledger.acknowledge(acknowledged(&operation, &[1, 2])).await;
    }
    drop(opened);
    let opened = reopen(dir.path());
    assert_eq!(opened.unfinished.len(), 1);
    assert!(opened.ledger.unacknowledged().await.is_empty());
    let length = fs::metadata(dir.path().join("ledger")).unwrap().len();
    assert!(length < 400 * 1024, "{length}");
}

#[test]
fn results_that_nobody_takes_are_forgotten_by_number_and_by_age() {
    let mut book = Book::default();
    let many = u32::try_from(RESULTS_KEPT_MAX).unwrap() + 5;
    for id in 0..many {
        book.apply(Record::Done(1, result("op", id)));
    }
    let kept = book.unacknowledged();
    assert_eq!((kept.len(), kept[0].order), (RESULTS_KEPT_MAX, 5));
    book.apply(Record::Done(RESULTS_KEPT_MS + 2, result("late", 1)));
    assert_eq!(book.unacknowledged(), [result("late", 1)]);
    for id in 0..many {
        book.apply(Record::Done(1, result("op", id)));
        book.apply(Record::Acknowledged(acknowledged("op", &[id])));
    }
    let last = many - 1;
    assert_eq!(book.verdict("op", 1, 0), Verdict::New);
    assert_ne!(book.verdict("op", 1, last), Verdict::New);
    let known = (0..many).filter(|id| book.verdict("op", 1, *id) != Verdict::New);
    assert_eq!(known.count(), ACKNOWLEDGED_KEPT_MAX);
}

fn row(state: ProcessState, epoch: u64, spawn: u64) -> Row {
    Row {
        seq: 1,
        origin: Origin::Autostart,
        group: "web".into(),
        name: "api".into(),
        state: Some(state),
        incarnation: Incarnation { epoch, spawn },
        pid: 0,
        group_priority: 999,
        priority: 999,
        startsecs: 1,
        spawnerr: String::new(),
        exitstatus: 0,
        started_ms: 0,
        stopped_ms: 0,
        since_ms: 0,
    }
}

/// One line: the verb, the process as it is found, whether the deadline is over, what comes of it.
fn decided(verb: Verb, found: Option<&Row>, overdue: bool) -> &'static str {
    let order = Order { id: 1, group: "web".into(), process: "api".into(), verb: Some(verb) };
    match recover(&order, found, 9, b"new", overdue) {
        Recovered::Again => "again",
        Recovered::Decided(outcome) => outcome.kind.name(),
    }
}

#[test]
fn what_has_a_goal_is_decided_from_the_state() {
    use ProcessState::{Backoff, Exited, Running, Starting, Stopped};

    let start = || Verb::Start(StartOrder::default());
    let stop = || Verb::Stop(StopOrder {});
    let restart = |replaces: Option<(u64, u64)>| {
        Verb::Restart(RestartOrder {
            replaces: replaces.map(|(epoch, spawn)| WireIncarnation { epoch, spawn }),
            ..RestartOrder::default()
        })
    };
    for (verb, found, overdue, expected) in [
        (start(), row(Running, 9, 1), false, "OK"),
        (start(), row(Starting, 9, 1), false, "again"),
        (start(), row(Backoff, 9, 1), true, "FAILED"),
        (start(), row(Stopped, 9, 0), false, "again"),
        (stop(), row(Stopped, 9, 0), false, "OK"),
        (stop(), row(Exited, 9, 1), true, "OK"),
        (stop(), row(Running, 9, 1), false, "again"),
        (stop(), row(Running, 9, 1), true, "FAILED"),
        (restart(Some((8, 3))), row(Running, 9, 1), false, "OK"),
        (restart(Some((9, 3))), row(Running, 9, 3), false, "again"),
        (restart(Some((9, 3))), row(Running, 9, 4), false, "OK"),
        (restart(Some((8, 3))), row(Stopped, 9, 0), false, "again"),
        (restart(None), row(Running, 9, 1), false, "OK"),
        (restart(None), row(Stopped, 9, 0), true, "FAILED"),
    ] {
        assert_eq!(decided(verb.clone(), Some(&found), overdue), expected, "{verb:?} {found:?}");
    }
    assert_eq!(decided(start(), None, true), "again");
}

#[test]
fn what_has_no_goal_is_never_done_again() {
    for verb in [
        Verb::Signal(SignalOrder { signal: 1 }),
        Verb::Clear(ClearOrder {}),
        Verb::Shutdown(ShutdownOrder {}),
        Verb::ReopenLogs(ReopenLogsOrder {}),
        Verb::Update(UpdateOrder::default()),
        Verb::Add(AddOrder::default()),
    ] {
        let found = row(ProcessState::Running, 9, 1);
        assert_eq!(decided(verb.clone(), Some(&found), false), "UNKNOWN", "{verb:?}");
    }
    for (digest, expected) in [(&b"new"[..], "OK"), (b"old", "FAILED")] {
        let digest = digest.to_vec();
        let update = UpdateOrder { digest: digest.clone(), groups: vec![] };
        assert_eq!(decided(Verb::Update(update), None, false), expected);
        assert_eq!(decided(Verb::Remove(RemoveOrder { digest }), None, false), expected);
    }
    assert_eq!(OutcomeKind::Unknown.name(), "UNKNOWN");
}

/// The half of the next test that dies; alone it does nothing.
#[tokio::test]
async fn dies_after_accepting_when_told_to() {
    let Some(dir) = std::env::var_os("LEDGER_TEST_DIR") else {
        return;
    };
    let opened = Ledger::open(Path::new(&dir)).unwrap();
    opened.ledger.accept(10, batch("op", &[1])).await;
    opened.ledger.finish(10, result("op", 1)).await;
}

#[test]
fn the_fail_point_leaves_the_order_accepted_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ledger::tests::dies_after_accepting_when_told_to"])
        .env("LEDGER_TEST_DIR", dir.path())
        .env("FLEETVISOR_FAILPOINT", "after-accept")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let opened = reopen(dir.path());
    assert_eq!(opened.unfinished.len(), 1);
}
