//! Event listeners: what they are told, how they are heard, and what becomes of an event.
//!
//! Listeners note what they hear (`integration::ears`); the tests compare notes and log lines.

mod better;
mod channel;
mod output;
mod pools;
mod protocol;
mod ticks;
mod told;

use integration::ears::Heard;
use integration::subject::Daemon;

/// Sends an event of a client's own.
fn send(daemon: &Daemon, kind: &str, data: &str) {
    let answer = daemon.door().call("supervisor.sendRemoteCommEvent", &[kind, data]);
    answer.unwrap_or_else(|error| panic!("sendRemoteCommEvent: {error}"));
}

/// Everything that was heard of one process, in order, as it is shown.
fn about(heard: &[Heard], process: &str) -> Vec<String> {
    let its = heard.iter().filter(|event| event.of_payload("processname") == process);
    its.map(Heard::shown).collect()
}
