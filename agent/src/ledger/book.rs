//! What the ledger knows, in memory and pure: records go in, verdicts come out.

use std::collections::{BTreeMap, VecDeque};

use proto::v1::{Order, OrderBatch, OrderResult, ResultsAcknowledged};

use crate::ledger::record::Record;

/// Results that wait for an acknowledgement: beyond it the oldest are forgotten, since a controller
/// that has taken none of so many has lost its store.
pub(crate) const RESULTS_KEPT_MAX: usize = 10_000;

/// So long a result waits: no operation is looked at a week later.
pub(crate) const RESULTS_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;

/// Acknowledged results that are still known by their id, against a repetition that was under way.
pub(crate) const ACKNOWLEDGED_KEPT_MAX: usize = 1000;

/// An order's name for ever: operation and id.
type Key = (String, u32);

/// What is known of an order that has arrived.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Never seen: do it.
    New,
    /// Accepted already, and being done.
    UnderWay,
    /// Done already, with this result.
    Stored(Box<OrderResult>),
}

/// A batch that was accepted and not done to its end when the agent died.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// When it was accepted, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The batch with only the orders that have no result.
    pub batch: OrderBatch,
}

#[derive(Debug, Clone, PartialEq)]
struct Done {
    at_ms: i64,
    acknowledged: bool,
    result: OrderResult,
}

/// Everything accepted, done and not yet forgotten.
#[derive(Debug, Default)]
pub(crate) struct Book {
    epoch: u64,
    open: BTreeMap<(String, u32), Vec<Unfinished>>,
    done: BTreeMap<Key, Done>,
    /// Keys in `done` that wait for an acknowledgement, oldest first; may name forgotten ones.
    waiting: VecDeque<Key>,
    /// Keys in `done` that were acknowledged, oldest first.
    acknowledged: VecDeque<Key>,
}

impl Book {
    /// The newest controller epoch that was obeyed.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Looks an order up.
    pub(crate) fn verdict(&self, operation: &str, wave: u32, order: u32) -> Verdict {
        if let Some(done) = self.done.get(&(operation.to_owned(), order)) {
            return Verdict::Stored(Box::new(done.result.clone()));
        }
        let batches = self.open.get(&(operation.to_owned(), wave));
        let is_open = batches.is_some_and(|batches| {
            batches.iter().any(|open| open.batch.orders.iter().any(|known| known.id == order))
        });
        if is_open { Verdict::UnderWay } else { Verdict::New }
    }

    /// Takes in what was, or is being, written down.
    pub(crate) fn apply(&mut self, record: Record) {
        match record {
            Record::Accepted(at_ms, batch) => self.accept(at_ms, batch),
            Record::Done(at_ms, result) => self.finish(at_ms, result),
            Record::Acknowledged(results) => self.acknowledge(&results),
            Record::Epoch(epoch) => self.epoch = self.epoch.max(epoch),
        }
    }

    fn accept(&mut self, at_ms: i64, batch: OrderBatch) {
        self.epoch = self.epoch.max(batch.controller_epoch);
        self.open
            .entry((batch.operation.clone(), batch.wave))
            .or_default()
            .push(Unfinished { at_ms, batch });
    }

    fn finish(&mut self, at_ms: i64, result: OrderResult) {
        let place = (result.operation.clone(), result.wave);
        if let Some(batches) = self.open.get_mut(&place) {
            for open in batches.iter_mut() {
                open.batch.orders.retain(|order| order.id != result.order);
            }
            batches.retain(|open| !open.batch.orders.is_empty());
            if batches.is_empty() {
                self.open.remove(&place);
            }
        }
        let key = (result.operation.clone(), result.order);
        self.waiting.push_back(key.clone());
        let done = Done { at_ms, acknowledged: false, result };
        self.done.insert(key, done);
        self.forget_oldest(at_ms);
    }

    fn acknowledge(&mut self, results: &ResultsAcknowledged) {
        for order in &results.orders {
            let key = (results.operation.clone(), *order);
            if let Some(done) = self.done.get_mut(&key)
                && !done.acknowledged
            {
                done.acknowledged = true;
                self.acknowledged.push_back(key);
            }
        }
        while self.acknowledged.len() > ACKNOWLEDGED_KEPT_MAX {
            if let Some(key) = self.acknowledged.pop_front() {
                self.done.remove(&key);
            }
        }
    }

    /// Forgets results that are too many or too old.
    fn forget_oldest(&mut self, now_ms: i64) {
        while let Some(key) = self.waiting.front() {
            let over = match self.done.get(key) {
                None => true,
                Some(done) if done.acknowledged => true,
                Some(done) => {
                    self.done.len() - self.acknowledged.len() > RESULTS_KEPT_MAX
                        || now_ms - done.at_ms > RESULTS_KEPT_MS
                }
            };
            if !over {
                return;
            }
            let Some(key) = self.waiting.pop_front() else {
                return;
            };
            if self.done.get(&key).is_some_and(|done| !done.acknowledged) {
                self.done.remove(&key);
            }
        }
    }

    /// The results that the controller has not acknowledged, oldest first.
    pub(crate) fn unacknowledged(&self) -> Vec<OrderResult> {
        self.waiting
            .iter()
            .filter_map(|key| self.done.get(key))
            .filter(|done| !done.acknowledged)
            .map(|done| done.result.clone())
            .collect()
    }

    /// What was accepted and has no result.
    pub(crate) fn unfinished(&self) -> Vec<Unfinished> {
        self.open.values().flatten().cloned().collect()
    }

    /// The shortest list of records that leads to the same knowledge.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = vec![Record::Epoch(self.epoch)];
        let open = self.open.values().flatten();
        records.extend(open.map(|open| Record::Accepted(open.at_ms, open.batch.clone())));
        let done = self.waiting.iter().filter_map(|key| self.done.get(key));
        records.extend(
            done.filter(|done| !done.acknowledged)
                .map(|done| Record::Done(done.at_ms, done.result.clone())),
        );
        records
    }
}

/// Splits a batch into the orders that are new, which make a batch of their own, and the rest.
pub(crate) fn split(book: &Book, mut batch: OrderBatch) -> (OrderBatch, Vec<(Order, Verdict)>) {
    let mut known = Vec::new();
    let mut new = Vec::new();
    for order in std::mem::take(&mut batch.orders) {
        match book.verdict(&batch.operation, batch.wave, order.id) {
            Verdict::New => new.push(order),
            verdict @ (Verdict::UnderWay | Verdict::Stored(_)) => known.push((order, verdict)),
        }
    }
    batch.orders = new;
    (batch, known)
}
