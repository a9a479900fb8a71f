//! The way to the bytes thread: one bounded queue and an eventfd that wakes the epoll loop.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::spec::Level;
use rustix::event::{EventfdFlags, eventfd};

use super::Order;
use super::crew::Adopted;

/// Orders, lines aside, that may wait. Each process has at most a few at once, and each listener one
/// event, which its pool holds anyway; so a full queue means that the thread hangs in a file system and thousands of programs are waiting for it.
pub const ORDERS_WAITING_MAX: usize = 16_384;

/// Lines that may wait; later ones are dropped and counted. At 100 bytes each that is about a
/// megabyte, and far more than a thread that runs leaves waiting.
pub const LINES_WAITING_MAX: usize = 8_192;

/// Bytes for stdin that may wait in the queue: two requests of the largest size.
pub const STDIN_WAITING_MAX_BYTES: usize = 32 << 20;

/// A line for the activity log, stamped when it was said and not when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How important.
    pub level: Level,
    /// The message.
    pub text: String,
    /// When, in milliseconds since the epoch.
    pub wall_ms: i64,
}

/// A handle to post orders with. Cheap to clone; posting never blocks.
#[derive(Debug, Clone)]
pub struct Orders(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    bell: OwnedFd,
    level: Level,
}

#[derive(Debug, Default)]
struct Queue {
    adopted: Vec<Adopted>,
    orders: VecDeque<Order>,
    lines: usize,
    stdin_bytes: usize,
    lines_dropped: u64,
    closing: bool,
}

impl Queue {
    fn is_full(&self) -> bool {
        self.orders.len() - self.lines >= ORDERS_WAITING_MAX
    }
}

/// What the thread takes out in one go.
#[derive(Debug)]
pub(super) struct Batch {
    /// What the thread keeps from now on, before it looks at any order.
    pub adopted: Vec<Adopted>,
    /// In order of posting.
    pub orders: VecDeque<Order>,
    /// Lines that found no room since the last batch.
    pub lines_dropped: u64,
    /// Nothing will follow.
    pub closing: bool,
}

impl Orders {
    /// Makes the mailbox. Lines below `level` are not even queued.
    pub(super) fn new(level: Level) -> rustix::io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(Shared { queue: Mutex::default(), bell, level })))
    }

    /// Posts an order.
    ///
    /// # Errors
    ///
    /// The order itself when the queue is full ([`ORDERS_WAITING_MAX`], [`STDIN_WAITING_MAX_BYTES`]).
    /// A line is never given back: beyond [`LINES_WAITING_MAX`] it is dropped, counted, and the
    /// count is logged once there is room.
    pub fn post(&self, order: Order) -> Result<(), Box<Order>> {
        let mut queue = self.lock();
        let was_empty = queue.orders.is_empty();
        match &order {
            Order::Log(line) if line.level < self.0.level => return Ok(()),
            Order::Log(_) if queue.lines >= LINES_WAITING_MAX => {
                queue.lines_dropped += 1;
                return Ok(());
            }
            Order::Log(_) => queue.lines += 1,
            Order::Stdin { bytes, .. } => {
                if queue.stdin_bytes + bytes.len() > STDIN_WAITING_MAX_BYTES || queue.is_full() {
                    return Err(Box::new(order));
                }
                queue.stdin_bytes += bytes.len();
            }
            Order::Attach { .. }
            | Order::Drain { .. }
            | Order::Event { .. }
            | Order::ClearLogs { .. }
            | Order::Reopen
            | Order::ClearMainLog { .. }
            | Order::StripAnsi(_) => {
                if queue.is_full() {
                    return Err(Box::new(order));
                }
            }
        }
        queue.orders.push_back(order);
        drop(queue);
        if was_empty {
            self.ring();
        }
        Ok(())
    }

    /// Posts a line that is said now; its text is made only when the level counts.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        if level < self.0.level {
            return;
        }
        let line = Line { level, text: text.into(), wall_ms: super::activity::wall_ms() };
        // A line is dropped and counted, never given back.
        drop(self.post(Order::Log(line)));
    }

    /// The lowest level that is written.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.level
    }

    /// Gives the thread something to keep. There is no limit: it was there before, elsewhere.
    pub(super) fn adopt(&self, adopted: Adopted) {
        self.lock().adopted.push(adopted);
        self.ring();
    }

    /// Whether this leads to the same thread.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        let queue = self.lock();
        queue.orders.is_empty() && queue.adopted.is_empty()
    }

    /// Says that nothing will follow.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.ring();
    }

    /// Takes everything that waits. The bell is silenced first, so that an order which comes while
    /// this runs rings it again.
    pub(super) fn take(&self) -> Batch {
        let mut count = [0; 8];
        // Nothing to silence is as good as silenced.
        let _ = rustix::io::read(&self.0.bell, &mut count);
        let mut queue = self.lock();
        queue.lines = 0;
        queue.stdin_bytes = 0;
        Batch {
            adopted: std::mem::take(&mut queue.adopted),
            orders: std::mem::take(&mut queue.orders),
            lines_dropped: std::mem::take(&mut queue.lines_dropped),
            closing: queue.closing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // The queue is whole after each statement, so a panic elsewhere does not spoil it.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread.
    pub(super) fn ring(&self) {
        // It only fails when the counter is at its end, and then it rings already.
        let _ = rustix::io::write(&self.0.bell, &1u64.to_ne_bytes());
    }
}

impl AsFd for Orders {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use agent_core::Ticket;
    use agent_core::effect::ProcessId;
    use agent_core::spec::Level;

    use super::{LINES_WAITING_MAX, ORDERS_WAITING_MAX, Orders, STDIN_WAITING_MAX_BYTES};
    use crate::logs::Order;

    #[test]
    fn lines_beyond_the_limit_are_dropped_and_counted() {
        let orders = Orders::new(Level::Info).unwrap();
        for _ in 0..LINES_WAITING_MAX + 3 {
            orders.log(Level::Info, "x");
            orders.log(Level::Debug, "never queued");
        }
        let batch = orders.take();
        assert_eq!((batch.orders.len(), batch.lines_dropped), (LINES_WAITING_MAX, 3));
        assert_eq!(orders.take().lines_dropped, 0);
    }

    #[test]
    fn other_orders_beyond_the_limit_are_given_back() {
        let orders = Orders::new(Level::Info).unwrap();
        orders.log(Level::Info, "a line does not count");
        for _ in 0..ORDERS_WAITING_MAX {
            orders.post(Order::Reopen).unwrap();
        }
        assert!(orders.post(Order::Reopen).is_err());
    }

    #[test]
    fn stdin_is_bounded_by_its_bytes() {
        let orders = Orders::new(Level::Info).unwrap();
        let stdin = |bytes| Order::Stdin {
            ticket: Ticket(1),
            process: ProcessId(1),
            bytes: vec![0; bytes],
        };
        orders.post(stdin(STDIN_WAITING_MAX_BYTES)).unwrap();
        assert!(orders.post(stdin(1)).is_err());
        drop(orders.take());
        orders.post(stdin(1)).unwrap();
    }
}
