//! Whether a thread is inside a call to a file system, so that another can find out that it hangs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

/// No device: the thread is not in any file system.
const NOWHERE: u64 = 0;

/// One thread's.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Calls so far.
    beats: AtomicU64,
    /// On which device the thread is now, [`NOWHERE`] otherwise.
    device: AtomicU64,
    /// It was seen in one call for too long, and has not come back since.
    hangs: AtomicBool,
    bell: Arc<Bell>,
}

/// What a look at a pulse shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beat {
    pub number: u64,
    /// Where, if the thread is in a file system.
    pub device: Option<u64>,
}

impl Pulse {
    pub(super) fn new(bell: Arc<Bell>) -> Self {
        let (beats, device) = (AtomicU64::new(0), AtomicU64::new(NOWHERE));
        Self { beats, device, hangs: AtomicBool::new(false), bell }
    }

    /// The thread is in a file system for as long as this lives. Only that thread calls it, and not
    /// while another one lives.
    pub(super) fn enter(&self, device: u64) -> Inside<'_> {
        // A device without a number is one as well.
        self.device.store(device.max(1), Ordering::Relaxed);
        let beats = self.beats.load(Ordering::Relaxed).wrapping_add(1);
        self.beats.store(beats, Ordering::SeqCst);
        self.bell.wake();
        Inside(self)
    }

    /// Looks, from another thread.
    pub(super) fn look(&self) -> Beat {
        let number = self.beats.load(Ordering::SeqCst);
        let device = self.device.load(Ordering::SeqCst);
        Beat { number, device: (device != NOWHERE).then_some(device) }
    }

    pub(super) fn set_hangs(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
    }

    /// Whether whoever asks something of this thread now would wait for a file system.
    pub(super) fn hangs(&self) -> bool {
        self.hangs.load(Ordering::Relaxed)
    }
}

/// See [`Pulse::enter`].
pub(super) struct Inside<'a>(&'a Pulse);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.device.store(NOWHERE, Ordering::SeqCst);
        self.0.hangs.store(false, Ordering::Relaxed);
    }
}

/// Wakes the watching thread, which sleeps while nobody is in a file system.
#[derive(Debug, Default)]
pub(super) struct Bell {
    awake: AtomicBool,
    over: Mutex<bool>,
    ended: Condvar,
    sleeper: OnceLock<Thread>,
}

impl Bell {
    /// Whose sleep it is. Called once.
    pub(super) fn belongs_to(&self, thread: Thread) {
        // Only the first counts, and there is no second.
        let _ = self.sleeper.set(thread);
    }

    fn wake(&self) {
        if !self.awake.load(Ordering::SeqCst) && !self.awake.swap(true, Ordering::SeqCst) {
            self.ring();
        }
    }

    fn ring(&self) {
        if let Some(sleeper) = self.sleeper.get() {
            sleeper.unpark();
        }
    }

    /// Sleeps until somebody is in a file system, unless `look` sees at the last moment that
    /// somebody is.
    pub(super) fn sleep_unless(&self, look: impl FnOnce() -> bool) {
        self.awake.store(false, Ordering::SeqCst);
        if look() {
            self.awake.store(true, Ordering::SeqCst);
            return;
        }
        while !self.awake.load(Ordering::SeqCst) && !self.is_over() {
            std::thread::park();
        }
    }

    /// Lets so much time pass, or less if it is over.
    pub(super) fn pause(&self, time: Duration) {
        let over = self.lock();
        // Both come to the same: whoever calls looks whether it is over.
        drop(self.ended.wait_timeout_while(over, time, |over| !*over));
    }

    /// There is nothing left to watch.
    pub(super) fn end(&self) {
        *self.lock() = true;
        self.ended.notify_all();
        self.ring();
    }

    pub(super) fn is_over(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Beat, Bell, Pulse};

    #[test]
    fn a_look_shows_where_a_thread_is_and_since_which_call() {
        let pulse = Pulse::new(Arc::new(Bell::default()));
        assert_eq!(pulse.look(), Beat { number: 0, device: None });
        let inside = pulse.enter(7);
        assert_eq!(pulse.look(), Beat { number: 1, device: Some(7) });
        pulse.set_hangs(true);
        drop(inside);
        assert_eq!((pulse.look(), pulse.hangs()), (Beat { number: 1, device: None }, false));
        let _inside = pulse.enter(0);
        assert_eq!(pulse.look(), Beat { number: 2, device: Some(1) });
    }

    #[test]
    fn whoever_sleeps_is_woken_by_a_call_and_by_the_end() {
        let bell = Arc::new(Bell::default());
        let pulse = Pulse::new(Arc::clone(&bell));
        let sleeper = {
            let bell = Arc::clone(&bell);
            std::thread::spawn(move || {
                bell.belongs_to(std::thread::current());
                bell.sleep_unless(|| false);
                bell.sleep_unless(|| true);
                bell.sleep_unless(|| false);
            })
        };
        while !sleeper.is_finished() {
            drop(pulse.enter(1));
            std::thread::yield_now();
        }
        sleeper.join().unwrap();
        bell.end();
        bell.sleep_unless(|| false);
        bell.pause(Duration::from_hours(1));
    }
}
