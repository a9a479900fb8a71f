//! Fleet orders accepted and done, on disk: what makes a result true also when the agent dies.
//!
//! `fleet` is the only caller. ACCEPTED (a whole batch, one fsync) is on disk before anything is
//! done, DONE before a result is told. A result is kept until the controller has acknowledged it.
//! Files and fsync belong to one thread; nobody else waits for a disk.
//!
//! # When the agent dies
//!
//! | when | on disk | afterwards |
//! |---|---|---|
//! | before ACCEPTED is on disk | nothing, or a torn record, which is cut off | nothing was done; the controller sends the batch again |
//! | after ACCEPTED, before the command reached the core | ACCEPTED | as below |
//! | after the command, before DONE is on disk | ACCEPTED | start, stop, restart: decided from the state, done if the goal is not reached and the deadline is not over. update, add, remove: decided by the configuration's digest, UNKNOWN without. Everything else is at-most-once: UNKNOWN, never done again |
//! | after DONE, before the result was sent | DONE | the result is sent |
//! | after it was sent, before it was acknowledged | DONE | the result is sent again; the controller knows it by its id |
//! | after the acknowledgement | nothing, or DONE | at most sent once more |
//! | the file is damaged in its middle | whole records around the damage | what is whole counts; the damaged file is kept as `ledger.damaged` and an ERRO line says so; an order whose record was lost is told again by the controller, and an at-most-once one that was done may then be done twice |
//! | while the file is rewritten | the old file, or the new one | as for the file that is there |
//!
//! With a full disk, what has a goal (start, stop, restart) goes on unrecorded, and the acceptance
//! says so; all else is REFUSED. The whole book is written again when there is room.

mod book;
mod file;
mod record;
mod recovery;
mod writer;

pub use book::{Unfinished, Verdict};
pub use file::{Fault, LedgerError};
pub use recovery::{Recovered, has_goal, recover};
pub use writer::{Accepted, Ledger, Opened};

#[cfg(test)]
mod tests;
