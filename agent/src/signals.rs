//! The Unix signals that the agent itself listens to. None is lost and none is deadly between two
//! lives, or before the first life listens: they are held back until somebody does.

use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use proto_words::Signal;
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};

use crate::spawn::reap;

/// HUP, INT, QUIT, USR2, TERM: by number, as Python goes through those that have come together.
const HEARD: [i32; 5] = [1, 2, 3, 12, 15];

/// How long a signal that came just before the end may need from its handler to its stream: one
/// turn of the runtime.
const LAST_SIGNALS: Duration = Duration::from_millis(1);

/// The signals, listened to.
pub struct Signals {
    streams: [(Signal, SignalStream); 5],
    /// SIGCHLD, only where pidfds do not tell of all who end.
    children: Option<SignalStream>,
}

/// Holds the signals back from this thread and from those that it will make, until
/// [`Signals::watch`]. To be called before anybody can know our pid.
pub fn hold() {
    mask(SigmaskHow::SIG_BLOCK);
}

fn mask(how: SigmaskHow) {
    let heard = HEARD.iter().filter_map(|number| (*number).try_into().ok());
    let changed = pthread_sigmask(how, Some(&heard.collect::<SigSet>()), None);
    debug_assert_eq!(changed, Ok(()), "the set is valid");
}

impl Signals {
    /// Listens, also to those that were held back.
    pub(crate) fn watch() -> std::io::Result<Self> {
        let watch = |number: i32| -> std::io::Result<(Signal, SignalStream)> {
            let word = Signal::from_number(number).unwrap_or(Signal::TERM);
            Ok((word, signal(SignalKind::from_raw(number))?))
        };
        let wanted = reap::strangers_may_come() || !reap::pidfds_work();
        let children = wanted.then(|| signal(SignalKind::child())).transpose()?;
        let [hup, int, quit, usr2, term] = HEARD;
        let signals = Self {
            streams: [watch(hup)?, watch(int)?, watch(quit)?, watch(usr2)?, watch(term)?],
            children,
        };
        mask(SigmaskHow::SIG_UNBLOCK);
        Ok(signals)
    }

    /// The next signal to the agent; `None` says that a child of somebody's has ended.
    pub(crate) async fn next(&mut self) -> Option<Signal> {
        let [hup, int, quit, usr2, term] = &mut self.streams;
        tokio::select! {
            biased; // by number
            _ = hup.1.recv() => Some(hup.0),
            _ = int.1.recv() => Some(int.0),
            _ = quit.1.recv() => Some(quit.0),
            _ = usr2.1.recv() => Some(usr2.0),
            _ = term.1.recv() => Some(term.0),
            () = next_or_never(self.children.as_mut()) => None,
        }
    }

    /// Holds back what comes from now on, and gives what has come before.
    pub(crate) async fn hold(mut self) -> Vec<Signal> {
        hold();
        let mut last = Vec::new();
        while let Ok(signal) = tokio::time::timeout(LAST_SIGNALS, self.next()).await {
            last.extend(signal);
        }
        last
    }
}

async fn next_or_never(stream: Option<&mut SignalStream>) {
    match stream {
        Some(stream) => drop(stream.recv().await),
        None => std::future::pending().await,
    }
}
