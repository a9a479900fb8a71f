//! The thread that owns book and file, and the handle by which others ask it.
//!
//! It takes whatever has gathered, writes it with one fsync, and answers all who wait.

use std::path::Path;
use std::thread;

use proto::v1::{Order, OrderBatch, OrderResult, ResultsAcknowledged};
use tokio::sync::{mpsc, oneshot};

use crate::ledger::book::{Book, Unfinished, Verdict, split};
use crate::ledger::file::{Fault, LedgerError, LedgerFile};
use crate::ledger::record::Record;

/// Jobs that wait for the disk. More callers than that wait themselves.
const JOBS_WAITING_MAX: usize = 256;

/// A file smaller than this is not worth rewriting.
const REWRITE_FROM_BYTES: u64 = 256 * 1024;

/// It is rewritten when it has grown to so many times what it was after the last time.
const REWRITE_FACTOR: u64 = 4;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The batch with only the orders that are new: to be done now.
    pub new: OrderBatch,
    /// The orders that were known already.
    pub known: Vec<(Order, Verdict)>,
    /// Why it is not on disk, if it is not.
    pub unrecorded: Option<String>,
}

/// What was found when the ledger was opened.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub ledger: Ledger,
    /// What was accepted and has no result.
    pub unfinished: Vec<Unfinished>,
    /// The newest controller epoch that was obeyed.
    pub epoch: u64,
    /// What was wrong with the file.
    pub fault: Fault,
}

/// A handle on the ledger. Cheap to clone; the thread ends with the last one.
#[derive(Debug, Clone)]
pub struct Ledger {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Accept(i64, OrderBatch, oneshot::Sender<Accepted>),
    Finish(i64, OrderResult, oneshot::Sender<()>),
    Acknowledge(ResultsAcknowledged),
    RaiseEpoch(u64),
    Unacknowledged(oneshot::Sender<Vec<OrderResult>>),
}

impl Ledger {
    /// Opens the ledger in `dir` and starts its thread. Blocks for as long as the disk does.
    ///
    /// # Errors
    ///
    /// [`LedgerError`]; [`Ledger::unrecorded`] is what is left then.
    pub fn open(dir: &Path) -> Result<Opened, LedgerError> {
        let (file, records, fault) = LedgerFile::open(dir)?;
        let mut book = Book::default();
        for record in records {
            book.apply(record);
        }
        let (unfinished, epoch) = (book.unfinished(), book.epoch());
        let rewritten_bytes = file.length();
        let writer = Writer { book, file: Some(file), behind: None, rewritten_bytes };
        Ok(Opened { ledger: writer.start(), unfinished, epoch, fault })
    }

    /// A ledger that only remembers, and says of every batch that it is not on disk.
    #[must_use]
    pub fn unrecorded(why: &str) -> Self {
        Writer {
            book: Book::default(),
            file: None,
            behind: Some(why.to_owned()),
            rewritten_bytes: 0,
        }
        .start()
    }

    /// Records a batch; returns when it is on disk, or cannot be. `at_ms` is now.
    pub async fn accept(&self, at_ms: i64, batch: OrderBatch) -> Accepted {
        let (reply, answer) = oneshot::channel();
        let again = batch.clone();
        let sent = self.jobs.send(Job::Accept(at_ms, batch, reply)).await;
        match (sent, answer.await) {
            (Ok(()), Ok(accepted)) => accepted,
            (Ok(()) | Err(_), _) => Accepted {
                new: again,
                known: Vec::new(),
                unrecorded: Some("the ledger's thread is gone".to_owned()),
            },
        }
    }

    /// Records a result; returns when it is on disk, or cannot be. `at_ms` is now.
    pub async fn finish(&self, at_ms: i64, result: OrderResult) {
        let (reply, answer) = oneshot::channel();
        if self.jobs.send(Job::Finish(at_ms, result, reply)).await.is_ok() {
            let _ = answer.await; // without the thread, the result is told all the same
        }
    }

    /// The controller has these results.
    pub async fn acknowledge(&self, results: ResultsAcknowledged) {
        let _ = self.jobs.send(Job::Acknowledge(results)).await;
    }

    /// A controller of this epoch is obeyed from now on.
    pub async fn raise_epoch(&self, epoch: u64) {
        let _ = self.jobs.send(Job::RaiseEpoch(epoch)).await;
    }

    /// The results that the controller has not acknowledged, oldest first.
    pub async fn unacknowledged(&self) -> Vec<OrderResult> {
        let (reply, answer) = oneshot::channel();
        if self.jobs.send(Job::Unacknowledged(reply)).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }
}

/// An answer that waits for the disk.
enum Waiting {
    Accepted(Box<Accepted>, oneshot::Sender<Accepted>),
    Finished(oneshot::Sender<()>),
}

struct Writer {
    book: Book,
    file: Option<LedgerFile>,
    /// Why the file does not have everything that the book has.
    behind: Option<String>,
    rewritten_bytes: u64,
}

impl Writer {
    fn start(mut self) -> Ledger {
        let (jobs, mut inbox) = mpsc::channel(JOBS_WAITING_MAX);
        let run = move || {
            while let Some(job) = inbox.blocking_recv() {
                let mut gathered = vec![job];
                while let Ok(job) = inbox.try_recv() {
                    gathered.push(job);
                }
                self.turn(gathered);
            }
        };
        // Without the thread every job fails, and callers go on unrecorded.
        let _ = thread::Builder::new().name("ledger".to_owned()).spawn(run);
        Ledger { jobs }
    }

    fn turn(&mut self, jobs: Vec<Job>) {
        let (mut bytes, mut waiting) = (Vec::new(), Vec::new());
        for job in jobs {
            self.take_in(job, &mut bytes, &mut waiting);
        }
        if !bytes.is_empty() {
            self.behind = self.write(&bytes, !waiting.is_empty()).err();
        }
        for answer in waiting {
            match answer {
                Waiting::Accepted(mut accepted, reply) => {
                    if !accepted.new.orders.is_empty() {
                        accepted.unrecorded.clone_from(&self.behind);
                        fail_point::after_accept();
                    }
                    let _ = reply.send(*accepted); // a caller that has gone has nothing to hear
                }
                Waiting::Finished(reply) => {
                    let _ = reply.send(());
                }
            }
        }
    }

    fn take_in(&mut self, job: Job, bytes: &mut Vec<u8>, waiting: &mut Vec<Waiting>) {
        match job {
            Job::Accept(at_ms, batch, reply) => {
                let (new, known) = split(&self.book, batch);
                if !new.orders.is_empty() {
                    self.note(Record::Accepted(at_ms, new.clone()), bytes);
                }
                let accepted = Box::new(Accepted { new, known, unrecorded: None });
                waiting.push(Waiting::Accepted(accepted, reply));
            }
            Job::Finish(at_ms, result, reply) => {
                self.note(Record::Done(at_ms, result), bytes);
                waiting.push(Waiting::Finished(reply));
            }
            Job::Acknowledge(results) => self.note(Record::Acknowledged(results), bytes),
            Job::RaiseEpoch(epoch) => {
                if epoch > self.book.epoch() {
                    self.note(Record::Epoch(epoch), bytes);
                }
            }
            Job::Unacknowledged(reply) => {
                let _ = reply.send(self.book.unacknowledged());
            }
        }
    }

    fn note(&mut self, record: Record, bytes: &mut Vec<u8>) {
        record.write(bytes);
        self.book.apply(record);
    }

    /// Appends what is new; after a failure, and when the file has grown, writes the whole book.
    fn write(&mut self, bytes: &[u8], sync: bool) -> Result<(), String> {
        let Some(file) = &mut self.file else {
            return Err(self.behind.clone().unwrap_or_default());
        };
        if self.behind.is_none() {
            file.append(bytes, sync).map_err(|e| e.to_string())?;
            let limit = REWRITE_FROM_BYTES.max(self.rewritten_bytes * REWRITE_FACTOR);
            if file.length() < limit {
                return Ok(());
            }
        }
        match file.rewrite(&self.book.records()) {
            Ok(()) => self.rewritten_bytes = file.length(),
            // What was appended is on disk all the same.
            Err(_) if self.behind.is_none() => self.rewritten_bytes = file.length(),
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }
}

/// Places where a test makes the agent die. Not in release builds.
mod fail_point {
    /// `FLEETVISOR_FAILPOINT=after-accept`: ACCEPTED is on disk, and nothing is done yet.
    #[cfg(debug_assertions)]
    pub(super) fn after_accept() {
        if std::env::var_os("FLEETVISOR_FAILPOINT").is_some_and(|value| value == "after-accept") {
            std::process::abort();
        }
    }

    #[cfg(not(debug_assertions))]
    pub(super) fn after_accept() {}
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proto::v1::{Order, OrderBatch};
    use tokio::sync::oneshot;

    use super::{Job, Writer};
    use crate::ledger::book::Book;
    use crate::ledger::file::{Fault, LedgerFile};

    fn accept(writer: &mut Writer, operation: &str) -> Option<String> {
        let (reply, mut answer) = oneshot::channel();
        let batch = OrderBatch {
            operation: operation.into(),
            orders: vec![Order::default()],
            ..OrderBatch::default()
        };
        writer.turn(vec![Job::Accept(1, batch, reply)]);
        answer.try_recv().unwrap().unrecorded
    }

    #[test]
    fn what_a_failing_disk_did_not_take_is_written_when_it_takes_again() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("state");
        let (file, _, _) = LedgerFile::open(&dir).unwrap();
        let mut writer =
            Writer { book: Book::default(), file: Some(file), behind: None, rewritten_bytes: 0 };
        assert_eq!(accept(&mut writer, "before"), None);
        writer.file.as_mut().unwrap().break_for_test();
        let away = root.path().join("away");
        fs::rename(&dir, &away).unwrap();
        assert!(accept(&mut writer, "during").is_some());
        assert!(accept(&mut writer, "still").is_some());
        fs::rename(&away, &dir).unwrap();
        assert_eq!(accept(&mut writer, "after"), None);
        drop(writer);
        let (_, records, cut) = LedgerFile::open(&dir).unwrap();
        assert_eq!((records.len(), cut), (5, Fault::None)); // the epoch, and four batches
    }
}
