//! The thread that watches the others: it finds out when a file system hangs. It sleeps while nobody
//! is in one.

use std::sync::Arc;
use std::time::Duration;

use super::crew::Crew;
use super::pulse::{Beat, Pulse};

/// Between two looks. A call that takes a whole one of these hangs: the others wait for at most two,
/// which their pipes bear. A disk that is merely slow is rarely caught, and that costs a thread.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Watches until the crew's bell says that it is over. The first pulse is that of the thread at the
/// helm, number 0.
pub(super) fn watch(crew: &Arc<Crew>, pulse: Arc<Pulse>) {
    crew.bell.belongs_to(std::thread::current());
    let mut helm = 0;
    let mut watched = vec![Watched::new(0, pulse)];
    while !crew.bell.is_over() {
        crew.bell.sleep_unless(|| watched.iter().any(Watched::has_moved));
        crew.bell.pause(BETWEEN_LOOKS);
        for at in 0..watched.len() {
            let Some(one) = watched.get_mut(at) else { break };
            let Some(device) = one.look() else { continue };
            one.pulse.set_hangs(true);
            let number = one.number;
            if number == helm
                && let Some((new, pulse)) = crew.take_over(number, device, &Arc::clone(&one.pulse))
            {
                helm = new;
                watched.push(Watched::new(new, pulse));
            }
        }
        // A thread that has ended has let go of its pulse.
        watched.retain(|one| one.number == helm || Arc::strong_count(&one.pulse) > 1);
    }
}

/// A thread, and what the last look has shown.
struct Watched {
    number: u64,
    pulse: Arc<Pulse>,
    last: Beat,
}

impl Watched {
    fn new(number: u64, pulse: Arc<Pulse>) -> Self {
        let last = pulse.look();
        Self { number, pulse, last }
    }

    /// The device of a call that has lasted since the last look.
    fn look(&mut self) -> Option<u64> {
        let now = self.pulse.look();
        let before = std::mem::replace(&mut self.last, now);
        now.device.filter(|_| before == now)
    }

    /// Whether there is or was something to see since the last look.
    fn has_moved(&self) -> bool {
        let now = self.pulse.look();
        now.device.is_some() || now != self.last
    }
}
