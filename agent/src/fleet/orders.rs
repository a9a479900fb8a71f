//! Orders: accepted, done, recorded, told. Each step is a work of its own, so that neither the core
//! nor a disk holds up the link.

use std::collections::BTreeSet;
use std::time::Duration;

use agent_core::command::Table;
use agent_core::spec::Level;
use proto::v1::agent_message::Body;
use proto::v1::{BatchAccepted, Order, OrderBatch, OrderResult, ResultsAcknowledged, TableHash};
use proto_words::{Outcome, OutcomeKind};
use tokio::task::JoinError;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::fleet::AgentIdentity;
use crate::fleet::door::{CoreGone, Door, ask_table};
use crate::fleet::perform::perform;
use crate::fleet::verbs::{Told, refused};
use crate::ledger::{Accepted, Recovered, Unfinished, Verdict, has_goal, recover};

/// Orders at one time, those of one batch included. A wave is parallel, so this is the size of the
/// largest batch; more is refused, since each order holds a task and a place in the ledger.
pub(crate) const ORDERS_AT_ONCE_MAX: usize = 10_000;

/// What a batch without a deadline gets: as long as an operation lasts by default.
const DEADLINE_DEFAULT: Duration = Duration::from_mins(10);

/// Something that was being done and is done.
#[derive(Debug)]
pub(crate) enum Work {
    /// A batch is in the ledger, or cannot be.
    Accepted(Box<Accepted>),
    /// An order has come to its end; not in the ledger yet.
    Done(Box<Finished>),
    /// A result is in the ledger.
    Recorded(Box<OrderResult>),
    /// Results that an earlier session could not deliver.
    Undelivered(Vec<OrderResult>),
    /// The core's own table, to be hashed.
    Table(Table),
    /// Nothing more to say.
    Nothing,
}

/// What became of an order.
#[derive(Debug)]
pub(crate) struct Finished {
    frame: Frame,
    told: Told,
}

/// Which order of which batch.
#[derive(Debug, Clone)]
struct Frame {
    operation: String,
    wave: u32,
    order: Order,
}

impl Frame {
    fn new(batch: &OrderBatch, order: &Order) -> Self {
        Self { operation: batch.operation.clone(), wave: batch.wave, order: order.clone() }
    }

    fn result(self, told: Told) -> OrderResult {
        OrderResult {
            operation: self.operation,
            wave: self.wave,
            order: self.order.id,
            outcome: Some(told.outcome.into()),
            incarnation: None,
            at_ms: wall_ms(),
            added: told.diff.added,
            changed: told.diff.changed,
            removed: told.diff.removed,
        }
    }
}

/// What a session has delivered around its beginning, when a result can come both from the ledger's
/// list and from the order that has just ended: once is enough.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// Told before the list came; `None` once it has come.
    before_list: Option<BTreeSet<(String, u32)>>,
    listed: BTreeSet<(String, u32)>,
}

impl Delivery {
    fn begun() -> Self {
        Self { before_list: Some(BTreeSet::new()), listed: BTreeSet::new() }
    }

    fn recorded(&mut self, result: OrderResult) -> Option<OrderResult> {
        let key = key(&result);
        if self.listed.remove(&key) {
            return None;
        }
        if let Some(before) = &mut self.before_list {
            before.insert(key);
        }
        Some(result)
    }

    fn undelivered(&mut self, mut results: Vec<OrderResult>) -> Vec<OrderResult> {
        let before = self.before_list.take().unwrap_or_default();
        results.retain(|result| !before.contains(&key(result)));
        self.listed = results.iter().map(key).collect();
        results
    }
}

fn key(result: &OrderResult) -> (String, u32) {
    (result.operation.clone(), result.order)
}

impl Door {
    /// Orders from the controller; the answer is for what is refused at once.
    pub(crate) fn on_batch(&mut self, batch: OrderBatch) -> Vec<Body> {
        if let Some(why) = self.objection(&batch) {
            let operation = &batch.operation;
            self.say(Level::Warn, &format!("refused operation {operation}: {why}"));
            let refuse =
                |order| Body::Result(Frame::new(&batch, order).result(refused(&why).into()));
            return batch.orders.iter().map(refuse).collect();
        }
        self.epoch_seen = batch.controller_epoch;
        self.in_flight += batch.orders.len();
        let ledger = self.ledger.clone();
        self.works.spawn(async move {
            let accepted = ledger.accept(wall_ms(), batch).await;
            Work::Accepted(Box::new(accepted))
        });
        Vec::new()
    }

    fn objection(&self, batch: &OrderBatch) -> Option<String> {
        if batch.controller_epoch < self.epoch_seen {
            return Some(format!(
                "it is from a controller of epoch {}, and this host has obeyed epoch {}",
                batch.controller_epoch, self.epoch_seen
            ));
        }
        let is_full = self.in_flight + batch.orders.len() > ORDERS_AT_ONCE_MAX;
        is_full.then(|| format!("more than {ORDERS_AT_ONCE_MAX} orders at once; send fewer"))
    }

    /// The controller has these results.
    pub(crate) fn on_acknowledged(&mut self, results: ResultsAcknowledged) {
        let ledger = self.ledger.clone();
        self.works.spawn(async move {
            ledger.acknowledge(results).await;
            Work::Nothing
        });
    }

    /// Goes on with what has come to its end; what is returned is for the controller.
    pub(crate) async fn on_work(
        &mut self,
        work: Result<Work, JoinError>,
    ) -> Result<Vec<Body>, CoreGone> {
        let work = match work {
            Ok(work) => work,
            Err(error) => {
                self.say(Level::Error, &format!("a fault inside the agent: {error}"));
                Work::Nothing
            }
        };
        Ok(match work {
            Work::Accepted(accepted) => self.on_accepted(*accepted),
            Work::Done(finished) => {
                let gone = self.catch_up().await; // so that the result names the life that it led to
                self.record(*finished); // also when the core is gone: it is a result all the same
                gone?;
                Vec::new()
            }
            Work::Recorded(result) => {
                self.in_flight = self.in_flight.saturating_sub(1);
                let result = self.delivery.recorded(*result);
                result.map(Body::Result).into_iter().collect()
            }
            Work::Undelivered(results) => {
                let results = self.delivery.undelivered(results);
                results.into_iter().map(Body::Result).collect()
            }
            Work::Table(table) => {
                self.catch_up().await?;
                self.hash(&table).into_iter().collect()
            }
            Work::Nothing => Vec::new(),
        })
    }

    fn on_accepted(&mut self, accepted: Accepted) -> Vec<Body> {
        let Accepted { new, known, unrecorded } = accepted;
        self.in_flight = self.in_flight.saturating_sub(known.len());
        let mut bodies = vec![Body::Accepted(BatchAccepted {
            operation: new.operation.clone(),
            wave: new.wave,
            unrecorded: unrecorded.is_some(),
        })];
        for (_, verdict) in known {
            match verdict {
                Verdict::Stored(result) => bodies.push(Body::Result(*result)),
                Verdict::New | Verdict::UnderWay => {}
            }
        }
        if !new.orders.is_empty() {
            let (operation, count, by) = (&new.operation, new.orders.len(), &new.operator);
            self.say(Level::Info, &format!("operation {operation} of {by}, orders: {count}"));
        }
        let deadline = Instant::now() + deadline_of(&new);
        for order in &new.orders {
            self.begin(Frame::new(&new, order), deadline, unrecorded.as_deref());
        }
        bodies
    }

    /// Does an order, unless it must not be done without the ledger.
    fn begin(&mut self, frame: Frame, deadline: Instant, unrecorded: Option<&str>) {
        if let Some(why) = unrecorded
            && !frame.order.verb.as_ref().is_some_and(has_goal)
        {
            let text = format!(
                "the ledger cannot be written, and without it this might be done twice: {why}"
            );
            let told = refused(&text).into();
            return self.record(Finished { frame, told });
        }
        let (operation, order) = (frame.operation.clone(), frame.order.clone());
        let doing = tokio::spawn(perform(self.mailbox.clone(), operation, order, deadline));
        self.works.spawn(async move {
            let told = doing.await.unwrap_or_else(|error| {
                let text = format!("a fault inside the agent, look at the host: {error}");
                Outcome::new(OutcomeKind::Unknown, text).into()
            });
            Work::Done(Box::new(Finished { frame, told }))
        });
    }

    /// Writes a result down; it is told when it is written.
    fn record(&mut self, finished: Finished) {
        let Finished { frame, told } = finished;
        let row = self.history.row(&frame.order.group, &frame.order.process);
        let incarnation = row.map(|row| row.incarnation.into());
        let result = OrderResult { incarnation, ..frame.result(told) };
        let ledger = self.ledger.clone();
        self.works.spawn(async move {
            ledger.finish(wall_ms(), result.clone()).await;
            Work::Recorded(Box::new(result))
        });
    }

    /// Goes on with a batch that an earlier run of the agent has accepted.
    pub(crate) fn recover(&mut self, unfinished: Unfinished, identity: &AgentIdentity) {
        let Unfinished { at_ms, batch } = unfinished;
        let gone_ms = u64::try_from(wall_ms().saturating_sub(at_ms)).unwrap_or(0);
        let left = deadline_of(&batch).saturating_sub(Duration::from_millis(gone_ms));
        let text = format!(
            "operation {}: accepted and not finished when the agent ended, orders: {}",
            batch.operation,
            batch.orders.len()
        );
        self.say(Level::Warn, &text);
        for order in &batch.orders {
            self.in_flight += 1;
            let frame = Frame::new(&batch, order);
            let row = self.history.row(&order.group, &order.process);
            let digest = &identity.configuration_digest;
            match recover(order, row, identity.epoch, digest, left.is_zero()) {
                Recovered::Decided(outcome) => {
                    self.record(Finished { frame, told: outcome.into() });
                }
                Recovered::Again => self.begin(frame, Instant::now() + left, None),
            }
        }
    }

    /// Whether agent and controller believe the same, when the core is where the history is.
    fn hash(&self, table: &Table) -> Option<Body> {
        let position = self.history.position();
        if (table.epoch, table.seq) != (position.epoch, position.seq) {
            return None; // something changes just now; the next time will do
        }
        Some(Body::TableHash(TableHash {
            position: Some(position),
            hash: proto::table_hash(&table.rows).to_vec(),
        }))
    }

    /// Asks for the core's own table, to be hashed.
    pub(crate) fn ask_hash(&mut self) {
        let mailbox = self.mailbox.clone();
        self.works.spawn(async move {
            match ask_table(&mailbox).await {
                Ok(table) => Work::Table(table),
                Err(CoreGone) => Work::Nothing,
            }
        });
    }

    /// Looks up the results that are still to be delivered.
    pub(crate) fn ask_undelivered(&mut self) {
        self.delivery = Delivery::begun();
        let ledger = self.ledger.clone();
        self.works.spawn(async move { Work::Undelivered(ledger.unacknowledged().await) });
    }
}

/// What is left of a batch's deadline when it arrives.
fn deadline_of(batch: &OrderBatch) -> Duration {
    let told = batch.deadline.and_then(|told| Duration::try_from(told).ok());
    told.unwrap_or(DEADLINE_DEFAULT)
}

/// Milliseconds since the Unix epoch, for people and for what outlives the agent.
pub(crate) fn wall_ms() -> i64 {
    Clock::start().now().wall_ms
}
