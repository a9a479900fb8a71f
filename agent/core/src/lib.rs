//! What one host decides: processes, groups, order, refusals. Pure.
//!
//! Words come in as an [`Input`], are decided here, and leave as [`Effect`]s for hands to perform.
//! There is no clock, no descriptor, no await, no lock and no log in this crate; time comes in as
//! plain numbers, so the whole state can be written out and read back.

mod active;
mod callers;
mod closing;
pub mod command;
mod control;
pub mod differs;
pub mod effect;
mod groups;
pub mod input;
pub mod listener;
mod listening;
pub mod machine;
pub mod payload;
pub mod pool;
mod process;
pub mod sockets;
pub mod spec;
mod supervisor;
mod ticks;
mod view;

pub use command::{Ask, Command, Refusal, Reply, Ticket};
pub use effect::Effect;
pub use input::Input;
pub use supervisor::{Beginning, NOT_STARTED, Saved, Supervisor};
