//! The thread that writes: the loop never waits for a disk.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use tokio::sync::mpsc;

use super::{Change, Store, StoreError};

/// Batches on their way: the loop keeps one in flight and gathers the next meanwhile.
const BATCHES_MAX: usize = 1;

/// What became of a batch.
pub(crate) type Written = Result<(), StoreError>;

/// A handle on the thread; it ends when this is dropped and its last batch is written.
#[derive(Debug)]
pub(crate) struct Writer {
    batches: Option<SyncSender<Vec<Change>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; what becomes of each batch comes out of the receiver.
    pub fn start(store: Box<dyn Store>) -> std::io::Result<(Self, mpsc::Receiver<Written>)> {
        let (batches, inbox) = sync_channel(BATCHES_MAX);
        let (done, written) = mpsc::channel(BATCHES_MAX + 1);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write(store, &inbox, &done))?;
        let writer = Self { batches: Some(batches), thread: Some(thread) };
        Ok((writer, written))
    }

    /// Hands a batch over; the caller waits for its result before it hands over another. Returns
    /// whether the thread has it.
    pub fn write(&self, batch: Vec<Change>) -> bool {
        let sent = self.batches.as_ref().map(|batches| batches.try_send(batch));
        matches!(sent, Some(Ok(())))
    }
}

fn write(mut store: Box<dyn Store>, inbox: &Receiver<Vec<Change>>, done: &mpsc::Sender<Written>) {
    while let Ok(batch) = inbox.recv() {
        if done.blocking_send(store.put(&batch)).is_err() {
            return;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
