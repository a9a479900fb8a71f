//! Where jobs wait for their turn. They are done one after another, as they were posted; but one
//! that hangs in a file system or a name service delays itself alone.
//!
//! ```text
//! post ──> queue ──turn──> in front ──done──> the next one's turn
//!                             └─ LATE, and somebody waits: out of the way, the next one's turn
//! ```
//!
//! One thread leads: every turn is its own, as long as none takes long. Another stands by while jobs
//! wait behind a turn, and takes the lead from a thread that is late; who has lost the lead and is
//! done stands by, or goes when somebody does already.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_core::effect::ProcessId;

use super::Job;

/// After this long a turn makes way for the next one. A start takes about a millisecond, and some
/// tens of them on a busy host; what takes longer waits for something that may never come.
pub const LATE: Duration = Duration::from_millis(500);

/// Threads, and so jobs that may hang at once. Each costs some hundred kilobytes at most; a host on
/// which more starts hang than this has lost the file system that it lives on.
pub const THREADS_MAX: usize = 64;

/// Jobs that may wait: more than a host has programs, so a full queue means that callers ask again
/// and again.
pub const JOBS_WAITING_MAX: usize = 16_384;

/// Jobs that may wait while every thread hangs: who comes later hears so at once, instead of waiting
/// for something that nobody works on.
pub const HUNG_WAITING_MAX: usize = 256;

/// The limits, smaller in tests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub late: Duration,
    pub threads: usize,
    pub waiting: usize,
    pub hung_waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            late: LATE,
            threads: THREADS_MAX,
            waiting: JOBS_WAITING_MAX,
            hung_waiting: HUNG_WAITING_MAX,
        }
    }
}

/// The queue and who is at work.
pub(super) struct Desk {
    limits: Limits,
    state: Mutex<State>,
    /// There is something to do for the thread that leads.
    lead: Condvar,
    /// There is something to watch for the one that stands by.
    standby: Condvar,
    /// A thread has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// The thread that leads.
    lead: u64,
    /// Its turn, by number.
    front: Option<u64>,
    /// Those at work, the late ones too.
    at_work: BTreeMap<u64, Work>,
    turns: u64,
    threads: usize,
    /// Threads that have ever been counted in; the next one's name.
    hired: u64,
    stands_by: bool,
    closed: bool,
}

/// What a thread is at work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A child that somebody waits for.
    Birth(ProcessId),
    /// A child that nobody wants any more.
    Cancelled,
    /// A child on its way, with no way back; or something else.
    Committed,
}

/// A job whose turn has come.
pub(super) struct Turn {
    pub number: u64,
    pub job: Job,
    /// Somebody waits behind it and nobody stands by: this thread is counted in and to be made.
    pub one_more: Option<u64>,
}

impl State {
    fn take(&mut self, job: Job, limits: Limits) -> Turn {
        self.turns += 1;
        self.front = Some(self.turns);
        let work = job.child_of().map_or(Work::Committed, Work::Birth);
        self.at_work.insert(self.turns, work);
        Turn { number: self.turns, job, one_more: self.count_in(limits) }
    }

    /// Counts a thread in that is wanted.
    fn count_in(&mut self, limits: Limits) -> Option<u64> {
        let waits = self.front.is_some() && !self.queue.is_empty();
        let wanted = waits && !self.stands_by && self.threads < limits.threads;
        wanted.then(|| self.hire())
    }

    fn hire(&mut self) -> u64 {
        self.threads += 1;
        self.hired += 1;
        self.hired
    }
}

impl Desk {
    pub(super) fn new(limits: Limits) -> Self {
        let (lead, standby, ended) = (Condvar::new(), Condvar::new(), Condvar::new());
        Self { limits, state: Mutex::default(), lead, standby, ended }
    }

    /// Counts the first thread in, which leads.
    pub(super) fn open(&self) -> u64 {
        let mut state = self.lock();
        state.lead = state.hire();
        state.lead
    }

    /// Takes a job in. If one more thread is wanted, it is counted in already.
    pub(super) fn post(&self, job: Job) -> Result<Option<u64>, Box<Job>> {
        let mut state = self.lock();
        let hung = state.at_work.len() >= self.limits.threads;
        let most = if hung { self.limits.hung_waiting } else { self.limits.waiting };
        if state.queue.len() >= most || state.closed {
            return Err(Box::new(job));
        }
        state.queue.push_back(job);
        let one_more = state.count_in(self.limits);
        let wakes = if state.front.is_none() { &self.lead } else { &self.standby };
        drop(state);
        wakes.notify_one();
        Ok(one_more)
    }

    /// Waits for a turn of this thread's; `None` when it is not needed any more.
    pub(super) fn turn(&self, thread: u64) -> Option<Turn> {
        let mut state = self.lock();
        loop {
            if state.lead != thread {
                state = self.stand_by(state, thread)?;
            } else if let Some(job) = state.queue.pop_front() {
                let turn = state.take(job, self.limits);
                if !state.queue.is_empty() {
                    self.standby.notify_one();
                }
                return Some(turn);
            } else if state.closed {
                return None;
            } else {
                state = self.lead.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Waits until this thread leads: because a turn is late behind which somebody waits.
    fn stand_by<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        thread: u64,
    ) -> Option<MutexGuard<'a, State>> {
        if state.stands_by {
            return None;
        }
        state.stands_by = true;
        while state.lead != thread && !(state.closed && state.queue.is_empty()) {
            if state.queue.is_empty() {
                state = self.standby.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let turn = state.turns;
            let same = |state: &mut State| state.turns == turn && !state.queue.is_empty();
            let waited = self.standby.wait_timeout_while(state, self.limits.late, same);
            let (next, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = next;
            if waited.timed_out() {
                // The turn goes on, beside the others.
                (state.lead, state.front) = (thread, None);
            }
        }
        state.stands_by = false;
        (state.lead == thread).then_some(state)
    }

    /// A turn has ended.
    pub(super) fn done(&self, number: u64) {
        let mut state = self.lock();
        state.at_work.remove(&number);
        if state.front == Some(number) {
            state.front = None;
        }
    }

    /// What a turn has come to is about to be told, or a child to be born; `false` when nobody wants
    /// it any more.
    pub(super) fn commit(&self, number: u64) -> bool {
        match self.lock().at_work.get_mut(&number) {
            Some(work) if *work != Work::Cancelled => {
                *work = Work::Committed;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Nobody wants a child of this process any more: whether it is certain that none will be born,
    /// and that nothing of it will be told. It is not when its birth has begun; then it comes, or
    /// fails.
    pub(super) fn cancel(&self, process: ProcessId) -> bool {
        let mut state = self.lock();
        if let Some(at) = state.queue.iter().position(|job| job.child_of() == Some(process)) {
            drop(state.queue.remove(at));
            return true;
        }
        let work = state.at_work.values_mut().find(|work| **work == Work::Birth(process));
        work.map(|work| *work = Work::Cancelled).is_some()
    }

    /// Nothing more will be posted.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.lead.notify_all();
        self.standby.notify_all();
    }

    /// A thread has ended, or could not be made.
    pub(super) fn count_out(&self) {
        self.lock().threads -= 1;
        self.ended.notify_all();
    }

    /// Waits until no thread is left.
    pub(super) fn wait_for_all(&self) {
        let state = self.lock();
        let left = self.ended.wait_while(state, |state| state.threads > 0);
        drop(left.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after each statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
