//! Who is connected: a bounded number of seats, the longest idle of which is given to whoever
//! comes when all are taken. An idle connection costs a seat, and no timer.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What a connection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Between requests: nothing runs, nothing wakes.
    Idle = 0,
    /// Some of a request's head has come.
    Head = 1,
    /// A request is being answered.
    Busy = 2,
    /// A log is being followed, for as long as the client likes.
    Streaming = 3,
    /// It was idle, and has been asked to leave.
    Leaving = 4,
}

/// One connection's seat.
#[derive(Debug)]
pub(super) struct Seat {
    phase: AtomicU8,
    idle_since: AtomicU64,
    /// Asks the connection to end as soon as it is idle.
    pub(super) leave: Notify,
}

impl Seat {
    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Busy,
            3 => Phase::Streaming,
            _ => Phase::Leaving,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }
}

/// All seats.
#[derive(Debug)]
pub(super) struct Seats {
    taken: Mutex<Vec<Arc<Seat>>>,
    most: usize,
    turns: AtomicU64,
    freed: Notify,
}

/// A seat that is given back when the connection ends, however it ends.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) seat: Arc<Seat>,
    seats: Arc<Seats>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.seats.taken().retain(|seat| !Arc::ptr_eq(seat, &self.seat));
        self.seats.freed.notify_one();
    }
}

impl Seats {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::new(Vec::new()),
            most,
            turns: AtomicU64::new(0),
            freed: Notify::new(),
        })
    }

    /// Takes a seat; when there is none, the longest idle connection is asked to leave.
    pub(super) async fn take(self: &Arc<Self>) -> Ticket {
        loop {
            if let Some(ticket) = self.try_take() {
                return ticket;
            }
            self.dismiss_longest_idle();
            self.freed.notified().await;
        }
    }

    /// Says that a connection is between requests now.
    pub(super) fn rest(&self, seat: &Seat) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        seat.idle_since.store(turn, Ordering::Relaxed);
        seat.enter(Phase::Idle);
    }

    fn try_take(self: &Arc<Self>) -> Option<Ticket> {
        let mut taken = self.taken();
        if taken.len() >= self.most {
            return None;
        }
        let seat = Arc::new(Seat {
            phase: AtomicU8::new(Phase::Idle as u8),
            idle_since: AtomicU64::new(self.turns.fetch_add(1, Ordering::Relaxed)),
            leave: Notify::new(),
        });
        taken.push(Arc::clone(&seat));
        Some(Ticket { seat, seats: Arc::clone(self) })
    }

    fn dismiss_longest_idle(&self) {
        let taken = self.taken();
        let idle = taken.iter().filter(|seat| seat.phase() == Phase::Idle);
        if let Some(seat) = idle.min_by_key(|seat| seat.idle_since.load(Ordering::Relaxed)) {
            seat.enter(Phase::Leaving);
            seat.leave.notify_one();
        }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Arc<Seat>>> {
        // The list is whole at every moment: a panic elsewhere cannot have torn it.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Seats};

    #[tokio::test]
    async fn the_longest_idle_leaves_for_whoever_comes() {
        let seats = Seats::new(2);
        let busy = seats.take().await;
        busy.seat.enter(Phase::Busy);
        let idle = seats.take().await;
        let leaving = async {
            idle.seat.leave.notified().await;
            drop(idle);
        };
        let (third, ()) = tokio::join!(seats.take(), leaving);
        assert_eq!(third.seat.phase(), Phase::Idle);
        assert_eq!(seats.taken().len(), 2);
    }
}
